/** What is written by hand is, once it is decoded, what the generated code would have written. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { Message, ReadResponse, WriteRequest } from "../gen/ts/socketregistry/v1/socket_registry.js";
import type { Frame } from "../src/registry/frames.js";
import { messageIdOf } from "../src/registry/message.js";
import type { SocketRow, Stored } from "../src/registry/storage.js";
import { decodeCopy, encodeBody, encodeFrame } from "../src/rpc/wire.js";

const instance = "0123456789abcdef";
const id = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,20}$/);

/** A key that JavaScript cannot hold is refused before it comes here. */
const key = fc.string({ minLength: 1 }).filter((text) => text !== "__proto__");

const written = fc.record({
  socketId: id,
  message: fc.string({ unit: "grapheme" }),
  sender: fc.oneof(fc.constant(""), id),
  threadId: fc.string(),
  replyTo: fc.string(),
  metadata: fc.option(fc.dictionary(key, fc.oneof(fc.string(), fc.boolean())), {
    nil: undefined,
  }),
});
const place = fc.record({
  sequence: fc.oneof(
    fc.integer({ min: 1, max: 100 }),
    fc.maxSafeInteger().filter((sequence) => sequence > 0),
  ),
  revision: fc.integer({ min: 1 }),
  timeMs: fc.oneof(fc.integer({ min: 0, max: 2 ** 41 }), fc.constant(0), fc.constant(2 ** 32 * 1_000 + 1)),
});
const holder = fc.record({
  number: fc.constantFrom(1, 2),
  socketId: id,
  epoch: fc.string(),
  deliveryAttempt: fc.constantFrom(0, 1, 300),
});

const arbitraryCopies = fc.array(fc.tuple(written, place), { maxLength: 5 });

test("a frame decodes to what was written, each copy with its own place, time and header", () => {
  fc.assert(
    fc.property(arbitraryCopies, holder, (copies, { deliveryAttempt, ...row }) => {
      const messages = copies.map(([request, at]) => stored(request, at));
      const frame = encodeFrame(instance, frameOf(messages, row, deliveryAttempt));
      const expected = copies.map(([request, at]) => copyOf(request, at, row, deliveryAttempt));
      expect(ReadResponse.decode(frame).messages).toEqual(expected);
      const holding = { instance, socket: row as SocketRow, attempt: () => deliveryAttempt };
      expect(messages.map((message) => decodeCopy(message, holding))).toEqual(expected);
    }),
  );
});

type Request = (typeof written)["generate"] extends (...args: never[]) => { value: infer R } ? R : never;
type Place = Pick<Stored, "sequence" | "revision" | "timeMs">;
type Row = Pick<SocketRow, "number" | "socketId" | "epoch">;

function stored({ metadata, ...request }: Request, at: Place): Stored {
  const body = encodeBody(WriteRequest.fromPartial({ ...request, ...(metadata && { metadata }) }));
  return { ...at, damaged: false, sender: request.sender, recipient: request.socketId, body };
}

function frameOf(messages: Stored[], row: Row, deliveryAttempt: number): Frame {
  return {
    socket: row as SocketRow,
    messages,
    attempt: () => deliveryAttempt,
    event: undefined,
    position: { epoch: row.epoch, sequence: 0 },
    backlogCount: 0,
    droppedCount: 0,
    gapReason: undefined,
  };
}

function copyOf(request: Request, at: Place, row: Row, deliveryAttempt: number): Message {
  const author = request.sender || (row.number === 1 ? request.socketId : row.socketId);
  return {
    ...Message.fromPartial({}),
    header: `[team-chat-from-${author}]`,
    content: request.message,
    timestamp: new Date(at.timeMs),
    metadata: request.metadata,
    messageId: messageIdOf(instance, at.revision),
    sender: request.sender,
    sequence: BigInt(at.sequence),
    epoch: row.epoch,
    recipient: request.socketId,
    toHeader: `[team-chat-to-${request.socketId}]`,
    threadId: request.threadId,
    replyTo: request.replyTo,
    deliveryAttempt,
  };
}
