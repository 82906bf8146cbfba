import { Delivery } from "./delivery.js";
import { RegistryError } from "./errors.js";
import type { SocketNumber, SocketRow, Storage } from "./storage.js";

interface Reading {
  count: number;
  delivery: Delivery;
}

/** The open Reads, by socket: how many there are, and what they share. */
export class Readers {
  readonly #storage: Storage;
  readonly #perSocketMax: number;
  readonly #reading = new Map<SocketNumber, Reading>();
  readonly #lastSeenMs = new Map<SocketNumber, number>();

  constructor(storage: Storage, perSocketMax: number) {
    this.#storage = storage;
    this.#perSocketMax = perSocketMax;
  }

  /** @throws READER_LIMIT */
  enter(row: SocketRow): void {
    const reading = this.#reading.get(row.number);
    if (reading === undefined) {
      const delivery = new Delivery(this.#storage, row.number, row.epoch);
      this.#reading.set(row.number, { count: 1, delivery });
      return;
    }
    if (reading.count >= this.#perSocketMax) {
      throw new RegistryError("READER_LIMIT", `${row.socketId} has ${reading.count} open Reads, the most allowed`, {
        socket_id: row.socketId,
        limit: String(this.#perSocketMax),
      });
    }
    reading.count++;
  }

  leave(number: SocketNumber): void {
    const reading = this.#reading.get(number);
    if (reading !== undefined && --reading.count === 0) this.#reading.delete(number);
  }

  count(number: SocketNumber): number {
    return this.#reading.get(number)?.count ?? 0;
  }

  /** The socket's agent gave a sign of life. */
  seen(number: SocketNumber): void {
    this.#lastSeenMs.set(number, Date.now());
  }

  lastSeenMs(number: SocketNumber): number | undefined {
    return this.#lastSeenMs.get(number);
  }

  /** The socket is gone. */
  forget(number: SocketNumber): void {
    this.#lastSeenMs.delete(number);
  }

  inFlight(row: SocketRow): number {
    const delivery = this.#reading.get(row.number)?.delivery;
    return delivery?.epoch === row.epoch ? delivery.inFlight : 0;
  }

  /** What the AUTO readers of a socket share in its present epoch. The caller must have entered. */
  delivery(row: SocketRow): Delivery {
    const reading = this.#reading.get(row.number);
    if (reading?.delivery.epoch === row.epoch) return reading.delivery;
    const delivery = new Delivery(this.#storage, row.number, row.epoch);
    this.#reading.set(row.number, { count: reading?.count ?? 1, delivery });
    return delivery;
  }
}
