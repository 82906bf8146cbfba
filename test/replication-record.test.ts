/** The record of a socket as the first registry wrote and reads it. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { encodeRecord, parseRecord, type SocketRecord } from "../src/replication/record.js";

const created = Date.UTC(2025, 5, 26, 10, 0, 0, 123);

const socket: SocketRecord = {
  socketId: "c",
  model: "m",
  prompt: "p",
  context: {},
  createdMs: created,
  state: "UNRESPONSIVE",
  lastActivityMs: created + 1,
  messages: [{ content: "persisted 2", timeMs: created + 1, metadata: { k: [1, { z: null }] } }],
};

/** The record that the first registry left in its backup (row 090 of the transcript), with times. */
const golden = {
  socket_id: "c",
  model: "m",
  prompt: "p",
  context: {},
  created_at: "2025-06-26T10:00:00.123000",
  state: "unresponsive",
  last_activity: "2025-06-26T10:00:00.124000",
  message_queue: [
    {
      header: "[team-chat-to-c]",
      content: "persisted 2",
      timestamp: "2025-06-26T10:00:00.124000",
      metadata: { k: [1, { z: null }] },
    },
  ],
};

const parsed = (changes: object) => parseRecord({ ...golden, ...changes });
const message = (changes: object) => ({ message_queue: [{ ...golden.message_queue[0], ...changes }] });
const parsedMessages = (messages: readonly unknown[]) => {
  const result = parsed({ message_queue: messages });
  return "record" in result ? result.record.messages : result.fault;
};

test("a record is what the first registry wrote, with its fields in its order and no other", () => {
  const { key, data, metadata } = encodeRecord(socket, { revision: 7, state: "never this" });
  expect(JSON.stringify(data)).toBe(JSON.stringify(golden));
  expect(key).toBe("c");
  expect(metadata).toEqual({ type: "ai_socket", model: "m", state: "unresponsive", revision: 7 });
  expect(parseRecord(golden)).toEqual({ record: socket });
});

test("a socket that was never used has no last activity and an empty queue", () => {
  const fresh: SocketRecord = { ...socket, lastActivityMs: undefined, messages: [] };
  const { data } = encodeRecord(fresh);
  expect(data).toMatchObject({ last_activity: null, message_queue: [] });
  expect(parseRecord(data)).toEqual({ record: fresh });
});

test("what is encoded is parsed to the same", () => {
  const object = fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 4 }).map(asJson);
  const timeMs = fc.integer({ min: 0, max: Date.UTC(2200, 0) });
  const records: fc.Arbitrary<SocketRecord> = fc.record({
    socketId: fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,20}$/),
    model: fc.string({ unit: "binary" }),
    prompt: fc.string({ unit: "binary" }),
    context: object,
    createdMs: timeMs,
    state: fc.constantFrom("ACTIVE", "INACTIVE", "UNRESPONSIVE"),
    lastActivityMs: fc.option(timeMs, { nil: undefined }),
    messages: fc.array(fc.record({ content: fc.string({ unit: "binary" }), timeMs, metadata: object }), {
      maxLength: 5,
    }),
  });
  fc.assert(
    fc.property(records, (record) => {
      const { data } = asJson(encodeRecord(record));
      expect(parseRecord(data)).toEqual({ record });
      expect(Object.keys(data)).toEqual(Object.keys(golden));
    }),
  );
});

function asJson<T>(value: T): T {
  return JSON.parse(JSON.stringify(value));
}

test.each([
  ["active", "ACTIVE"],
  ["inactive", "INACTIVE"],
  ["unresponsive", "UNRESPONSIVE"],
])("the state %s", (state, expected) => {
  expect(parsed({ state })).toMatchObject({ record: { state: expected } });
});

test.each([
  ["2025-06-26T10:00:00.123456", created],
  ["2025-06-26T10:00:00.123999", created],
  ["2025-06-26T10:00:00.123", created],
  ["2025-06-26T10:00:00.1", created - 23],
  ["2025-06-26T10:00:00.123456789", created],
  ["2025-06-26T10:00:00", created - 123],
  ["2025-06-26 10:00:00", created - 123],
  ["2025-06-26T10:00:00.123456Z", created],
  ["2025-06-26T10:00:00.123456+00:00", created],
  ["2025-06-26T12:30:00.123456+02:30", created],
  ["2025-06-26T05:00:00.123456-05:00", created],
  ["2024-02-29T00:00:00", Date.UTC(2024, 1, 29)],
])("the time %s is read", (text, expected) => {
  expect(parsed({ created_at: text })).toMatchObject({ record: { createdMs: expected } });
});

test.each([
  ["", "created_at"],
  [null, "created_at"],
  [1750000000, "created_at"],
  ["2025-02-30T00:00:00", "created_at"],
  ["2025-13-01T00:00:00", "created_at"],
  ["2025-06-26T24:00:00", "created_at"],
  ["2025-06-26T10:00:60", "created_at"],
  ["2025-06-26", "created_at"],
  ["yesterday", "created_at"],
])("the time %j is refused", (text, field) => {
  expect(parsed({ created_at: text })).toEqual({ fault: `has a time that is none: ${field}` });
});

/** What `write` was given, in the rows of the transcript, and how the message it left in the record is read. */
test.each([
  ["012 a text", { content: "one", metadata: {} }, { content: "one", metadata: {} }],
  ["013 metadata", { content: "two", metadata: { n: 1 } }, { content: "two", metadata: { n: 1 } }],
  ["014 nothing", { content: "", metadata: {} }, { content: "", metadata: {} }],
  ["027 None", { content: null, metadata: {} }, { content: "", metadata: {} }],
  [
    "028 a dict, and a list as metadata",
    { content: { x: 1 }, metadata: ["l"] },
    { content: '{"x":1}', metadata: { value: ["l"] } },
  ],
  [
    "029 a string as metadata",
    { content: "m", metadata: "str-meta" },
    { content: "m", metadata: { value: "str-meta" } },
  ],
  ["030 zero as metadata", { content: "m", metadata: 0 }, { content: "m", metadata: {} }],
  ["an empty list as metadata", { content: "m", metadata: [] }, { content: "m", metadata: {} }],
  ["null as metadata", { content: "m", metadata: null }, { content: "m", metadata: {} }],
  ["a number", { content: 0, metadata: {} }, { content: "0", metadata: {} }],
  ["false", { content: false, metadata: {} }, { content: "false", metadata: {} }],
  ["a list", { content: ["é", null], metadata: 1 }, { content: '["é",null]', metadata: { value: 1 } }],
])("a message of the first registry: %s", (_, written, expected) => {
  expect(parsed(message(written))).toEqual({
    record: { ...socket, messages: [{ timeMs: created + 1, ...expected }] },
  });
});

test("a message that lacks something (row 048) has the time of the one before, and of the socket at first", () => {
  const later = "2025-06-26T10:00:05";
  expect(
    parsedMessages([{ content: "left2" }, { timestamp: later }, { content: "z", timestamp: "", extra: 1 }]),
  ).toEqual([
    { content: "left2", timeMs: created, metadata: {} },
    { content: "", timeMs: created + 4_877, metadata: {} },
    { content: "z", timeMs: created + 4_877, metadata: {} },
  ]);
});

test.each([
  ["002 team-chat-all", { type: "broadcast" }, { type: "broadcast" }],
  ["null", null, {}],
  ["a list", ["x"], { value: ["x"] }],
])("a context of the first registry: %s", (_, context, expected) => {
  expect(parsed({ context })).toMatchObject({ record: { context: expected } });
});

test.each([
  [{ state: "asleep" }, 'has the unknown state "asleep"'],
  [{ state: "toString" }, 'has the unknown state "toString"'],
  [{ state: "ACTIVE" }, 'has the unknown state "ACTIVE"'],
  [{ state: null }, "has a state that is no string"],
  [{ extra: 1, "more\n": 2 }, 'has fields that are none of it: "extra", "more\\n"'],
  [{ socket_id: 1 }, "has a socket_id that is no string"],
  [{ model: null }, "has a model that is no string"],
  [{ prompt: {} }, "has a prompt that is no string"],
  [{ last_activity: "never" }, "has a time that is none: last_activity"],
  [{ last_activity: "" }, "has a time that is none: last_activity"],
  [{ message_queue: {} }, "has a message_queue that is no list"],
  [{ message_queue: ["m"] }, "has a message that is no object"],
  [message({ timestamp: 5 }), "has a time that is none: the timestamp of a message"],
])("a record with %j is refused, and the fault says why", (changes, fault) => {
  expect(parsed(changes)).toEqual({ fault });
});

test("a record that lacks fields is refused, and the fault names them", () => {
  const { model: _, last_activity: __, ...rest } = golden;
  expect(parseRecord(rest)).toEqual({ fault: "lacks model, last_activity" });
  expect(parseRecord({})).toEqual({ fault: expect.stringContaining("lacks socket_id, model, prompt, context") });
});
