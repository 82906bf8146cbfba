/** The agent: how it comes, stays and leaves. */
import { expect, test } from "vitest";
import { startTestServer } from "../../../test/support/server.js";
import { tempDir } from "../../../test/support/temp-dir.js";
import { connect, type Reconnect, SocketState, StateReason } from "../src/index.js";
import { createGate, open, until } from "./opened.js";

const left = { state: SocketState.SOCKET_STATE_INACTIVE, stateReason: StateReason.STATE_REASON_CLIENT_LEFT };
const active = { state: SocketState.SOCKET_STATE_ACTIVE, readerCount: 1 };

test("a socket that is there becomes what the agent says, and keeps the rest", async () => {
  const { registry, service } = await open();
  await service.create({
    socketId: "x",
    model: "old",
    prompt: "kept",
    labels: { a: "1" },
    config: { maxQueueSize: 7, leaseDuration: { seconds: 5n } },
  });
  await service.markInactive({ socketId: "x" });
  const stop = new AbortController();
  const agent = registry.agent("x", () => {}, { model: "new", context: { n: 1 }, signal: stop.signal });
  await until(async () => expect(await service.socket("x")).toMatchObject(active));
  expect(await service.socket("x")).toMatchObject({
    model: "new",
    prompt: "kept",
    context: { n: 1 },
    labels: { a: "1" },
    config: { maxQueueSize: 7, acceptWhenAway: true, leaseDuration: { seconds: 30n } },
  });
  stop.abort();
  expect(await agent).toBe("left");
  expect(await service.socket("x")).toMatchObject(left);
});

test("one that is as the agent says is not changed", async () => {
  const { registry, service } = await open();
  for (const _ of ["first", "again"]) {
    const stop = new AbortController();
    const options = { model: "m", context: { a: [1, { b: null }] }, labels: { l: "1" }, signal: stop.signal };
    const agent = registry.agent("x", () => {}, options);
    await until(async () => expect(await service.socket("x")).toMatchObject(active));
    stop.abort();
    await agent;
  }
  const types: number[] = [];
  for await (const { type } of registry.watch({ afterRevision: 1n, socketId: "x" })) {
    types.push(type);
    if (types.length === 4) break;
  }
  // CREATED, and three times STATE_CHANGED: left, back, left.
  expect(types).toEqual([3, 5, 5, 5]);
});

test("the agent waits for a server that is not there yet, and says so", async () => {
  const dataDir = tempDir();
  const before = await startTestServer({ dataDir });
  await before.stop();
  const missed: Reconnect[] = [];
  const registry = connect(before.address, { onReconnect: (reconnect) => void missed.push(reconnect), timeoutMs: 300 });
  const agent = registry.agent("x", () => {});
  await until(() => expect(missed.length).toBeGreaterThan(1));
  const server = await startTestServer({ dataDir, listen: before.address });
  await until(async () => expect(await registry.socket("x").info()).toMatchObject(active));
  expect(missed[0]).toMatchObject({ doing: "registering x", failures: 1 });
  await registry.close();
  expect(await agent).toBe("left");
  await server.stop();
});

test("close lets the agent finish its message, and answer it", async () => {
  const { registry, service } = await open();
  const started = createGate();
  const finish = createGate();
  const agent = registry.agent("x", async ({ content }) => {
    started.open();
    await finish.opened;
    return `read ${content}`;
  });
  await until(async () => expect(await service.socket("x")).toMatchObject(active));
  await service.write({ socketId: "x", message: "one", sender: "me" });
  await started.opened;
  const closed = registry.close();
  finish.open();
  await closed;
  expect(await agent).toBe("left");
  expect(await service.socket("x")).toMatchObject({ ...left, queueSize: 0 });
  expect(await service.contents("team-chat-all")).toEqual(["read one"]);
});

test("an answer that was written before is not written again, and the message is settled", async () => {
  const { registry, service, warnings } = await open();
  await service.create({ socketId: "x" });
  const { messageId } = await service.write({ socketId: "x", message: "one", sender: "me" });
  const requestId = `x-${messageId}`;
  await service.write({ socketId: "x", sender: "x", message: "before", replyTo: messageId, requestId });
  const stop = new AbortController();
  const agent = registry.agent("x", () => "again", { signal: stop.signal });
  await until(async () => expect((await service.socket("x")).queueSize).toBe(0));
  stop.abort();
  await agent;
  expect(await service.contents("team-chat-all")).toEqual(["before"]);
  expect(warnings).toEqual([]);
});

test("its lease is renewed", async () => {
  const { registry, service } = await open();
  const stop = new AbortController();
  const agent = registry.agent("x", () => {}, { leaseMs: 1_500, signal: stop.signal });
  await until(async () => expect(await service.socket("x")).toMatchObject(active));
  const { lastSeenTime } = await service.socket("x");
  await until(async () => expect((await service.socket("x")).lastSeenTime).not.toEqual(lastSeenTime));
  expect((await service.socket("x")).config?.leaseDuration).toEqual({ seconds: 1n, nanos: 500_000_000 });
  stop.abort();
  await agent;
});
