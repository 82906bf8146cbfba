/** What the store on LevelDB keeps of marks and of the feed's consumers, and what a loss leaves of them. */
import { expect, test } from "vitest";
import { CursorRow, MarkState, ParkedRow } from "../gen/ts/socketregistry/storage/v1/records.js";
import { type Storage, TEAM_NUMBER } from "../src/registry/storage.js";
import { consumerKey, cursorKey, logKey, parkedKey, storeKey } from "../src/storage/keys.js";
import { decodeRecord, encodeRecord } from "../src/storage/records.js";
import { openStorage } from "./support/level-storage.js";
import { mark, marksOf } from "./support/storage-contract-marks.js";
import { createSocket, direct, FOREVER, readAll, write } from "./support/storage-events.js";
import { openRaw } from "./support/storage-pair.js";
import { copyOf, reopen, spoil } from "./support/storage-written.js";
import { tempDir } from "./support/temp-dir.js";

/** A socket with messages named by their sequences, and one whose only message can get lost. */
async function filled(count: number) {
  const folder = tempDir();
  const storage = await openStorage(folder, { recentBytes: 0 });
  const [a, other] = [await createSocket(storage, "a"), await createSocket(storage, "other")];
  const { revision } = storage.append(direct("lost", other));
  for (let sequence = 1; sequence <= count; sequence++) await write(storage, direct(`${sequence}`, a, TEAM_NUMBER));
  return { folder, storage, a, lost: logKey(revision) };
}

/** What is not settled and can be read, marked messages first where the floor has passed them: "sequence:body". */
async function left(storage: Storage, number: number): Promise<string[]> {
  const queue = storage.queue(number);
  const parked = marksOf(queue).filter(({ state }) => state === "PARKED");
  const sequences = [...queue.unsettledAfter(0), ...parked.map(({ sequence }) => sequence)].sort((a, b) => a - b);
  const found = await storage.readAt(number, sequences);
  return found.map(({ sequence, body }) => `${sequence}:${Buffer.from(body)}`);
}

async function rowOf(folder: string, key: Buffer): Promise<Buffer | undefined> {
  const db = await openRaw(copyOf(folder));
  const row = await db.get(key);
  await db.close();
  return row;
}

test("what is parked has a row of its own, which is written when that changes and not else", async () => {
  const { folder, storage, a } = await filled(5);
  storage.mark(a, [mark(1, "PARKED"), mark(2, "HELD")]);
  await storage.durable();
  const row = (await rowOf(folder, parkedKey(a))) ?? Buffer.alloc(0);
  expect(decodeRecord(ParkedRow, row).marks.map(({ sequence }) => sequence)).toEqual([1]);
  expect(decodeRecord(CursorRow, (await rowOf(folder, cursorKey(a))) ?? row).markRuns).toHaveLength(1);
  const db = await openRaw(copyOf(folder));
  await db.close();
  storage.settle(a, [2, 3]);
  await storage.durable();
  expect(await rowOf(folder, parkedKey(a))).toEqual(row);
  storage.mark(a, [mark(1, "WAITING")]);
  await storage.durable();
  expect(await rowOf(folder, parkedKey(a))).toBeUndefined();
  storage.mark(a, [mark(1, "PARKED")]);
  await write(storage, { kind: "delete", number: a });
  expect([await rowOf(folder, parkedKey(a)), await rowOf(folder, cursorKey(a))]).toEqual([undefined, undefined]);
});

test("what was handed out together is one run in the cursor's row, and a row of before that is read as well", async () => {
  const { folder, storage, a } = await filled(6);
  const marks = [1, 2, 3, 4, 5, 6].map((sequence) => mark(sequence, "WAITING", { failures: sequence > 4 ? 1 : 0 }));
  storage.mark(a, marks);
  const before = marksOf(storage.queue(a));
  await storage.close();
  const { storage: again } = await reopen(folder);
  expect(marksOf(again.queue(a))).toEqual(before);
  await again.close();
  const db = await openRaw(folder);
  const row = decodeRecord(CursorRow, (await db.get(cursorKey(a))) ?? Buffer.alloc(0));
  expect(row.markRuns.map(({ first, steps }) => [first, steps.length])).toEqual([
    [1, 3],
    [5, 1],
  ]);
  const first = row.markRuns[0]?.revision ?? 0;
  const state = MarkState.MARK_STATE_WAITING;
  const old = before.map((mark, index) => ({ ...mark, state, revision: first + index }));
  await db.put(cursorKey(a), encodeRecord(CursorRow, { ...row, marks: old, markRuns: [] }));
  await db.close();
  const { storage: third, log } = await reopen(folder);
  expect(marksOf(third.queue(a))).toEqual(before);
  expect(log.errors).toEqual([]);
});

test("a cursor of before there were marks is one without any", async () => {
  const { folder, storage, a } = await filled(3);
  storage.drop(a, [1], "OVERFLOW");
  await storage.close();
  const db = await openRaw(folder);
  const row = decodeRecord(CursorRow, (await db.get(cursorKey(a))) ?? Buffer.alloc(0));
  const { epochRevision, floorSequence, floorRevision, settled, droppedCount, droppedAnnounced, movedMs } = row;
  const old = { epochRevision, floorSequence, floorRevision, settled, droppedCount, droppedAnnounced, movedMs };
  const fields = CursorRow.fromPartial?.(old) ?? { ...row, ...old };
  await db.put(cursorKey(a), encodeRecord(CursorRow, fields));
  await db.close();
  const { storage: again, log } = await reopen(folder);
  expect(again.queue(a)).toMatchObject({ floor: 1, depth: 2, parked: 0, dropped: 1, seenMs: 0, marks: new Map() });
  expect(log.errors).toEqual([]);
});

test.each(["close", "crash"])("marks, and when the agent was seen, are there after a %s", async (how) => {
  const { folder, storage, a } = await filled(6);
  storage.mark(a, [mark(1, "PARKED"), mark(3, "LENT"), mark(5, "HELD", { failures: 0, dueMs: 0 })]);
  storage.settle(a, [2]);
  storage.seen(a, 123);
  await storage.durable();
  await storage.retain({ ...FOREVER, ageMs: 0 });
  const before = await left(storage, a);
  expect(before).toEqual(["1:1", "3:3", "4:4", "5:5", "6:6"]);
  const copy = copyOf(folder);
  await storage.close();
  const { storage: again, log } = await reopen(how === "close" ? folder : copy);
  expect(again.queue(a)).toMatchObject({ floor: 3, depth: 4, parked: 1, seenMs: 123, oldestUnsettled: 3 });
  expect(marksOf(again.queue(a))).toEqual([
    mark(1, "PARKED"),
    mark(3, "LENT"),
    mark(5, "HELD", { failures: 0, dueMs: 0 }),
  ]);
  expect(await left(again, a)).toEqual(before);
  expect(log.errors).toEqual([]);
});

test("after a loss the marked messages that the floor has passed come first and come again; parked ones stay so", async () => {
  const { folder, storage, a, lost } = await filled(8);
  storage.mark(a, [mark(1, "PARKED"), mark(3, "HELD"), mark(4, "LENT"), mark(6, "WAITING")]);
  storage.settle(a, [2, 8]);
  storage.drop(a, [], "EXPIRED");
  await storage.close();
  await spoil(folder, lost);
  const { storage: mended } = await reopen(folder);
  const expected = ["1:1", "2:3", "3:4", "4:5", "5:6", "6:7"];
  const expectLeft = async (opened: Storage): Promise<void> => {
    expect(await left(opened, a)).toEqual(expected);
    expect(opened.queue(a)).toMatchObject({ tail: 7, floor: 3, depth: 5, parked: 1, dropped: 0, oldest: 2 });
    expect(marksOf(opened.queue(a))).toEqual([
      mark(1, "PARKED"),
      mark(2, "WAITING", { dueMs: 0 }),
      mark(3, "WAITING", { dueMs: 0 }),
      mark(5, "WAITING"),
    ]);
    expect(await readAll(opened, a)).toEqual([...expected.slice(1), "7:8"]);
  };
  await expectLeft(mended);
  const copy = copyOf(folder);
  await mended.close();
  for (const next of [folder, copy]) {
    const { storage: again, log } = await reopen(next);
    await expectLeft(again);
    again.settle(a, [2, 4]);
    await again.durable();
    expect(again.queue(a)).toMatchObject({ floor: 5, depth: 3, oldestUnsettled: 3 });
    expect(log.errors).toEqual([]);
    await again.close();
  }
});

test("a mark whose own message is lost is gone, and the others stay with theirs", async () => {
  const { folder, storage, a } = await filled(6);
  const [found] = await storage.readAt(a, [4]);
  storage.mark(a, [mark(2, "HELD"), mark(4, "PARKED"), mark(6, "PARKED")]);
  await storage.close();
  await spoil(folder, logKey(found?.revision ?? 0));
  const { storage: mended } = await reopen(folder);
  expect(await left(mended, a)).toEqual(["1:1", "2:2", "3:3", "4:5", "5:6"]);
  expect(marksOf(mended.queue(a))).toEqual([mark(2, "WAITING", { dueMs: 0 }), mark(5, "PARKED")]);
});

test("what was settled above a loss is not confused with something else by a mark", async () => {
  const { folder, storage, a } = await filled(8);
  const lost = await storage.readAt(a, [4, 5]);
  storage.mark(a, [mark(6, "HELD")]);
  storage.settle(a, [1, 2, 3, 5]);
  await storage.close();
  for (const { revision } of lost) await spoil(folder, logKey(revision));
  const { storage: mended } = await reopen(folder);
  expect((await left(mended, a)).map((one) => one.slice(-1))).toEqual(["6", "7", "8"]);
});

test("a damaged cursor leaves parked what is parked", async () => {
  const { folder, storage, a } = await filled(6);
  storage.mark(a, [mark(1, "HELD"), mark(2, "PARKED"), mark(4, "PARKED")]);
  storage.settle(a, [3]);
  await storage.close();
  await spoil(folder, cursorKey(a));
  const { storage: mended } = await reopen(folder);
  expect(await left(mended, a)).toEqual(["1:1", "2:2", "3:3", "4:4", "5:5", "6:6"]);
  expect(mended.queue(a)).toMatchObject({ depth: 4, parked: 2 });
});

test("when the row of what is parked is damaged, that comes again and is not lost", async () => {
  const { folder, storage, a } = await filled(4);
  storage.mark(a, [mark(1, "PARKED"), mark(2, "PARKED")]);
  storage.settle(a, [3]);
  await storage.close();
  await spoil(folder, parkedKey(a));
  const { storage: mended, log } = await reopen(folder);
  expect(log.errors).toMatchObject([{ damagedRows: 1, lostCount: 0 }]);
  expect(await left(mended, a)).toEqual(["1:1", "2:2", "3:3", "4:4"]);
  expect(mended.queue(a)).toMatchObject({ depth: 4, parked: 0 });
  await mended.close();
  expect((await reopen(folder)).log.errors).toEqual([]);
});

test.each(["close", "crash"])(
  "consumers are there after a %s, and the numbers of closed ones are not given again",
  async (how) => {
    const { folder, storage } = await filled(6);
    const kept = storage.openConsumer("kept", 1);
    storage.mark(kept.number, [mark(2, "HELD"), mark(3, "PARKED")]);
    storage.settle(kept.number, [5]);
    const { number: closed } = storage.openConsumer("closed", 0);
    storage.mark(closed, [mark(2, "PARKED")]);
    await storage.durable();
    storage.closeConsumer(closed);
    await storage.durable();
    for (const key of [consumerKey(closed), cursorKey(closed), parkedKey(closed)]) {
      expect(await rowOf(folder, key)).toBeUndefined();
    }
    const copy = copyOf(folder);
    await storage.close();
    const { storage: again, log } = await reopen(how === "close" ? folder : copy);
    expect([...again.consumers()]).toEqual([kept]);
    expect(again.queue(kept.number)).toMatchObject({ floor: 3, depth: 3, parked: 1, tail: 6 });
    expect(await left(again, kept.number)).toEqual(["2:2", "3:3", "4:4", "6:6"]);
    expect(await createSocket(again, "b")).toBe(closed + 1);
    expect(again.openConsumer("closed", 0).number).toBe(closed + 2);
    expect(log.errors).toEqual([]);
  },
);

test("after a loss a consumer goes on where it was", async () => {
  const { folder, storage, lost } = await filled(8);
  const { number } = storage.openConsumer("c", 3);
  storage.mark(number, [mark(4, "HELD"), mark(6, "PARKED")]);
  storage.settle(TEAM_NUMBER, [1, 2]);
  storage.mark(TEAM_NUMBER, [mark(3, "PARKED")]);
  storage.settle(number, [8]);
  await storage.close();
  await spoil(folder, lost);
  const { storage: mended } = await reopen(folder);
  expect(await left(mended, TEAM_NUMBER)).toEqual(["1:3", "2:4", "3:5", "4:6", "5:7", "6:8"]);
  const expected = ["2:4", "3:5", "4:6", "5:7"];
  expect(await left(mended, number)).toEqual(expected);
  expect(mended.queue(number)).toMatchObject({ tail: 6, oldest: 1, depth: 3, parked: 1 });
  expect(marksOf(mended.queue(number))).toEqual([mark(2, "WAITING", { dueMs: 0 }), mark(4, "PARKED")]);
  await mended.close();
  const { storage: again, log } = await reopen(folder);
  expect(await left(again, number)).toEqual(expected);
  expect(log.errors).toEqual([]);
});

test.each([
  ["consumer", consumerKey],
  ["consumer's cursor", cursorKey],
  ["consumer's parked messages", parkedKey],
] as const)("a damaged row of a %s is said, and costs no more than what it tells", async (what, key) => {
  const { folder, storage } = await filled(4);
  const { number } = storage.openConsumer("c", 1);
  storage.mark(number, [mark(2, "PARKED")]);
  await storage.close();
  await spoil(folder, key(number));
  const { storage: mended, log } = await reopen(folder);
  expect(log.errors).toMatchObject([{ damagedRows: 1, lostCount: 0 }]);
  const isThere = what !== "consumer";
  expect(mended.consumer("c")?.number).toBe(isThere ? number : undefined);
  if (isThere) expect((await left(mended, number)).map((one) => one.slice(-1))).toContain("2");
  expect(mended.openConsumer("d", 0).number).toBe(number + 1);
  await mended.close();
  await spoil(folder, storeKey);
  const { storage: again } = await reopen(folder);
  expect(await createSocket(again, "b")).toBe(number + 2);
  await again.close();
  for (const one of isThere ? [] : [cursorKey(number), parkedKey(number)]) {
    expect(await rowOf(folder, one)).toBeUndefined();
  }
});

test("a feed that is made again begins every consumer anew", async () => {
  const { folder, storage } = await filled(4);
  const { number } = storage.openConsumer("c", 2);
  storage.mark(number, [mark(3, "PARKED")]);
  await storage.close();
  await spoil(folder, Buffer.from([0x20, 0, 0, 0, TEAM_NUMBER]));
  const { storage: mended } = await reopen(folder);
  expect(mended.queue(number)).toMatchObject({ tail: 0, floor: 0, depth: 0, parked: 0 });
  await write(mended, direct("new", TEAM_NUMBER));
  expect(await left(mended, number)).toEqual(["1:new"]);
});
