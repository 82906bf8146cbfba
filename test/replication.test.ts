/** Replication as its users meet it: a server, an Engram, and what is left when one of them is gone. */
import { expect, test, vi } from "vitest";
import { AckMode, ReplicationState, ResetScope } from "../gen/ts/socketregistry/v1/socket_registry.js";
import { configWith } from "../src/config.js";
import { createLog } from "../src/log.js";
import { startServer } from "../src/server.js";
import { contentsOf, startService } from "./support/client.js";
import { startTestEngram } from "./support/engram.js";
import { healthOf } from "./support/health.js";
import { acknowledge } from "./support/inbox.js";
import { burn, keysOf, recordAt, replicated, startReplicated, until, uptimeOf } from "./support/replicated.js";
import { tempDir } from "./support/temp-dir.js";

const STATE = ReplicationState;

test("without an Engram replication is off, and said so once", async () => {
  const service = await startService();
  const { replication } = await service.info();
  expect(replication).toMatchObject({ target: "", dialect: "", state: STATE.REPLICATION_STATE_OFF, lastError: "" });
  const lines = service.server.logged.filter(({ msg }) => String(msg).startsWith("replication"));
  expect(lines.map(({ msg }) => msg)).toEqual(["replication is off: no Engram is set"]);
});

test("what a disk held is there again after it burned: sockets, contexts, queues, in order", async () => {
  const engram = await startTestEngram();
  const first = await startReplicated(engram.url);
  await first.create({
    ...{ socketId: "a", model: "m", prompt: "think", context: { deep: { list: [1, "two", null] } } },
    ...{ labels: { team: "red" }, config: { maxDeliveryAttempts: 3 } },
  });
  await first.create({ socketId: "b", model: "m" });
  await first.create({ socketId: "gone" });
  await first.writeAll("a", "one", "two");
  await first.write({ socketId: "team-chat-all", message: "all", metadata: { n: 1 }, sender: "b" });
  await first.write({ socketId: "a", message: "three", threadId: "t" });
  await first.markInactive({ socketId: "b", reason: "asleep" });
  await first.delete({ socketId: "gone" });
  const before = { a: await first.socket("a"), b: await first.socket("b"), info: await first.info() };
  const messages = (await first.peek({ socketId: "a" })).messages;
  await replicated(first);
  await burn(first);

  const second = await startReplicated(engram.url, { dataDir: first.server.dataDir });
  const after = { a: await second.socket("a"), b: await second.socket("b"), info: await second.info() };
  const kept = [
    "socketId",
    "model",
    "prompt",
    "context",
    "labels",
    "config",
    "createdAt",
    "state",
    "stateReason",
  ] as const;
  for (const field of kept) {
    expect(after.a[field], field).toEqual(before.a[field]);
    expect(after.b[field], field).toEqual(before.b[field]);
  }
  expect(after.b.stateMessage).toBe("asleep");
  expect(after.a.tail?.epoch).not.toBe(before.a.tail?.epoch);
  expect(after.info.revision).toBeGreaterThan(before.info.revision);
  expect(after.info.epoch).toBe(before.info.epoch);
  const again = (await second.peek({ socketId: "a" })).messages;
  expect(again).toEqual(messages.map((message) => ({ ...message, epoch: after.a.tail?.epoch })));
  expect((await second.list()).sockets.map(({ socketId }) => socketId)).toEqual(["team-chat-all", "a", "b"]);
  expect(await second.contents("team-chat-all")).toEqual(["one", "two", "all", "three"]);
  await replicated(second);
});

test("what was settled stays so, and what was in flight or parked comes back as that", async () => {
  const engram = await startTestEngram();
  const first = await startReplicated(engram.url);
  await first.create({ socketId: "a", config: { maxDeliveryAttempts: 1 } });
  await first.writeAll("a", "settled", "parked", "out", "waiting");
  const reading = first.read({ socketId: "a", ackMode: AckMode.ACK_MODE_EXPLICIT, maxOutstanding: 3 });
  const [one, two, three] = await reading.messages(3);
  await acknowledge(first, { socketId: "a", sequences: [one?.sequence ?? 0n], nackSequences: [two?.sequence ?? 0n] });
  await replicated(first);
  await vi.waitFor(async () => expect((await first.socket("a")).parkedCount).toBe(1));
  await replicated(first);
  await burn(first);

  const second = await startReplicated(engram.url, { dataDir: first.server.dataDir });
  expect(contentsOf((await second.peek({ socketId: "a", parked: true })).messages)).toEqual(["parked"]);
  expect(await second.contents("a")).toEqual(["out", "waiting"]);
  expect(three?.content).toBe("out");
});

test("Engram shows each socket as the original Rhetor reads it, and no socket that is gone", async () => {
  const engram = await startTestEngram();
  const service = await startReplicated(engram.url);
  await service.create({ socketId: "a", model: "m", prompt: "p", context: { k: "v" } });
  await service.create({ socketId: "b" });
  await service.write({ socketId: "a", message: "hello", metadata: { n: 1 } });
  const naive = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/);
  const queue = [{ header: "[team-chat-to-a]", content: "hello", timestamp: naive, metadata: { n: 1 } }];
  await vi.waitFor(async () => {
    const record = await recordAt(engram, "a");
    expect(record?.data).toEqual({
      ...{ socket_id: "a", model: "m", prompt: "p", context: { k: "v" }, created_at: naive, state: "active" },
      ...{ last_activity: naive, message_queue: queue },
    });
    expect(record?.metadata).toMatchObject({ type: "ai_socket", model: "m", state: "active" });
    expect(await keysOf(engram)).toEqual(["a", "b", "team-chat-all"]);
  });
  await service.delete({ socketId: "b" });
  await service.markUnresponsive({ socketId: "a", reason: "" });
  await vi.waitFor(
    async () => {
      expect(await keysOf(engram)).toEqual(["a", "team-chat-all"]);
      expect((await recordAt(engram, "a"))?.data["state"]).toBe("unresponsive");
    },
    { timeout: 10_000 },
  );
});

test("the view of a socket that was deleted right beside a broadcast goes too", async () => {
  const engram = await startTestEngram();
  const service = await startReplicated(engram.url, { replicationIntervalMs: 300 });
  await service.createAll("a", "b");
  await vi.waitFor(async () => expect(await keysOf(engram)).toEqual(["a", "b", "team-chat-all"]), { timeout: 10_000 });
  await Promise.all([service.delete({ socketId: "a" }), service.write({ socketId: "team-chat-all", message: "all" })]);
  // Sooner than an audit would find it.
  await vi.waitFor(async () => expect(await keysOf(engram)).toEqual(["b", "team-chat-all"]), { timeout: 3_000 });
});

test("a view tells of a socket what the registry does, and of the feed what the team says", async () => {
  const engram = await startTestEngram();
  const service = await startReplicated(engram.url);
  await service.createAll("a");
  await service.write({ socketId: "a", message: "I am a", sender: "a" });
  for (const socketId of ["a", "team-chat-all"]) {
    await vi.waitFor(
      async () => {
        const { lastActivity, createdAt } = await service.socket(socketId);
        const { messages } = await service.peek({ socketId });
        const data = (await recordAt(engram, socketId))?.data;
        const times = [data?.["created_at"], data?.["last_activity"]].map((text) => new Date(`${text}Z`));
        expect(times).toEqual([createdAt, lastActivity]);
        const shown = data?.["message_queue"] as { content: string }[];
        expect(shown.map(({ content }) => content)).toEqual(contentsOf(messages));
      },
      { timeout: 10_000 },
    );
  }
});

test("a view shows the newest hundred messages", async () => {
  const engram = await startTestEngram();
  const service = await startReplicated(engram.url);
  await service.create({ socketId: "a" });
  await Promise.all(Array.from({ length: 120 }, (_, n) => service.write({ socketId: "a", message: String(n) })));
  const contents = contentsOf((await service.peek({ socketId: "a", pageSize: 200 })).messages);
  await vi.waitFor(
    async () => {
      const shown = (await recordAt(engram, "a"))?.data["message_queue"] as { content: string }[];
      expect(shown.map(({ content }) => content)).toEqual(contents.slice(20));
    },
    { timeout: 10_000 },
  );
});

test("a server starts and serves without its Engram, and replicates when that appears", async () => {
  const engram = await startTestEngram();
  await engram.kill();
  const service = await startReplicated(engram.url, { restorePatienceMs: 100 });
  await service.create({ socketId: "a" });
  await service.writeAll("a", "one");
  const { replication } = await service.info();
  expect(replication).toMatchObject({ state: STATE.REPLICATION_STATE_CONNECTING, lastSuccessTime: undefined });
  expect(replication?.lastError).not.toBe("");
  expect(replication?.lagEntries).toBeGreaterThan(1n);
  await engram.start();
  await replicated(service);
  await burn(service);
  const second = await startReplicated(engram.url, { dataDir: service.server.dataDir });
  expect(await second.contents("a")).toEqual(["one"]);
});

test.each(["head", "mid-faiss"] as const)("a peer that cannot hold a state is said to be: %s", async (personality) => {
  const engram = await startTestEngram({ personality });
  const service = await startReplicated(engram.url);
  await service.create({ socketId: "a" });
  await until(service, ({ state }) => state === STATE.REPLICATION_STATE_INCOMPATIBLE);
  const { replication } = await service.info();
  expect(replication?.lastError).toMatch(personality === "head" ? /500/ : /id:false/);
  await service.writeAll("a", "one");
  await engram.become("kv");
  await replicated(service);
});

test.each(["mid", "aug"] as const)("a log-only Engram keeps a state too: %s", async (personality) => {
  const engram = await startTestEngram({ personality });
  const first = await startReplicated(engram.url);
  await first.create({ socketId: "a", model: "m", context: { k: "é☃" } });
  await first.createAll("b");
  await first.writeAll("a", "one", "two");
  await first.contents("a", { maxMessages: 1 });
  await first.delete({ socketId: "b" });
  await replicated(first);
  expect((await first.info()).replication?.dialect).toBe("v1-log");
  await burn(first);
  const second = await startReplicated(engram.url, { dataDir: first.server.dataDir });
  expect((await second.socket("a")).context).toEqual({ k: "é☃" });
  expect((await second.list()).sockets.map(({ socketId }) => socketId)).toEqual(["team-chat-all", "a"]);
  expect(await second.contents("a")).toEqual(["two"]);
});

test("an Engram that was started again gets everything once more, whatever it says that it has", async () => {
  const engram = await startTestEngram();
  const service = await startReplicated(engram.url);
  await service.createAll("a", "b", "c");
  await service.writeAll("a", "one", "two");
  await replicated(service);
  await vi.waitFor(async () => expect(await keysOf(engram)).toHaveLength(4), { timeout: 10_000 });
  const keys = [...(await keysOf(engram)), ...(await keysOf(engram, "rhetor_sockets.log"))];
  await vi.waitFor(async () => expect((await service.info()).replication?.lagSeconds).toBe(0));
  // Its uptime is told to the second.
  await vi.waitFor(async () => expect(await uptimeOf(engram)).toBeGreaterThan(2), { timeout: 10_000 });
  await engram.restart();
  await vi.waitFor(
    async () =>
      expect((await engram.stats()).requests.byRoute["POST /memory/{namespace}"]).toBeGreaterThan(keys.length),
    { timeout: 20_000 },
  );
});

test("health tells of the Engram apart from the server", async () => {
  const engram = await startTestEngram();
  const service = await startReplicated(engram.url);
  await replicated(service);
  await vi.waitFor(async () => expect(await healthOf(service.server.address, "engram")).toBe("SERVING"));
  await engram.kill();
  await vi.waitFor(async () => expect(await healthOf(service.server.address, "engram")).toBe("NOT_SERVING"), {
    timeout: 10_000,
  });
  expect(await healthOf(service.server.address, "")).toBe("SERVING");
});

// One writer

test("a second registry on the namespace of a living one does not replicate, and says why", async () => {
  const engram = await startTestEngram();
  const first = await startReplicated(engram.url);
  await first.createAll("a");
  await replicated(first);
  const own = await startService();
  await own.server.stop();
  const second = await startReplicated(engram.url, { dataDir: own.server.dataDir });
  await until(second, ({ state }) => state === STATE.REPLICATION_STATE_INCOMPATIBLE);
  expect((await second.info()).replication?.lastError).toMatch(/another registry/);
  expect(await keysOf(engram)).toEqual(["a", "team-chat-all"]);
});

test("an empty directory is not restored while the registry that writes the replica is alive", {
  timeout: 60_000,
}, async () => {
  const engram = await startTestEngram();
  const first = await startReplicated(engram.url);
  await first.createAll("a");
  await replicated(first);
  const config = configWith({
    listen: "127.0.0.1:0",
    dataDir: tempDir(),
    engramUrl: engram.url,
    restorePatienceMs: 100,
  });
  await expect(startServer(config, createLog("silent", false))).rejects.toThrow(/is alive/);
});

// Never on the request path

test("with an Engram that never answers ten thousand Writes complete", { timeout: 120_000 }, async () => {
  const engram = await startTestEngram();
  await engram.fault({ fault: "hang" });
  const service = await startReplicated(engram.url, { restorePatienceMs: 0, durability: "os" });
  await service.create({ socketId: "a" });
  const write = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n++) await service.write({ socketId: "a", message: String(n) });
  };
  await Promise.all(Array.from({ length: 50 }, () => write(200)));
  expect((await service.socket("a")).queueSize).toBe(10_000);
  expect((await service.info()).replication?.state).toBe(STATE.REPLICATION_STATE_CONNECTING);
});

test("what was deleted or reset is gone from the Engram within minutes", async () => {
  const engram = await startTestEngram();
  const service = await startReplicated(engram.url);
  await service.createAll("a", "b", "c");
  await service.writeAll("a", "secret-a");
  await service.writeAll("b", "secret-b");
  await replicated(service);
  await service.delete({ socketId: "a" });
  await service.reset({ socketId: "b", scope: ResetScope.RESET_SCOPE_ALL });
  await service.reset({ socketId: "team-chat-all", scope: ResetScope.RESET_SCOPE_ALL });
  await vi.waitFor(
    async () => {
      for (const key of await keysOf(engram, "rhetor_sockets.log")) {
        const bytes = (await recordAt(engram, key, "rhetor_sockets.log"))?.data["bytes"];
        expect(Buffer.from(String(bytes ?? ""), "base64").toString("latin1")).not.toMatch(/secret/);
      }
    },
    { timeout: 10_000 },
  );
});
