import type { QueueView, ReadLimits, SocketNumber, Storage } from "./storage.js";

/**
 * Who has what of one queue in one epoch: the messages that AUTO readers have claimed and not yet handed to their
 * transport. Readers of one queue share it, so that each message goes to one of them. It is transient: after a restart
 * everything that was claimed and not settled is simply waiting again.
 */
export class Delivery {
  readonly epoch: string;
  readonly #storage: Storage;
  readonly #number: SocketNumber;
  readonly #claimed = new Set<number>();
  /** Everything before this sequence is settled or claimed. */
  #next = 1;
  #generation: number;

  constructor(storage: Storage, number: SocketNumber, epoch: string) {
    this.#storage = storage;
    this.#number = number;
    this.epoch = epoch;
    this.#generation = storage.generation;
  }

  /** How many messages are claimed and not settled. What a full queue dropped meanwhile is settled. */
  get inFlight(): number {
    const queue = this.#storage.queue(this.#number);
    let count = 0;
    for (const sequence of this.#claimed) if (!queue.isSettled(sequence)) count++;
    return count;
  }

  /** How many durable messages nobody has. */
  get waiting(): number {
    const { depth, tail, durableTail, floor } = this.#storage.queue(this.#number);
    // Of what is not durable only a full queue settles anything, and it settles everything before it too.
    const pending = tail - Math.max(durableTail, floor);
    return depth - pending - this.inFlight;
  }

  /** Whether `claim` would find something. */
  canClaim(): boolean {
    const queue = this.#storage.queue(this.#number);
    return this.#seek(queue, queue.durableTail);
  }

  /** The next durable messages that nobody has, in order, at least one if there is one. They are the caller's now. */
  claim(limits: ReadLimits): number[] {
    const queue = this.#storage.queue(this.#number);
    const last = queue.durableTail;
    const claimed: number[] = [];
    let bytes = 0;
    while (this.#seek(queue, last)) {
      bytes += this.#storage.sizeAt(this.#number, this.#next);
      if (claimed.length > 0 && (claimed.length >= limits.messages || bytes > limits.bytes)) break;
      this.#claimed.add(this.#next);
      claimed.push(this.#next++);
    }
    return claimed;
  }

  /** The claimed messages were handed to the transport. */
  settle(sequences: readonly number[]): void {
    for (const sequence of sequences) this.#claimed.delete(sequence);
    this.#storage.settle(this.#number, sequences);
  }

  /** The claimed messages could not be handed over: others may have them, before anything newer. */
  release(sequences: readonly number[]): void {
    for (const sequence of sequences) {
      this.#claimed.delete(sequence);
      this.#next = Math.min(this.#next, sequence);
    }
    if (sequences.length > 0) this.#storage.wake(this.#number);
  }

  /** Moves to the next message up to `last` that can be claimed. @returns whether there is one */
  #seek(queue: QueueView, last: number): boolean {
    if (this.#generation !== this.#storage.generation) {
      // The store went back to its disk: what it had settled last may be waiting again.
      this.#generation = this.#storage.generation;
      this.#next = 1;
    }
    this.#next = Math.max(this.#next, queue.floor + 1);
    while (this.#next <= last && (queue.isSettled(this.#next) || this.#claimed.has(this.#next))) this.#next++;
    return this.#next <= last;
  }
}
