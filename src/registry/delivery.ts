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
  /** Nothing from here on was ever claimed. */
  #next = 1;
  /** What was claimed and given back, ascending. */
  #returned: number[] = [];
  #inFlight = 0;

  constructor(storage: Storage, number: SocketNumber, epoch: string) {
    this.#storage = storage;
    this.#number = number;
    this.epoch = epoch;
  }

  /** How many messages are claimed and not settled. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** The next durable messages that nobody has, in order, at least one if there is one. They are the caller's now. */
  claim(limits: ReadLimits): number[] {
    const queue = this.#storage.queue(this.#number);
    const claimed: number[] = [];
    let bytes = 0;
    const take = (sequence: number): boolean => {
      bytes += this.#storage.sizeAt(this.#number, sequence);
      if (claimed.length > 0 && (claimed.length >= limits.messages || bytes > limits.bytes)) return false;
      claimed.push(sequence);
      return true;
    };
    this.#returned = this.#returned.filter((sequence) => !queue.isSettled(sequence));
    while (this.#returned[0] !== undefined && take(this.#returned[0])) this.#returned.shift();
    if (this.#returned.length === 0) this.#claimNew(queue, take);
    this.#inFlight += claimed.length;
    return claimed;
  }

  /** Whether `claim` would find something. */
  canClaim(): boolean {
    const queue = this.#storage.queue(this.#number);
    if (this.#returned.some((sequence) => !queue.isSettled(sequence))) return true;
    const last = queue.durableTail;
    for (let sequence = Math.max(this.#next, queue.floor + 1); sequence <= last; sequence++) {
      if (!queue.isSettled(sequence)) return true;
    }
    return false;
  }

  /** How many durable messages nobody has. */
  waiting(): number {
    return Math.max(0, this.#storage.queue(this.#number).depth - this.#inFlight);
  }

  /** The claimed messages were handed to the transport. */
  settle(sequences: readonly number[]): void {
    this.#inFlight -= sequences.length;
    this.#storage.settle(this.#number, sequences);
  }

  /** The claimed messages could not be handed over: others may have them, before anything newer. */
  release(sequences: readonly number[]): void {
    if (sequences.length === 0) return;
    this.#inFlight -= sequences.length;
    this.#returned = [...this.#returned, ...sequences].sort((a, b) => a - b);
    this.#storage.wake(this.#number);
  }

  #claimNew(queue: QueueView, take: (sequence: number) => boolean): void {
    const last = queue.durableTail;
    this.#next = Math.max(this.#next, queue.floor + 1);
    while (this.#next <= last && (queue.isSettled(this.#next) || take(this.#next))) this.#next++;
  }
}
