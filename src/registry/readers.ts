import { Delivery } from "./delivery.js";
import { RegistryError } from "./errors.js";
import type { SocketNumber, SocketRow, Storage } from "./storage.js";

/** What is known of a socket's agent, for as long as there is a socket. */
interface Presence {
  /** Its open Reads. */
  readers: number;
  /** Those of them that take messages: the agent is there. */
  takers: number;
  lastSeenMs: number | undefined;
  /** What its open Reads share. */
  delivery: Delivery | undefined;
}

/** The open Reads, by socket: how many there are, and what they share. */
export class Readers {
  readonly #storage: Storage;
  readonly #perSocketMax: number;
  readonly #presences = new Map<SocketNumber, Presence>();

  constructor(storage: Storage, perSocketMax: number) {
    this.#storage = storage;
    this.#perSocketMax = perSocketMax;
  }

  /** @throws READER_LIMIT */
  enter({ number, socketId }: SocketRow, takes: boolean): void {
    const presence = this.#presence(number);
    if (presence.readers >= this.#perSocketMax) {
      throw new RegistryError("READER_LIMIT", `${socketId} has ${presence.readers} open Reads, the most allowed`, {
        socket_id: socketId,
        limit: String(this.#perSocketMax),
      });
    }
    presence.readers++;
    if (takes) presence.takers++;
  }

  leave(number: SocketNumber, takes: boolean): void {
    const presence = this.#presences.get(number);
    if (presence === undefined) return;
    if (takes) {
      presence.takers--;
      presence.lastSeenMs = Date.now();
    }
    if (--presence.readers === 0) presence.delivery = undefined;
  }

  count(number: SocketNumber): number {
    return this.#presences.get(number)?.readers ?? 0;
  }

  /** The socket's agent gave a sign of life. */
  seen(number: SocketNumber): void {
    this.#presence(number).lastSeenMs = Date.now();
  }

  lastSeenMs(number: SocketNumber): number | undefined {
    const presence = this.#presences.get(number);
    return presence !== undefined && presence.takers > 0 ? Date.now() : presence?.lastSeenMs;
  }

  /** The socket is gone for good. Its Reads may still be about to find out. */
  forget(number: SocketNumber): void {
    this.#presences.delete(number);
  }

  inFlight({ number, epoch }: SocketRow): number {
    const delivery = this.#presences.get(number)?.delivery;
    return delivery?.epoch === epoch ? delivery.inFlight : 0;
  }

  /** What the AUTO readers of a socket share in its present epoch. The caller must have entered. */
  delivery({ number, epoch }: SocketRow): Delivery {
    const presence = this.#presence(number);
    if (presence.delivery?.epoch === epoch) return presence.delivery;
    presence.delivery = new Delivery(this.#storage, number, epoch);
    return presence.delivery;
  }

  #presence(number: SocketNumber): Presence {
    let presence = this.#presences.get(number);
    if (presence === undefined) {
      presence = { readers: 0, takers: 0, lastSeenMs: undefined, delivery: undefined };
      this.#presences.set(number, presence);
    }
    return presence;
  }
}
