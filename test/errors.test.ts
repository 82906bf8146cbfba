/**
 * The errors of the contract, each of them met by a real client of a real server: status, reason, domain, values, and
 * the field where a field is at fault.
 */
import { status } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { AckMode, ConflictPolicy, ResetScope } from "../gen/ts/socketregistry/v1/socket_registry.js";
import { type Reason, storageUnavailable } from "../src/registry/errors.js";
import { refusal } from "./support/client.js";
import { startFaulty } from "./support/faulty.js";
import { acknowledge, requeue } from "./support/inbox.js";
import { knownReasons } from "./support/reasons.js";
import { type Case, create, invalid, nested, read, team, testRefusals, write } from "./support/refusals.js";

const notFound = { code: status.NOT_FOUND, metadata: { socket_id: "nobody" } };
const isProtected = { code: status.FAILED_PRECONDITION, metadata: { socket_id: team } };
const mismatch = { code: status.ABORTED, metadata: { socket_id: "x", etag: "2" } };
const superseded = { code: status.ABORTED, metadata: { socket_id: "x" } };
const isReused = invalid("request_id");
const badId = (field = "socket_id") => invalid(field, { pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$" });
const noMessage = (messageId: string) => ({ code: status.NOT_FOUND, metadata: { message_id: messageId } });
const limited = (metadata: Record<string, string>) => ({ code: status.RESOURCE_EXHAUSTED, metadata });

const marks = (socketId: string, expected: Case["expected"]): Case[] =>
  (["markActive", "markInactive", "markUnresponsive"] as const).map((how) => ({
    how,
    call: (s) => s[how]({ socketId }),
    expected,
  }));
const everyMinute = { heartbeatInterval: { seconds: 60n } };

/**
 * How each reason is met, but for INVALID_FIELD, which has a file of its own. A reason that has no way here does not
 * compile, and fails the last test.
 */
const cases: Record<Exclude<Reason, "INVALID_FIELD">, readonly Case[]> = {
  SOCKET_NOT_FOUND: [
    { how: "Write", call: (s) => s.write({ socketId: "nobody" }), expected: notFound },
    { how: "Read", call: (s) => s.drain("nobody"), expected: notFound },
    { how: "Peek", call: (s) => s.peek({ socketId: "nobody" }), expected: notFound },
    { how: "Reset", call: (s) => s.reset({ socketId: "nobody" }), expected: notFound },
    { how: "Delete", call: (s) => s.delete({ socketId: "nobody" }), expected: notFound },
    { how: "GetSocketInfo", call: (s) => s.socket("nobody"), expected: notFound },
    { how: "Acknowledge", call: (s) => acknowledge(s, { socketId: "nobody" }), expected: notFound },
    { how: "Requeue", call: (s) => requeue(s, { socketId: "nobody" }), expected: notFound },
    { how: "Heartbeat", call: (s) => s.heartbeat({ socketId: "nobody" }), expected: notFound },
    { how: "Update", call: (s) => s.update({ socketId: "nobody" }), expected: notFound },
    { how: "Ask", call: (s) => s.ask({ socketId: "nobody" }).frame(), expected: notFound },
    ...marks("nobody", notFound),
  ],
  MESSAGE_NOT_FOUND: [
    { how: "GetMessage", call: (s) => s.getMessage({ messageId: "m" }), expected: noMessage("m") },
    { how: "GetMessage of nothing", call: (s) => s.getMessage({}), expected: noMessage("") },
  ],
  SOCKET_DELETED: [
    {
      how: "an open Read of a socket that is deleted",
      async call(service) {
        const reading = service.read({ socketId: "x", ...everyMinute });
        await reading.event();
        await service.delete({ socketId: "x" });
        throw await reading.end();
      },
      expected: { code: status.NOT_FOUND, metadata: { socket_id: "x" } },
    },
  ],
  SOCKET_EXISTS: [
    {
      ...create("Create of an id that is taken", { socketId: "x" }),
      expected: { code: status.ALREADY_EXISTS, metadata: { socket_id: "x" } },
    },
  ],
  INVALID_SOCKET_ID: [
    { how: "Write without one", call: (s) => s.write({ socketId: "" }), expected: badId() },
    { how: "Read", call: (s) => s.drain("a/b"), expected: badId() },
    { how: "Peek", call: (s) => s.peek({ socketId: ".a" }), expected: badId() },
    { how: "Reset", call: (s) => s.reset({ socketId: "a b" }), expected: badId() },
    { how: "Delete", call: (s) => s.delete({ socketId: "ä", allowMissing: true }), expected: badId() },
    { how: "GetSocketInfo", call: (s) => s.socket("a\n"), expected: badId() },
    { how: "MarkActive", call: (s) => s.markActive({ socketId: "a".repeat(129) }), expected: badId() },
    { how: "Acknowledge", call: (s) => acknowledge(s, { socketId: "a/b" }), expected: badId() },
    { how: "Requeue", call: (s) => requeue(s, { socketId: "a/b" }), expected: badId() },
    { how: "Heartbeat", call: (s) => s.heartbeat({ socketId: "a/b" }), expected: badId() },
    { how: "Update", call: (s) => s.update({ socketId: "a/b" }), expected: badId("socket.socket_id") },
    { how: "Watch", call: (s) => s.watch({ socketId: "a/b" }).frame(), expected: badId() },
    { how: "Ask", call: (s) => s.ask({ socketId: "a/b" }).frame(), expected: badId() },
    { ...create("Create", { socketId: "-a" }), expected: badId() },
    { ...write("a sender that is no id", { sender: "a]b" }), expected: badId("sender") },
    { how: "an asker that is no id", call: (s) => s.ask({ sender: "a]b" }).frame(), expected: badId("sender") },
  ],
  MESSAGE_TOO_LARGE: [
    {
      ...write("content one byte too long", { message: "m".repeat(101) }),
      config: { maxContentBytes: 100 },
      expected: invalid("message", { limit: "100", size: "101" }),
    },
    {
      ...write("metadata one byte too long", { metadata: { a: "m".repeat(88) } }),
      config: { maxMetadataBytes: 96 },
      expected: invalid("metadata", { limit: "96", size: "97" }),
    },
  ],
  CONTEXT_TOO_DEEP: [
    { ...create("a context of 31 levels", { context: nested(31) }), expected: invalid("context", { limit: "30" }) },
    { ...write("metadata of 31 levels", { metadata: nested(31) }), expected: invalid("metadata", { limit: "30" }) },
    {
      ...write("metadata that is too deep to decode", { metadata: nested(33) }),
      expected: { code: status.INVALID_ARGUMENT, metadata: { limit: "30" } },
    },
  ],
  AFTER_NOT_ALLOWED: [
    {
      ...read("after with EXPLICIT", { ackMode: AckMode.ACK_MODE_EXPLICIT, after: { sequence: 0 } }),
      expected: invalid("after"),
    },
  ],
  CONSUMER_NOT_ALLOWED: [
    { ...read("a consumer of a socket", { consumer: "c" }), expected: invalid("consumer") },
    { how: "Peek", call: (s) => s.peek({ socketId: "x", consumer: "c" }), expected: invalid("consumer") },
    {
      how: "Acknowledge",
      call: (s) => acknowledge(s, { socketId: "x", consumer: "c" }),
      expected: invalid("consumer"),
    },
    { how: "Requeue", call: (s) => requeue(s, { socketId: "x", consumer: "c" }), expected: invalid("consumer") },
  ],
  REQUEST_ID_REUSED: [
    {
      how: "Write",
      async call(service) {
        await service.write({ socketId: "x", message: "one", requestId: "r" });
        await service.write({ socketId: "x", message: "two", requestId: "r" });
      },
      expected: isReused,
    },
    {
      how: "Create",
      async call(service) {
        await service.create({ model: "one", requestId: "r" });
        await service.create({ model: "two", requestId: "r" });
      },
      expected: isReused,
    },
    {
      how: "Ask",
      async call(service) {
        await service.ask({ message: "one", requestId: "r" }).asked();
        await service.ask({ message: "two", requestId: "r" }).asked();
      },
      expected: isReused,
    },
  ],
  SOCKET_INACTIVE: [
    {
      how: "Write to a socket that left",
      async call(service) {
        await service.markInactive({ socketId: "x" });
        await service.write({ socketId: "x" });
      },
      expected: { code: status.FAILED_PRECONDITION, metadata: { socket_id: "x", state: "INACTIVE" } },
    },
  ],
  SOCKET_UNRESPONSIVE: [
    {
      how: "Write to a socket that does not answer",
      async call(service) {
        await service.markUnresponsive({ socketId: "x" });
        await service.write({ socketId: "x" });
      },
      expected: { code: status.FAILED_PRECONDITION, metadata: { socket_id: "x", state: "UNRESPONSIVE" } },
    },
  ],
  BROADCAST_SOCKET_PROTECTED: [
    {
      ...create("Create", { socketId: team, onConflict: ConflictPolicy.CONFLICT_POLICY_REPLACE }),
      expected: isProtected,
    },
    { how: "Delete", call: (s) => s.delete({ socketId: team }), expected: isProtected },
    { how: "Update", call: (s) => s.update({ socketId: team }), expected: isProtected },
    { how: "Heartbeat", call: (s) => s.heartbeat({ socketId: team }), expected: isProtected },
    ...marks(team, isProtected),
    {
      how: "Reset of its context",
      call: (s) => s.reset({ socketId: team, scope: ResetScope.RESET_SCOPE_CONTEXT }),
      expected: isProtected,
    },
  ],
  EPOCH_MISMATCH: [
    {
      how: "Heartbeat for a socket that is another by now",
      call: (s) => s.heartbeat({ socketId: "x", epoch: "other" }),
      expected: { code: status.FAILED_PRECONDITION, metadata: { socket_id: "x", epoch: expect.any(String) } },
    },
  ],
  READER_SUPERSEDED: [
    {
      how: "an open Read when an exclusive one comes",
      async call(service) {
        const reading = service.read({ socketId: "x", ...everyMinute });
        await reading.event();
        await service.read({ socketId: "x", exclusive: true, ...everyMinute }).event();
        throw await reading.end();
      },
      expected: superseded,
    },
    {
      how: "Read beside an exclusive one",
      async call(service) {
        await service.read({ socketId: "x", exclusive: true, ...everyMinute }).event();
        await service.drain("x");
      },
      expected: superseded,
    },
  ],
  ETAG_MISMATCH: [
    { how: "Update of another version", call: (s) => s.update({ socketId: "x", etag: "other" }), expected: mismatch },
    {
      how: "Reset of another version",
      call: (s) => s.reset({ socketId: "x", etag: "other" }),
      expected: mismatch,
    },
    {
      how: "Delete of another version",
      call: (s) => s.delete({ socketId: "x", etag: "other" }),
      expected: mismatch,
    },
  ],
  QUEUE_FULL: [
    {
      how: "Write to a full queue",
      config: { maxQueueMessages: 1 },
      async call(service) {
        await service.write({ socketId: "x", message: "fills it" });
        await service.write({ socketId: "x", message: "too many" });
      },
      expected: {
        code: status.RESOURCE_EXHAUSTED,
        metadata: { socket_id: "x", queue_size: "1", queue_bytes: expect.stringMatching(/^\d+$/) },
      },
    },
  ],
  SOCKET_LIMIT: [
    {
      ...create("Create beyond the limit", {}),
      config: { maxSockets: 1 },
      expected: limited({ limit: "1" }),
    },
  ],
  READER_LIMIT: [
    {
      how: "Read beside as many as may be",
      config: { maxReadersPerSocket: 1 },
      async call(service) {
        await service.read({ socketId: "x", ...everyMinute }).event();
        await service.drain("x");
      },
      expected: limited({ socket_id: "x", limit: "1" }),
    },
    {
      how: "Watch beside as many as may be",
      config: { maxWatches: 1 },
      async call(service) {
        await service.watch().snapshot();
        await service.watch().frame();
      },
      expected: limited({ limit: "1" }),
    },
    {
      how: "Ask beside as many as may be",
      config: { maxAsks: 1 },
      async call(service) {
        await service.ask().asked();
        await service.ask().asked();
      },
      expected: limited({ limit: "1" }),
    },
    {
      how: "one consumer of the feed more than may be",
      config: { maxConsumers: 1 },
      async call(service) {
        await service.drain(team, { consumer: "one" });
        await service.drain(team, { consumer: "two" });
      },
      expected: { ...limited({ field: "consumer", limit: "1" }), field: "consumer" },
    },
  ],
  STORAGE_FULL: [
    {
      ...write("Write to a full store", { message: "m".repeat(10_000) }),
      config: { maxStoreBytes: 10_000 },
      expected: {
        code: status.RESOURCE_EXHAUSTED,
        metadata: { limit: "10000", store_bytes: expect.stringMatching(/^\d+$/) },
      },
    },
  ],
  POSITION_LOST: [
    {
      ...read("a position of another epoch", { after: { epoch: "other", sequence: 0 } }),
      expected: {
        code: status.OUT_OF_RANGE,
        metadata: { socket_id: "x", epoch: expect.any(String), oldest_sequence: "1", tail_sequence: "0" },
      },
    },
    {
      how: "a revision that never was",
      call: (s) => s.watch({ afterRevision: 1_000 }).frame(),
      expected: {
        code: status.OUT_OF_RANGE,
        metadata: { after_revision: "1000", oldest_revision: expect.stringMatching(/^\d+$/), revision: "2" },
      },
    },
  ],
  SHUTTING_DOWN: [
    {
      how: "an open Read when the server stops",
      async call(service) {
        const reading = service.read({ socketId: "x", ...everyMinute });
        await reading.event();
        const [end] = await Promise.all([reading.end(), service.server.stop()]);
        throw end;
      },
      expected: { code: status.UNAVAILABLE, metadata: {} },
    },
  ],
  // process.test.ts does it with a disk that fails.
  STORAGE_UNAVAILABLE: [
    {
      how: "Write when the store fails",
      async call() {
        const { service } = await startFaulty({ durable: storeFails });
        await service.write({ socketId: team });
      },
      expected: { code: status.UNAVAILABLE, metadata: {} },
    },
  ],
  NOT_IMPLEMENTED: [
    {
      ...create("issue_token", { issueToken: true }),
      expected: { ...invalid("issue_token"), code: status.UNIMPLEMENTED },
    },
  ],
};

const storeFails = () => Promise.reject(storageUnavailable(new Error("secret")));

describe.each(Object.entries(cases))("%s", (reason, ways) => testRefusals(reason as Reason, ways));

test("a store that fails fails every call that needs it, and its cause stays in the server", async () => {
  const { service } = await startFaulty({ durable: storeFails });
  const calls = [
    service.create(),
    service.write({ socketId: team }),
    service.drain(team),
    service.info(),
    service.ask().frame(),
    service.watch().frame(),
    service.getMessage({ messageId: "m" }),
    acknowledge(service, { socketId: team }),
  ];
  for (const refused of await Promise.all(calls.map(refusal))) {
    expect(refused.reason).toBe("STORAGE_UNAVAILABLE");
    expect(JSON.stringify(refused)).not.toContain("secret");
  }
});

test("INTERNAL: of a defect the client learns nothing and the log everything", async () => {
  const defect = new TypeError("secret");
  const fail = () => {
    throw defect;
  };
  const { service, logged } = await startFaulty({ find: fail });
  const calls = [service.write({ socketId: "x", message: "m" }), service.drain("x")];
  for (const refused of await Promise.all(calls.map(refusal))) {
    expect(refused).toEqual({
      code: status.INTERNAL,
      reason: "INTERNAL",
      domain: "socketregistry.v1",
      metadata: {},
      text: "the server failed; its log says why",
    });
  }
  expect(logged).toEqual([{ err: defect }, { err: defect }]);
  expect((await service.info()).socketCount).toBe(0);
});

test("every reason that the registry knows is produced here", () => {
  const produced = Object.entries(cases).filter(([, ways]) => ways.length > 0);
  expect([...produced.map(([reason]) => reason), "INVALID_FIELD"].sort()).toEqual(knownReasons().sort());
});
