/** What is read and written by hand for Write and WriteStream is what the generated code reads and writes. */
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  SkipReason,
  WriteRequest as WireWrite,
  WriteResponse,
  WriteStreamResponse,
} from "../gen/ts/socketregistry/v1/socket_registry.js";
import { configWith } from "../src/config.js";
import { RegistryError } from "../src/registry/errors.js";
import type { WriteAnswer, WriteRequest } from "../src/registry/write.js";
import type { Written } from "../src/registry/write-stream.js";
import { encodeAnswer, encodeWritten } from "../src/rpc/answer-bytes.js";
import { MessageRequests } from "../src/rpc/message-requests.js";
import { toPlainRetry } from "../src/rpc/retry.js";
import { statusMessage } from "../src/rpc/status.js";
import { readPlainWrite } from "../src/rpc/write-bytes.js";
import { toWriteResponse } from "../src/rpc/writes.js";
import { varintLength, writeVarint } from "../src/varint.js";
import { field, varint } from "./support/malformed.js";

const numRuns = process.env["LONG"] === "1" ? 100_000 : 3_000;
/** Small, so that what is too long is met. */
const limits = configWith({ maxContentBytes: 40, maxStringBytes: 12, maxMetadataBytes: 60 });
const requests = new MessageRequests(limits);

/** The fast way; undefined when it leaves the request alone. */
function fast(bytes: Buffer): WriteRequest | undefined {
  return readPlainWrite(bytes, limits, (fields) => toPlainRetry("", fields));
}

/** The plain way: an unknown field in front is nothing that the fast way knows, and nothing to the request. */
function plain(bytes: Buffer): WriteRequest | RegistryError {
  const led = Buffer.concat([varint(100, 1), bytes]);
  expect(fast(led)).toBeUndefined();
  try {
    return requests.write(led);
  } catch (error) {
    if (error instanceof RegistryError) return error;
    throw error;
  }
}

/** Everything of a request, its body as bytes that can be compared. */
function shape(request: WriteRequest | RegistryError) {
  return request instanceof RegistryError ? request : { ...request, body: Buffer.from(request.body).toString("hex") };
}

function expectSame(bytes: Buffer): void {
  const read = fast(bytes);
  if (read === undefined) return;
  expect(shape(read)).toEqual(shape(plain(bytes)));
}

const id = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,10}$/);
const anyId = fc.oneof(
  { weight: 6, arbitrary: id },
  fc.constantFrom("team-chat-all", "", "a".repeat(128), "a".repeat(129), "a/b", ".a", "a b", "ä", "a\n", "__proto__"),
);
const text = (bytesMax: number) =>
  fc.oneof(
    fc.string({ unit: "grapheme", maxLength: bytesMax / 4 }),
    fc.constantFrom("", "m".repeat(bytesMax), "m".repeat(bytesMax + 1), "ä".repeat(bytesMax / 2), "🙂".repeat(9)),
    fc.constantFrom(`${"m".repeat(bytesMax - 1)}ä`, "\u{feff}bom", "\u0000", "__proto__"),
  );
const sound = (bytesMax: number) => text(bytesMax).filter((value) => Buffer.byteLength(value) <= bytesMax);

const whole = {
  socketId: anyId,
  message: text(40),
  sender: fc.oneof(fc.constant(""), anyId),
  requestId: fc.oneof(fc.constant(""), text(12)),
  threadId: fc.oneof(fc.constant(""), text(12)),
  replyTo: fc.oneof(fc.constant(""), text(12)),
  includeSender: fc.boolean(),
};
const rich = fc.record({
  ...whole,
  metadata: fc.option(fc.dictionary(fc.string({ maxLength: 5 }), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 2 })),
  matchLabels: fc.oneof(fc.constant({}), fc.dictionary(fc.string({ maxLength: 5 }), fc.string({ maxLength: 5 }))),
});
/** What nearly every request is. */
const usual = fc.record({
  socketId: fc.oneof(id, fc.constantFrom("team-chat-all", "a".repeat(128))),
  message: sound(40),
  sender: fc.oneof(fc.constant(""), id),
  requestId: fc.oneof(fc.constant(""), sound(12)),
  threadId: fc.oneof(fc.constant(""), sound(12)),
  replyTo: fc.oneof(fc.constant(""), sound(12)),
  includeSender: fc.boolean(),
});

const encoded = (request: object) => Buffer.from(WireWrite.encode(WireWrite.fromPartial(request)).finish());

/** The fields of a message, each with its tag. */
function partsOf(bytes: Buffer): Buffer[] {
  const reader = new BinaryReader(bytes);
  const parts: Buffer[] = [];
  while (reader.pos < reader.len) {
    const start = reader.pos;
    const [number, type] = reader.tag();
    reader.skip(type, number);
    parts.push(bytes.subarray(start, reader.pos));
  }
  return parts;
}

/** A field with its length in more bytes than it needs. */
function overlong(number: number, value: Buffer, extra: number): Buffer {
  const length = Buffer.from([value.length | 0x80, ...Array(extra - 1).fill(0x80), 0x00]);
  return Buffer.concat([Buffer.from([(number << 3) | WireType.LengthDelimited]), length, value]);
}

/** Fields that a generated client would not send like this, or not twice. */
const oddPart = fc.oneof(
  fc.tuple(fc.integer({ min: 1, max: 12 }), text(12)).map(([number, value]) => field(number, Buffer.from(value))),
  fc.tuple(fc.integer({ min: 1, max: 12 }), fc.uint8Array({ maxLength: 6 })).map((made) => field(...made)),
  fc
    .tuple(fc.integer({ min: 1, max: 9 }), id, fc.integer({ min: 1, max: 5 }))
    .map(([number, value, extra]) => overlong(number, Buffer.from(value), extra)),
  fc
    .tuple(fc.integer({ min: 1, max: 12 }), fc.constantFrom(0, 1, 2, 128, 2 ** 40))
    .map(([n, value]) => varint(n, value)),
  fc.constantFrom(
    Buffer.from([0x40, 0x81, 0x00]),
    Buffer.from([0x40, 0x80, 0x00]),
    Buffer.from([0x40, 0x80, 0x80, 0x01]),
    Buffer.from([0x8a, 0x00, 0x01, 0x61]),
    Buffer.from([0x00]),
    Buffer.from([0x43, 0x44]),
    Buffer.from([0x0d, 1, 2, 3, 4]),
    field(2, Buffer.from([0xc3, 0x28])),
    field(5, Buffer.from([0xed, 0xa0, 0x80])),
  ),
);

describe("a Write that is read from its bytes", () => {
  test("is read whenever it is what nearly all are, and as the plain way reads it", () => {
    fc.assert(
      fc.property(usual, (request) => {
        const bytes = encoded(request);
        const read = fast(bytes);
        expect(read && shape(read)).toEqual(shape(plain(bytes)));
        expect(read).toMatchObject({ socketId: request.socketId, sender: request.sender });
      }),
      { numRuns },
    );
  });

  test("is the same whatever order its fields have", () => {
    fc.assert(
      fc.property(usual, fc.infiniteStream(fc.nat()), (request, places) => {
        const parts = partsOf(encoded(request));
        const mixed = parts.map((part) => ({ part, place: places.next().value ?? 0 }));
        const bytes = Buffer.concat(mixed.sort((a, b) => a.place - b.place).map(({ part }) => part));
        const read = fast(bytes);
        expect(read && shape(read)).toEqual(shape(plain(bytes)));
      }),
      { numRuns },
    );
  });

  test("is read as the plain way does or left to it, whatever its fields are", () => {
    fc.assert(
      fc.property(rich, (request) => expectSame(encoded(request))),
      { numRuns },
    );
  });

  test("is read as the plain way does or left to it, however its bytes are", () => {
    const odd = fc.array(fc.tuple(fc.nat(10), oddPart), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(fc.record(whole), odd, fc.nat(10), (request, additions, leftOut) => {
        const parts = partsOf(encoded(request));
        parts.splice(leftOut, 1);
        for (const [place, part] of additions) parts.splice(place, 0, part);
        expectSame(Buffer.concat(parts));
      }),
      { numRuns },
    );
  });

  test("is never half a message when it is cut off or changed", () => {
    const changes = fc.array(fc.tuple(fc.nat(60), fc.nat(255)), { maxLength: 3 });
    fc.assert(
      fc.property(usual, fc.nat(80), changes, (request, length, spots) => {
        const bytes = encoded(request).subarray(0, length);
        for (const [place, byte] of spots) if (place < bytes.length) bytes[place] = byte;
        expectSame(bytes);
      }),
      { numRuns },
    );
  });

  test("is read or left alone when it is no message at all", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 30 }), (bytes) => expectSame(Buffer.from(bytes))),
      { numRuns },
    );
  });

  test("is left alone when a text in it is no UTF-8, or an id is none", () => {
    for (const number of [1, 2, 4, 5, 6, 7]) {
      for (const invalid of [[0xc3, 0x28], [0xed, 0xa0, 0x80], [0xff], [0x61, 0xc3]]) {
        const others = number === 1 ? [] : [field(1, Buffer.from("x"))];
        const bytes = Buffer.concat([...others, field(number, Buffer.from(invalid))]);
        expect(fast(bytes), `field ${number}: ${invalid}`).toBeUndefined();
        expect(plain(bytes)).toMatchObject({ reason: "INVALID_FIELD" });
      }
    }
  });

  test("is read at every limit and left alone one past it", () => {
    const at = (request: object) => fast(encoded({ socketId: "x", ...request })) !== undefined;
    for (const name of ["requestId", "threadId", "replyTo"]) {
      expect([at({ [name]: "a".repeat(12) }), at({ [name]: "a".repeat(13) })], name).toEqual([true, false]);
      expect([at({ [name]: "ä".repeat(6) }), at({ [name]: `${"ä".repeat(6)}a` })], name).toEqual([true, false]);
    }
    expect([at({ message: "a".repeat(40) }), at({ message: "a".repeat(41) })]).toEqual([true, false]);
    expect([at({ socketId: "a".repeat(128) }), at({ socketId: "a".repeat(129) })]).toEqual([true, false]);
    expect([at({ sender: "a".repeat(128) }), at({ sender: "a".repeat(129) })]).toEqual([true, false]);
    expect([at({ sender: "team-chat-all" }), at({ socketId: "" }), at({ metadata: {} })]).toEqual([
      false,
      false,
      false,
    ]);
  });
});

const count = fc.oneof(fc.nat(300), fc.constantFrom(127, 128, 16_383, 16_384, 2 ** 21, 2 ** 28, 2 ** 31, 2 ** 32 - 1));
const answer = fc.record({
  messageId: fc.stringMatching(/^[0-9a-f]{8}-[0-9a-z]{1,11}$/),
  deliveredCount: count,
  skippedCount: count,
  results: fc.array(
    fc.record({
      socketId: fc.oneof(id, fc.constant("")),
      sequence: fc.oneof(count, fc.maxSafeNat()),
      skipReason: fc.constantFrom(undefined, "SOCKET_INACTIVE", "SOCKET_UNRESPONSIVE", "QUEUE_FULL", "SENDER"),
    }),
    { maxLength: 4 },
  ),
  duplicate: fc.boolean(),
  revision: fc.constant(1),
  timeMs: fc.constant(1),
}) as fc.Arbitrary<WriteAnswer>;

describe("an answer that is written by hand", () => {
  const log = { error: () => {} };

  test("decodes to what the generated code would have sent", () => {
    fc.assert(
      fc.property(answer, (given) => {
        expect(WriteResponse.decode(encodeAnswer(given))).toEqual(toWriteResponse(given));
      }),
      { numRuns },
    );
  });

  test("is the same on a stream, beside refusals", () => {
    const refusal = fc
      .tuple(fc.string({ unit: "grapheme" }), fc.dictionary(fc.constantFrom("field", "limit"), fc.string()))
      .map(([message, metadata]) => ({ error: new RegistryError("INVALID_FIELD", message, metadata) }));
    const defect = fc.constant({ error: new Error("a defect") });
    const written = fc.array(
      fc.oneof(
        answer.map((given) => ({ answer: given })),
        refusal,
        defect,
      ),
      { maxLength: 6 },
    );
    fc.assert(
      fc.property(written, (given: Written[]) => {
        const results = given.map((one) => ({
          outcome:
            "answer" in one
              ? { $case: "response" as const, value: toWriteResponse(one.answer) }
              : { $case: "error" as const, value: statusMessage(one.error, log) },
        }));
        expect(WriteStreamResponse.decode(encodeWritten(given, log))).toEqual({ results });
      }),
      { numRuns: numRuns / 10 },
    );
  });

  test("has every reason for a skip, and as many results as there may be", () => {
    const results = Array.from({ length: 1_000 }, (_, index) => ({
      ...{ socketId: `s${index}`, sequence: index, skipReason: undefined },
    }));
    const given = { messageId: "01234567-1", revision: 1, timeMs: 1, duplicate: true };
    const counts = { deliveredCount: 999_999, skippedCount: 100_000 };
    const whole = WriteResponse.decode(encodeAnswer({ ...given, ...counts, results }));
    expect(whole).toMatchObject({ ...counts, duplicate: true });
    expect(whole.results).toHaveLength(1_000);
    const skipReason = "QUEUE_FULL";
    const one = encodeAnswer({ ...given, ...counts, results: [{ socketId: "x", sequence: 0, skipReason }] });
    expect(WriteResponse.decode(one).results[0]?.skipReason).toBe(SkipReason.SKIP_REASON_QUEUE_FULL);
  });
});

describe("a varint", () => {
  const borders = Array.from({ length: 53 }, (_, bit) => [2 ** bit - 1, 2 ** bit, 2 ** bit + 1]).flat();
  const numbers = [...borders, 2 ** 53 - 1, 2 ** 53];

  /** The number as the generated encoders write it. */
  function written(value: number): Buffer {
    return Buffer.from(new BinaryWriter().uint64(BigInt(value)).finish());
  }

  function expectVarint(value: number): void {
    const expected = written(value);
    const bytes = Buffer.alloc(12, 0xee);
    const place = writeVarint(bytes, 1, value);
    expect(bytes.subarray(1, place), String(value)).toEqual(expected);
    expect([place - 1, varintLength(value)]).toEqual([expected.length, expected.length]);
    expect([bytes[0], bytes[place]]).toEqual([0xee, 0xee]);
  }

  test("is written as protobuf does, at every border between lengths and around it", () => {
    for (const value of numbers) expectVarint(value);
  });

  test("is written as protobuf does for every number up to 2^53", () => {
    fc.assert(fc.property(fc.oneof(fc.nat(), fc.maxSafeNat()), expectVarint), { numRuns });
  });
});
