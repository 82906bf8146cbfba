/** The life of a socket: creation, states, reset, delete and the etag. */
import { status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import {
  ConflictPolicy,
  OverflowPolicy,
  ResetScope,
  SkipReason,
  SocketState,
  StateReason,
} from "../gen/ts/socketregistry/v1/socket_registry.js";
import { refusal, startService } from "./support/client.js";

const team = "team-chat-all";
const { SOCKET_STATE_ACTIVE, SOCKET_STATE_INACTIVE, SOCKET_STATE_UNRESPONSIVE } = SocketState;

const full = {
  socketId: "x",
  model: "Claude 3",
  prompt: "Be präzise. 🙂",
  context: { list: [1, { deep: [true, null] }], text: "🙂" },
  labels: { team: "a", constructor: "b", "": "" },
  config: {
    leaseDuration: { seconds: 0n },
    ackDeadline: { seconds: 90n, nanos: 500_000_000 },
    maxQueueSize: 7,
    maxQueueBytes: 9_007_199_254_740_991n,
    maxDeliveryAttempts: 3,
    overflowPolicy: OverflowPolicy.OVERFLOW_POLICY_DROP_OLDEST,
    acceptWhenAway: true,
  },
};

test("a created socket is as it was asked for, ACTIVE and empty", async () => {
  const service = await startService();
  const { "": _, ...labels } = full.labels;
  const before = Date.now();
  const { socket, duplicate, token } = await service.create({ ...full, labels });
  expect({ duplicate, token }).toEqual({ duplicate: false, token: "" });
  expect(socket).toMatchObject({
    ...full,
    labels,
    config: { ...full.config, leaseDuration: { seconds: 0n, nanos: 0 } },
    state: SOCKET_STATE_ACTIVE,
    stateReason: StateReason.STATE_REASON_UNSPECIFIED,
    stateMessage: "",
    queueSize: 0,
    inFlightCount: 0,
    parkedCount: 0,
    droppedCount: 0n,
    readerCount: 0,
    tail: { sequence: 0n },
    oldestUnsettledTime: undefined,
    lastSeenTime: undefined,
    leaseExpireTime: undefined,
  });
  expect(socket?.config?.messageTtl).toBeUndefined();
  expect(socket?.etag).not.toBe("");
  expect(socket?.tail?.epoch).not.toBe("");
  expect(socket?.createdAt?.getTime()).toBeGreaterThanOrEqual(before);
  expect(socket?.lastActivity).toEqual(socket?.createdAt);
  expect(await service.socket("x")).toEqual(socket);
});

test.each([
  ["claude-3-sonnet", /^claude_3_sonnet_[0-9a-f]{8}$/],
  ["  GPT 4 (Turbo)!  ", /^gpt_4_turbo_[0-9a-f]{8}$/],
  ["", /^socket_[0-9a-f]{8}$/],
  ["日本語", /^socket_[0-9a-f]{8}$/],
  ["a".repeat(200), /^a{100}_[0-9a-f]{8}$/],
  [`${"a".repeat(99)}-b`, /^a{99}_[0-9a-f]{8}$/],
])("an id made from the model %j is safe and tells the model", async (model, pattern) => {
  const service = await startService();
  const first = await service.create({ model });
  const second = await service.create({ model });
  expect(first.socket?.socketId).toMatch(pattern);
  expect(second.socket?.socketId).toMatch(pattern);
  expect(second.socket?.socketId).not.toBe(first.socket?.socketId);
  expect(first.socket?.model).toBe(model);
});

test("an id that is taken is refused unless the request says otherwise", async () => {
  const service = await startService();
  const { socket } = await service.create({ socketId: "x", model: "first" });
  for (const onConflict of [ConflictPolicy.CONFLICT_POLICY_UNSPECIFIED, ConflictPolicy.CONFLICT_POLICY_FAIL]) {
    expect(await refusal(service.create({ socketId: "x", model: "second", onConflict }))).toMatchObject({
      code: status.ALREADY_EXISTS,
      reason: "SOCKET_EXISTS",
      metadata: { socket_id: "x" },
    });
  }
  expect(await service.socket("x")).toEqual(socket);
});

test("USE_EXISTING answers with the socket that is there and changes nothing", async () => {
  const service = await startService();
  const onConflict = ConflictPolicy.CONFLICT_POLICY_USE_EXISTING;
  const created = await service.create({ socketId: "x", prompt: "first", context: { a: 1 }, onConflict });
  await service.writeAll("x", "mail");
  const { revision } = await service.info();
  const found = await service.create({ socketId: "x", prompt: "second", context: {}, onConflict });
  expect(found.socket).toMatchObject({ prompt: "first", context: { a: 1 }, queueSize: 1, etag: created.socket?.etag });
  expect((await service.info()).revision).toBe(revision);
});

test("REPLACE puts a new and empty socket in the place of the old one", async () => {
  const service = await startService();
  const before = await service.create({ socketId: "x", prompt: "first", context: { a: 1 }, labels: { l: "1" } });
  await service.createAll("y");
  await service.writeAll("x", "mail");
  await service.markInactive({ socketId: "x", reason: "gone" });
  const { socket } = await service.create({
    socketId: "x",
    prompt: "second",
    onConflict: ConflictPolicy.CONFLICT_POLICY_REPLACE,
  });
  expect(socket).toMatchObject({
    prompt: "second",
    context: undefined,
    labels: {},
    state: SOCKET_STATE_ACTIVE,
    stateMessage: "",
    queueSize: 0,
    tail: { sequence: 0n },
  });
  expect(socket?.etag).not.toBe(before.socket?.etag);
  expect(socket?.tail?.epoch).not.toBe(before.socket?.tail?.epoch);
  expect((await service.list()).sockets.map(({ socketId }) => socketId)).toEqual([team, "y", "x"]);
  expect((await service.info()).socketCount).toBe(2);
});

test("of many creates of one id at once, one wins", async () => {
  const service = await startService();
  const attempts = await Promise.allSettled(Array.from({ length: 10 }, () => service.create({ socketId: "x" })));
  expect(attempts.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  expect((await service.info()).socketCount).toBe(1);
});

test("there may be as many sockets as the limit says; replacing one of them is no new one", async () => {
  const service = await startService({ maxSockets: 2 });
  await service.createAll("x", "y");
  expect(await refusal(service.create({ socketId: "z" }))).toMatchObject({
    code: status.RESOURCE_EXHAUSTED,
    reason: "SOCKET_LIMIT",
    metadata: { limit: "2" },
  });
  await service.create({ socketId: "x", onConflict: ConflictPolicy.CONFLICT_POLICY_REPLACE });
  await service.delete({ socketId: "y" });
  await service.createAll("z");
});

test("MarkInactive refuses writes and keeps mail, and MarkActive loses none of it", async () => {
  const service = await startService();
  await service.createAll("x");
  await service.writeAll("x", "one");
  const { socket: left } = await service.markInactive({ socketId: "x", reason: "lunch" });
  expect(left).toMatchObject({
    state: SOCKET_STATE_INACTIVE,
    stateReason: StateReason.STATE_REASON_CLIENT_LEFT,
    stateMessage: "lunch",
    queueSize: 1,
  });
  expect(await refusal(service.write({ socketId: "x", message: "two" }))).toMatchObject({
    code: status.FAILED_PRECONDITION,
    reason: "SOCKET_INACTIVE",
    metadata: { socket_id: "x" },
  });
  const { socket: back } = await service.markActive({ socketId: "x", reason: "back" });
  expect(back).toMatchObject({
    state: SOCKET_STATE_ACTIVE,
    stateReason: StateReason.STATE_REASON_OPERATOR,
    stateMessage: "back",
    tail: left?.tail,
  });
  await service.writeAll("x", "two");
  expect(await service.contents("x")).toEqual(["one", "two"]);
});

test("MarkUnresponsive refuses writes, and no sign of life heals what an operator said", async () => {
  const service = await startService();
  await service.createAll("x");
  const { socket } = await service.markUnresponsive({ socketId: "x", reason: "hangs" });
  expect(socket).toMatchObject({
    state: SOCKET_STATE_UNRESPONSIVE,
    stateReason: StateReason.STATE_REASON_OPERATOR,
    stateMessage: "hangs",
  });
  await service.drain("x");
  await service.write({ socketId: team, message: "I live", sender: "x" });
  expect(await refusal(service.write({ socketId: "x", message: "m" }))).toMatchObject({
    code: status.FAILED_PRECONDITION,
    reason: "SOCKET_UNRESPONSIVE",
    metadata: { socket_id: "x" },
  });
  await service.reset({ socketId: "x" });
  await service.writeAll("x", "m");
});

test("accept_when_away lets an inactive socket collect mail, and not one that an operator marked", async () => {
  const service = await startService();
  await service.create({ socketId: "x", config: { acceptWhenAway: true } });
  await service.markInactive({ socketId: "x" });
  await service.writeAll("x", "direct");
  expect(await service.write({ socketId: team, message: "broadcast" })).toMatchObject({ deliveredCount: 1 });
  await service.markUnresponsive({ socketId: "x" });
  expect((await refusal(service.write({ socketId: "x", message: "m" }))).reason).toBe("SOCKET_UNRESPONSIVE");
  const answer = await service.write({ socketId: team, message: "m" });
  expect(answer.results).toMatchObject([{ skipReason: SkipReason.SKIP_REASON_SOCKET_UNRESPONSIVE }]);
  expect(await service.contents("x")).toEqual(["direct", "broadcast"]);
});

test("Reset ALL empties queue and context, makes the socket ACTIVE and keeps the rest", async () => {
  const service = await startService();
  const { "": _, ...labels } = full.labels;
  await service.create({ ...full, labels });
  await service.writeAll("x", "one", "two");
  const { socket: before } = await service.markInactive({ socketId: "x", reason: "gone" });
  const { socket, droppedCount } = await service.reset({ socketId: "x" });
  expect(droppedCount).toBe(2);
  expect(socket).toMatchObject({
    model: before?.model,
    prompt: full.prompt,
    labels,
    config: before?.config,
    context: undefined,
    state: SOCKET_STATE_ACTIVE,
    stateReason: StateReason.STATE_REASON_UNSPECIFIED,
    stateMessage: "",
    queueSize: 0,
    createdAt: before?.createdAt,
    tail: { sequence: 0n },
  });
  expect(socket?.tail?.epoch).not.toBe(before?.tail?.epoch);
  expect(await service.socket("x")).toEqual(socket);
  expect(await service.contents("x")).toEqual([]);
});

test("Reset QUEUE clears the queue alone, and Reset CONTEXT the context alone", async () => {
  const service = await startService();
  await service.create({ socketId: "x", context: { a: 1 } });
  await service.writeAll("x", "one", "two");
  await service.markInactive({ socketId: "x", reason: "gone" });
  const before = await service.socket("x");
  const context = await service.reset({ socketId: "x", scope: ResetScope.RESET_SCOPE_CONTEXT });
  expect(context.droppedCount).toBe(0);
  expect(context.socket).toMatchObject({ context: undefined, queueSize: 2, tail: before.tail, state: before.state });
  const queue = await service.reset({ socketId: "x", scope: ResetScope.RESET_SCOPE_QUEUE });
  expect(queue.droppedCount).toBe(2);
  expect(queue.socket).toMatchObject({ queueSize: 0, state: SOCKET_STATE_INACTIVE, stateMessage: "gone" });
  expect(queue.socket?.tail?.epoch).not.toBe(before.tail?.epoch);
});

test("Delete removes the socket and tells how much mail went with it", async () => {
  const service = await startService();
  await service.createAll("x");
  await service.writeAll("x", "one", "two");
  expect(await service.delete({ socketId: "x" })).toEqual({ droppedCount: 2 });
  const calls = [
    service.socket("x"),
    service.delete({ socketId: "x" }),
    service.reset({ socketId: "x" }),
    service.peek({ socketId: "x" }),
    service.drain("x"),
    service.markActive({ socketId: "x" }),
    service.write({ socketId: "x", message: "m" }),
  ];
  for (const refused of await Promise.all(calls.map(refusal))) {
    expect(refused).toMatchObject({
      code: status.NOT_FOUND,
      reason: "SOCKET_NOT_FOUND",
      metadata: { socket_id: "x" },
    });
  }
  expect(await service.delete({ socketId: "x", allowMissing: true })).toEqual({ droppedCount: 0 });
});

test("an id that was deleted can be had again, and nothing of the old socket is left", async () => {
  const service = await startService();
  await service.create({ socketId: "x", prompt: "old", context: { a: 1 } });
  await service.writeAll("x", "old");
  const { epoch } = (await service.socket("x")).tail ?? {};
  await service.delete({ socketId: "x" });
  const { socket } = await service.create({ socketId: "x" });
  expect(socket).toMatchObject({ prompt: "", context: undefined, queueSize: 0, tail: { sequence: 0n } });
  expect(socket?.tail?.epoch).not.toBe(epoch);
  expect(await service.contents("x", { ackMode: 3, after: { sequence: 0 } })).toEqual([]);
});

test("the etag changes with state, context and epoch, and not with counters and readers", async () => {
  const service = await startService();
  await service.create({ socketId: "x", context: { a: 1 } });
  const etag = async () => (await service.socket("x")).etag;
  const first = await etag();
  await service.writeAll("x", "one");
  await service.write({ socketId: team, message: "two", sender: "x", includeSender: true });
  await service.drain("x");
  await service.peek({ socketId: "x" });
  expect(await etag()).toBe(first);
  const seen = new Set([first]);
  for (const change of [
    () => service.markInactive({ socketId: "x" }),
    () => service.markUnresponsive({ socketId: "x" }),
    () => service.markActive({ socketId: "x" }),
    () => service.reset({ socketId: "x", scope: ResetScope.RESET_SCOPE_CONTEXT }),
    () => service.reset({ socketId: "x", scope: ResetScope.RESET_SCOPE_QUEUE }),
  ]) {
    await change();
    seen.add(await etag());
  }
  expect(seen.size).toBe(6);
});

test("a mark that changes nothing leaves the etag and the log alone", async () => {
  const service = await startService();
  await service.createAll("x");
  const { socket } = await service.markInactive({ socketId: "x", reason: "gone" });
  const { revision } = await service.info();
  expect((await service.markInactive({ socketId: "x", reason: "gone" })).socket).toEqual(socket);
  expect((await service.info()).revision).toBe(revision);
});

test("an etag that is not the socket's stops Reset and Delete before they do anything", async () => {
  const service = await startService();
  await service.create({ socketId: "x", context: { a: 1 } });
  const { etag: old } = await service.socket("x");
  await service.markInactive({ socketId: "x" });
  await service.markActive({ socketId: "x" });
  await service.writeAll("x", "mail");
  const { etag } = await service.socket("x");
  for (const call of [service.reset({ socketId: "x", etag: old }), service.delete({ socketId: "x", etag: old })]) {
    expect(await refusal(call)).toMatchObject({
      code: status.ABORTED,
      reason: "ETAG_MISMATCH",
      metadata: { socket_id: "x", etag },
    });
  }
  expect(await service.socket("x")).toMatchObject({ queueSize: 1, context: { a: 1 }, etag });
  const { socket } = await service.reset({ socketId: "x", etag });
  await service.delete({ socketId: "x", etag: socket?.etag ?? "" });
});

test("last_activity, last_seen_time and oldest_unsettled_time tell what happened", async () => {
  const service = await startService();
  await service.createAll("x");
  const created = await service.socket("x");
  await service.writeAll("x", "one");
  const written = await service.socket("x");
  expect(written.lastSeenTime).toBeUndefined();
  expect(written.oldestUnsettledTime).toEqual((await service.drain("x", { ackMode: 3 }))[0]?.timestamp);
  expect(Number(written.lastActivity)).toBeGreaterThanOrEqual(Number(created.lastActivity));
  expect((await service.socket("x")).lastSeenTime).toBeUndefined();
  await service.drain("x");
  const read = await service.socket("x");
  expect(read.oldestUnsettledTime).toBeUndefined();
  expect(read.lastSeenTime).toBeInstanceOf(Date);
  await service.createAll("y");
  await service.write({ socketId: "x", message: "from y", sender: "y" });
  expect((await service.socket("y")).lastSeenTime).toBeInstanceOf(Date);
});
