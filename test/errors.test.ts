/**
 * The errors of the contract, each of them met by a real client of a real server: status, reason, domain, values, and
 * the field where a field is at fault.
 */
import { readFileSync } from "node:fs";
import { status } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import {
  AckMode,
  ConflictPolicy,
  type CreateRequest,
  type OverflowPolicy,
  type ReadRequest,
  ResetScope,
  type SocketState,
  type WriteRequest,
} from "../gen/ts/socketregistry/v1/socket_registry.js";
import type { Config } from "../src/config.js";
import { type Reason, storageUnavailable } from "../src/registry/errors.js";
import { type Part, type Refusal, refusal, startService } from "./support/client.js";
import { startFaulty } from "./support/faulty.js";

const team = "team-chat-all";

interface Case {
  readonly how: string;
  /** Settings of the server; the socket `x` is there already. */
  readonly config?: Partial<Config>;
  /** The call that is refused. */
  call(service: Started): Promise<unknown>;
  readonly expected: Omit<Refusal, "reason" | "domain" | "text">;
}
type Started = Awaited<ReturnType<typeof startService>>;

const notFound = { code: status.NOT_FOUND, metadata: { socket_id: "nobody" } };
const isProtected = { code: status.FAILED_PRECONDITION, metadata: { socket_id: team } };
const mismatch = { code: status.ABORTED, metadata: { socket_id: "x", etag: "2" } };
const invalid = (field: string, metadata: Record<string, string> = {}) => ({
  code: status.INVALID_ARGUMENT,
  metadata: { field, ...metadata },
  field,
});
const badId = (field = "socket_id") => invalid(field, { pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$" });
const notYet = (field: string) => ({ ...invalid(field), code: status.UNIMPLEMENTED });

const create = (how: string, request: Part<CreateRequest>) => ({ how, call: (s: Started) => s.create(request) });
const write = (how: string, request: Part<WriteRequest>) => ({
  how,
  call: (s: Started) => s.write({ socketId: "x", ...request }),
});
const read = (how: string, request: Part<ReadRequest>) => ({ how, call: (s: Started) => s.drain("x", request) });
const marks = (socketId: string, expected: Case["expected"]): Case[] =>
  (["markActive", "markInactive", "markUnresponsive"] as const).map((how) => ({
    how,
    call: (s) => s[how]({ socketId }),
    expected,
  }));
const nested = (levels: number): Record<string, unknown> => (levels === 1 ? {} : { a: nested(levels - 1) });

/** How each reason is met. A reason that has no way here does not compile, and fails the last test. */
const cases: Record<Reason, readonly Case[]> = {
  SOCKET_NOT_FOUND: [
    { how: "Write", call: (s) => s.write({ socketId: "nobody" }), expected: notFound },
    { how: "Read", call: (s) => s.drain("nobody"), expected: notFound },
    { how: "Peek", call: (s) => s.peek({ socketId: "nobody" }), expected: notFound },
    { how: "Reset", call: (s) => s.reset({ socketId: "nobody" }), expected: notFound },
    { how: "Delete", call: (s) => s.delete({ socketId: "nobody" }), expected: notFound },
    { how: "GetSocketInfo", call: (s) => s.socket("nobody"), expected: notFound },
    ...marks("nobody", notFound),
  ],
  SOCKET_DELETED: [
    {
      how: "an open Read of a socket that is deleted",
      async call(service) {
        const reading = service.read({ socketId: "x", heartbeatInterval: { seconds: 60n } });
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
    { ...create("Create", { socketId: "-a" }), expected: badId() },
    { ...write("a sender that is no id", { sender: "a]b" }), expected: badId("sender") },
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
  INVALID_FIELD: [
    { ...create("a model too long", { model: "m".repeat(257) }), expected: invalid("model", { limit: "256" }) },
    {
      ...create("a prompt too long", { prompt: "pp" }),
      config: { maxPromptBytes: 1 },
      expected: invalid("prompt", { limit: "1" }),
    },
    {
      ...create("a context too large", { context: { a: "b" } }),
      config: { maxContextBytes: 9 },
      expected: invalid("context", { limit: "9", size: "10" }),
    },
    {
      ...create("too many labels", { labels: { a: "", b: "" } }),
      config: { maxLabels: 1 },
      expected: invalid("labels", { limit: "1" }),
    },
    { ...create("a label without a key", { labels: { "": "a" } }), expected: invalid("labels") },
    {
      ...create("a label too long", { labels: { a: "b".repeat(257) } }),
      expected: invalid("labels", { limit: "256" }),
    },
    { ...create("an unknown on_conflict", { onConflict: 9 as ConflictPolicy }), expected: invalid("on_conflict") },
    {
      ...create("an unknown overflow_policy", { config: { overflowPolicy: 9 as OverflowPolicy } }),
      expected: invalid("config.overflow_policy"),
    },
    {
      ...create("a negative duration", { config: { ackDeadline: { seconds: -1n } } }),
      expected: invalid("config.ack_deadline"),
    },
    {
      ...create("a number beyond what is exact", { config: { maxQueueBytes: 9_007_199_254_740_992n } }),
      expected: invalid("config.max_queue_bytes"),
    },
    { ...write("a sender that is everybody", { sender: team }), expected: invalid("sender") },
    { ...write("a thread too long", { threadId: "t".repeat(257) }), expected: invalid("thread_id", { limit: "256" }) },
    {
      ...write("an answer to too long an id", { replyTo: "t".repeat(257) }),
      expected: invalid("reply_to", { limit: "256" }),
    },
    { ...read("an unknown ack_mode", { ackMode: 9 as AckMode }), expected: invalid("ack_mode") },
    { ...read("too short a heartbeat", { heartbeatInterval: { nanos: 1 } }), expected: invalid("heartbeat_interval") },
    {
      ...read("too long a sender to leave out", { excludeSender: "s".repeat(257) }),
      expected: invalid("exclude_sender", { limit: "256" }),
    },
    {
      ...read("too long an epoch", { after: { epoch: "e".repeat(257) } }),
      expected: invalid("after.epoch", { limit: "256" }),
    },
    {
      how: "an unknown scope",
      call: (s) => s.reset({ socketId: "x", scope: 9 as ResetScope }),
      expected: invalid("scope"),
    },
    {
      how: "too long an etag for Reset",
      call: (s) => s.reset({ socketId: "x", etag: "e".repeat(257) }),
      expected: invalid("etag", { limit: "256" }),
    },
    {
      how: "too long an etag for Delete",
      call: (s) => s.delete({ socketId: "x", etag: "e".repeat(257) }),
      expected: invalid("etag", { limit: "256" }),
    },
    {
      how: "too long a reason",
      call: (s) => s.markInactive({ socketId: "x", reason: "r".repeat(257) }),
      expected: invalid("reason", { limit: "256" }),
    },
    {
      how: "too large a page",
      call: (s) => s.list({ pageSize: 1_001 }),
      expected: invalid("page_size", { limit: "1000" }),
    },
    { how: "a page token that is none", call: (s) => s.list({ pageToken: "?" }), expected: invalid("page_token") },
    { how: "an unknown state", call: (s) => s.list({ states: [9 as SocketState] }), expected: invalid("states") },
    {
      how: "too many states",
      call: (s) => s.list({ states: Array(17).fill(1) }),
      expected: invalid("states", { limit: "16" }),
    },
  ],
  AFTER_NOT_ALLOWED: [
    {
      ...read("after with EXPLICIT", { ackMode: AckMode.ACK_MODE_EXPLICIT, after: { sequence: 0 } }),
      expected: invalid("after"),
    },
  ],
  CONSUMER_NOT_ALLOWED: [{ ...read("a consumer of a socket", { consumer: "c" }), expected: invalid("consumer") }],
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
    ...marks(team, isProtected),
    {
      how: "Reset of its context",
      call: (s) => s.reset({ socketId: team, scope: ResetScope.RESET_SCOPE_CONTEXT }),
      expected: isProtected,
    },
  ],
  ETAG_MISMATCH: [
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
      expected: { code: status.RESOURCE_EXHAUSTED, metadata: { limit: "1" } },
    },
  ],
  READER_LIMIT: [
    {
      how: "Read beside as many as may be",
      config: { maxReadersPerSocket: 1 },
      async call(service) {
        await service.read({ socketId: "x", heartbeatInterval: { seconds: 60n } }).event();
        await service.drain("x");
      },
      expected: { code: status.RESOURCE_EXHAUSTED, metadata: { socket_id: "x", limit: "1" } },
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
  ],
  SHUTTING_DOWN: [
    {
      how: "an open Read when the server stops",
      async call(service) {
        const reading = service.read({ socketId: "x", heartbeatInterval: { seconds: 60n } });
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
    { ...create("request_id of Create", { requestId: "r" }), expected: notYet("request_id") },
    { ...create("issue_token", { issueToken: true }), expected: notYet("issue_token") },
    { ...create("a lease", { config: { leaseDuration: { seconds: 1n } } }), expected: notYet("config.lease_duration") },
    { ...create("a time to live", { config: { messageTtl: { nanos: 1 } } }), expected: notYet("config.message_ttl") },
    { ...write("request_id of Write", { requestId: "r" }), expected: notYet("request_id") },
    { ...write("match_labels", { matchLabels: { a: "b" } }), expected: notYet("match_labels") },
    { ...read("EXPLICIT", { ackMode: AckMode.ACK_MODE_EXPLICIT }), expected: notYet("ack_mode") },
    { ...read("exclusive", { exclusive: true }), expected: notYet("exclusive") },
    { how: "a consumer of the feed", call: (s) => s.drain(team, { consumer: "c" }), expected: notYet("consumer") },
    { how: "parked", call: (s) => s.peek({ socketId: "x", parked: true }), expected: notYet("parked") },
  ],
};

const storeFails = () => Promise.reject(storageUnavailable(new Error("secret")));

describe.each(Object.entries(cases))("%s", (reason, ways) => {
  test.each(ways)("$how", async ({ call, config, expected }) => {
    const service = await startService(config);
    await service.createAll("x");
    const refused = await refusal(call(service));
    expect(refused).toEqual({ ...expected, reason, domain: "socketregistry.v1", text: refused.text });
    expect(refused.text).toMatch(/^\S.{10,}[^.]$/);
    expect(service.server.logged.filter(({ level }) => Number(level) >= 50)).toEqual([]);
  });
});

test("a store that fails fails every call that needs it, and its cause stays in the server", async () => {
  const { service } = await startFaulty({ durable: storeFails });
  for (const call of [service.create(), service.write({ socketId: team }), service.drain(team), service.info()]) {
    const refused = await refusal(call);
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
  for (const call of [service.write({ socketId: "x", message: "m" }), service.drain("x")]) {
    const refused = await refusal(call);
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
  const source = readFileSync(new URL("../src/registry/errors.ts", import.meta.url), "utf8");
  const union = source.slice(source.indexOf("export type Reason"), source.indexOf(";"));
  const reasons = [...union.matchAll(/"([A-Z_]+)"/g)].map((match) => match[1]);
  const produced = Object.entries(cases).filter(([, ways]) => ways.length > 0);
  expect(produced.map(([reason]) => reason).sort()).toEqual(reasons.sort());
});
