import { RegistryError } from "./errors.js";
import type { Holder } from "./slots.js";
import type { SocketNumber, SocketRow } from "./storage.js";

/** An open Read, as the other readers of its queue need to know it. */
export interface Reader {
  /** Whether it takes messages, so that there is somebody who works on them. */
  readonly takes: boolean;
  readonly isExclusive: boolean;
  /** What it has in flight, in EXPLICIT mode. */
  readonly holder: Holder | undefined;
  /** Ends its stream with this error, whatever it waits for. */
  end(error: RegistryError): void;
  /** Ends its stream as its client asks, who reads it no more. */
  release(): void;
}

/** The open Reads of each queue: how many there may be, and who makes way for whom. */
export class Readers {
  readonly #perQueueMax: number;
  readonly #readers = new Map<SocketNumber, Reader[]>();

  constructor(perQueueMax: number) {
    this.#perQueueMax = perQueueMax;
  }

  /**
   * @param number the queue's: the socket's own, or a consumer's
   * @throws READER_LIMIT; READER_SUPERSEDED when an exclusive Read has the queue and this one is not exclusive
   */
  enter(row: SocketRow, number: SocketNumber, reader: Reader): void {
    const readers = this.#readers.get(number) ?? [];
    const others = reader.takes ? readers.filter(({ takes }) => takes) : [];
    if (reader.isExclusive) for (const other of others) other.end(superseded(row));
    else if (others.some(({ isExclusive }) => isExclusive)) throw superseded(row);
    if (readers.length - (reader.isExclusive ? others.length : 0) >= this.#perQueueMax) {
      throw new RegistryError("READER_LIMIT", `${row.socketId} has ${readers.length} open Reads, the most allowed`, {
        socket_id: row.socketId,
        limit: String(this.#perQueueMax),
      });
    }
    readers.push(reader);
    this.#readers.set(number, readers);
  }

  /** @returns whether it was the last */
  leave(number: SocketNumber, reader: Reader): boolean {
    const readers = this.#readers.get(number);
    const place = readers?.indexOf(reader) ?? -1;
    if (readers === undefined || place < 0) return false;
    readers.splice(place, 1);
    if (readers.length > 0) return false;
    this.#readers.delete(number);
    return true;
  }

  /** Ends the streams that their client calls so. */
  release(number: SocketNumber, name: string): void {
    for (const reader of this.#readers.get(number) ?? []) if (reader.holder?.reader === name) reader.release();
  }

  count(number: SocketNumber): number {
    return this.#readers.get(number)?.length ?? 0;
  }

  /** Whether somebody takes the queue's messages and has let no deadline pass. */
  isWorkedOn(number: SocketNumber): boolean {
    return this.#readers.get(number)?.some(({ takes, holder }) => takes && holder?.isOverdue !== true) === true;
  }

  /** The queues that somebody works on. */
  *workedOn(): Iterable<SocketNumber> {
    for (const number of this.#readers.keys()) if (this.isWorkedOn(number)) yield number;
  }

  /** Whoever works on this queue has shown that he still does. */
  awake(number: SocketNumber): void {
    for (const { holder } of this.#readers.get(number) ?? []) if (holder !== undefined) holder.isOverdue = false;
  }
}

function superseded({ socketId }: SocketRow): RegistryError {
  return new RegistryError("READER_SUPERSEDED", `an exclusive Read of ${socketId} has taken over`, {
    socket_id: socketId,
  });
}
