/** A Watch that is resumed: after a listing, after a break, after a restart, and after too long. */
import { status } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { refusal, refusalIn, type Service, startService } from "./support/client.js";
import { startFaulty } from "./support/faulty.js";
import { ms } from "./support/inbox.js";
import { MemoryStorage } from "./support/memory-storage.js";
import { tempDir } from "./support/temp-dir.js";
import { startTimed } from "./support/timed.js";
import { Mirror, type Watching, wordsOf } from "./support/watching.js";

const team = "team-chat-all";
const lost = { code: status.OUT_OF_RANGE, reason: "POSITION_LOST" };

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

async function etagsOf(service: Service): Promise<Record<string, string>> {
  return new Mirror().add((await service.list({ pageSize: 1_000 })).sockets).etags;
}

test("a listing and a Watch after its revision miss nothing and tell nothing twice", async () => {
  const service = await startService({ durability: "os" });
  let isOver = false;
  const disturb = async (name: string) => {
    for (let turn = 0; turn < 60; turn++) {
      await service.create({ socketId: `${name}${turn}` });
      if (turn % 3 === 0) await service.delete({ socketId: `${name}${turn}` });
      if (turn % 3 === 1) await service.markInactive({ socketId: `${name}${turn}` });
    }
  };
  const disturbing = Promise.all(["a", "b", "c"].map(disturb)).then(() => {
    isOver = true;
  });
  const followed: { mirror: Mirror; watching: Watching; revision: bigint }[] = [];
  while (!isOver) {
    const mirror = new Mirror();
    let page = await service.list({ pageSize: 20 });
    const { revision } = page;
    mirror.add(page.sockets);
    while (page.nextPageToken !== "") {
      page = await service.list({ pageSize: 20, pageToken: page.nextPageToken });
      mirror.add(page.sockets);
    }
    followed.push({ mirror, watching: service.watch({ afterRevision: revision }), revision });
  }
  await disturbing;
  const { revision: last } = await service.info();
  const expected = await etagsOf(service);
  expect(followed.length).toBeGreaterThan(1);
  for (const { mirror, watching, revision } of followed) {
    for (let at = revision; at < last; ) {
      const frame = await watching.frame();
      expect(frame.revision).toBeGreaterThan(at);
      at = frame.revision;
      mirror.take(frame);
    }
    expect(mirror.etags).toEqual(expected);
  }
});

test("a change that comes while the snapshot waits for the disk is told after it", async () => {
  let isMoment = false;
  const { service } = await startFaulty({
    durable(this: MemoryStorage) {
      if (isMoment) {
        isMoment = false;
        const fresh = {
          state: "ACTIVE",
          stateReason: "NONE",
          stateMessage: "",
          model: "",
          labels: {},
          config: {},
        } as const;
        const profile = { prompt: "", context: undefined };
        this.append({ kind: "create", draft: { socketId: "meanwhile", ...fresh }, profile });
      }
      return MemoryStorage.prototype.durable.call(this);
    },
  });
  await service.createAll("x");
  isMoment = true;
  const watching = service.watch();
  const { sockets, revision } = await watching.snapshot();
  expect(sockets.map(({ socketId }) => socketId)).toEqual([team, "x"]);
  expect((await service.info()).revision).toBe(revision + 1n);
  expect(await watching.changes(1)).toEqual(["CREATED meanwhile"]);
});

describe("a Watch that is resumed", () => {
  test("gets what came after its revision, and no snapshot", async () => {
    const service = await startWith("a", "b", "c");
    const watching = await watched(service);
    await service.createAll("d", "e", "f");
    const { revision } = await watching.frame();
    watching.cancel();
    expect(await service.watch({ afterRevision: revision }).changes(2)).toEqual(["CREATED e", "CREATED f"]);
    const idle = service.watch({ afterRevision: (await service.info()).revision });
    await service.createAll("g");
    expect(await idle.changes(1)).toEqual(["CREATED g"]);
    expect(await service.watch({ afterRevision: 1 }).changes(7)).toEqual(
      ["a", "b", "c", "d", "e", "f", "g"].map((id) => `CREATED ${id}`),
    );
  });

  test("over a restart too, which ended it with UNAVAILABLE", async () => {
    const dataDir = tempDir();
    const first = await startService({ dataDir });
    await first.createAll("a");
    const watching = await watched(first);
    await first.createAll("b", "c");
    const { revision } = await watching.frame();
    const [end] = await Promise.all([watching.end(), first.server.stop()]);
    expect(refusalIn(end)).toMatchObject({ code: status.UNAVAILABLE, reason: "SHUTTING_DOWN" });
    const second = await startService({ dataDir });
    await second.delete({ socketId: "a" });
    expect(await second.watch({ afterRevision: revision }).changes(2)).toEqual(["CREATED c", "DELETED a"]);
  });

  test("is refused beyond what there is, and told where that is", async () => {
    const service = await startWith("x");
    const { revision } = await service.info();
    expect(await refusal(service.watch({ afterRevision: revision + 1n }).frame())).toMatchObject({
      ...lost,
      metadata: { after_revision: String(revision + 1n), revision: String(revision) },
    });
    service.watch({ afterRevision: revision });
  });

  test("is refused after what retention let go of, and told what is there", async () => {
    const first = await startTimed({ retainedMessages: 0 });
    await first.createAll("a", "b", "c");
    await first.upkeep();
    // What is still in memory is told all the same.
    await first.stop();
    const service = await startTimed({ dataDir: first.dataDir }, first.clock);
    const refused = await refusal(service.watch({ afterRevision: 1 }).frame());
    const { revision } = await service.info();
    expect(refused).toMatchObject({ ...lost, metadata: { after_revision: "1", revision: String(revision) } });
    const oldest = BigInt(refused.metadata["oldest_revision"] ?? "0");
    expect(await refusal(service.watch({ afterRevision: oldest - 1n }).frame())).toMatchObject(lost);
    const watching = service.watch({ afterRevision: oldest });
    await service.createAll("d");
    expect((await watching.changes(1))[0]).toBe("CREATED d");
    expect((await service.watch().snapshot()).sockets).toHaveLength(5);
  });

  test("ends when it falls behind retention, and is told where to begin", async () => {
    let isGone = false;
    const { service } = await startFaulty({
      changes(this: MemoryStorage, after, limit) {
        return isGone ? Promise.resolve(undefined) : MemoryStorage.prototype.changes.call(this, after, limit);
      },
    });
    const watching = await watched(service);
    await service.createAll("x");
    expect(await watching.changes(1)).toEqual(["CREATED x"]);
    isGone = true;
    await service.createAll("y");
    expect(refusalIn(await watching.end())).toMatchObject(lost);
  });

  test("is not overtaken by retention while it is idle, when it follows its heartbeats", async () => {
    const service = await startTimed({ retainedMessages: 0 });
    await service.createAll("x");
    const watching = await watched(service, { heartbeatInterval: ms(100) });
    await service.writeAll("x", "one", "two", "three");
    await service.drain("x");
    await service.drain(team);
    await service.upkeep();
    const { revision } = await service.info();
    let frame = await watching.frame();
    while (frame.revision < revision) frame = await watching.frame();
    expect(wordsOf(frame)).toBe("HEARTBEAT");
    watching.cancel();
    const resumed = service.watch({ afterRevision: frame.revision });
    await service.createAll("y");
    expect(await resumed.changes(1)).toEqual(["CREATED y"]);
  });
});
