/** The part of the storage contract that is about what leaves a queue. */
import { expect, test } from "vitest";
import { type RetentionLimits, type Storage, TEAM_NUMBER } from "../../src/registry/storage.js";
import {
  ALL,
  broadcast,
  Clock,
  create,
  createSocket,
  direct,
  draft,
  FOREVER,
  readAll,
  unsettled,
  write,
} from "./storage-events.js";

export type Open = (clock?: Clock) => Promise<Storage>;

export function settling(open: Open): void {
  test("messages are settled in any order, and the floor is below the first that is not", async () => {
    const storage = await open();
    const a = await createSocket(storage, "a");
    await write(storage, ...["1", "2", "3", "4", "5"].map((body) => direct(body, a)));
    storage.settle(a, [3]);
    expect(storage.queue(a)).toMatchObject({ floor: 0, depth: 4 });
    storage.settle(a, [1, 1, 3]);
    expect(storage.queue(a)).toMatchObject({ floor: 1, depth: 3 });
    storage.settle(a, [2, 99, 0, -1]);
    expect(storage.queue(a)).toMatchObject({ floor: 3, depth: 2, tail: 5 });
    expect([0, 1, 3, 4, 5, 6].map((sequence) => storage.queue(a).isSettled(sequence))).toEqual([
      true,
      true,
      true,
      false,
      false,
      false,
    ]);
    expect(storage.queue(a).bytes).toBe(storage.sizeAt(a, 4) + storage.sizeAt(a, 5));
    expect(await unsettled(storage, a)).toEqual(["4", "5"]);
  });

  test("settling moves the queue's activity and its oldest unsettled message", async () => {
    const clock = new Clock();
    const storage = await open(clock);
    const a = await createSocket(storage, "a");
    expect(storage.queue(a)).toMatchObject({ activityMs: 0, oldestUnsettledMs: undefined });
    await write(storage, direct("1", a));
    clock.ms += 10;
    await write(storage, broadcast("2"));
    const second = clock.ms;
    clock.ms += 10;
    storage.settle(a, [1]);
    expect(storage.queue(a)).toMatchObject({ activityMs: clock.ms, oldestUnsettledMs: second });
    storage.settle(a, [2]);
    expect(storage.queue(a).oldestUnsettledMs).toBeUndefined();
  });

  test("drops settle, are counted by their reason, and stay unannounced until they are announced", async () => {
    const clock = new Clock();
    const storage = await open(clock);
    const a = await createSocket(storage, "a");
    await write(storage, ...["1", "2", "3", "4"].map((body) => direct(body, a)));
    storage.settle(a, [2]);
    clock.ms += 10;
    expect(storage.drop(a, [3, 1, 2, 3], "OVERFLOW")).toBe(2);
    expect(storage.queue(a)).toMatchObject({ floor: 3, depth: 1, dropped: 2 });
    expect(storage.queue(a).unannounced("OVERFLOW")).toBe(2);
    expect(storage.queue(a).activityMs).toBe(clock.ms);
    storage.announceDrops(a, "OVERFLOW", 1);
    expect(storage.queue(a).unannounced("OVERFLOW")).toBe(1);
    storage.announceDrops(a, "OVERFLOW", 2);
    expect(storage.queue(a).unannounced("OVERFLOW")).toBe(0);
    expect(storage.drop(a, [3, 99, 0], "EXPIRED")).toBe(0);
    expect(storage.drop(a, [4], "EXPIRED")).toBe(1);
    expect(storage.queue(a)).toMatchObject({ depth: 0, dropped: 3 });
    expect([storage.queue(a).unannounced("OVERFLOW"), storage.queue(a).unannounced("EXPIRED")]).toEqual([0, 1]);
    storage.announceDrops(a, "OVERFLOW", 1);
    expect(storage.queue(a).unannounced("EXPIRED")).toBe(1);
    await storage.durable();
  });
}

export function endings(open: Open): void {
  test("a reset of the queue begins a new epoch with an empty queue", async () => {
    const storage = await open();
    const a = await createSocket(storage, "a");
    await write(storage, direct("1", a), broadcast("2"));
    storage.drop(a, [1], "OVERFLOW");
    const before = storage.socket(a);
    const { row, revision } = storage.append({
      kind: "reset",
      number: a,
      draft: draft("a"),
      queue: true,
      context: true,
    });
    expect(row).toMatchObject({ number: a, epochRevision: revision, createdMs: before?.createdMs });
    expect(row?.epoch).not.toBe(before?.epoch);
    expect(storage.queue(a)).toMatchObject({ tail: 0, depth: 0, floor: 0, oldest: 1, bytes: 0, dropped: 0 });
    await write(storage, direct("3", a), broadcast("4"));
    expect(await readAll(storage, a)).toEqual(["1:3", "2:4"]);
  });

  test("a deleted socket is gone, and one that replaces another takes its id in the same step", async () => {
    const storage = await open();
    const [a, b] = [await createSocket(storage, "a"), await createSocket(storage, "b")];
    await write(storage, direct("1", a), direct("2", b));
    const { row } = storage.append({ kind: "delete", number: a });
    expect(row).toBeUndefined();
    expect([storage.find("a"), storage.socket(a), storage.socketCount]).toEqual([undefined, undefined, 1]);
    const replacing = storage.append(create("b", {}, b));
    expect(storage.socketCount).toBe(1);
    expect(storage.find("b")).toEqual(replacing.row);
    expect(storage.socket(b)).toBeUndefined();
    expect(storage.queue(replacing.row?.number ?? 0).tail).toBe(0);
    await storage.durable();
  });

  test("what a queue leaves behind is erased, unless another queue retains it", async () => {
    const storage = await open();
    const [a, b] = [await createSocket(storage, "a"), await createSocket(storage, "b")];
    await write(storage, direct("both", a, b), broadcast("all"), direct("secret", a, TEAM_NUMBER), direct("mine", a));
    storage.settle(a, [1]);
    storage.settle(b, [1, 2]);
    await write(storage, { kind: "delete", number: a });
    await write(storage, {
      kind: "reset",
      number: TEAM_NUMBER,
      draft: draft("team-chat-all"),
      queue: true,
      context: true,
    });
    expect(await storage.retain(FOREVER)).toBe(2);
    expect(await readAll(storage, b)).toEqual(["1:both", "2:all"]);
    expect(await storage.retain(FOREVER)).toBe(0);
    await write(storage, { kind: "delete", number: b });
    expect(await storage.retain(FOREVER)).toBe(2);
  });

  test("a reader of a queue that ended meanwhile is given nothing of it", async () => {
    const storage = await open();
    const a = await createSocket(storage, "a");
    await write(storage, direct("1", a));
    storage.append({ kind: "reset", number: a, draft: draft("a"), queue: true, context: true });
    const early = storage.readAfter(a, 0, ALL);
    await storage.durable();
    expect(await early).toEqual([]);
  });
}

export function retention(open: Open): void {
  const limited = (limits: Partial<RetentionLimits>): RetentionLimits => ({ ...FOREVER, ...limits });
  const letters = ["a", "b", "c", "d", "e", "f"];

  /** A queue with six messages, of which the first, second, third and fifth are settled. */
  async function filled(clock = new Clock()) {
    const storage = await open(clock);
    const a = await createSocket(storage, "a");
    for (const body of letters) {
      await write(storage, direct(body, a));
      clock.ms += 10;
    }
    storage.settle(a, [1, 2, 3, 5]);
    await storage.durable();
    return { storage, a };
  }

  test("the oldest settled messages go when there are too many", async () => {
    const { storage, a } = await filled();
    expect(await storage.retain(limited({ messages: 5 }))).toBe(0);
    // The creation of the feed and of the socket go first.
    expect(await storage.retain(limited({ messages: 2 }))).toBe(3);
    expect(storage.queue(a)).toMatchObject({ oldest: 2, floor: 3 });
    expect(await readAll(storage, a)).toEqual(["2:b", "3:c", "4:d", "5:e", "6:f"]);
    expect(await storage.readAt(a, [1])).toEqual([]);
    expect(storage.sizeAt(a, 1)).toBe(0);
  });

  test("the oldest settled messages go when they are too many bytes", async () => {
    const { storage, a } = await filled();
    const before = storage.bytes;
    const size = storage.sizeAt(a, 1);
    await storage.retain(limited({ bytes: 2 * size }));
    expect(await readAll(storage, a)).toEqual(["2:b", "3:c", "4:d", "5:e", "6:f"]);
    expect(storage.bytes).toBeLessThanOrEqual(before - size);
  });

  test("settled messages go when they are too old, and what is unsettled stays however old it is", async () => {
    const clock = new Clock();
    const { storage, a } = await filled(clock);
    await storage.retain(limited({ ageMs: 50 }));
    expect(storage.queue(a).oldest).toBe(3);
    clock.ms += 1_000;
    await storage.retain(limited({ ageMs: 50 }));
    expect(await readAll(storage, a)).toEqual(["4:d", "5:e", "6:f"]);
    expect(storage.queue(a)).toMatchObject({ oldest: 4, depth: 2 });
    storage.settle(a, [4]);
    await storage.durable();
    expect(await readAll(storage, a)).toEqual(["6:f"]);
    expect(await storage.retain(limited({ ageMs: 50 }))).toBe(2);
  });

  test("when everything is let go of, counting goes on where it was", async () => {
    const { storage, a } = await filled();
    storage.settle(a, [4, 6]);
    await storage.durable();
    await storage.retain(limited({ messages: 0 }));
    expect(storage.bytes).toBe(0);
    expect(storage.queue(a)).toMatchObject({ tail: 6, oldest: 7, floor: 6, depth: 0 });
    const { revision } = storage;
    await write(storage, direct("g", a));
    expect(storage.revision).toBe(revision + 1);
    expect(await readAll(storage, a)).toEqual(["7:g"]);
  });

  test("an idle socket keeps its own mail and nobody else's", async () => {
    const storage = await open();
    const [idle, busy] = [await createSocket(storage, "idle"), await createSocket(storage, "busy")];
    await write(storage, direct("mine", idle));
    for (let sequence = 1; sequence <= 600; sequence++) {
      storage.append(direct("theirs", busy));
      storage.settle(busy, [sequence]);
    }
    await storage.durable();
    await storage.retain(limited({ messages: 0 }));
    expect(storage.bytes).toBe(storage.sizeAt(idle, 1));
    expect(await readAll(storage, idle)).toEqual(["1:mine"]);
  });

  test("a message that is let go of while it is read is left out", async () => {
    const { storage, a } = await filled();
    const early = storage.readAt(a, [1, 4]);
    await storage.retain(limited({ messages: 0 }));
    for (const { damaged } of await early) expect(damaged).toBe(false);
    expect((await storage.readAt(a, [1, 4])).map(({ sequence }) => sequence)).toEqual([4]);
  });
}
