import type { Delivery } from "./delivery.js";
import { RegistryError } from "./errors.js";
import type { Gap, Position } from "./frames.js";
import type { MaybePromise, QueueView, ReadLimits, SocketNumber, SocketRow, Storage, Stored } from "./storage.js";

/**
 * Where a Read takes its messages from; the stream around it is `read.ts`. All but `release` need the socket to be
 * there, in the epoch that the source was made for.
 */
export interface Source {
  /** The last sequence covered. */
  readonly position: number;
  /** How many messages wait behind what was taken. */
  readonly backlog: number;
  /** What was lost and is still to be told, if anything was. */
  gap(): Gap | undefined;
  /** Whether `take` would find something now. */
  isReady(): boolean;
  /** The next messages, at most so many. None when what was ready has just been let go of. */
  take(limits: ReadLimits): MaybePromise<readonly Stored[]>;
  /** These of what was taken last are not for this reader, and count as read. */
  pass(sequences: readonly number[]): void;
  /** What was taken last, or told, has been handed to the transport. */
  handed(): void;
  /** The stream ends, or begins anew: what was taken and not handed over is given back. */
  release(): void;
  /** The stream is about to end as its client asked. */
  finish(): void;
  /** At which attempt a message is delivered; 0 where nothing is. */
  attempt(sequence: number): number;
}

/** Looks at messages by position and settles nothing. */
export class Looking implements Source {
  readonly #storage: Storage;
  readonly #number: number;
  #position: number;
  /** Messages that were let go of between two others, and are still to be announced. */
  #missed = 0;

  constructor(storage: Storage, number: SocketNumber, position: number) {
    this.#storage = storage;
    this.#number = number;
    this.#position = position;
  }

  get position(): number {
    return this.#position;
  }

  get backlog(): number {
    return Math.max(0, this.#storage.queue(this.#number).durableTail - this.#position);
  }

  gap(): Gap | undefined {
    const { oldest } = this.#storage.queue(this.#number);
    const count = this.#missed + Math.max(0, oldest - 1 - this.#position);
    this.#missed = 0;
    this.#position = Math.max(this.#position, oldest - 1);
    return count > 0 ? { reason: "RETENTION", count } : undefined;
  }

  isReady(): boolean {
    return this.backlog > 0;
  }

  async take(limits: ReadLimits): Promise<readonly Stored[]> {
    const messages = await this.#storage.readAfter(this.#number, this.#position, limits);
    const last = messages.at(-1)?.sequence ?? this.#position;
    this.#missed += last - this.#position - messages.length;
    this.#position = last;
    return messages;
  }

  pass(): void {}

  handed(): void {}

  release(): void {}

  finish(): void {}

  attempt(): number {
    return 0;
  }
}

/**
 * Takes messages from the queue, each of them shared with nobody, and settles them when they are handed over. With a
 * position to start after, the settled messages behind it are replayed first, without a change of state.
 */
export class Taking implements Source {
  readonly #storage: Storage;
  readonly #number: number;
  readonly #delivery: Delivery;
  /** The settled messages up to `replayEnd` that lie after this sequence are still to be replayed. */
  #replayed: number;
  readonly #replayEnd: number;
  /** Messages that were let go of before they could be replayed, and are still to be announced. */
  #missed = 0;
  #claimed: readonly number[] = [];
  #position: number;

  constructor(storage: Storage, number: SocketNumber, delivery: Delivery, after: number | undefined) {
    this.#storage = storage;
    this.#number = number;
    this.#delivery = delivery;
    const { durableTail, oldestUnsettled } = storage.queue(number);
    this.#replayEnd = after === undefined ? 0 : durableTail;
    this.#replayed = after ?? 0;
    this.#position = after ?? oldestUnsettled - 1;
  }

  get position(): number {
    return this.#position;
  }

  get backlog(): number {
    return this.#delivery.waiting;
  }

  gap(): Gap | undefined {
    const { oldest } = this.#storage.queue(this.#number);
    const passed = Math.max(this.#replayed, Math.min(oldest - 1, this.#replayEnd));
    const missed = this.#missed + passed - this.#replayed;
    this.#missed = 0;
    this.#replayed = passed;
    return missed > 0 ? { reason: "RETENTION", count: missed } : this.#delivery.announcer.next(this);
  }

  isReady(): boolean {
    return this.#replayed < this.#replayEnd || this.#delivery.canDeliver();
  }

  take(limits: ReadLimits): MaybePromise<readonly Stored[]> {
    const replay = this.#replayed < this.#replayEnd ? this.#nextReplay(limits) : [];
    if (replay.length > 0) return this.#replay(replay);
    this.#claimed = this.#delivery.claim(limits);
    return this.#claimed.length === 0 ? [] : this.#read(this.#claimed);
  }

  /** They are settled with the rest. */
  pass(): void {}

  handed(): void {
    this.#delivery.announcer.told(this);
    const claimed = this.#claimed;
    this.#claimed = [];
    if (claimed.length > 0) this.#delivery.settle(claimed);
  }

  release(): void {
    this.#delivery.announcer.release(this);
    const claimed = this.#claimed;
    this.#claimed = [];
    this.#delivery.release(claimed);
  }

  finish(): void {}

  attempt(sequence: number): number {
    return this.#delivery.attempt(sequence);
  }

  async #replay(sequences: readonly number[]): Promise<readonly Stored[]> {
    const messages = await this.#read(sequences);
    this.#missed += sequences.length - messages.length;
    return messages;
  }

  #read(sequences: readonly number[]): MaybePromise<readonly Stored[]> {
    this.#position = Math.max(this.#position, sequences.at(-1) ?? 0);
    return this.#storage.readAt(this.#number, sequences);
  }

  #nextReplay(limits: ReadLimits): number[] {
    const queue = this.#storage.queue(this.#number);
    const sequences: number[] = [];
    let bytes = 0;
    for (; this.#replayed < this.#replayEnd; this.#replayed++) {
      const next = this.#replayed + 1;
      if (!queue.isSettled(next)) continue;
      bytes += this.#storage.sizeAt(this.#number, next);
      if (sequences.length > 0 && (sequences.length >= limits.messages || bytes > limits.bytes)) break;
      sequences.push(next);
    }
    return sequences;
  }
}

/**
 * The sequence that a Read starts after.
 * @throws POSITION_LOST when messages after it are gone, or it never was
 */
export function startAfter(row: SocketRow, queue: QueueView, after: Position): number {
  const isCurrent = after.epoch === "" || after.epoch === row.epoch;
  if (isCurrent && after.sequence >= queue.oldest - 1 && after.sequence <= queue.tail) return after.sequence;
  throw new RegistryError("POSITION_LOST", `the position cannot be resumed from on ${row.socketId}`, {
    socket_id: row.socketId,
    epoch: row.epoch,
    oldest_sequence: String(queue.oldest),
    tail_sequence: String(queue.tail),
  });
}
