import type { Limits } from "./limits.js";
import { refusalOf } from "./socket.js";
import { type SocketNumber, type SocketRow, type Storage, TEAM_NUMBER } from "./storage.js";

/** A queue with more room than this, in messages and in bytes, cannot be full after so many or so large broadcasts. */
const AMPLE_MESSAGES = 256;
const AMPLE_BYTES = 16 * 1024 * 1024;

/**
 * Which sockets might refuse a message, so that a broadcast need not look at all of them. Everybody else was seen ACTIVE
 * and with ample room, and has been looked at again before broadcasts can have used that up: each broadcast looks at its
 * share of all sockets, in turn.
 */
export class Room {
  readonly #storage: Storage;
  readonly #limits: Limits;
  readonly #doubtful = new Set<SocketNumber>();
  /** The last socket looked at in turn. */
  #place: SocketNumber = TEAM_NUMBER;
  #generation = 0;

  constructor(storage: Storage, limits: Limits) {
    this.#storage = storage;
    this.#limits = limits;
    this.#lookAtAll();
  }

  /** A socket is new, changed, or got a message by name. */
  look(row: SocketRow): void {
    if (row.number === TEAM_NUMBER) return;
    if (this.#isAmple(row)) this.#doubtful.delete(row.number);
    else this.#doubtful.add(row.number);
  }

  /** The sockets that might refuse a broadcast of so many bytes. */
  doubtful(bytes: number): SocketRow[] {
    // What was seen before the store went back to its disk says nothing.
    if (this.#generation !== this.#storage.generation) this.#lookAtAll();
    else this.#lookAtSome(bytes);
    const rows: SocketRow[] = [];
    for (const number of this.#doubtful) {
      const row = this.#storage.socket(number);
      if (row === undefined) this.#doubtful.delete(number);
      else rows.push(row);
    }
    return rows;
  }

  /** Whether a message fits, given what the queue holds now. */
  fits(row: SocketRow, bytes: number): boolean {
    const queue = this.#storage.queue(row.number);
    return queue.depth + queue.parked < this.messagesMax(row) && queue.bytes + bytes <= this.bytesMax(row);
  }

  /** A socket's own limit, or the server's; zero means none. */
  messagesMax(row: SocketRow): number {
    return row.config.maxQueueSize === 0
      ? Number.POSITIVE_INFINITY
      : (row.config.maxQueueSize ?? this.#limits.maxQueueMessages);
  }

  bytesMax(row: SocketRow): number {
    return row.config.maxQueueBytes === 0
      ? Number.POSITIVE_INFINITY
      : (row.config.maxQueueBytes ?? this.#limits.maxQueueBytes);
  }

  #isAmple(row: SocketRow): boolean {
    if (refusalOf(row) !== undefined) return false;
    const queue = this.#storage.queue(row.number);
    return (
      queue.depth + queue.parked + AMPLE_MESSAGES < this.messagesMax(row) &&
      queue.bytes + AMPLE_BYTES < this.bytesMax(row)
    );
  }

  #lookAtAll(): void {
    this.#generation = this.#storage.generation;
    for (const row of this.#storage.sockets(TEAM_NUMBER)) this.look(row);
  }

  /** Twice the share that this broadcast uses up of what is ample, and one more, so that a round is done in time. */
  #lookAtSome(bytes: number): void {
    const share = Math.max(1 / AMPLE_MESSAGES, bytes / AMPLE_BYTES);
    const count = Math.min(this.#storage.socketCount, Math.ceil(this.#storage.socketCount * share * 2) + 1);
    let looked = 0;
    while (looked < count) {
      const before = looked;
      for (const row of this.#storage.sockets(this.#place)) {
        if (looked === count) return;
        this.look(row);
        this.#place = row.number;
        looked++;
      }
      this.#place = TEAM_NUMBER;
      if (looked === before) return;
    }
  }
}
