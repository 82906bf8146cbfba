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
import { type SocketRow, type Stored, TEAM_NUMBER } from "../registry/storage.js";

/** Writers that are used again and again, since `finish` empties them. */
const idleWriters: BinaryWriter[] = [];

/** The tag of ReadResponse.messages: field 1, length-delimited. */
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
  RETENTION: GapReason.GAP_REASON_RETENTION,
  DAMAGED: GapReason.GAP_REASON_DAMAGED,
};

/** Every field of a Message at its default, which is not sent. */
const EMPTY: Message = Message.fromPartial({});

/** The fields that all copies of a message share. */
export function encodeBody(request: WriteRequest): Uint8Array {
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
  readonly deliveryAttempt: number;
}

/** One copy of a message as an object. */
export function decodeCopy(message: Stored, holder: Holder): Message {
  return Message.decode(Buffer.concat([message.body, encodeOwn(message, holder)]));
}

/** An encoded ReadResponse. */
export function encodeFrame(instance: string, frame: Frame): Buffer {
  const holder = { instance, socket: frame.socket, deliveryAttempt: frame.deliveryAttempt };
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
      const own = encodeOwn(message, holder);
      writer
        .uint32(MESSAGES_TAG)
        .uint32(message.body.length + own.length)
        .raw(message.body)
        .raw(own);
    }
    return ReadResponse.encode(rest, writer);
  });
  return asBuffer(bytes);
}

/** The fields that one copy has for itself. */
function encodeOwn(message: Stored, { instance, socket, deliveryAttempt }: Holder): Uint8Array {
  const isFeed = socket.number === TEAM_NUMBER;
  const own: Message = {
    ...EMPTY,
    // A signed message has the same header everywhere, and it is in the shared part.
    header: message.sender === "" ? headerOf(message, socket.socketId, isFeed) : "",
    timestamp: new Date(message.timeMs),
    messageId: messageIdOf(instance, message.revision),
    sequence: BigInt(message.sequence),
    epoch: socket.epoch,
    deliveryAttempt,
  };
  return encoded((writer) => Message.encode(own, writer));
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
