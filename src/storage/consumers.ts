import type { Consumer, SocketNumber } from "../registry/storage.js";
import { ConsumerQueue } from "./consumer-queue.js";
import type { QueueImage, Shared } from "./queue.js";
import type { SocketQueue } from "./socket-queue.js";

/** The named consumers of the team feed, and their queues. */
export class Consumers {
  readonly #shared: Shared;
  readonly #byName = new Map<string, Consumer>();
  readonly #queues = new Map<SocketNumber, ConsumerQueue>();

  constructor(shared: Shared) {
    this.#shared = shared;
  }

  find(name: string): Consumer | undefined {
    return this.#byName.get(name);
  }

  /** In the order of their numbers. */
  all(): Iterable<Consumer> {
    return this.#byName.values();
  }

  queue(number: SocketNumber): ConsumerQueue | undefined {
    return this.#queues.get(number);
  }

  /** Adds one, or replaces what is known of it. Recovery does that with the rows of the disk. */
  put(consumer: Consumer): void {
    this.#byName.set(consumer.name, consumer);
  }

  delete(number: SocketNumber): void {
    this.#queues.delete(number);
    for (const { name, number: other } of this.#byName.values()) if (other === number) this.#byName.delete(name);
  }

  /** Gives a new consumer its queue, which begins after a sequence. */
  begin(number: SocketNumber, feed: SocketQueue, after: number): ConsumerQueue {
    const queue = new ConsumerQueue(this.#shared, number, feed);
    queue.begin(after);
    this.#queues.set(number, queue);
    return queue;
  }

  /** The feed is another one from now on: every consumer begins anew. */
  beginAll(feed: SocketQueue): void {
    for (const { number } of this.#byName.values()) this.begin(number, feed, 0);
  }

  /** Recovery: gives every consumer the state that was kept of its queue. */
  restore(feed: SocketQueue, imageOf: (queue: ConsumerQueue) => QueueImage): void {
    this.beginAll(feed);
    for (const queue of this.#queues.values()) queue.restore(imageOf(queue));
  }

  /** The feed may have let go of something. @returns the queues that this moved */
  follow(): ConsumerQueue[] {
    return [...this.#queues.values()].filter((queue) => queue.follow());
  }

  /** After a loss, when the feed is numbered anew. */
  renumber(): void {
    for (const queue of this.#queues.values()) queue.renumber();
  }
}
