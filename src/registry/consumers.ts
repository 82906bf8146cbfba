import type { Clock } from "./clock.js";
import { RegistryError } from "./errors.js";
import type { Limits } from "./limits.js";
import type { Readers } from "./readers.js";
import type { Consumer, SocketNumber, Storage } from "./storage.js";

/** A consumer that is being read is noted as used this often. */
const USED_EVERY_MS = 3_600_000;

/** The named cursors of the team feed: how they come, and how they go when nobody uses them. */
export class Consumers {
  readonly #storage: Storage;
  readonly #limits: Limits;
  readonly #readers: Readers;
  readonly #clock: Clock;
  /** When consumers were last seen with an open Read, which is noted in the storage less often. */
  readonly #readMs = new Map<SocketNumber, number>();

  constructor(storage: Storage, limits: Limits, readers: Readers, clock: Clock) {
    this.#storage = storage;
    this.#limits = limits;
    this.#readers = readers;
    this.#clock = clock;
  }

  /** The consumer of this name, which begins after a sequence when it is new. @throws READER_LIMIT */
  open(name: string, after: number): Consumer {
    const { maxConsumers } = this.#limits;
    if (this.#storage.consumer(name) === undefined && [...this.#storage.consumers()].length >= maxConsumers) {
      throw new RegistryError("READER_LIMIT", `the team feed has ${maxConsumers} consumers, the most allowed`, {
        field: "consumer",
        limit: String(maxConsumers),
      });
    }
    return this.#storage.openConsumer(name, after);
  }

  /** How many open Reads all of them have. */
  get readerCount(): number {
    let count = 0;
    for (const { number } of this.#storage.consumers()) count += this.#readers.count(number);
    return count;
  }

  /** Removes those that nobody has used for long. @returns the numbers of their queues */
  sweep(): SocketNumber[] {
    const nowMs = this.#clock.wallMs();
    const gone: SocketNumber[] = [];
    for (const { name, number, usedMs } of [...this.#storage.consumers()]) {
      if (this.#readers.count(number) > 0) {
        this.#readMs.set(number, nowMs);
        if (nowMs - usedMs >= USED_EVERY_MS) this.#storage.openConsumer(name, 0);
      } else if (nowMs - Math.max(usedMs, this.#readMs.get(number) ?? 0) >= this.#limits.consumerIdleMs) {
        this.#storage.closeConsumer(number);
        this.#readMs.delete(number);
        gone.push(number);
      }
    }
    return gone;
  }
}
