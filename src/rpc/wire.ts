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
import { headerFrom, headerOf, headerTo, messageIdOf } from "../registry/message.js";
import { type Letter, type SocketRow, type Stored, TEAM_NUMBER } from "../registry/storage.js";

/** Writers that are used again and again, since `finish` empties them. */
const idleWriters: BinaryWriter[] = [];

/** The tags of the fields that are written by hand: number and wire type. */
const MESSAGES_TAG = (1 << 3) | 2;
const HEADER_TAG = (1 << 3) | 2;
const TIMESTAMP_TAG = (3 << 3) | 2;
const MESSAGE_ID_TAG = (5 << 3) | 2;
const SEQUENCE_TAG = 7 << 3;
const EPOCH_TAG = (8 << 3) | 2;
const DELIVERY_ATTEMPT_TAG = 13 << 3;
const SECONDS_TAG = 1 << 3;
const NANOS_TAG = 2 << 3;

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

/** Whose copy it is. */
export interface Holder {
  readonly instance: string;
  readonly socket: SocketRow;
  /** At which attempt a message is delivered; 0 where nothing is. */
  readonly attempt: (sequence: number) => number;
}

/** One copy of a message as an object. */
export function decodeCopy(message: Stored, holder: Holder): Message {
  return Message.decode(encoded((writer) => writeOwn(writer.raw(message.body), message, holder)));
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
  const holder = { instance, socket: frame.socket, attempt: frame.attempt };
  const rest: ReadResponse = {
    messages: [],
    event: frame.event === undefined ? ReadEvent.READ_EVENT_UNSPECIFIED : events[frame.event],
    position: { epoch: frame.position.epoch, sequence: BigInt(frame.position.sequence) },
    backlogCount: frame.backlogCount,
    droppedCount: BigInt(frame.droppedCount),
    gapReason: frame.gapReason === undefined ? GapReason.GAP_REASON_UNSPECIFIED : gapReasons[frame.gapReason],
  };
  const bytes = encoded((writer) => {
    for (const message of frame.messages) {
      writeOwn(writer.uint32(MESSAGES_TAG).fork().raw(message.body), message, holder).join();
    }
    return ReadResponse.encode(rest, writer);
  });
  return asBuffer(bytes);
}

/**
 * Writes the fields that one copy has for itself, behind those that all share. This is done for every message that is
 * read, so it is by hand: an object for the generated encoder would cost twice as much as the bytes.
 */
function writeOwn(writer: BinaryWriter, message: Stored, { instance, socket, attempt }: Holder): BinaryWriter {
  if (message.sender === "") {
    // A signed message has the same header everywhere, and it is in the shared part.
    writer.uint32(HEADER_TAG).string(headerOf(message, socket.socketId, socket.number === TEAM_NUMBER));
  }
  writer.uint32(TIMESTAMP_TAG).fork().uint32(SECONDS_TAG);
  writeCount(writer, Math.floor(message.timeMs / 1_000));
  writer
    .uint32(NANOS_TAG)
    .uint32((message.timeMs % 1_000) * 1_000_000)
    .join();
  writer.uint32(MESSAGE_ID_TAG).string(messageIdOf(instance, message.revision));
  writeCount(writer.uint32(SEQUENCE_TAG), message.sequence);
  writer.uint32(EPOCH_TAG).string(socket.epoch);
  const deliveryAttempt = attempt(message.sequence);
  if (deliveryAttempt > 0) writer.uint32(DELIVERY_ATTEMPT_TAG).uint32(deliveryAttempt);
  return writer;
}

/** A 64-bit count, which is written as a 32-bit one, and so much faster, while it is one. */
function writeCount(writer: BinaryWriter, count: number): BinaryWriter {
  return count < 2 ** 32 ? writer.uint32(count) : writer.uint64(count);
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

/** The same bytes as the Buffer that grpc-js wants, without a copy. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
