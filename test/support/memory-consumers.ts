import type { Consumer, SocketNumber } from "../../src/registry/storage.js";
import { type Bounds, MemoryQueue } from "./memory-queue.js";

/** The named consumers of the feed in the storage in memory. */
export class MemoryConsumers {
  readonly queues = new Map<SocketNumber, MemoryQueue>();
  readonly #byName = new Map<string, Consumer>();

  find(name: string): Consumer | undefined {
    return this.#byName.get(name);
  }

  all(): readonly Consumer[] {
    return [...this.#byName.values()];
  }

  put(consumer: Consumer): void {
    this.#byName.set(consumer.name, consumer);
  }

  delete(number: SocketNumber): void {
    this.queues.delete(number);
    for (const { name, number: other } of this.all()) if (other === number) this.#byName.delete(name);
  }

  begin(number: SocketNumber, bounds: Bounds, feed: MemoryQueue, after = 0): void {
    this.queues.set(number, new MemoryQueue(bounds, feed, Math.max(Math.min(after, feed.tail), feed.oldest - 1)));
  }

  /** The feed is another one from now on. */
  beginAll(bounds: Bounds, feed: MemoryQueue): void {
    for (const { number } of this.all()) this.begin(number, bounds, feed);
  }
}
