import { LogEntry } from "../../gen/ts/socketregistry/storage/v1/records.js";
import type { Body } from "./recent.js";
import { DamagedRecord, decodeIfSound, unseal } from "./records.js";

/** The tags of the fields that a message's entry begins with, in the order in which they are written. */
const REVISION_TAG = 1 << 3;
const TIME_TAG = 2 << 3;
const MESSAGE_TAG = (3 << 3) | 2;
const BODY_TAG = (1 << 3) | 2;
const SENDER_TAG = (2 << 3) | 2;
const RECIPIENT_TAG = (3 << 3) | 2;

/**
 * The message in a stored entry; undefined when it does not check, is another revision's, or is no message.
 *
 * Every message that is read goes through here, and the generated code makes all of its routes for nothing. So what an
 * entry of ours begins with is read by hand, and whatever looks otherwise by the generated code.
 *
 * @throws UnknownVersion when a newer program wrote it
 */
export function decodeMessage(stored: Buffer, revision: number): Body | undefined {
  const content = soundContent(stored);
  if (content === undefined) return undefined;
  return new Scan(content).message(revision) ?? decodePlainly(stored, revision);
}

function decodePlainly(stored: Buffer, revision: number): Body | undefined {
  const entry = decodeIfSound(LogEntry, stored);
  if (entry?.revision !== revision || entry.message === undefined) return undefined;
  const { sender, recipient, body } = entry.message;
  return { timeMs: entry.timeMs, sender, recipient, body };
}

function soundContent(stored: Buffer): Buffer | undefined {
  try {
    return unseal(stored);
  } catch (error) {
    if (error instanceof DamagedRecord) return undefined;
    throw error;
  }
}

/** A walk over the bytes of one entry. */
class Scan {
  readonly #bytes: Buffer;
  #place = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** The message, if the bytes are such as ours are. */
  message(revision: number): Body | undefined {
    if (!this.#is(REVISION_TAG) || this.#count() !== revision || !this.#is(TIME_TAG)) return undefined;
    const timeMs = this.#count();
    if (!this.#is(MESSAGE_TAG)) return undefined;
    const length = this.#count();
    if (length > this.#bytes.length - this.#place) return undefined;
    const end = this.#place + length;
    if (!this.#is(BODY_TAG)) return undefined;
    const body = this.#piece(end);
    const sender = this.#is(SENDER_TAG) ? senders.of(this.#piece(end)) : "";
    const recipient = this.#is(RECIPIENT_TAG) ? recipients.of(this.#piece(end)) : "";
    if (this.#place > end || end !== this.#bytes.length) return undefined;
    return { timeMs, sender, recipient, body };
  }

  /** Goes past a tag if it comes next. */
  #is(tag: number): boolean {
    const isNext = this.#bytes[this.#place] === tag;
    if (isNext) this.#place++;
    return isNext;
  }

  #count(): number {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = this.#bytes[this.#place++] ?? 0;
      value += (byte & 0x7f) * scale;
      scale *= 0x80;
      if (byte < 0x80) return value;
    }
  }

  /** The bytes of a field. What would reach beyond the message makes it one that is not ours. */
  #piece(end: number): Buffer {
    const length = this.#count();
    const start = this.#place;
    this.#place = start + length;
    return this.#bytes.subarray(start, Math.min(end, this.#place));
  }
}

/** The text of some bytes, which in most cases are those of the time before. */
class LastText {
  #bytes: Buffer = Buffer.alloc(0);
  #text = "";

  of(bytes: Buffer): string {
    if (!this.#isLast(bytes)) {
      this.#text = bytes.toString("utf8");
      // A copy, because the bytes lie in an entry that must not stay for its sake.
      this.#bytes = Buffer.from(bytes);
    }
    return this.#text;
  }

  #isLast(bytes: Buffer): boolean {
    if (bytes.length !== this.#bytes.length) return false;
    for (let place = 0; place < bytes.length; place++) if (bytes[place] !== this.#bytes[place]) return false;
    return true;
  }
}

const senders = new LastText();
const recipients = new LastText();
