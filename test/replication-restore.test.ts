/** What a start makes of what an Engram has: into an empty directory, or one that is not. */
import { cpSync } from "node:fs";
import { expect, test, vi } from "vitest";
import { ReplicationState, ResetScope, SocketState } from "../gen/ts/socketregistry/v1/socket_registry.js";
import { mergeStores } from "../src/replication/adopt.js";
import { startService } from "./support/client.js";
import { startTestEngram } from "./support/engram.js";
import { openStorage } from "./support/level-storage.js";
import { burn, keysOf, recordAt, replicated, startReplicated, storeRecord, until } from "./support/replicated.js";
import { createSocket, direct, unsettled, write } from "./support/storage-events.js";
import { tempDir } from "./support/temp-dir.js";

const STATE = ReplicationState;

test("a merge that is cut off leaves no socket half there", async () => {
  const [from, to] = [await openStorage(tempDir()), await openStorage(tempDir())];
  const [small, large] = [await createSocket(from, "small"), await createSocket(from, "large")];
  await write(from, direct("one", small));
  await write(from, ...Array.from({ length: 600 }, (_, count) => direct(String(count), large)));
  let reads = 0;
  const broken = new Error("the machine stopped");
  const cut = new Proxy(from, {
    get(store, name) {
      if (name === "readAt" && ++reads > 2) return () => Promise.reject(broken);
      const found: unknown = Reflect.get(store, name, store);
      return typeof found === "function" ? found.bind(store) : found;
    },
  });
  await expect(mergeStores(cut, to)).rejects.toBe(broken);
  expect([...to.sockets()].map(({ socketId }) => socketId)).toEqual(["team-chat-all", "small"]);
  expect(await mergeStores(from, to)).toMatchObject({ socketCount: 1, messageCount: 600 });
  const number = to.find("large")?.number ?? 0;
  expect(await unsettled(to, number)).toEqual(Array.from({ length: 600 }, (_, count) => String(count)));
});

test.each([
  ["is", async () => {}],
  ["is not", (url: string) => fetch(`${url}/memory/rhetor_sockets.log/instance`, { method: "DELETE" })],
] as const)(
  "with --restore never the replica of others is left alone, when it %s said whose it is",
  async (_, change) => {
    const engram = await startTestEngram();
    const first = await startReplicated(engram.url);
    await first.createAll("a");
    await replicated(first);
    await burn(first);
    const pieces = (await keysOf(engram, "rhetor_sockets.log")).filter((key) => key !== "instance");
    await change(engram.url);
    const second = await startReplicated(engram.url, { dataDir: first.server.dataDir, restore: "never" });
    expect((await second.list()).sockets.map(({ socketId }) => socketId)).toEqual(["team-chat-all"]);
    await until(second, ({ state }) => state === STATE.REPLICATION_STATE_INCOMPATIBLE);
    expect((await second.info()).replication?.lastError).toMatch(/another registry/);
    expect(await keysOf(engram)).toContain("a");
    expect((await keysOf(engram, "rhetor_sockets.log")).filter((key) => key !== "instance")).toEqual(pieces);
  },
);

test("with --restore merge an older copy of the same history is replaced, and a newer one is kept", async () => {
  const engram = await startTestEngram();
  const first = await startReplicated(engram.url);
  await first.createAll("a");
  await replicated(first);
  await first.server.stop();
  const copied = tempDir();
  cpSync(first.server.dataDir, copied, { recursive: true });
  const second = await startReplicated(engram.url, { dataDir: first.server.dataDir, restore: "merge" });
  await second.createAll("b");
  await replicated(second);
  await second.server.stop();
  const third = await startReplicated(engram.url, { dataDir: copied, restore: "merge" });
  expect((await third.list()).sockets.map(({ socketId }) => socketId)).toEqual(["team-chat-all", "a", "b"]);
});

test("with --restore merge the sockets of another history are added to those that are there", async () => {
  const engram = await startTestEngram();
  const first = await startReplicated(engram.url);
  await first.create({ socketId: "a", model: "theirs" });
  await first.create({ socketId: "b", prompt: "p", context: { k: 1 } });
  await first.writeAll("b", "one", "two");
  await replicated(first);
  await first.server.stop();
  const own = await startService();
  await own.create({ socketId: "a", model: "ours" });
  await own.server.stop();
  const merged = await startReplicated(engram.url, { dataDir: own.server.dataDir, restore: "merge" });
  expect(await merged.socket("a")).toMatchObject({ model: "ours" });
  expect(await merged.socket("b")).toMatchObject({ prompt: "p", context: { k: 1 } });
  expect(await merged.contents("b")).toEqual(["one", "two"]);
});

test("the records of an original Rhetor become sockets, with their times", async () => {
  const engram = await startTestEngram();
  const record = {
    ...{ socket_id: "apollo-123", model: "claude", prompt: "p", context: { a: [1] }, state: "unresponsive" },
    ...{ created_at: "2025-06-26T10:00:00.000001", last_activity: "2025-06-26T10:05:00" },
    message_queue: [
      { header: "[team-chat-to-apollo-123]", content: "one", timestamp: "2025-06-26T10:01:00.5", metadata: {} },
      { header: "[team-chat-to-apollo-123]", content: "two", timestamp: "2025-06-26T10:02:00", metadata: { n: 2 } },
    ],
  };
  await storeRecord(engram, "apollo-123", record, { type: "ai_socket", model: "claude", state: "unresponsive" });
  await storeRecord(engram, "not-one", { something: "else" });
  const service = await startReplicated(engram.url);
  const socket = await service.socket("apollo-123");
  expect(socket).toMatchObject({ model: "claude", prompt: "p", context: { a: [1] } });
  expect(socket.state).toBe(SocketState.SOCKET_STATE_UNRESPONSIVE);
  expect(socket.createdAt).toEqual(new Date("2025-06-26T10:00:00Z"));
  const { messages } = await service.peek({ socketId: "apollo-123" });
  expect(messages).toMatchObject([
    { content: "one", timestamp: new Date("2025-06-26T10:01:00.5Z"), toHeader: "[team-chat-to-apollo-123]" },
    { content: "two", timestamp: new Date("2025-06-26T10:02:00Z"), metadata: { n: 2 } },
  ]);
  expect(await keysOf(engram)).toContain("not-one");
  await replicated(service);
});

test("a listing that leaves pieces out leaves nothing out of a restore", async () => {
  const engram = await startTestEngram();
  const first = await startReplicated(engram.url);
  await first.create({ socketId: "a", context: { large: "x".repeat(50_000) } });
  await first.writeAll("a", "one", "two");
  await replicated(first);
  await burn(first);
  await engram.fault({ fault: "list-omits" });
  const second = await startReplicated(engram.url, { dataDir: first.server.dataDir });
  expect((await second.socket("a")).context).toEqual({ large: "x".repeat(50_000) });
  expect(await second.contents("a")).toEqual(["one", "two"]);
});

test("what an unlisted piece left behind at the peer goes when it is listed again", async () => {
  const engram = await startTestEngram();
  const first = await startReplicated(engram.url);
  await first.createAll("a");
  await first.writeAll("a", "secret");
  await replicated(first);
  await first.server.stop();
  // The next process is not told of every piece, and cuts those anew.
  await engram.fault({ fault: "list-omits" });
  const second = await startReplicated(engram.url, { dataDir: first.server.dataDir });
  await second.writeAll("a", "later");
  await engram.clearFault();
  await second.delete({ socketId: "a" });
  await second.reset({ socketId: "team-chat-all", scope: ResetScope.RESET_SCOPE_QUEUE });
  await vi.waitFor(
    async () => {
      const logs = (await keysOf(engram, "rhetor_sockets.log")).filter((key) => key.startsWith("log-"));
      expect(logs).toEqual([]);
    },
    { timeout: 20_000 },
  );
});

test("a restore from a peer whose piece is damaged is refused, and names it", async () => {
  const engram = await startTestEngram();
  const first = await startReplicated(engram.url);
  await first.createAll("a");
  await replicated(first);
  await burn(first);
  const found = await recordAt(engram, "sockets-0", "rhetor_sockets.log");
  const body = { key: "sockets-0", data: { bytes: "AAAA" }, metadata: found?.metadata };
  const headers = { "content-type": "application/json" };
  await fetch(`${engram.url}/memory/rhetor_sockets.log`, { method: "POST", headers, body: JSON.stringify(body) });
  const refused = startReplicated(engram.url, { dataDir: first.server.dataDir });
  await expect(refused).rejects.toThrow(/sockets-0/);
});
