/**
 * The storage contract as tests: `src/registry/storage.ts`, sentence by sentence. An implementation joins with one call
 * and an empty store of its own kind.
 */
import { describe, expect, onTestFinished, test } from "vitest";
import type { RegistryError } from "../../src/registry/errors.js";
import { type Storage, TEAM_NUMBER } from "../../src/registry/storage.js";
import { changing, letters } from "./storage-contract-changes.js";
import { consuming } from "./storage-contract-consumers.js";
import { marking } from "./storage-contract-marks.js";
import { endings, type Open, retention, settling } from "./storage-contract-queues.js";
import { receipts } from "./storage-contract-receipts.js";
import { remembering, writeRemembered } from "./storage-contract-remembered.js";
import { waiting } from "./storage-contract-waiting.js";
import {
  ALL,
  broadcast,
  Clock,
  create,
  createSocket,
  direct,
  draft,
  FOREVER,
  never,
  readAll,
  write,
} from "./storage-events.js";

export type OpenEmpty = (now: () => number) => Promise<Storage>;

const unavailable = expect.objectContaining({ reason: "STORAGE_UNAVAILABLE" } satisfies Partial<RegistryError>);

export function storageContract(name: string, openEmpty: OpenEmpty): void {
  const open = async (clock = new Clock()): Promise<Storage> => {
    const storage = await openEmpty(clock.now);
    onTestFinished(() => storage.close());
    return storage;
  };
  describe(name, () => {
    describe("rows", () => rows(open));
    describe("appending", () => appending(open));
    describe("reading", () => reading(open));
    describe("waiting", () => waiting(open));
    describe("settling", () => settling(open));
    describe("marks", () => marking(open));
    describe("consumers", () => consuming(open));
    describe("ending queues", () => endings(open));
    describe("retention", () => retention(open));
    describe("changes", () => changing(open));
    describe("letters", () => letters(open));
    describe("receipts", () => receipts(open));
    describe("remembered answers", () => remembering(open));
    describe("closing", () => closing(open));
  });
}

function rows(open: Open): void {
  test("an empty store has the feed and no socket", async () => {
    const storage = await open();
    expect(storage.socketCount).toBe(0);
    expect([...storage.sockets()].map((row) => row.socketId)).toEqual(["team-chat-all"]);
    expect(storage.find("team-chat-all")?.number).toBe(TEAM_NUMBER);
    expect(storage.revision).toBe(1);
  });

  test("a created socket is found by its id and by its number at once", async () => {
    const storage = await open();
    const { row, sequences, revision } = storage.append(create("a", { labels: { team: "x" } }));
    expect(row).toMatchObject({ socketId: "a", labels: { team: "x" }, epochRevision: revision });
    expect(sequences).toEqual([row?.number]);
    expect(storage.find("a")).toEqual(row);
    expect(storage.socket(row?.number ?? 0)).toEqual(row);
    expect(storage.socketCount).toBe(1);
  });

  test("numbers ascend and are never used twice", async () => {
    const storage = await open();
    const first = await createSocket(storage, "a");
    await write(storage, { kind: "delete", number: first });
    const second = await createSocket(storage, "a");
    expect(second).toBeGreaterThan(first);
  });

  test("sockets are listed in the order of creation, also after a number and while they change", async () => {
    const storage = await open();
    const numbers = [];
    for (const id of ["d", "c", "b", "a"]) numbers.push(await createSocket(storage, id));
    expect([...storage.sockets(TEAM_NUMBER)].map((row) => row.socketId)).toEqual(["d", "c", "b", "a"]);
    expect([...storage.sockets(numbers[1])].map((row) => row.socketId)).toEqual(["b", "a"]);
    const seen = [];
    for (const row of storage.sockets(TEAM_NUMBER)) {
      seen.push(row.socketId);
      if (row.socketId === "d") storage.append({ kind: "delete", number: row.number });
    }
    expect(seen).toEqual(["d", "c", "b", "a"]);
  });

  test("a change replaces the row and leaves epoch, queue and creation alone, whatever else the draft says", async () => {
    const clock = new Clock();
    const storage = await open(clock);
    const number = await createSocket(storage, "a");
    await write(storage, direct("m", number));
    const before = storage.socket(number);
    clock.ms += 5;
    const stale = { ...draft("a", { state: "INACTIVE", stateMessage: "gone" }), epoch: "old", createdMs: 1 };
    const { row, revision } = storage.append({ kind: "change", what: "STATE_CHANGED", number, draft: stale });
    expect(row).toEqual({
      ...before,
      state: "INACTIVE",
      stateMessage: "gone",
      changedMs: clock.ms,
      changedRevision: revision,
    });
    expect(storage.queue(number).tail).toBe(1);
  });

  test("prompt and context are kept, and a reset of the context clears it alone", async () => {
    const storage = await open();
    const profile = { prompt: "Grüße", context: Buffer.from([1, 2, 3]) };
    const { row } = storage.append({ kind: "create", draft: draft("a"), profile });
    const durable = storage.durable();
    await durable;
    const number = row?.number ?? 0;
    const kept = await storage.profile(number);
    expect({ prompt: kept.prompt, context: Buffer.from(kept.context ?? []) }).toEqual(profile);
    await write(storage, direct("m", number));
    await write(storage, { kind: "reset", number, draft: draft("a"), queue: false, context: true });
    expect(await storage.profile(number)).toEqual({ prompt: "Grüße", context: undefined });
    expect(storage.socket(number)?.epoch).toBe(row?.epoch);
    expect(await readAll(storage, number)).toEqual(["1:m"]);
  });

  test("an event about a socket that is not there changes nothing", async () => {
    const storage = await open();
    const { revision } = storage;
    expect(() => storage.append({ kind: "delete", number: 99 })).toThrow();
    expect(() => storage.append({ kind: "change", what: "STATE_CHANGED", number: 99, draft: draft("a") })).toThrow();
    expect(() => storage.append(direct("m", TEAM_NUMBER, 99))).toThrow();
    expect(() => storage.queue(99)).toThrow();
    expect(storage.revision).toBe(revision);
    expect(storage.queue(TEAM_NUMBER).tail).toBe(0);
    expect(storage.sizeAt(99, 1)).toBe(0);
  });
}

function appending(open: Open): void {
  test("revisions and sequences are contiguous from 1, each queue by itself", async () => {
    const storage = await open();
    const [a, b] = [await createSocket(storage, "a"), await createSocket(storage, "b")];
    const appended = [a, b, a, a, b].map((number) => storage.append(direct("m", number)));
    expect(appended.map(({ sequences }) => sequences[0])).toEqual([1, 1, 2, 3, 2]);
    expect(appended.map(({ revision }) => revision)).toEqual([4, 5, 6, 7, 8]);
    expect(storage.revision).toBe(8);
    expect(storage.queue(a)).toMatchObject({ tail: 3, depth: 3, floor: 0, oldest: 1 });
  });

  test("a message to several sockets is one entry with the sequence at each", async () => {
    const storage = await open();
    const [a, b] = [await createSocket(storage, "a"), await createSocket(storage, "b")];
    await write(storage, direct("first", b));
    const { sequences, revision } = storage.append(direct("both", TEAM_NUMBER, a, b));
    await storage.durable();
    expect(sequences).toEqual([1, 1, 2]);
    for (const number of [TEAM_NUMBER, a, b]) {
      expect((await storage.readAfter(number, 0, ALL)).at(-1)).toMatchObject({ revision, damaged: false });
    }
  });

  test("a broadcast reaches every socket but the feed and those skipped, and targets only once", async () => {
    const storage = await open();
    const [a, b, c] = [
      await createSocket(storage, "a"),
      await createSocket(storage, "b"),
      await createSocket(storage, "c"),
    ];
    await write(
      storage,
      broadcast("one", [b]),
      broadcast("two", [], [TEAM_NUMBER]),
      broadcast("three", [b, c], [a, b]),
    );
    expect(await readAll(storage, a)).toEqual(["1:one", "2:two", "3:three"]);
    expect(await readAll(storage, b)).toEqual(["1:two", "2:three"]);
    expect(await readAll(storage, c)).toEqual(["1:one", "2:two"]);
    expect(await readAll(storage, TEAM_NUMBER)).toEqual(["1:two"]);
    expect([a, b, c].map((number) => storage.queue(number).depth)).toEqual([3, 2, 2]);
  });

  test("direct messages and broadcasts keep one order everywhere, and sockets created later get only what is later", async () => {
    const storage = await open();
    const a = await createSocket(storage, "a");
    await write(storage, broadcast("1"), direct("2", a), broadcast("3"));
    const b = await createSocket(storage, "b");
    await write(storage, broadcast("4"), direct("5", a), direct("6", b), broadcast("7"));
    expect(await readAll(storage, a)).toEqual(["1:1", "2:2", "3:3", "4:4", "5:5", "6:7"]);
    expect(await readAll(storage, b)).toEqual(["1:4", "2:6", "3:7"]);
  });

  test("a message is read with what was written, and its bytes count", async () => {
    const storage = await open();
    const a = await createSocket(storage, "a");
    const { revision, timeMs } = storage.append({ ...direct("text", a), sender: "me", recipient: "a" });
    await storage.durable();
    const [found] = await storage.readAfter(a, 0, ALL);
    expect({ ...found, body: Buffer.from(found?.body ?? []).toString() }).toEqual({
      sequence: 1,
      revision,
      timeMs,
      damaged: false,
      sender: "me",
      recipient: "a",
      body: "text",
    });
    expect(storage.sizeAt(a, 1)).toBeGreaterThan(4);
    expect(storage.queue(a).bytes).toBe(storage.sizeAt(a, 1));
  });

  test("time never runs backwards, whatever the clock does", async () => {
    const clock = new Clock();
    const storage = await open(clock);
    const a = await createSocket(storage, "a");
    const times = [0, 10, -1_000, 500, -5_000, 2_000].map((by) => {
      clock.ms += by;
      return storage.append(direct("m", a)).timeMs;
    });
    expect(times).toEqual([...times].sort((x, y) => x - y));
    expect(storage.queue(a).activityMs).toBe(times.at(-1));
    expect(storage.queue(a).oldestUnsettledMs).toBe(times[0]);
  });

  test("a message is in the counters at once, and readable only when it is durable", async () => {
    const storage = await open();
    const a = await createSocket(storage, "a");
    storage.append(direct("m", a));
    expect(storage.queue(a)).toMatchObject({ tail: 1, durableTail: 0, depth: 1 });
    const [early, earlyAt] = [storage.readAfter(a, 0, ALL), storage.readAt(a, [1])];
    expect([await early, await earlyAt]).toEqual([[], []]);
    await storage.durable();
    expect(storage.queue(a).durableTail).toBe(1);
    expect(await readAll(storage, a)).toEqual(["1:m"]);
  });

  test("durable resolves at once when nothing is under way", async () => {
    const storage = await open();
    await storage.durable();
    await expect(storage.durable()).resolves.toBeUndefined();
  });
}

function reading(open: Open): void {
  test("reading ends at the limit of messages and at the limit of bytes, but gives at least one", async () => {
    const storage = await open();
    const a = await createSocket(storage, "a");
    await write(storage, ...["1", "2", "3", "4"].map((body) => direct(body, a)));
    const size = storage.sizeAt(a, 1);
    const limited = (messages: number, bytes: number) => readAll(storage, a, 1, { messages, bytes });
    expect(await limited(2, 1e9)).toEqual(["2:2", "3:3"]);
    expect(await limited(9, 2 * size)).toEqual(["2:2", "3:3"]);
    expect(await limited(9, 2 * size - 1)).toEqual(["2:2"]);
    expect(await limited(9, 1)).toEqual(["2:2"]);
    expect(await limited(0, 0)).toEqual(["2:2"]);
    expect(await readAll(storage, a, 4)).toEqual([]);
    expect(await readAll(storage, a, 40)).toEqual([]);
  });

  test("settled messages stay readable by position", async () => {
    const storage = await open();
    const a = await createSocket(storage, "a");
    await write(storage, direct("1", a), direct("2", a), direct("3", a));
    storage.settle(a, [1, 2]);
    expect(await readAll(storage, a)).toEqual(["1:1", "2:2", "3:3"]);
    expect(storage.queue(a)).toMatchObject({ oldest: 1, floor: 2, depth: 1 });
  });

  test("messages are read by sequence in the order asked for, and what never was is left out", async () => {
    const storage = await open();
    const a = await createSocket(storage, "a");
    await write(storage, direct("1", a), broadcast("2"), direct("3", a));
    const found = await storage.readAt(a, [3, 7, 1, 0, 2]);
    expect(found.map(({ sequence, body }) => `${sequence}:${Buffer.from(body)}`)).toEqual(["3:3", "1:1", "2:2"]);
  });
}

function closing(open: Open): void {
  test("after the close every call fails as unavailable, and a second close does nothing", async () => {
    const storage = await open();
    const a = await createSocket(storage, "a");
    const remembered = writeRemembered(storage, a, "1");
    await storage.close();
    const calls: [string, () => unknown][] = [
      ["revision", () => storage.revision],
      ["bytes", () => storage.bytes],
      ["socketCount", () => storage.socketCount],
      ["find", () => storage.find("a")],
      ["socket", () => storage.socket(a)],
      ["sockets", () => [...storage.sockets()]],
      ["profile", () => storage.profile(a)],
      ["append", () => storage.append(direct("m", a))],
      ["durable", () => storage.durable()],
      ["queue", () => storage.queue(a)],
      ["readAfter", () => storage.readAfter(a, 0, ALL)],
      ["readAt", () => storage.readAt(a, [1])],
      ["sizeAt", () => storage.sizeAt(a, 1)],
      ["waitAfter", () => storage.waitAfter(a, 0, never())],
      ["settle", () => storage.settle(a, [1])],
      ["mark", () => storage.mark(a, [])],
      ["drop", () => storage.drop(a, [1], "OVERFLOW")],
      ["announceDrops", () => storage.announceDrops(a, "EXPIRED", 1)],
      ["seen", () => storage.seen(a, 1)],
      ["consumer", () => storage.consumer("c")],
      ["consumers", () => storage.consumers()],
      ["openConsumer", () => storage.openConsumer("c", 0)],
      ["closeConsumer", () => storage.closeConsumer(3)],
      ["timeAt", () => storage.timeAt(a, 1)],
      ["durableRevision", () => storage.durableRevision],
      ["historyFloor", () => storage.historyFloor],
      ["changes", () => storage.changes(0, 1)],
      ["waitChange", () => storage.waitChange(0, never())],
      ["letter", () => storage.letter(1)],
      ["fate", () => storage.fate(a, 1)],
      ["replies", () => storage.replies(1, 0)],
      ["remember", () => storage.remember(remembered)],
      ["isRemembered", () => storage.isRemembered("")],
      ["recall", () => storage.recall("")],
      ["rememberedCount", () => storage.rememberedCount],
      ["rememberedFrom", () => storage.rememberedFrom],
      ["forget", () => storage.forget(1, 0)],
      ["retain", () => storage.retain(FOREVER)],
    ];
    for (const [name, call] of calls) {
      await expect((async () => call())(), name).rejects.toEqual(unavailable);
    }
    storage.wake(a);
    await storage.close();
  });

  test("whoever waits when the store closes is told", async () => {
    const storage = await open();
    const a = await createSocket(storage, "a");
    const waited = storage.waitAfter(a, 0, never());
    const refused = expect(waited).rejects.toEqual(unavailable);
    await storage.close();
    await refused;
  });

  test("what is under way when the store closes becomes durable", async () => {
    const storage = await open();
    const a = await createSocket(storage, "a");
    storage.append(direct("m", a));
    const durable = storage.durable();
    await storage.close();
    await durable;
  });
}
