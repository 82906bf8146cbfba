/**
 * The fast way to read a WriteRequest: straight from its bytes, of which most become the stored message as they are.
 *
 * It knows the requests that nearly all are, each field once and of its own kind, and neither metadata nor labels. It
 * judges nothing: whatever it does not know, or would have to refuse, it leaves to the plain way, which decodes
 * everything and says what is wrong. A property test holds the two together.
 */
import { isUtf8 } from "node:buffer";
import { WireType } from "@bufbuild/protobuf/wire";
import { headerFrom, headerTo } from "../registry/message.js";
import type { RetryKey } from "../registry/retries.js";
import { isSocketId, TEAM_CHAT_ALL } from "../registry/socket.js";
import type { WriteRequest } from "../registry/write.js";
import { varintLength, writeVarint } from "../varint.js";

/** What the limits say of what is read here, in bytes. */
export interface WriteLimits {
  readonly maxContentBytes: number;
  readonly maxStringBytes: number;
}

/** The fields of a plain request, as far as its digests need them. */
export interface PlainFields {
  readonly socketId: string;
  readonly message: string;
  readonly sender: string;
  readonly requestId: string;
  readonly threadId: string;
  readonly replyTo: string;
  readonly includeSender: boolean;
}

/** The tags of WriteRequest that are known here: number and wire type. */
const SOCKET_ID = (1 << 3) | WireType.LengthDelimited;
const MESSAGE = (2 << 3) | WireType.LengthDelimited;
const SENDER = (4 << 3) | WireType.LengthDelimited;
const REQUEST_ID = (5 << 3) | WireType.LengthDelimited;
const THREAD_ID = (6 << 3) | WireType.LengthDelimited;
const REPLY_TO = (7 << 3) | WireType.LengthDelimited;
const INCLUDE_SENDER = (8 << 3) | WireType.Varint;
const TAGS = INCLUDE_SENDER + 1;

/** The tags of Message that are written here. */
const HEADER = (1 << 3) | WireType.LengthDelimited;
const CONTENT = (2 << 3) | WireType.LengthDelimited;
const AUTHOR = (6 << 3) | WireType.LengthDelimited;
const RECIPIENT = (9 << 3) | WireType.LengthDelimited;
const TO_HEADER = (10 << 3) | WireType.LengthDelimited;
const THREAD = (11 << 3) | WireType.LengthDelimited;
const REPLIED = (12 << 3) | WireType.LengthDelimited;

const NO_LABELS: Readonly<Record<string, string>> = {};

/** Where the values begin and end, by tag; 0 and 0 where there is none. One for all, since nothing here waits. */
const starts = new Uint32Array(TAGS);
const ends = new Uint32Array(TAGS);

/** @param toRetry the digests of a request with a request_id */
export function readPlainWrite(
  bytes: Buffer,
  limits: WriteLimits,
  toRetry: (fields: PlainFields) => RetryKey,
): WriteRequest | undefined {
  if (!locate(bytes)) return undefined;
  const socketId = bytes.toString("latin1", starts[SOCKET_ID], ends[SOCKET_ID]);
  const sender = bytes.toString("latin1", starts[SENDER], ends[SENDER]);
  if (!isSocketId(socketId) || (sender !== "" && (!isSocketId(sender) || sender === TEAM_CHAT_ALL))) return undefined;
  if (!isText(bytes, MESSAGE, limits.maxContentBytes)) return undefined;
  for (const tag of [REQUEST_ID, THREAD_ID, REPLY_TO]) {
    if (lengthOf(tag) > 0 && !isText(bytes, tag, limits.maxStringBytes)) return undefined;
  }
  const replyTo = textOf(bytes, REPLY_TO);
  const includeSender = bytes[starts[INCLUDE_SENDER] ?? 0] === 1 && lengthOf(INCLUDE_SENDER) > 0;
  const requestId = textOf(bytes, REQUEST_ID);
  const retry =
    requestId === ""
      ? undefined
      : toRetry({
          socketId,
          message: textOf(bytes, MESSAGE),
          sender,
          requestId,
          threadId: textOf(bytes, THREAD_ID),
          replyTo,
          includeSender,
        });
  const body = bodyOf(bytes, sender, socketId);
  return { socketId, sender, includeSender, matchLabels: NO_LABELS, replyTo, isQuestion: false, body, retry };
}

/** Finds the fields. @returns whether all of it is known */
function locate(bytes: Buffer): boolean {
  starts.fill(0);
  ends.fill(0);
  const { length } = bytes;
  let at = 0;
  while (at < length) {
    const tag = bytes[at++] ?? 0;
    if (tag >= TAGS || (ends[tag] ?? 0) > 0) return false;
    let start = at;
    if (tag === INCLUDE_SENDER) {
      if ((bytes[at++] ?? 2) > 1) return false;
    } else if (isKnown(tag)) {
      let size = 0;
      let byte = 0x80;
      for (let shift = 0; byte >= 0x80; shift += 7) {
        // Four bytes are more than any message may have.
        if (shift > 21 || at >= length) return false;
        byte = bytes[at++] ?? 0;
        size |= (byte & 0x7f) << shift;
      }
      start = at;
      at += size;
    } else {
      return false;
    }
    if (at > length) return false;
    starts[tag] = start;
    ends[tag] = at;
  }
  return true;
}

function isKnown(tag: number): boolean {
  return (
    tag === SOCKET_ID ||
    tag === MESSAGE ||
    tag === SENDER ||
    tag === REQUEST_ID ||
    tag === THREAD_ID ||
    tag === REPLY_TO
  );
}

function lengthOf(tag: number): number {
  return (ends[tag] ?? 0) - (starts[tag] ?? 0);
}

/** Whether a value is UTF-8 and not too long. */
function isText(bytes: Buffer, tag: number, bytesMax: number): boolean {
  return lengthOf(tag) <= bytesMax && isUtf8(bytes.subarray(starts[tag], ends[tag]));
}

function textOf(bytes: Buffer, tag: number): string {
  return lengthOf(tag) === 0 ? "" : bytes.toString("utf8", starts[tag], ends[tag]);
}

/** What all copies of the message share, as it goes to the wire: the fields of Message in the order of their numbers. */
function bodyOf(bytes: Buffer, sender: string, recipient: string): Buffer {
  const { before, after } = letterhead(sender, recipient);
  const size = before.length + sizeOf(MESSAGE) + after.length + sizeOf(THREAD_ID) + sizeOf(REPLY_TO);
  const body = Buffer.allocUnsafe(size);
  body.set(before, 0);
  let at = copy(bytes, MESSAGE, body, before.length, CONTENT);
  body.set(after, at);
  at = copy(bytes, THREAD_ID, body, at + after.length, THREAD);
  copy(bytes, REPLY_TO, body, at, REPLIED);
  return body;
}

/** How many bytes a value takes with its tag; none when it is empty. */
function sizeOf(tag: number): number {
  const length = lengthOf(tag);
  return length === 0 ? 0 : 1 + varintLength(length) + length;
}

/** Writes a value under another tag. @returns the place behind it */
function copy(from: Buffer, tag: number, to: Buffer, place: number, newTag: number): number {
  const length = lengthOf(tag);
  if (length === 0) return place;
  to[place] = newTag;
  const at = writeVarint(to, place + 1, length);
  return at + from.copy(to, at, starts[tag], ends[tag]);
}

/** What a message between two has before its content, and what behind it. */
interface Letterhead {
  readonly sender: string;
  readonly recipient: string;
  readonly before: Buffer;
  readonly after: Buffer;
}

/** The letterheads that were needed lately: few authors write to few sockets, again and again. */
const letterheads = new Map<string, Letterhead>();
const LETTERHEADS_MAX = 1_024;
/** The one that was needed last, and so most likely next. */
let latest = makeLetterhead("", "");

function letterhead(sender: string, recipient: string): Letterhead {
  if (latest.sender === sender && latest.recipient === recipient) return latest;
  // No id has a space in it.
  const key = `${sender} ${recipient}`;
  latest = letterheads.get(key) ?? makeLetterhead(sender, recipient);
  if (letterheads.size >= LETTERHEADS_MAX) letterheads.clear();
  letterheads.set(key, latest);
  return latest;
}

function makeLetterhead(sender: string, recipient: string): Letterhead {
  const before = field(HEADER, sender === "" ? "" : headerFrom(sender));
  const after = [field(AUTHOR, sender), field(RECIPIENT, recipient), field(TO_HEADER, headerTo(recipient))];
  return { sender, recipient, before, after: Buffer.concat(after) };
}

function field(tag: number, text: string): Buffer {
  if (text === "") return Buffer.alloc(0);
  const value = Buffer.from(text);
  const bytes = Buffer.alloc(1 + varintLength(value.length) + value.length);
  bytes[0] = tag;
  value.copy(bytes, writeVarint(bytes, 1, value.length));
  return bytes;
}
