/**
 * Messages and frames in their encoding. A message is encoded once, when it is written: what all its copies share is
 * stored as it goes to the wire, and a reader's copy is those bytes with the fields that are its own appended, which
 * protobuf takes for one message.
 */
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import {
  GapReason,
  Message,
  ReadEvent,
  ReadResponse,
  type WriteRequest,
} from "../../gen/ts/socketregistry/v1/socket_registry.js";
import type { Frame } from "../registry/frames.js";
import { headerFrom, headerTo, messageIdOf } from "../registry/message.js";
import type { Letter, Stored } from "../registry/storage.js";
import { varintLength, writeVarint } from "../varint.js";
import { Copies, type Holder } from "./copies.js";

/** Writers that are used again and again, since `finish` empties them. */
const idleWriters: BinaryWriter[] = [];

/** The tag of a ReadResponse's messages: number and wire type. */
const MESSAGES_TAG = (1 << 3) | 2;

const events = {
  STARTED: ReadEvent.READ_EVENT_STARTED,
  CAUGHT_UP: ReadEvent.READ_EVENT_CAUGHT_UP,
  HEARTBEAT: ReadEvent.READ_EVENT_HEARTBEAT,
  RESET: ReadEvent.READ_EVENT_RESET,
  GAP: ReadEvent.READ_EVENT_GAP,
};
const gapReasons = {
  OVERFLOW: GapReason.GAP_REASON_OVERFLOW,
  EXPIRED: GapReason.GAP_REASON_EXPIRED,
  RETENTION: GapReason.GAP_REASON_RETENTION,
  DAMAGED: GapReason.GAP_REASON_DAMAGED,
};

/** Every field of a Message at its default, which is not sent. */
const EMPTY: Message = Message.fromPartial({});

type Shared = Pick<WriteRequest, "sender" | "message" | "metadata" | "socketId" | "threadId" | "replyTo">;

/** The fields that all copies of a message share. */
export function encodeBody(request: Shared): Uint8Array {
  const shared: Message = {
    ...EMPTY,
    header: request.sender === "" ? "" : headerFrom(request.sender),
    content: request.message,
    metadata: request.metadata,
    sender: request.sender,
    recipient: request.socketId,
    toHeader: headerTo(request.socketId),
    threadId: request.threadId,
    replyTo: request.replyTo,
  };
  return encoded((writer) => Message.encode(shared, writer));
}

/** One copy of a message as an object. */
export function decodeCopy(message: Stored, holder: Holder): Message {
  const copies = new Copies(holder);
  const bytes = Buffer.allocUnsafe(copies.size(message));
  copies.write(message, bytes, 0);
  return Message.decode(bytes);
}

/** A message by itself, as its author wrote it: in nobody's queue. */
export function decodeLetter(instance: string, letter: Letter): Message {
  const { revision, timeMs, sender, recipient, body } = letter;
  return {
    ...Message.decode(body),
    header: headerFrom(sender || recipient),
    timestamp: new Date(timeMs),
    messageId: messageIdOf(instance, revision),
  };
}

/** An encoded ReadResponse. */
export function encodeFrame(instance: string, frame: Frame): Buffer {
  const rest = encodeRest(frame);
  const copies = new Copies({ instance, socket: frame.socket, attempt: frame.attempt });
  const sizes = frame.messages.map((message) => copies.size(message));
  const total = sizes.reduce((sum, size) => sum + 1 + varintLength(size) + size, rest.length);
  const bytes = Buffer.allocUnsafe(total);
  let place = 0;
  for (const [index, message] of frame.messages.entries()) {
    bytes[place] = MESSAGES_TAG;
    place = copies.write(message, bytes, writeVarint(bytes, place + 1, sizes[index] ?? 0));
  }
  bytes.set(rest, place);
  return bytes;
}

/** All but the messages. */
function encodeRest(frame: Frame): Uint8Array {
  const rest: ReadResponse = {
    messages: [],
    event: frame.event === undefined ? ReadEvent.READ_EVENT_UNSPECIFIED : events[frame.event],
    position: { epoch: frame.position.epoch, sequence: BigInt(frame.position.sequence) },
    backlogCount: frame.backlogCount,
    droppedCount: BigInt(frame.droppedCount),
    gapReason: frame.gapReason === undefined ? GapReason.GAP_REASON_UNSPECIFIED : gapReasons[frame.gapReason],
  };
  return encoded((writer) => ReadResponse.encode(rest, writer));
}

/**
 * What `encode` writes. A writer whose encoding failed holds half of it and is given up, for the next one to use it would
 * send that half along.
 */
function encoded(encode: (writer: BinaryWriter) => BinaryWriter): Uint8Array {
  const writer = idleWriters.pop() ?? new BinaryWriter();
  const bytes = encode(writer).finish();
  idleWriters.push(writer);
  return bytes;
}
