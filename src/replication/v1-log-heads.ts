import type { LoggedEntry } from "./v1-log-entry.js";

/** A generation ends with this many entries for each live record, */
const ENTRIES_PER_RECORD = 10;
/** but not with so few: each is a file at the peer that stays for ever. */
const ENTRIES_MIN = 100;
/** It also ends with this many entries: each new one makes the peer write them all. */
const ENTRIES_MAX = 2_000;
/** However many entries there are, a generation that begins with half as many would soon end again. */
const ENTRIES_PER_RECORD_MIN = 2;
/** What a peer puts around a text that is found, at most: an id, two times, a client id and a relevance. */
const RESULT_BYTES = 400;

interface Revisions {
  /** The highest revision that may be there. */
  readonly reserved: number;
  /** The highest that the peer confirmed; 0 when it confirmed none. */
  readonly confirmed: number;
}

interface Head extends Revisions {
  /** What the live entry takes in an answer; 0 when the record is deleted, or is not there. */
  readonly bytes: number;
}

const NONE: Head = { reserved: 0, confirmed: 0, bytes: 0 };

/** What we know of one generation of a log without its data: the revisions of its records, and how large it is. */
export class V1LogHeads {
  readonly #maxResponseBytes: number;
  readonly #heads = new Map<string, Head>();
  #entries = 0;
  #bytes = 0;

  /** @param maxResponseBytes all entries of a generation have to fit, as they are listed in one answer */
  constructor(maxResponseBytes: number) {
    this.#maxResponseBytes = maxResponseBytes;
  }

  of(key: string): Revisions {
    return this.#heads.get(key) ?? NONE;
  }

  /** Whether the peer confirmed, after everything else that may be there, that the record is deleted. */
  isDeleted(key: string): boolean {
    const { reserved, confirmed, bytes } = this.#heads.get(key) ?? NONE;
    return confirmed > 0 && confirmed === reserved && bytes === 0;
  }

  /**
   * Begins anew with what was read. Revisions that were given out once are not given out again, whatever was read.
   *
   * @param newest of each record the entry that counts
   * @param texts everything that lies in the generation
   */
  reset(newest: Iterable<LoggedEntry>, texts: readonly string[]): void {
    for (const [key, { reserved }] of this.#heads) this.#heads.set(key, { reserved, confirmed: 0, bytes: 0 });
    for (const { key, revision, isDeleted, content } of newest) {
      const reserved = Math.max(revision, this.of(key).reserved);
      this.#heads.set(key, { reserved, confirmed: revision, bytes: isDeleted ? 0 : bytesOf(content) });
    }
    this.#entries = texts.length;
    this.#bytes = texts.reduce((sum, text) => sum + bytesOf(text), 0);
  }

  /** Forgets the records that are deleted: nothing is left of them in a generation that was begun without them. */
  forgetDeleted(): void {
    for (const [key, { bytes }] of this.#heads) if (bytes === 0) this.#heads.delete(key);
  }

  /** Counts an entry with the next revision of its record as one that may be there. */
  reserve(key: string, text: string): void {
    const head = this.#heads.get(key) ?? NONE;
    this.#heads.set(key, { ...head, reserved: head.reserved + 1 });
    this.#entries++;
    this.#bytes += bytesOf(text);
  }

  /** Counts the reserved revision of a record as one that is there. */
  confirm(key: string, text: string, isDeleted: boolean): void {
    const { reserved } = this.of(key);
    this.#heads.set(key, { reserved, confirmed: reserved, bytes: isDeleted ? 0 : bytesOf(text) });
  }

  /** Takes note of a revision that was read. */
  seen(key: string, revision: number): void {
    const head = this.#heads.get(key);
    if (revision > (head?.reserved ?? 0)) this.#heads.set(key, { ...(head ?? NONE), reserved: revision });
  }

  /** Whether the generation should end before this text is added to it. */
  isOverfull(text: string): boolean {
    if (this.#bytes + bytesOf(text) > this.#maxResponseBytes) return true;
    if (this.#entries < ENTRIES_MIN) return false;
    let records = 0;
    for (const { bytes } of this.#heads.values()) if (bytes > 0) records++;
    if (this.#entries > ENTRIES_PER_RECORD * records) return true;
    return this.#entries > ENTRIES_MAX && this.#entries > ENTRIES_PER_RECORD_MIN * records;
  }

  /** What the live records take in an answer once this text counts for its record. */
  liveBytesWith(key: string, text: string): number {
    let sum = bytesOf(text) - (this.#heads.get(key) ?? NONE).bytes;
    for (const { bytes } of this.#heads.values()) sum += bytes;
    return sum;
  }
}

/** What a text takes in the answer of a search. It is ASCII. */
function bytesOf(text: string): number {
  return JSON.stringify(text).length + RESULT_BYTES;
}
