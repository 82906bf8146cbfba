/**
 * What no client of ours would send: each meets a clear status, changes nothing, and the server goes on. The decoder's
 * own tests are in decode.test.ts; here the bytes go over the wire to a real server.
 */
import { status } from "@grpc/grpc-js";
import fc from "fast-check";
import { expect, test } from "vitest";
import { WriteStreamResponse } from "../gen/ts/socketregistry/v1/socket_registry.js";
import type { Refusal } from "./support/client.js";
import { framed, type Outcome } from "./support/frames.js";
import { field, methods, textPlaces, varint } from "./support/malformed.js";
import { create, refused, startWatched, text, write } from "./support/watched.js";
import { refusalOf } from "./support/write-stream.js";

/** Set to try more random requests. */
const runs = process.env["LONG"] === "1" ? 20_000 : 400;

test("invalid UTF-8 is refused in every place for a text that the service has", async () => {
  const { send, expectNothingHappened } = await startWatched();
  let places = 0;
  for (const invalid of [[0xc3, 0x28], [0xed, 0xa0, 0x80], [0xff]]) {
    for (const { name, input } of methods) {
      for (const { path, bytes } of textPlaces(input, Buffer.from(invalid))) {
        places++;
        const outcome = await send(name, bytes);
        // What one write of a stream has wrong is told in its result, and ends nothing.
        const isStreamed = name === "WriteStream";
        const { code, reason, text } = isStreamed ? refusedResult(outcome) : refused(outcome);
        expect({ path, code, reason }).toEqual({ path, code: status.INVALID_ARGUMENT, reason: "INVALID_FIELD" });
        expect(text).toContain(`the request is not a valid ${isStreamed ? "Write" : name}Request`);
      }
    }
  }
  expect(places).toBeGreaterThan(150);
  await expectNothingHappened();
});

/** The refusal of the only write of a WriteStream, which itself ended with OK. */
function refusedResult({ error, answer }: Outcome): Refusal {
  expect(error.code).toBe(status.OK);
  const [result] = WriteStreamResponse.decode(answer).results;
  return refusalOf(result ?? expect.unreachable("no result"));
}

// A request whose id stands first and is nobody's: whatever of the rest is decoded, nothing happens.
const wholeWrite = Buffer.concat([
  field(1, text("nobody")),
  write({ message: "hello", metadata: { a: [1, { b: "c" }] }, sender: "s", replyTo: "r", includeSender: true }),
]);
const wholeCreate = Buffer.concat([
  field(4, text("team-chat-all")),
  create({
    model: "m",
    prompt: "p",
    context: { a: [null, { b: 1.5 }] },
    labels: { l: "v" },
    config: { maxQueueSize: 300 },
  }),
]);

test.each([
  ["Write", wholeWrite],
  ["Create", wholeCreate],
])("a %s that is cut off anywhere is refused, and never half of it done", async (name, whole) => {
  const { send, expectNothingHappened } = await startWatched();
  const known = [status.INVALID_ARGUMENT, status.NOT_FOUND, status.FAILED_PRECONDITION];
  for (let length = 1; length <= whole.length; length++) {
    expect(known).toContain(refused(await send(name, whole.subarray(0, length))).code);
  }
  await expectNothingHappened();
});

const notDecodable: [string, Buffer][] = [
  ["a varint of eleven bytes", Buffer.concat([Buffer.from([0x40]), Buffer.alloc(10, 0xff), Buffer.from([1])])],
  ["a tag of a field beyond all numbers", Buffer.alloc(11, 0xff)],
  ["a text longer than the request", Buffer.from([0x12, 0x7f, 0x61])],
  ["a text of 4 GiB", Buffer.from([0x12, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x61])],
  ["a text of a negative length", Buffer.concat([Buffer.from([0x12]), Buffer.alloc(9, 0xff), Buffer.from([1])])],
  ["a stray end of a group", Buffer.from([0x0c, 0x12, 0x01, 0x61])],
  ["a group without an end", Buffer.from([0x93, 0x7d])],
  ["the zero tag", Buffer.from([0x00, 0x12, 0x01, 0x61])],
  ["wire type 6", Buffer.from([0x0e, 0x01])],
  ["wire type 7", Buffer.from([0x0f, 0x01])],
  ["a Struct cut off inside", field(3, Buffer.from([0x0a, 0x05, 0x0a, 0x01]))],
  ["a Struct longer than what holds it", field(3, Buffer.from([0x0a, 0x7f, 0x0a, 0x01, 0x61]))],
];

test.each(notDecodable)("%s is refused as no valid request", async (_, bytes) => {
  const { send, expectNothingHappened } = await startWatched();
  const request = Buffer.concat([field(1, text("x")), bytes]);
  expect(refused(await send("Write", request))).toMatchObject({
    code: status.INVALID_ARGUMENT,
    reason: "INVALID_FIELD",
  });
  await expectNothingHappened();
});

test("unknown fields are accepted and dropped, and so is a known one with another wire type", async () => {
  const { service, send } = await startWatched();
  await service.drain("x");
  const unknown = [field(1_000, text("future")), varint(1_001, 5n), varint(2, 7), field(8, text("not a flag"))];
  const inside = field(3, Buffer.concat([field(9, text("future")), field(1, field(1, text("a")))]));
  const { error } = await send("Write", Buffer.concat([write({ socketId: "x", message: "m" }), ...unknown, inside]));
  expect(error.code).toBe(status.OK);
  expect(await service.drain("x")).toMatchObject([{ content: "m", metadata: {} }]);
  expect(refused(await send("Write", varint(1, 5)))).toMatchObject({ reason: "INVALID_SOCKET_ID", field: "socket_id" });
});

/** A Struct of so many levels, every second one a list. */
function nested(levels: number): Buffer {
  let value = levels % 2 === 0 ? field(6, Buffer.alloc(0)) : field(5, Buffer.alloc(0));
  for (let level = levels - 1; level > 1; level--) {
    value = level % 2 === 0 ? field(6, field(1, value)) : field(5, entry(value));
  }
  return levels === 1 ? Buffer.alloc(0) : entry(value);
}
const entry = (value: Buffer) => field(1, Buffer.concat([field(1, text("k")), field(2, value)]));

test("a Struct of 30 levels is taken, and one of 31, of 100 and of 1,000 is refused for its depth", async () => {
  const { service, send, expectNothingHappened } = await startWatched();
  for (const levels of [31, 32, 33, 34, 50, 100, 1_000]) {
    const told = { code: status.INVALID_ARGUMENT, reason: "CONTEXT_TOO_DEEP", metadata: { limit: "30" } };
    expect(refused(await send("Create", field(3, nested(levels))))).toMatchObject(told);
    const message = Buffer.concat([field(1, text("x")), field(3, nested(levels))]);
    expect(refused(await send("Write", message))).toMatchObject(told);
  }
  await expectNothingHappened();
  const { error } = await send("Create", Buffer.concat([field(4, text("deep")), field(3, nested(30))]));
  expect(error.code).toBe(status.OK);
  expect((await service.socket("deep")).context).toHaveProperty("k");
});

test.each([
  [
    "of a context",
    "Create",
    field(3, field(1, Buffer.concat([field(1, text("__proto__")), field(2, field(3, text("v")))]))),
  ],
  ["deep in metadata", "Write", field(3, entry(field(5, field(1, field(1, text("__proto__"))))))],
  ["of labels", "Create", field(5, Buffer.concat([field(1, text("__proto__")), field(2, text("v"))]))],
  ["of match_labels", "Write", field(9, Buffer.concat([field(1, text("__proto__")), field(2, text("v"))]))],
])("a key __proto__ %s is refused, since it would be lost", async (_, method, bytes) => {
  const { send, expectNothingHappened } = await startWatched();
  const request = method === "Write" ? Buffer.concat([field(1, text("x")), bytes]) : bytes;
  const told = refused(await send(method, request));
  expect(told).toMatchObject({ code: status.INVALID_ARGUMENT, reason: "INVALID_FIELD" });
  expect(told.text).toContain("__proto__");
  await expectNothingHappened();
});

test("names that objects have of their own are keys like any other", async () => {
  const { service } = await startWatched();
  const context = { constructor: "c", toString: "t", hasOwnProperty: { valueOf: 1 }, text: "__proto__" };
  await service.create({ socketId: "keys", context, labels: { constructor: "c" } });
  expect(await service.socket("keys")).toMatchObject({ context, labels: { constructor: "c" } });
});

test("a request above everything is refused before it is read, and the connection goes on", async () => {
  const { raw, send, expectNothingHappened } = await startWatched({ maxRequestBytes: 100_000 });
  const above = await send("Write", field(2, Buffer.alloc(100_000)));
  expect(above.error).toMatchObject({ code: status.RESOURCE_EXHAUSTED });
  const promised = await raw.call("Write", Buffer.from([0, 0xff, 0xff, 0xff, 0xff]));
  expect(promised.error).toMatchObject({ code: status.RESOURCE_EXHAUSTED });
  expect((await send("GetServerInfo", Buffer.alloc(0))).error.code).toBe(status.OK);
  await expectNothingHappened();
});

test("a request of millions of tiny parts costs little and is refused", async () => {
  const { send, expectNothingHappened } = await startWatched();
  const nulls = field(6, Buffer.alloc(20_000_000, Buffer.from([0x0a, 0x02, 0x08, 0x00])));
  const labels = Buffer.alloc(20_000_000, Buffer.from([0x2a, 0x00]));
  expect(refused(await send("Create", field(3, entry(nulls))))).toMatchObject({ reason: "INVALID_FIELD" });
  expect(refused(await send("Create", labels))).toMatchObject({ reason: "INVALID_FIELD" });
  const states = field(3, Buffer.alloc(20_000_000, 1));
  expect(refused(await send("ListSockets", states))).toMatchObject({ reason: "INVALID_FIELD", field: "states" });
  await expectNothingHappened();
});

test.each([
  ["no message at all", Buffer.alloc(0)],
  ["half a frame head", Buffer.from([0, 0, 0])],
  ["less than the frame promised", Buffer.from([0, 0, 0, 0, 10, 1, 2])],
  ["two messages", Buffer.concat([framed(write({ socketId: "x" })), framed(write({ socketId: "x" }))])],
])("a call with %s ends with an error", async (_, body) => {
  const { raw, expectNothingHappened } = await startWatched();
  expect((await raw.call("Write", body)).error.code).toBeGreaterThan(0);
  await expectNothingHappened();
});

test("no bytes make the server fail, and every refusal has a reason", async () => {
  const { service, send } = await startWatched();
  const whole = new Map([
    ["Create", wholeCreate],
    ["Write", wholeWrite],
    ["WriteStream", field(1, wholeWrite)],
  ]);
  const changes = fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { minLength: 1, maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(
      // A stream of answers that is accepted may wait for ever. Its request is decoded like any other.
      fc.constantFrom(...methods.filter(({ methodKind }) => methodKind !== "server_streaming")),
      changes,
      fc.uint8Array({ maxLength: 60 }),
      async ({ name }, spots, random) => {
        const bytes = Buffer.from(whole.get(name) ?? random);
        for (const [place, byte] of spots) if (place < bytes.length) bytes[place] = byte;
        const { error } = await send(name, bytes);
        if (error.code === status.OK) return;
        expect(refused({ error, answer: bytes }).reason).not.toBe("INTERNAL");
      },
    ),
    { numRuns: runs },
  );
  expect(service.server.logged.filter(({ level }) => Number(level) >= 40)).toEqual([]);
  expect((await service.contents("x"))[0]).toBe("there before");
});
