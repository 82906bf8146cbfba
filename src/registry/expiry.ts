import type { Clock } from "./clock.js";
import type { Deliveries } from "./deliveries.js";
import type { SocketNumber, SocketRow, Storage } from "./storage.js";

/** This many messages go at once at most, so that nobody waits long for a queue that outlived its time altogether. */
const EXPIRED_AT_ONCE = 1_000;
/** And from all queues together in one sweep; the next one goes on. */
const EXPIRED_PER_SWEEP = 5_000;

/** Lets messages go that have waited for longer than their socket's message_ttl. What a reader has does not wait. */
export class Expiry {
  readonly #storage: Storage;
  readonly #deliveries: Deliveries;
  readonly #clock: Clock;
  /** The sockets that have a message_ttl. */
  readonly #mortal = new Set<SocketNumber>();

  constructor(storage: Storage, deliveries: Deliveries, clock: Clock) {
    this.#storage = storage;
    this.#deliveries = deliveries;
    this.#clock = clock;
  }

  /** A socket is new or has changed. */
  look(row: SocketRow): void {
    if ((row.config.messageTtlMs ?? 0) > 0) this.#mortal.add(row.number);
    else this.#mortal.delete(row.number);
  }

  /** Drops what has outlived its time in one queue. @returns how many messages that were */
  expire(row: SocketRow): number {
    const ttlMs = row.config.messageTtlMs ?? 0;
    if (ttlMs === 0) return 0;
    const oldestMs = this.#clock.wallMs() - ttlMs;
    let count = 0;
    for (; count < EXPIRED_AT_ONCE; count++) {
      const sequence = this.#deliveries.oldestFree(row);
      const timeMs = sequence && this.#storage.timeAt(row.number, sequence);
      if (sequence === undefined || timeMs === undefined || timeMs > oldestMs) break;
      this.#deliveries.drop(row, [sequence], "EXPIRED");
    }
    // Whoever waits for messages is to be told of those that will not come.
    if (count > 0) this.#storage.wake(row.number);
    return count;
  }

  /** Drops what has outlived its time anywhere, so that nobody counts it and no reader has to come for it. */
  sweep(): void {
    let left = EXPIRED_PER_SWEEP;
    for (const number of this.#mortal) {
      if (left <= 0) return;
      const row = this.#storage.socket(number);
      if (row === undefined) this.#mortal.delete(number);
      else left -= this.expire(row);
    }
  }
}
