/** What a start finds, when nothing is damaged. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { expect, onTestFinished, test } from "vitest";
import { StoreRow } from "../gen/ts/socketregistry/storage/v1/records.js";
import { TEAM_NUMBER } from "../src/registry/storage.js";
import { checkpointKey, digestKey, logKey, storeKey } from "../src/storage/keys.js";
import { FolderInUse, type LevelOptions, type LevelStorage, UnknownVersion } from "../src/storage/level.js";
import { decodeRecord, encodeRecord } from "../src/storage/records.js";
import { crashCopy } from "./support/crash-copy.js";
import { Lines, openStorage } from "./support/level-storage.js";
import {
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
} from "./support/storage-events.js";
import { openRaw } from "./support/storage-pair.js";
import { tempDir } from "./support/temp-dir.js";

/** What is on the disk at this moment, as a crash would leave it. */
function copyOf(folder: string): string {
  const copy = tempDir();
  crashCopy(folder, copy);
  return copy;
}

/** Opens a store and tells what it said of the start. */
async function reopen(folder: string, options: Partial<LevelOptions> = {}) {
  const log = new Lines();
  const storage = await openStorage(folder, { ...options, log });
  return { storage, log, opened: log.lines[0]?.values };
}

async function edit(folder: string, change: (db: Awaited<ReturnType<typeof openRaw>>) => Promise<void>): Promise<void> {
  const db = await openRaw(folder);
  await change(db);
  await db.close();
}

async function flip(db: Awaited<ReturnType<typeof openRaw>>, key: Buffer): Promise<void> {
  const value = await db.get(key);
  if (value === undefined) throw new Error("there is no such row");
  value.writeUInt8(value.readUInt8(value.length - 1) ^ 1, value.length - 1);
  await db.put(key, value);
}

/** A store of which a checkpoint is written by the first retention, and 10 messages; then 4 more, some settled. */
async function withTail(): Promise<{ folder: string; storage: LevelStorage; number: number; expected: string[] }> {
  const folder = tempDir();
  const storage = await openStorage(folder, { checkpointInterval: 5 });
  const number = await createSocket(storage, "a");
  for (let index = 1; index <= 10; index++)
    storage.append(index % 2 ? direct(`m${index}`, number) : broadcast(`m${index}`));
  await storage.durable();
  await storage.retain(FOREVER);
  for (let index = 11; index <= 14; index++) storage.append(direct(`m${index}`, number));
  storage.settle(number, [1, 2, 3, 12]);
  await storage.durable();
  const expected = [4, 5, 6, 7, 8, 9, 10, 11, 13, 14].map((index) => `m${index}`);
  return { folder, storage, number, expected };
}

test("after a crash only the log's tail is read, and everything is as it was", async () => {
  const { folder, number, expected } = await withTail();
  const { storage, opened, log } = await reopen(copyOf(folder));
  expect(opened).toMatchObject({ checkpoint: 12, replayed: 4, revision: 16 });
  expect(await unsettled(storage, number)).toEqual(expected);
  expect(storage.queue(number)).toMatchObject({ tail: 14, durableTail: 14, floor: 3, depth: 10, oldest: 1 });
  expect(log.errors).toEqual([]);
});

test("after a close nothing of the log has to be read", async () => {
  const { folder, storage: before, number, expected } = await withTail();
  await before.close();
  const { storage, opened } = await reopen(folder);
  expect(opened).toMatchObject({ checkpoint: 16, replayed: 0 });
  expect(await unsettled(storage, number)).toEqual(expected);
  expect(storage.queue(number)).toMatchObject({ tail: 14, durableTail: 14, floor: 3, depth: 10, oldest: 1 });
});

test("a start that changes nothing writes nothing", async () => {
  const { folder, storage: before } = await withTail();
  await before.close();
  const { storage } = await reopen(folder);
  await storage.close();
  const { opened } = await reopen(folder);
  expect(opened).toMatchObject({ checkpoint: 16, replayed: 0, revision: 16 });
});

const spoilings = {
  missing: (db: Awaited<ReturnType<typeof openRaw>>, key: Buffer) => db.del(key),
  damaged: flip,
};

test.each(["missing", "damaged"] as const)(
  "when what was recorded since the checkpoint is %s the log is read from there",
  async (how) => {
    const { folder, storage: before, number, expected } = await withTail();
    await before.close();
    await edit(folder, (db) => spoilings[how](db, digestKey(12)));
    const { storage, opened, log } = await reopen(folder);
    expect(opened).toMatchObject({ checkpoint: 12, replayed: 4 });
    expect(await unsettled(storage, number)).toEqual(expected);
    expect(log.errors).toEqual([]);
  },
);

test.each(["missing", "damaged"] as const)(
  "when the newest checkpoint is %s the one before is used, and then none",
  async (how) => {
    const { folder, storage: before, number, expected } = await withTail();
    const more = ["m15", "m16", "m17", "m18"];
    await write(before, ...more.map((text) => direct(text, number)));
    // So much is new that there is another checkpoint.
    await before.retain(FOREVER);
    await before.close();
    const spoil = (slot: number) => edit(folder, (db) => spoilings[how](db, checkpointKey(slot, 1)));
    await spoil(0);
    const second = await reopen(folder);
    expect(second.opened?.["checkpoint"]).toBeGreaterThanOrEqual(12);
    expect(await unsettled(second.storage, number)).toEqual([...expected, ...more]);
    await second.storage.close();
    await spoil(1);
    const third = await reopen(folder);
    expect(third.opened).toMatchObject({ checkpoint: undefined, replayed: 20 });
    expect(await unsettled(third.storage, number)).toEqual([...expected, ...more]);
    expect(third.storage.queue(number)).toMatchObject({ tail: 18, floor: 3, depth: 14 });
    expect(third.log.errors).toEqual([]);
  },
);

test("the instance stays the same, and time does not run backwards, also when the clock does", async () => {
  const folder = tempDir();
  const clock = new Clock();
  const before = await openStorage(folder, { now: clock.now });
  const number = await createSocket(before, "a");
  clock.ms += 1_000;
  const { timeMs } = before.append(direct("1", number));
  await before.close();
  clock.ms -= 500_000;
  const { storage } = await reopen(folder, { now: clock.now });
  expect(storage.instance).toBe(before.instance);
  expect(storage.append(direct("2", number)).timeMs).toBe(timeMs);
  storage.settle(number, [1, 2]);
  await storage.durable();
  await storage.retain({ ...FOREVER, messages: 0 });
  const { revision, bytes } = storage;
  expect(bytes).toBe(0);
  const crashed = await reopen(copyOf(folder), { now: clock.now });
  expect(crashed.storage.revision).toBe(revision);
  expect(crashed.storage.append(direct("3", number))).toMatchObject({ timeMs, revision: revision + 1, sequences: [3] });
  expect(crashed.log.errors).toEqual([]);
});

test("the number of a deleted socket is not given again after a restart", async () => {
  const folder = tempDir();
  const before = await openStorage(folder);
  const number = await createSocket(before, "a");
  await write(before, { kind: "delete", number });
  await before.retain({ ...FOREVER, messages: 0 });
  const { storage } = await reopen(copyOf(folder));
  expect(await createSocket(storage, "b")).toBe(number + 1);
});

test("drops, and what readers have been told of them, survive a restart", async () => {
  const folder = tempDir();
  const before = await openStorage(folder);
  const number = await createSocket(before, "a");
  await write(before, direct("1", number), direct("2", number), direct("3", number));
  before.drop(number, [1], "OVERFLOW");
  before.announceDrops(number, "OVERFLOW", 1);
  before.drop(number, [2], "OVERFLOW");
  before.drop(number, [3], "EXPIRED");
  await before.durable();
  const { storage } = await reopen(copyOf(folder));
  const queue = storage.queue(number);
  expect(queue).toMatchObject({ floor: 3, dropped: 3, depth: 0 });
  expect([queue.unannounced("OVERFLOW"), queue.unannounced("EXPIRED")]).toEqual([1, 1]);
});

test.each(["close", "crash"])("what a deleted socket left is erased after a %s too", async (how) => {
  const folder = tempDir();
  const before = await openStorage(folder);
  const [number, other] = [await createSocket(before, "a"), await createSocket(before, "b")];
  await write(before, direct("secret", number), direct("both", number, other), direct("also secret", number));
  await write(before, { kind: "delete", number });
  const copy = copyOf(folder);
  await before.close();
  const { storage } = await reopen(how === "close" ? folder : copy);
  expect(await storage.retain(FOREVER)).toBe(2);
  expect(await readAll(storage, other)).toEqual(["1:both"]);
  await storage.close();
  await edit(folder, async (db) => {
    if (how === "close") expect(await db.get(logKey(4))).toBeUndefined();
  });
});

test("a store without a row of its own gets one, and the feed", async () => {
  const { storage, opened } = await reopen(tempDir());
  expect(opened).toMatchObject({ revision: 1, replayed: 0 });
  expect(storage.socket(TEAM_NUMBER)?.socketId).toBe("team-chat-all");
  expect(storage.instance).toMatch(/^[0-9a-f]{16}$/);
});

test("a store of a newer format stops the start with a clear error and stays as it is", async () => {
  const folder = tempDir();
  await (await openStorage(folder)).close();
  let newer: Buffer = Buffer.alloc(0);
  await edit(folder, async (db) => {
    const store = decodeRecord(StoreRow, (await db.get(storeKey)) ?? Buffer.alloc(0));
    newer = encodeRecord(StoreRow, { ...store, format: 2 });
    await db.put(storeKey, newer);
  });
  const opening = openStorage(folder);
  await expect(opening).rejects.toThrow(UnknownVersion);
  await expect(opening).rejects.toThrow("the store has format 2; this program knows format 1");
  await edit(folder, async (db) => expect(await db.get(storeKey)).toEqual(newer));
});

test("a record of a newer version stops the start with a clear error", async () => {
  const folder = tempDir();
  const before = await openStorage(folder);
  await write(before, create("a"));
  await before.close();
  await edit(folder, async (db) => {
    const newer = Buffer.from([9, 0, 0, 0, 0, 1, 2, 3]);
    newer.writeUInt32LE(crc32(newer.subarray(5), 9), 1);
    await db.put(logKey(2), newer);
  });
  await expect(openStorage(folder)).rejects.toThrow("a stored record has version 9; this program knows version 1");
  // Nothing is left open.
  await edit(folder, async () => {});
});

test("a second process is refused at once, and may have the directory when the first is dead", async () => {
  const folder = tempDir();
  await (await openStorage(folder)).close();
  const program = `import { Level } from "level";
    const db = new Level(process.argv[1]);
    await db.open();
    console.log("open");
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", program, join(folder, "log")], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  await once(child.stdout, "data");
  const opening = openStorage(folder);
  await expect(opening).rejects.toThrow(FolderInUse);
  await expect(opening).rejects.toThrow(`the data directory ${folder} is in use by another process`);
  child.kill("SIGKILL");
  await once(child, "exit");
  const { storage, log } = await reopen(folder);
  await createSocket(storage, "a");
  expect(log.errors).toEqual([]);
});

test("the same process cannot open a directory twice either, and the first is not disturbed", async () => {
  const folder = tempDir();
  const first = await openStorage(folder);
  await expect(openStorage(folder)).rejects.toThrow(FolderInUse);
  const number = await createSocket(first, "a");
  await write(first, direct("1", number));
  expect(await readAll(first, number)).toEqual(["1:1"]);
});

test("a reset with its new epoch, and a replaced socket, are as they were after a crash", async () => {
  const folder = tempDir();
  const before = await openStorage(folder, { checkpointInterval: 2 });
  const [a, b] = [await createSocket(before, "a"), await createSocket(before, "b")];
  await write(before, direct("1", a), direct("2", b), broadcast("3"));
  before.settle(a, [1]);
  await before.retain(FOREVER);
  await write(before, { kind: "reset", number: a, draft: draft("a"), queue: true, context: true });
  const { row } = before.append(create("b", {}, b));
  await write(before, direct("4", a), broadcast("5"));
  const { storage } = await reopen(copyOf(folder));
  expect(storage.socket(a)).toEqual(before.socket(a));
  expect(storage.find("b")).toEqual(row);
  expect(await readAll(storage, a)).toEqual(["1:4", "2:5"]);
  expect(await readAll(storage, row?.number ?? 0)).toEqual(["1:5"]);
  expect(readdirSync(folder)).toContain("acknowledged");
});
