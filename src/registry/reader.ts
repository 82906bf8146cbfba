import type { Delivery } from "./delivery.js";
import { RegistryError } from "./errors.js";
import type { Gap, Position } from "./frames.js";
import type { QueueView, ReadLimits, SocketRow, Storage, Stored } from "./storage.js";

/** Where a Read takes its messages from. The stream around it is `read.ts`. */
export interface Source {
  /** The last sequence covered. */
  readonly position: number;
  /** How many messages wait behind what was taken. */
  readonly backlog: number;
  /** What was lost since the last question, if anything was. */
  gap(): Gap | undefined;
  /** The next messages, at most so many; none when nothing is ready. */
  take(limits: ReadLimits): Promise<readonly Stored[]>;
  /** Whether `take` would find something now. */
  isReady(): boolean;
  /** What was taken last has been handed to the transport. */
  handed(): void;
  /** The stream ends, or begins anew: what was taken and not handed over is given back. */
  release(): void;
}

/** Looks at messages by position and settles nothing. */
export class Looking implements Source {
  readonly #storage: Storage;
  readonly #number: number;
  #position: number;

  constructor(storage: Storage, row: SocketRow, position: number) {
    this.#storage = storage;
    this.#number = row.number;
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
    const count = oldest - 1 - this.#position;
    if (count <= 0) return undefined;
    this.#position = oldest - 1;
    return { reason: "RETENTION", count };
  }

  async take(limits: ReadLimits): Promise<readonly Stored[]> {
    const messages = await this.#storage.readAfter(this.#number, this.#position, limits);
    this.#position = messages.at(-1)?.sequence ?? this.#position;
    return messages;
  }

  isReady(): boolean {
    return this.backlog > 0;
  }

  handed(): void {}

  release(): void {}
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
  #claimed: number[] = [];
  #position: number;

  constructor(storage: Storage, row: SocketRow, delivery: Delivery, after: number | undefined) {
    this.#storage = storage;
    this.#number = row.number;
    this.#delivery = delivery;
    const queue = storage.queue(row.number);
    this.#replayEnd = after === undefined ? 0 : queue.durableTail;
    this.#replayed = after ?? 0;
    this.#position = after ?? queue.floor;
  }

  get position(): number {
    return this.#position;
  }

  get backlog(): number {
    return this.#delivery.waiting();
  }

  gap(): Gap | undefined {
    const count = this.#storage.queue(this.#number).droppedUnannounced;
    if (count === 0) return undefined;
    this.#storage.announceDrops(this.#number);
    return { reason: "OVERFLOW", count };
  }

  async take(limits: ReadLimits): Promise<readonly Stored[]> {
    const replay = this.#nextReplay(limits);
    if (replay.length > 0) return this.#cover(await this.#storage.readAt(this.#number, replay));
    this.#claimed = this.#delivery.claim(limits);
    if (this.#claimed.length === 0) return [];
    return this.#cover(await this.#storage.readAt(this.#number, this.#claimed));
  }

  isReady(): boolean {
    return this.#replayed < this.#replayEnd || this.#delivery.canClaim();
  }

  handed(): void {
    const claimed = this.#claimed;
    this.#claimed = [];
    if (claimed.length > 0) this.#delivery.settle(claimed);
  }

  release(): void {
    const claimed = this.#claimed;
    this.#claimed = [];
    this.#delivery.release(claimed);
  }

  #cover(messages: readonly Stored[]): readonly Stored[] {
    this.#position = Math.max(this.#position, messages.at(-1)?.sequence ?? 0);
    return messages;
  }

  #nextReplay(limits: ReadLimits): number[] {
    const queue = this.#storage.queue(this.#number);
    const sequences: number[] = [];
    let bytes = 0;
    for (let next = Math.max(this.#replayed + 1, queue.oldest); next <= this.#replayEnd; next++) {
      if (queue.isSettled(next)) {
        bytes += this.#storage.sizeAt(this.#number, next);
        if (sequences.length > 0 && (sequences.length >= limits.messages || bytes > limits.bytes)) break;
        sequences.push(next);
      }
      this.#replayed = next;
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
