/**
 * The bytes of a reader's copies. A copy is what all copies of a message share, as it was stored, and behind it the
 * fields that are its own: in protobuf that is one message. This is done for every message that is read, so it is by
 * hand: an object for the generated encoder would cost more than the bytes, and its writer grows as it goes.
 */
import { headerOf } from "../registry/message.js";
import { type SocketRow, type Stored, TEAM_NUMBER } from "../registry/storage.js";
import { varintLength, writeVarint } from "../varint.js";

/** The tags of the fields: number and wire type. */
const HEADER_TAG = (1 << 3) | 2;
const TIMESTAMP_TAG = (3 << 3) | 2;
const MESSAGE_ID_TAG = (5 << 3) | 2;
const SEQUENCE_TAG = 7 << 3;
const EPOCH_TAG = (8 << 3) | 2;
const DELIVERY_ATTEMPT_TAG = 13 << 3;
const SECONDS_TAG = 1 << 3;
const NANOS_TAG = 2 << 3;

const NOTHING = Buffer.alloc(0);

/** Whose copy it is. */
export interface Holder {
  readonly instance: string;
  readonly socket: SocketRow;
  /** At which attempt a message is delivered; 0 where nothing is. */
  readonly attempt: (sequence: number) => number;
}

/** Makes the copies of one holder. */
export class Copies {
  readonly #holder: Holder;
  readonly #epoch: Buffer;
  /** What every message id begins with. */
  readonly #prefix: Buffer;
  /** The header of what has the same author in name as the message before. */
  #header = "";
  #headerBytes = NOTHING;

  constructor(holder: Holder) {
    this.#holder = holder;
    this.#epoch = Buffer.from(holder.socket.epoch);
    this.#prefix = prefixOf(holder.instance);
  }

  /** How many bytes a copy has. */
  size(message: Stored): number {
    return message.body.length + this.#ownSize(message);
  }

  /** Writes a copy. @returns where it ends */
  write(message: Stored, bytes: Buffer, start: number): number {
    bytes.set(message.body, start);
    let place = start + message.body.length;
    const header = this.#headerOf(message);
    if (header.length > 0) place = writeBytes(HEADER_TAG, header, bytes, place);
    place = writeTime(message.timeMs, bytes, place);
    place = this.#writeId(message.revision, bytes, place);
    bytes[place] = SEQUENCE_TAG;
    place = writeVarint(bytes, place + 1, message.sequence);
    place = writeBytes(EPOCH_TAG, this.#epoch, bytes, place);
    const attempt = this.#holder.attempt(message.sequence);
    if (attempt === 0) return place;
    bytes[place] = DELIVERY_ATTEMPT_TAG;
    return writeVarint(bytes, place + 1, attempt);
  }

  #ownSize(message: Stored): number {
    const header = this.#headerOf(message);
    const attempt = this.#holder.attempt(message.sequence);
    const headerSize = header.length === 0 ? 0 : 1 + sizeOfBytes(header.length);
    const idSize = 1 + sizeOfBytes(this.#prefix.length + digitsOf(message.revision));
    const attemptSize = attempt === 0 ? 0 : 1 + varintLength(attempt);
    const placeSize = 1 + varintLength(message.sequence) + 1 + sizeOfBytes(this.#epoch.length);
    return headerSize + 2 + sizeOfTime(message.timeMs) + idSize + placeSize + attemptSize;
  }

  /** A signed message has the same header everywhere, and it is in the shared part. */
  #headerOf(message: Stored): Buffer {
    if (message.sender !== "") return NOTHING;
    const { socket } = this.#holder;
    const header = headerOf(message, socket.socketId, socket.number === TEAM_NUMBER);
    if (header !== this.#header) [this.#header, this.#headerBytes] = [header, Buffer.from(header)];
    return this.#headerBytes;
  }

  /** The id as `messageIdOf` makes it. */
  #writeId(revision: number, bytes: Buffer, start: number): number {
    const digits = digitsOf(revision);
    bytes[start] = MESSAGE_ID_TAG;
    const place = writeVarint(bytes, start + 1, this.#prefix.length + digits);
    bytes.set(this.#prefix, place);
    const end = place + this.#prefix.length + digits;
    let left = revision;
    for (let digit = end - 1; digit >= end - digits; digit--) {
      const rest = Math.floor(left / 36);
      const value = left - rest * 36;
      bytes[digit] = value < 10 ? ZERO + value : LETTER_A + value - 10;
      left = rest;
    }
    return end;
  }
}

const ZERO = 0x30;
const LETTER_A = 0x61;

/** So many bytes with their length before them. */
function sizeOfBytes(length: number): number {
  return varintLength(length) + length;
}

function writeBytes(tag: number, value: Buffer, bytes: Buffer, start: number): number {
  bytes[start] = tag;
  const place = writeVarint(bytes, start + 1, value.length);
  bytes.set(value, place);
  return place + value.length;
}

/** A google.protobuf.Timestamp with its own tag and length, which is one byte. */
function writeTime(timeMs: number, bytes: Buffer, start: number): number {
  bytes[start] = TIMESTAMP_TAG;
  bytes[start + 2] = SECONDS_TAG;
  let place = writeVarint(bytes, start + 3, Math.floor(timeMs / 1_000));
  bytes[place] = NANOS_TAG;
  place = writeVarint(bytes, place + 1, (timeMs % 1_000) * 1_000_000);
  bytes[start + 1] = place - start - 2;
  return place;
}

function sizeOfTime(timeMs: number): number {
  return 2 + varintLength(Math.floor(timeMs / 1_000)) + varintLength((timeMs % 1_000) * 1_000_000);
}

/** How many digits a revision has to the base of 36. */
function digitsOf(revision: number): number {
  let digits = 1;
  for (let left = revision; left >= 36; left = Math.floor(left / 36)) digits++;
  return digits;
}

let lastInstance = "";
let lastPrefix = NOTHING;

/** There is one instance, as a rule. */
function prefixOf(instance: string): Buffer {
  if (instance !== lastInstance) [lastInstance, lastPrefix] = [instance, Buffer.from(`${instance.slice(0, 8)}-`)];
  return lastPrefix;
}
