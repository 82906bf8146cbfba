/** Watch: a snapshot, and then every change of a socket in the registry's one order. */
import { once } from "node:events";
import { describe, expect, test } from "vitest";
import {
  ConflictPolicy,
  ResetScope,
  type Socket,
  SocketState,
  StateReason,
  WatchRequest,
  WatchResponse,
} from "../gen/ts/socketregistry/v1/socket_registry.js";
import { refusal, refusalIn, type Service, startService } from "./support/client.js";
import { framed, RawConnection, unframed } from "./support/frames.js";
import { ms } from "./support/inbox.js";
import { startTimed } from "./support/timed.js";
import { Mirror, type Watching, wordsOf } from "./support/watching.js";

const team = "team-chat-all";
const { CONFLICT_POLICY_REPLACE } = ConflictPolicy;

async function startWith(...socketIds: string[]) {
  const service = await startService();
  await service.createAll(...socketIds);
  return service;
}

/** An open Watch whose snapshot has come. */
async function watched(service: Service, request: Parameters<Service["watch"]>[0] = {}): Promise<Watching> {
  const watching = service.watch(request);
  await watching.snapshot();
  return watching;
}

/** A socket as Watch and listings tell it. */
const brief = (socket: Socket | undefined) => socket && { ...socket, prompt: "", context: undefined };

describe("the snapshot", () => {
  test("has every socket, team-chat-all first, as a listing has them, and its moment", async () => {
    const service = await startService();
    await service.create({ socketId: "b", model: "m", prompt: "p", context: { a: 1 }, labels: { l: "1" } });
    await service.createAll("a");
    await service.writeAll("b", "mail");
    const { sockets, revision } = await service.watch().snapshot();
    expect(sockets.map(({ socketId }) => socketId)).toEqual([team, "b", "a"]);
    const listed = await service.list();
    expect(sockets).toEqual(listed.sockets);
    expect(revision).toBe(listed.revision);
    expect(sockets[1]).toMatchObject({ prompt: "", context: undefined, queueSize: 1 });
  });

  test("is one moment, which all its frames tell", async () => {
    const service = await startWith("a", "b");
    const { revision } = await service.info();
    const watching = service.watch();
    const frames = [await watching.frame(), await watching.frame(), await watching.frame(), await watching.frame()];
    expect(frames.map(wordsOf)).toEqual([`SNAPSHOT ${team}`, "SNAPSHOT a", "SNAPSHOT b", "SYNCED"]);
    expect(frames.every((frame) => frame.revision === revision)).toBe(true);
  });

  test("of thousands of sockets is complete, whatever happens meanwhile", async () => {
    const service = await startService({ durability: "os" });
    const ids = Array.from({ length: 999 }, (_, index) => `s${index}`);
    await Promise.all(ids.map((socketId) => service.create({ socketId, labels: { filler: "f".repeat(200) } })));
    const watching = service.watch();
    const [{ sockets, revision }] = await Promise.all([
      watching.snapshot(),
      ...ids.slice(0, 100).map((socketId) => service.delete({ socketId })),
    ]);
    const mirror = new Mirror().add(sockets);
    const { revision: last } = await service.info();
    for (let at = revision; at < last; ) {
      const frame = await watching.frame();
      mirror.take(frame);
      at = frame.revision;
    }
    expect(mirror.sockets.size).toBe(900);
  });
});

describe("every change", () => {
  test("is told in order, as it left the socket", async () => {
    const service = await startWith("x", "y");
    const watching = await watched(service);
    const told: [string, Socket | undefined][] = [];
    const follow = async (words: string, change: Promise<Socket | undefined>) => {
      const socket = await change;
      const frame = await watching.frame();
      expect(wordsOf(frame)).toBe(words);
      told.push([words, frame.socket]);
      expect(frame.socket).toEqual(brief(socket));
      return frame.revision;
    };
    const socketIn = async (call: Promise<{ socket: Socket | undefined }>) => (await call).socket;
    const revisions = [
      await follow("CREATED z", socketIn(service.create({ socketId: "z", model: "m", prompt: "p" }))),
      await follow("UPDATED z", service.update({ socketId: "z", model: "n", prompt: "q" })),
      await follow("UPDATED z", service.update({ socketId: "z", prompt: "only the prompt" })),
      await follow("STATE_CHANGED x", socketIn(service.markInactive({ socketId: "x", reason: "lunch" }))),
      await follow("STATE_CHANGED x", socketIn(service.markActive({ socketId: "x" }))),
      await follow("STATE_CHANGED x", socketIn(service.markUnresponsive({ socketId: "x" }))),
      await follow("RESET x", socketIn(service.reset({ socketId: "x" }))),
      await follow("RESET x", socketIn(service.reset({ socketId: "x", scope: ResetScope.RESET_SCOPE_QUEUE }))),
      await follow("UPDATED x", socketIn(service.reset({ socketId: "x", scope: ResetScope.RESET_SCOPE_CONTEXT }))),
      await follow(`RESET ${team}`, socketIn(service.reset({ socketId: team }))),
      await follow("CREATED x", socketIn(service.create({ socketId: "x", onConflict: CONFLICT_POLICY_REPLACE }))),
      await follow("CREATED late", socketIn(service.create({ socketId: "late" }))),
    ];
    await expect(revisions).toEqual([...new Set(revisions)].sort((a, b) => Number(a - b)));
    expect((await service.info()).revision).toBe(revisions.at(-1));
  });

  test("that deletes a socket tells how it was", async () => {
    const service = await startWith();
    await service.create({ socketId: "x", model: "m", labels: { l: "1" } });
    const before = brief(await service.socket("x"));
    const watching = await watched(service);
    await service.writeAll("x", "mail");
    await service.delete({ socketId: "x" });
    const frame = await watching.frame();
    expect(wordsOf(frame)).toBe("DELETED x");
    expect(frame.socket).toMatchObject({ model: "m", labels: { l: "1" }, etag: before?.etag });
  });

  test("is told by time too: a lease that runs out, and a sign of life", async () => {
    const service = await startTimed();
    await service.create({ socketId: "x", config: { leaseDuration: ms(1_000) } });
    const watching = await watched(service);
    service.clock.pass(1_000);
    const expired = await watching.frame();
    expect(wordsOf(expired)).toBe("STATE_CHANGED x");
    expect(expired.socket).toMatchObject({
      state: SocketState.SOCKET_STATE_UNRESPONSIVE,
      stateReason: StateReason.STATE_REASON_LEASE_EXPIRED,
    });
    await service.heartbeat({ socketId: "x" });
    expect((await watching.frame()).socket?.state).toBe(SocketState.SOCKET_STATE_ACTIVE);
  });

  test("is told of sockets alone, and nothing that changed nothing is", async () => {
    const service = await startWith("x");
    await service.markInactive({ socketId: "x" });
    const watching = await watched(service);
    await service.write({ socketId: team, sender: "x", message: "m" });
    await service.markInactive({ socketId: "x" });
    await service.update({ socketId: "x" }, "model");
    await service.heartbeat({ socketId: "x" });
    await service.drain(team);
    await service.create({ socketId: "x", onConflict: ConflictPolicy.CONFLICT_POLICY_USE_EXISTING });
    await service.delete({ socketId: "nobody", allowMissing: true });
    await refusal(service.reset({ socketId: "x", etag: "other" }));
    await service.createAll("y");
    expect(await watching.changes(1)).toEqual(["CREATED y"]);
  });

  test("is told to everybody who watches, the same", async () => {
    const service = await startWith("x");
    const watchings = await Promise.all(Array.from({ length: 20 }, () => watched(service)));
    for (let turn = 0; turn < 10; turn++) await service.update({ socketId: "x", model: `m${turn}` });
    const seen = await Promise.all(
      watchings.map(async (watching) => {
        const frames: WatchResponse[] = [];
        for (let turn = 0; turn < 10; turn++) frames.push(await watching.frame());
        return frames;
      }),
    );
    expect(seen.every((frames) => frames.every(({ socket }, turn) => socket?.model === `m${turn}`))).toBe(true);
    expect(new Set(seen.map((frames) => frames.map(({ revision }) => revision).join())).size).toBe(1);
  });
});

test("heartbeats come when nothing else does, as often as asked for, and only then", async () => {
  const service = await startWith("x");
  const silent = await watched(service);
  const watching = await watched(service, { heartbeatInterval: ms(100) });
  expect(await watching.changes(3)).toEqual(["HEARTBEAT", "HEARTBEAT", "HEARTBEAT"]);
  await service.createAll("y");
  expect(await watching.changes(2)).toContain("CREATED y");
  expect(await silent.changes(1)).toEqual(["CREATED y"]);
});

describe("a Watch of one socket", () => {
  test("tells of no other, and of every one that has the name", async () => {
    const service = await startWith("x", "y");
    const watching = service.watch({ socketId: "x" });
    expect((await watching.snapshot()).sockets).toMatchObject([{ socketId: "x" }]);
    await service.update({ socketId: "y", model: "m" });
    await service.update({ socketId: "x", model: "m" });
    await service.delete({ socketId: "x" });
    await service.delete({ socketId: "y" });
    await service.createAll("y", "x");
    expect(await watching.changes(3)).toEqual(["UPDATED x", "DELETED x", "CREATED x"]);
  });

  test("needs no such socket", async () => {
    const service = await startWith("x");
    const watching = service.watch({ socketId: "later" });
    expect((await watching.snapshot()).sockets).toEqual([]);
    await service.createAll("y", "later");
    expect(await watching.changes(1)).toEqual(["CREATED later"]);
  });

  test("can be of the team", async () => {
    const service = await startWith("x");
    const watching = service.watch({ socketId: team });
    expect((await watching.snapshot()).sockets).toMatchObject([{ socketId: team, model: "broadcast" }]);
    await service.reset({ socketId: "x" });
    await service.reset({ socketId: team });
    expect(await watching.changes(1)).toEqual([`RESET ${team}`]);
  });
});

test("a watcher that reads nothing for long has missed nothing when it reads on", async () => {
  const service = await startService({ durability: "os" });
  const body = framed(WatchRequest.encode(WatchRequest.fromPartial({})).finish());
  const stream = new RawConnection(service.server.address).open("Watch", body);
  await once(stream, "response");
  const ids = Array.from({ length: 1_500 }, (_, index) => `s${index}`);
  for (const socketId of ids.slice(0, 10)) await service.create({ socketId });
  // More than is kept in memory for those who watch.
  const labels = Object.fromEntries(Array.from({ length: 32 }, (_, index) => [`l${index}`, "f".repeat(200)]));
  await Promise.all(ids.slice(10).map((socketId) => service.create({ socketId, labels })));
  const chunks: Buffer[] = [];
  stream.on("data", (chunk) => void chunks.push(chunk));
  const frames = () => unframed(Buffer.concat(chunks));
  await expect.poll(() => frames().length, { timeout: 20_000, interval: 200 }).toBe(ids.length + 2);
  const told = frames().map((frame) => wordsOf(WatchResponse.decode(frame)));
  expect(told.slice(0, 12)).toEqual([
    `SNAPSHOT ${team}`,
    "SYNCED",
    ...ids.slice(0, 10).map((socketId) => `CREATED ${socketId}`),
  ]);
  expect(new Set(told).size).toBe(told.length);
  stream.close();
});

test("a Watch that is cancelled makes room for another", async () => {
  const service = await startService({ maxWatches: 1 });
  for (let turn = 0; turn < 5; turn++) {
    const isOpened = async () => {
      const watching = service.watch();
      const reason = await watching.snapshot().then(
        () => "",
        (error) => refusalIn(error).reason,
      );
      if (reason === "") expect((await refusal(service.watch().frame())).reason).toBe("READER_LIMIT");
      watching.cancel();
      return reason;
    };
    await expect.poll(isOpened, { timeout: 20_000 }).toBe("");
  }
});
