/** Values at their bounds and past them, in requests that go over the wire to a real server by hand. */
import { status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import type { Config } from "../src/config.js";
import type { Refusal } from "./support/client.js";
import { field, methods, varint } from "./support/malformed.js";
import { create, refused, startWatched, text, write } from "./support/watched.js";

const labels = (size: number) => Object.fromEntries(Array.from({ length: size }, (_, at) => [at, ""]));
const seconds = (count: number) => ({ seconds: BigInt(count) });
const paths = (size: number) => Buffer.concat(Array(size).fill(field(1, text("model"))));

/** A setting, and by how long a text or how many items a request is just within it; one more is refused. */
const bounds: [string, Partial<Config>, (size: number) => [string, Uint8Array], number, Partial<Refusal>][] = [
  [
    "content",
    {},
    (size) => ["Write", write({ socketId: "x", message: "m".repeat(size) })],
    1_048_576,
    { reason: "MESSAGE_TOO_LARGE", field: "message" },
  ],
  [
    "content in bytes, not letters",
    { maxContentBytes: 21 },
    (size) => ["Write", write({ socketId: "x", message: `€€${"m".repeat(size)}` })],
    15,
    { reason: "MESSAGE_TOO_LARGE" },
  ],
  [
    "metadata",
    {},
    (size) => ["Write", write({ socketId: "x", metadata: { a: "m".repeat(size) } })],
    65_521,
    { reason: "MESSAGE_TOO_LARGE", field: "metadata" },
  ],
  [
    "context",
    {},
    (size) => ["Create", create({ context: { a: "m".repeat(size) } })],
    262_129,
    { reason: "INVALID_FIELD", field: "context" },
  ],
  [
    "prompt",
    {},
    (size) => ["Create", create({ prompt: "p".repeat(size) })],
    262_144,
    { reason: "INVALID_FIELD", field: "prompt" },
  ],
  [
    "model",
    {},
    (size) => ["Create", create({ model: "m".repeat(size) })],
    256,
    { reason: "INVALID_FIELD", field: "model" },
  ],
  [
    "the key of a label",
    {},
    (size) => ["Create", create({ labels: { ["k".repeat(size)]: "v" } })],
    256,
    { field: "labels" },
  ],
  [
    "the value of a label",
    {},
    (size) => ["Create", create({ labels: { k: "v".repeat(size) } })],
    256,
    { field: "labels" },
  ],
  ["the number of labels", {}, (size) => ["Create", create({ labels: labels(size) })], 32, { field: "labels" }],
  [
    "thread_id",
    {},
    (size) => ["Write", write({ socketId: "x", threadId: "t".repeat(size) })],
    256,
    { field: "thread_id" },
  ],
  [
    "request_id",
    {},
    (size) => ["Write", write({ socketId: "x", requestId: "r".repeat(size) })],
    256,
    { reason: "INVALID_FIELD", field: "request_id" },
  ],
  [
    "the number of labels to match",
    {},
    (size) => ["Write", write({ socketId: "team-chat-all", matchLabels: labels(size) })],
    32,
    { field: "match_labels" },
  ],
  ["a lease", {}, (size) => ["Create", create({ config: { leaseDuration: seconds(size) } })], 315_360_000, {}],
  ["a time to live", {}, (size) => ["Create", create({ config: { messageTtl: seconds(size) } })], 315_360_000, {}],
  ["a deadline", {}, (size) => ["Create", create({ config: { ackDeadline: seconds(size) } })], 604_800, {}],
  [
    "the sequences of an Acknowledge",
    {},
    (size) => ["Acknowledge", Buffer.concat([field(1, text("x")), ...Array(size).fill(varint(4, 7))])],
    10_000,
    { field: "sequences" },
  ],
  [
    "the sequences of a Requeue",
    {},
    (size) => ["Requeue", Buffer.concat([field(1, text("x")), ...Array(size).fill(varint(2, 7))])],
    10_000,
    { field: "sequences" },
  ],
  [
    "the paths of an update",
    {},
    (size) => ["Update", Buffer.concat([field(1, field(1, text("x"))), field(2, paths(size))])],
    64,
    { field: "update_mask" },
  ],
  [
    "an id",
    {},
    (size) => ["Create", create({ socketId: "i".repeat(size) })],
    128,
    { reason: "INVALID_SOCKET_ID", field: "socket_id" },
  ],
];

test.each(bounds)("%s is taken at its limit and refused one past it", async (_, settings, request, limit, told) => {
  const { send, expectNothingHappened } = await startWatched(settings);
  const [method, past] = request(limit + 1);
  expect(refused(await send(method, past))).toMatchObject({ code: status.INVALID_ARGUMENT, ...told });
  await expectNothingHappened();
  expect((await send(method, request(limit)[1])).error).toMatchObject({ code: status.OK });
});

const unsafe = [
  "a/b",
  "../a",
  ".a",
  "-a",
  "_a",
  "a b",
  "a\n",
  "a\u0000",
  "a]",
  "ä",
  "日本",
  "a%2f",
  "a".repeat(129),
  "",
];

test.each(unsafe.map((id) => [JSON.stringify(id.slice(0, 9)), id]))(
  "the id %s is refused everywhere",
  async (_, id) => {
    const { send, expectNothingHappened } = await startWatched();
    const told = { code: status.INVALID_ARGUMENT, reason: "INVALID_SOCKET_ID", field: "socket_id" };
    for (const { name, input } of methods) {
      const place = input.fields.find((desc) => desc.name === "socket_id");
      // Without an id Create makes one, Watch is for all, and Ask for the team.
      if (place === undefined || (["Create", "Watch", "Ask"].includes(name) && id === "")) continue;
      expect(refused(await send(name, field(place.number, text(id))))).toMatchObject(told);
    }
    const bySender = write({ socketId: "x", sender: id });
    if (id !== "") expect(refused(await send("Write", bySender))).toMatchObject({ ...told, field: "sender" });
    await expectNothingHappened();
  },
);

const numbers: [string, string, Buffer, string][] = [
  ["on_conflict 4", "Create", varint(8, 4), "on_conflict"],
  ["on_conflict -1", "Create", varint(8, -1), "on_conflict"],
  ["overflow_policy 2147483647", "Create", field(6, varint(7, 2_147_483_647)), "config.overflow_policy"],
  ["ack_mode 4", "Read", varint(4, 4), "ack_mode"],
  ["scope -2147483648", "Reset", varint(2, -2_147_483_648), "scope"],
  ["states 4", "ListSockets", varint(3, 4), "states"],
  ["a heartbeat of a negative time", "Read", field(8, varint(1, -5)), "heartbeat_interval"],
  [
    "a heartbeat of all seconds there are",
    "Read",
    field(8, varint(1, 9_223_372_036_854_775_807n)),
    "heartbeat_interval",
  ],
  ["a deadline of negative nanoseconds", "Create", field(6, field(3, varint(2, -1))), "config.ack_deadline"],
  [
    "a deadline of a whole second in nanoseconds",
    "Create",
    field(6, field(3, varint(2, 1_000_000_000))),
    "config.ack_deadline",
  ],
  ["a deadline of more than ten years", "Create", field(6, field(3, varint(1, 315_360_001))), "config.ack_deadline"],
  ["a deadline of more than a week", "Create", field(6, field(3, varint(1, 604_801))), "config.ack_deadline"],
  ["a negative lease", "Create", field(6, field(1, varint(1, -1))), "config.lease_duration"],
  ["a lease of all time", "Create", field(6, field(1, varint(1, 9_223_372_036_854_775_807n))), "config.lease_duration"],
  ["a negative time to live", "Create", field(6, field(2, varint(1, -1))), "config.message_ttl"],
  ["a negative delay", "Acknowledge", field(7, varint(1, -1)), "retry_delay"],
  ["a deadline of nothing", "Acknowledge", field(9, Buffer.alloc(0)), "ack_deadline"],
  ["a sequence of 2^53", "Acknowledge", varint(4, 2n ** 53n), "sequences"],
  ["a time to wait of a negative second", "Ask", field(5, varint(1, -1)), "timeout"],
  ["a heartbeat of a Watch of a negative time", "Watch", field(3, varint(1, -5)), "heartbeat_interval"],
  ["a revision of 2^53", "Watch", varint(1, 2n ** 53n), "after_revision"],
  ["max_outstanding of all numbers", "Read", varint(7, 4_294_967_295n), "max_outstanding"],
  ["a page of 1,001", "ListSockets", varint(1, 1_001), "page_size"],
  ["a page of all numbers", "ListSockets", varint(1, 4_294_967_295n), "page_size"],
  ["a page of a negative size", "Peek", varint(2, -1), "page_size"],
];

test.each(numbers)("%s is refused with its field", async (_, name, bytes, wrong) => {
  const { send, expectNothingHappened } = await startWatched();
  const id = methods.find((method) => method.name === name)?.input.fields.find((desc) => desc.name === "socket_id");
  const socketId = id === undefined ? [] : [field(id.number, text(name === "Create" ? "new" : "x"))];
  expect(refused(await send(name, Buffer.concat([...socketId, bytes])))).toMatchObject({
    code: status.INVALID_ARGUMENT,
    reason: "INVALID_FIELD",
    field: wrong,
  });
  await expectNothingHappened();
});
