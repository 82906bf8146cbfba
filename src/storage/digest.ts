import { writeVarint } from "../varint.js";
import { seal, unseal } from "./records.js";
import type { Coming, Routes, Routing } from "./routing.js";
import { VarintReader } from "./varint-reader.js";

/** What is recorded and not written yet takes this much memory at most. */
const BYTES_MAX = 4 * 1024 * 1024;
/** A number has eight bytes at most. */
const NUMBER_BYTES = 8;
/** An entry has at most this many numbers beside the sockets it names. */
const NUMBERS = 6;
const NOTHING = Buffer.alloc(0);
const NONE: readonly never[] = [];
/** What a change of a socket begins with. What a message begins with is odd. */
const CAME = 0;
const GONE = 2;

/** What was recorded of a run of the log. */
export interface Digested {
  /** The revision before the first one. */
  readonly after: number;
  /** The last revision. */
  readonly last: number;
  /** The entries of the run, encoded. */
  readonly entries: Buffer;
}

/**
 * Records where the entries of the log go, a few bytes for each, so that a start need not read the entries themselves:
 * between two checkpoints that is all that it needs to know. Whoever writes checkpoints takes what was recorded.
 */
export class Digest {
  /** The keys under which something was written. */
  keys: Buffer[] = [];
  #bytes = NOTHING;
  #length = 0;
  #after = 0;
  #last = 0;
  #timeMs = 0;
  #isRecording = false;

  /** Forgets what was recorded and begins after a revision. */
  begin(after: number): void {
    this.#isRecording = true;
    this.#after = after;
    this.#last = after;
    this.#timeMs = 0;
    this.#length = 0;
  }

  /** Records a message, the next entry that is there. */
  message(revision: number, timeMs: number, size: number, { targets, everyone, skipped }: Routes): void {
    if (!this.#begins(revision, timeMs, size, targets.length + skipped.length)) return;
    this.#put(targets.length * 4 + (everyone ? 2 : 0) + 1);
    for (const number of targets) this.#put(number);
    if (!everyone) return;
    this.#put(skipped.length);
    for (const { number } of skipped) this.#put(number);
  }

  /** Records a change of a socket, the next entry that is there. */
  change(revision: number, timeMs: number, size: number, { number, replaces, isGone }: Coming): void {
    if (!this.#begins(revision, timeMs, size, 0)) return;
    this.#put(isGone ? GONE : CAME);
    this.#put(number);
    this.#put(replaces);
  }

  /** Takes what was recorded up to the newest entry, which has this revision, and goes on behind it. */
  take(newest: number): Digested | undefined {
    if (!this.#isRecording) return undefined;
    const digested = { after: this.#after, last: newest, entries: this.#bytes.subarray(0, this.#length) };
    // The next ones are recorded elsewhere, so that these stay as they are.
    this.#bytes = NOTHING;
    this.begin(newest);
    return digested;
  }

  /** Takes the keys of what is needed no longer. */
  takeKeys(isUnneeded: (key: Buffer) => boolean): Buffer[] {
    const unneeded = this.keys.filter(isUnneeded);
    this.keys = this.keys.filter((key) => !isUnneeded(key));
    return unneeded;
  }

  #begins(revision: number, timeMs: number, size: number, sockets: number): boolean {
    // Without a checkpoint it would grow for ever, and then it is better to read the log.
    if (this.#length > BYTES_MAX || timeMs < this.#timeMs) this.#isRecording = false;
    if (!this.#isRecording) return false;
    this.#reserve(NUMBER_BYTES * (NUMBERS + sockets));
    this.#put(revision - this.#last);
    this.#put(timeMs - this.#timeMs);
    this.#put(size);
    this.#last = revision;
    this.#timeMs = timeMs;
    return true;
  }

  #put(value: number): void {
    this.#length = writeVarint(this.#bytes, this.#length, value);
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return;
    const grown = Buffer.alloc(Math.max(4_096, 2 * (this.#length + bytes)));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}

/** What was recorded, as it is stored. */
export function encodeDigest({ after, last, entries }: Digested): Buffer {
  const head = Buffer.alloc(2 * NUMBER_BYTES);
  const end = writeVarint(head, writeVarint(head, 0, after), last);
  return seal(Buffer.concat([head.subarray(0, end), entries]));
}

/** @throws DamagedRecord when it does not check */
export function decodeDigest(stored: Buffer): Digested {
  const content = unseal(stored);
  const reader = new VarintReader(content);
  const [after, last] = [reader.next(), reader.next()];
  return { after, last, entries: content.subarray(content.length - reader.left) };
}

/** Every entry that was recorded, in order, with its stored bytes. */
export function eachDigested({ after, entries }: Digested, take: (routing: Routing, size: number) => void): void {
  const reader = new VarintReader(entries);
  let revision = after;
  let timeMs = 0;
  while (!reader.isAtEnd) {
    revision += reader.next();
    timeMs += reader.next();
    const size = reader.next();
    const kind = reader.next();
    if (kind % 2 === 0) {
      const coming = { number: reader.next(), replaces: reader.next(), isGone: kind === GONE };
      take({ revision, timeMs, targets: NONE, everyone: false, skipped: NONE, coming }, size);
      continue;
    }
    const targets = numbersIn(reader, kind >>> 2);
    const everyone = (kind & 2) !== 0;
    const skipped = everyone ? numbersIn(reader, reader.next()).map((number) => ({ number })) : NONE;
    take({ revision, timeMs, targets, everyone, skipped, coming: undefined }, size);
  }
}

function numbersIn(reader: VarintReader, count: number): number[] {
  const numbers: number[] = [];
  while (numbers.length < count) numbers.push(reader.next());
  return numbers;
}
