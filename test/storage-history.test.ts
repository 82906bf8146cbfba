/** The log on LevelDB as what happened: changes, messages by revision and receipts, after restarts, failures and damage. */
import { expect, test } from "vitest";
import { LogEntry } from "../gen/ts/socketregistry/storage/v1/records.js";
import { type Fate, TEAM_NUMBER } from "../src/registry/storage.js";
import { logKey, receiptsRange, rowKey } from "../src/storage/keys.js";
import type { LevelStorage } from "../src/storage/level.js";
import { decodeRecord } from "../src/storage/records.js";
import { failNextBatch, Lines, openStorage } from "./support/level-storage.js";
import { changesAfter } from "./support/storage-contract-changes.js";
import { FORGOTTEN } from "./support/storage-contract-receipts.js";
import { broadcast, Clock, create, createSocket, direct, draft, FOREVER, write } from "./support/storage-events.js";
import { openRaw } from "./support/storage-pair.js";
import { copyOf, reopen } from "./support/storage-written.js";
import { tempDir } from "./support/temp-dir.js";

const settledAt = (sequence: number, ms: number): Fate => ({
  sequence,
  state: "SETTLED",
  attempt: 1,
  deliveredMs: ms,
  settledMs: ms,
});

async function receiptsIn(folder: string): Promise<number> {
  const db = await openRaw(folder);
  const { length } = await db.keys(receiptsRange).all();
  await db.close();
  return length;
}

async function edit(folder: string, change: (db: Awaited<ReturnType<typeof openRaw>>) => Promise<void>): Promise<void> {
  const db = await openRaw(folder);
  await change(db);
  await db.close();
}

async function flip(db: Awaited<ReturnType<typeof openRaw>>, key: Buffer): Promise<void> {
  const value = (await db.get(key)) ?? Buffer.alloc(0);
  value.writeUInt8(value.readUInt8(value.length - 1) ^ 1, value.length - 1);
  await db.put(key, value);
}

async function fatesOf(storage: LevelStorage, number: number, revisions: number[]): Promise<(Fate | undefined)[]> {
  return await Promise.all(revisions.map((revision) => storage.fate(number, revision)));
}

test("changes are told the same from the disk as from memory", async () => {
  const folder = tempDir();
  const before = await openStorage(folder);
  const a = await createSocket(before, "a");
  for (let index = 0; index < 2_500; index++) before.append(direct("m", a));
  await write(before, { kind: "change", what: "UPDATED", number: a, draft: draft("a", { model: "new" }) });
  await write(before, create("b"), create("a", {}, a));
  const expected = ["1 CREATED team-chat-all", "2 CREATED a", "2503 UPDATED a", "2504 CREATED b", "2505 CREATED a"];
  expect(await changesAfter(before, 0)).toEqual(expected);
  const page = await before.changes(1, 9);
  const { storage } = await reopen(copyOf(folder));
  expect(await changesAfter(storage, 0)).toEqual(expected);
  expect(await changesAfter(storage, 2, 1)).toEqual(expected.slice(2));
  // One page looks at a part of the log, and says how far it came.
  expect(await storage.changes(2, 9)).toEqual({ changes: [], through: 1_002 });
  expect((await storage.changes(2_502, 9))?.changes).toEqual(page?.changes.slice(1));
  await write(storage, { kind: "delete", number: storage.find("b")?.number ?? 0 });
  expect(await changesAfter(storage, 2_503)).toEqual(["2504 CREATED b", "2505 CREATED a", "2506 DELETED b"]);
});

test("more changes than memory keeps are told from both, in order", async () => {
  const storage = await openStorage(tempDir());
  const ids = Array.from({ length: 5_000 }, (_, index) => `s${index}`);
  for (const id of ids) storage.append(create(id));
  await storage.durable();
  const expected = ids.map((id, index) => `${index + 2} CREATED ${id}`);
  expect(await changesAfter(storage, 1)).toEqual(expected);
  expect(await changesAfter(storage, 1, 333)).toEqual(expected);
  expect(await changesAfter(storage, 4_999)).toEqual(expected.slice(4_998));
});

test("when changes may have been let go of, that is said, and not of those that memory keeps", async () => {
  const folder = tempDir();
  const before = await openStorage(folder);
  await createSocket(before, "a");
  await write(before, direct("m", TEAM_NUMBER));
  before.settle(TEAM_NUMBER, [1]);
  await before.durable();
  await before.retain({ ...FOREVER, messages: 0 });
  expect(before.historyFloor).toBe(3);
  expect(await changesAfter(before, 1)).toEqual(["2 CREATED a"]);
  await before.close();
  const { storage } = await reopen(folder);
  expect(await storage.changes(1, 9)).toBeUndefined();
  expect(await storage.changes(2, 9)).toBeUndefined();
  expect(await storage.changes(3, 9)).toEqual({ changes: [], through: 3 });
  await createSocket(storage, "b");
  expect(await storage.changes(2, 9)).toBeUndefined();
  expect(await changesAfter(storage, 3)).toEqual(["4 CREATED b"]);
});

test("a socket of which nothing is known any more is not told of", async () => {
  const folder = tempDir();
  const before = await openStorage(folder);
  const a = await createSocket(before, "a");
  await before.close();
  await edit(folder, (db) => flip(db, rowKey(a)));
  const { storage } = await reopen(folder);
  expect(storage.find("a")).toBeUndefined();
  expect(await changesAfter(storage, 2)).toEqual(["4 UPDATED team-chat-all"]);
});

test("a message that does not check is not there by its revision either, and that is said", async () => {
  const folder = tempDir();
  const storage = await openStorage(folder, { recentBytes: 0 });
  const a = await createSocket(storage, "a");
  await write(storage, direct("1", a), { ...direct("2", a), replyTo: 3 });
  await storage.close();
  const again = await reopen(folder);
  expect(await again.storage.replies(3, 0)).toEqual([4]);
  await again.storage.close();
  await edit(folder, async (db) => {
    expect(decodeRecord(LogEntry, (await db.get(logKey(4))) ?? Buffer.alloc(0)).message?.replyTo).toBe(3);
    await flip(db, logKey(4));
  });
  const { storage: third, log } = await reopen(folder);
  expect(log.errors).toMatchObject([{ lost: [4] }]);
  expect(await third.letter(4)).toBeUndefined();
  expect(await third.letter(3)).toMatchObject({ revision: 3 });
  expect(await third.replies(3, 0)).toEqual([]);
});

test("receipts survive a crash: one row for each queue and batch", async () => {
  const folder = tempDir();
  const clock = new Clock();
  const before = await openStorage(folder, { now: clock.now, checkpointInterval: 3 });
  const [a, b] = [await createSocket(before, "a"), await createSocket(before, "b")];
  for (let index = 1; index <= 10; index++) before.append(broadcast("m"));
  await before.durable();
  const revisions = Array.from({ length: 10 }, (_, index) => index + 4);
  const [first, second] = [clock.ms, clock.ms + 10];
  before.settle(a, [1, 2, 5]);
  before.settle(a, [3]);
  before.drop(b, [1, 2], "EXPIRED");
  await before.durable();
  clock.ms = second;
  before.settle(a, [7, 4]);
  await before.durable();
  const fates = await Promise.all([a, b].map((number) => fatesOf(before, number, revisions)));
  expect(fates[0]?.slice(0, 5)).toEqual([
    settledAt(1, first),
    settledAt(2, first),
    settledAt(3, first),
    settledAt(4, second),
    settledAt(5, first),
  ]);
  const copy = copyOf(folder);
  expect(await receiptsIn(copyOf(folder))).toBe(3);
  const { storage } = await reopen(copy);
  expect(await Promise.all([a, b].map((number) => fatesOf(storage, number, revisions)))).toEqual(fates);
});

test("receipts of what was let go of are removed, also of queues that ended before a crash", async () => {
  const folder = tempDir();
  const before = await openStorage(folder);
  const numbers: number[] = [];
  for (let index = 0; index < 20; index++) numbers.push(await createSocket(before, `s${index}`));
  const [a = 0, b = 0, c = 0] = numbers;
  for (let round = 1; round <= 5; round++) {
    await write(before, broadcast(`${round}`));
    for (const number of numbers) before.settle(number, [round]);
    await before.durable();
  }
  await write(before, { kind: "delete", number: a });
  await write(before, { kind: "reset", number: b, draft: draft("s1"), queue: true, context: false });
  const copy = copyOf(folder);
  expect(await receiptsIn(copyOf(folder))).toBe(100);
  const { storage } = await reopen(copy);
  await storage.retain(FOREVER);
  expect(await receiptsIn(copyOf(copy))).toBe(90);
  await storage.retain({ ...FOREVER, messages: 3 });
  const { oldest, tail } = storage.queue(c);
  expect(oldest).toBeGreaterThan(1);
  expect(await receiptsIn(copyOf(copy))).toBe(18 * (tail - oldest + 1));
  await storage.retain({ ...FOREVER, messages: 0 });
  await storage.retain({ ...FOREVER, messages: 0 });
  expect(await receiptsIn(copyOf(copy))).toBe(0);
});

test("the removal of receipts goes round over very many queues", async () => {
  const folder = tempDir();
  const storage = await openStorage(folder);
  for (let index = 0; index < 2_100; index++) storage.append(create(`s${index}`));
  await write(storage, broadcast("1"), broadcast("2"));
  const numbers = [...storage.sockets(TEAM_NUMBER)].map(({ number }) => number);
  for (const number of numbers) storage.settle(number, [1]);
  await storage.durable();
  // Every queue has one receipt that is needed, and is looked at; then half of the queues end.
  await storage.retain(FOREVER);
  for (const number of numbers) if (number % 2 === 0) storage.append({ kind: "delete", number });
  for (let times = 0; times < 5; times++) await storage.retain(FOREVER);
  expect(await receiptsIn(copyOf(folder))).toBe(1_050);
});

test("after a failed batch what became of messages is what the disk says", async () => {
  const folder = tempDir();
  const log = new Lines();
  const storage = await openStorage(folder, { log });
  const a = await createSocket(storage, "a");
  await write(storage, direct("1", a), direct("2", a));
  storage.settle(a, [1]);
  await storage.durable();
  storage.settle(a, [2]);
  storage.append(create("b"));
  const waiting = storage.fate(a, 4);
  const refused = expect(waiting).rejects.toMatchObject({ reason: "STORAGE_UNAVAILABLE" });
  const woken = expect(storage.waitChange(storage.durableRevision, new AbortController().signal)).rejects.toMatchObject(
    {
      reason: "STORAGE_UNAVAILABLE",
    },
  );
  failNextBatch(storage, a);
  await Promise.all([refused, woken]);
  await log.said("the log is open", 2);
  expect(await storage.fate(a, 3)).toMatchObject({ sequence: 1, state: "SETTLED", attempt: 1 });
  expect(await storage.fate(a, 4)).toMatchObject({ sequence: 2, state: "QUEUED" });
  expect(await changesAfter(storage, 2)).toEqual([]);
});

test("a receipt that does not check tells nothing, and after a loss all receipts are gone", async () => {
  const folder = tempDir();
  const before = await openStorage(folder);
  const a = await createSocket(before, "a");
  await write(before, direct("1", a), direct("2", a), direct("3", a));
  before.settle(a, [1, 2]);
  await before.close();
  await edit(folder, async (db) => {
    for (const key of await db.keys(receiptsRange).all()) await flip(db, key);
  });
  const { storage, log } = await reopen(folder);
  expect(await storage.fate(a, 4)).toEqual({ ...FORGOTTEN, sequence: 2 });
  expect(log.errors).toEqual([]);
  storage.settle(a, [3]);
  await storage.close();
  await edit(folder, (db) => flip(db, logKey(3)));
  const mended = await reopen(folder);
  expect(mended.log.errors).toHaveLength(1);
  await mended.storage.close();
  expect(await receiptsIn(folder)).toBe(0);
});
