/**
 * What happens when the disk does not give back what was written: it is found, said aloud and never served, and the
 * store goes on with what is left.
 */
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { expect, test } from "vitest";
import { TEAM_NUMBER } from "../src/registry/storage.js";
import { contextKey, cursorKey, logKey, promptKey, removedKey, rowKey, storeKey } from "../src/storage/keys.js";
import type { LevelStorage } from "../src/storage/level.js";
import { crashCopy } from "./support/crash-copy.js";
import { Lines, openStorage } from "./support/level-storage.js";
import {
  broadcast,
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

const isLong = process.env["LONG"] === "1";
const lost = "the log is damaged: entries are lost; every socket has a new epoch and goes on with what is left";

/** LevelDB's files with this ending, the newest last. */
function filesOf(folder: string, ending: ".log" | ".ldb"): string[] {
  const names = readdirSync(join(folder, "log")).filter((name) => name.endsWith(ending));
  return names.sort().map((name) => join(folder, "log", name));
}

function flipByte(file: string, place: number): void {
  const bytes = readFileSync(file);
  bytes.writeUInt8(bytes.readUInt8(place) ^ 0x55, place);
  writeFileSync(file, bytes);
}

interface Written {
  readonly storage: LevelStorage;
  readonly folder: string;
  readonly sockets: readonly number[];
  readonly epochs: ReadonlySet<string>;
  /** What each socket got, in order. */
  readonly bodies: ReadonlyMap<number, readonly string[]>;
}

/** Writes to three sockets, each message durable by itself, so that damage takes few of them. */
async function filled(count: number, bytes = 400): Promise<Written> {
  const folder = tempDir();
  const storage = await openStorage(folder, { durability: "fsync", recentBytes: 0 });
  const sockets = [
    await createSocket(storage, "a"),
    await createSocket(storage, "b"),
    await createSocket(storage, "c"),
  ];
  const bodies = new Map(sockets.map((number): [number, string[]] => [number, []]));
  for (let index = 0; index < count; index++) {
    // Random, so that LevelDB cannot press it together.
    const body = `${index} ${randomBytes(bytes).toString("base64")}`.slice(0, bytes);
    const number = sockets[index % 4];
    await write(storage, number === undefined ? broadcast(body) : direct(body, number));
    for (const one of number === undefined ? sockets : [number]) bodies.get(one)?.push(body);
  }
  const epochs = new Set([...storage.sockets()].map((row) => row.epoch));
  return { storage, folder, sockets, epochs, bodies };
}

/** What is on the disk at this moment. */
function copyOf(folder: string): string {
  const copy = tempDir();
  crashCopy(folder, copy);
  return copy;
}

async function reopen(folder: string): Promise<{ storage: LevelStorage; log: Lines }> {
  const log = new Lines();
  return { storage: await openStorage(folder, { recentBytes: 0, log }), log };
}

/** How many of the expected messages are not there. What is there must be one of them, and in their order. */
async function missingOf(storage: LevelStorage, { sockets, bodies }: Written): Promise<number> {
  let missing = 0;
  for (const number of sockets) {
    const expected = bodies.get(number) ?? [];
    const isThere = storage.socket(number) !== undefined;
    const found = isThere ? (await unsettled(storage, number)).filter((body) => body !== "") : [];
    let place = 0;
    for (const body of found) {
      place = expected.indexOf(body, place);
      expect(place, `an unknown message, or one out of order: ${body.slice(0, 20)}`).toBeGreaterThanOrEqual(0);
      place++;
    }
    missing += expected.length - found.length;
  }
  return missing;
}

/** After a loss: it was said, epochs are new, sequences begin at 1, writing goes on, and the next start is clean. */
async function expectMended(
  folder: string,
  written: Written,
  opened: { storage: LevelStorage; log: Lines },
): Promise<void> {
  const { storage, log } = opened;
  expect(log.lines.filter(({ level }) => level === "error").map(({ text }) => text)).toContain(lost);
  for (const number of [TEAM_NUMBER, ...written.sockets]) {
    const row = storage.socket(number);
    if (row === undefined) continue;
    expect(written.epochs).not.toContain(row.epoch);
    const queue = storage.queue(number);
    expect(queue).toMatchObject({ floor: 0, oldest: 1, dropped: 0, depth: queue.tail });
    expect(await readAll(storage, number, 0, { messages: 1, bytes: 1 })).toHaveLength(Math.min(1, queue.tail));
    const { sequences } = storage.append(direct("after", number));
    expect(sequences).toEqual([queue.tail]);
  }
  await storage.durable();
  const before = await Promise.all(
    written.sockets.filter((one) => storage.socket(one)).map((one) => readAll(storage, one)),
  );
  const copy = copyOf(folder);
  await storage.close();
  // The next start is clean, with the checkpoint of the close and without any.
  for (const next of [folder, copy]) {
    const again = await reopen(next);
    expect(again.log.errors).toEqual([]);
    const sockets = written.sockets.filter((one) => again.storage.socket(one));
    expect(await Promise.all(sockets.map((one) => readAll(again.storage, one)))).toEqual(before);
    await again.storage.close();
  }
}

test("flipped bytes in the middle of LevelDB's log are found at the start, and what is left goes on", async () => {
  const written = await filled(120);
  const folder = copyOf(written.folder);
  const file = filesOf(folder, ".log").at(-1) ?? "";
  const { length } = readFileSync(file);
  flipByte(file, length >> 1);
  flipByte(file, (length >> 1) + 1);
  const opened = await reopen(folder);
  const [error] = opened.log.errors;
  expect(error).toMatchObject({ isSalvaged: true, damagedRows: 0 });
  expect(error?.["lostCount"]).toBeGreaterThan(0);
  expect(await missingOf(opened.storage, written)).toBeGreaterThan(0);
  await expectMended(folder, written, opened);
});

test("a torn end of LevelDB's log is found by what was acknowledged", async () => {
  const written = await filled(20);
  const folder = copyOf(written.folder);
  const file = filesOf(folder, ".log").at(-1) ?? "";
  truncateSync(file, readFileSync(file).length - 600);
  const opened = await reopen(folder);
  expect(opened.log.errors).toMatchObject([{ lostCount: 2, lost: [23, 24] }]);
  expect(opened.storage.revision).toBeGreaterThan(24);
  expect(await missingOf(opened.storage, written)).toBe(4);
  await expectMended(folder, written, opened);
});

test("an end that nobody was told of may be torn without a loss", async () => {
  const written = await filled(20);
  const folder = copyOf(written.folder);
  // As a crash in the middle of a write leaves it: the log is longer than what was acknowledged.
  const file = filesOf(folder, ".log").at(-1) ?? "";
  writeFileSync(file, Buffer.concat([readFileSync(file), Buffer.from([1, 2, 3, 4, 0xff, 1, 1, 7])]));
  const { storage, log } = await reopen(folder);
  expect(log.errors).toEqual([]);
  expect(await missingOf(storage, written)).toBe(0);
});

test("messages that are damaged while the store is open are marked as damaged and never served", async () => {
  const written = await filled(12);
  await written.storage.close();
  // The start has read everything; the tables change only now.
  const { storage, log } = await reopen(written.folder);
  const raw = new Set([...written.bodies.values()].flat());
  for (const file of filesOf(written.folder, ".ldb")) {
    const bytes = readFileSync(file);
    for (let place = 300; place < bytes.length - 300; place += 97) bytes.writeUInt8(bytes.readUInt8(place) ^ 1, place);
    writeFileSync(file, bytes);
  }
  let damaged = 0;
  for (const number of written.sockets) {
    for (const found of await storage.readAfter(number, 0, { messages: 99, bytes: 1e9 })) {
      if (found.damaged) {
        damaged++;
        expect(found).toMatchObject({ timeMs: 0, sender: "", recipient: "", body: new Uint8Array() });
      } else {
        expect(raw.has(Buffer.from(found.body).toString())).toBe(true);
      }
    }
  }
  expect(damaged).toBeGreaterThan(0);
  expect(log.errors).toHaveLength(damaged);
  expect(written.sockets).toContain(log.errors[0]?.["number"]);
});

test("when LevelDB can merge its files no more, the store makes new ones of what is left, by itself", async () => {
  const written = await filled(12);
  const { folder, storage: before, sockets } = written;
  await before.close();
  const { storage, log } = await reopen(folder);
  const [a = 0, b = 0] = sockets;
  const acknowledged: string[] = [];
  const writeOne = async (index: number): Promise<void> => {
    const body = `${index} ${randomBytes(75_000).toString("base64")}`;
    try {
      await storage.append(direct(body, b)).durable;
      acknowledged.push(body);
    } catch (error) {
      expect(error).toMatchObject({ reason: "STORAGE_UNAVAILABLE" });
      await log.said(lost);
    }
  };
  const [first = ""] = filesOf(folder, ".ldb");
  // A table is written after 4 MiB.
  const isWritten = (): boolean => filesOf(folder, ".ldb").length > 1 && filesOf(folder, ".log").length === 1;
  for (let index = 0; !isWritten(); index++) await writeOne(index);
  const [table = ""] = filesOf(folder, ".ldb").filter((name) => name !== first);
  const bytes = readFileSync(table);
  // The beginning of a block tells where its rows are.
  writeFileSync(table, bytes.fill(0xff, 0, 40));
  // Four tables are merged.
  for (let index = 1_000; storage.generation === 1 && index < 1_400; index++) await writeOne(index);
  expect(storage.generation).toBe(2);
  expect(log.errors.at(-1)).toMatchObject({ isSalvaged: true });
  expect(await unsettled(storage, a)).toEqual(written.bodies.get(a));
  const left = (await unsettled(storage, b)).filter((body) => body.length > 1_000);
  // Each is one that was written, in order, and those after the damage are all there.
  expect(acknowledged.filter((body) => left.includes(body))).toEqual(
    left.filter((body) => acknowledged.includes(body)),
  );
  expect(left.slice(-20)).toEqual(acknowledged.slice(-20));
  expect(left.length).toBeLessThan(acknowledged.length);
  await storage.close();
  const again = await reopen(folder);
  expect(again.log.errors).toEqual([]);
  expect((await unsettled(again.storage, b)).slice(-20)).toEqual(left.slice(-20));
});

/** Changes one row behind the store's back. */
async function spoil(folder: string, key: Buffer, how: "flip" | "delete" = "flip"): Promise<void> {
  const db = await openRaw(folder);
  const value = await db.get(key);
  if (value === undefined) throw new Error("there is no such row");
  value.writeUInt8(value.readUInt8(value.length - 1) ^ 1, value.length - 1);
  if (how === "flip") await db.put(key, value);
  else await db.del(key);
  await db.close();
}

test.each(["flip", "delete"] as const)("an entry that does not check is lost (%s)", async (how) => {
  const written = await filled(20);
  await written.storage.close();
  await spoil(written.folder, logKey(10), how);
  const opened = await reopen(written.folder);
  expect(opened.log.errors).toMatchObject([{ lostCount: 1, lost: [10], checkpoint: undefined }]);
  expect(await missingOf(opened.storage, written)).toBe(1);
  await expectMended(written.folder, written, opened);
});

test("what was settled above a loss is delivered again rather than confused with something else", async () => {
  const written = await filled(12);
  const { storage: before, folder, sockets, bodies } = written;
  const [a = 0] = sockets;
  const own = bodies.get(a) ?? [];
  before.settle(a, [1, 3, 5]);
  await before.close();
  await spoil(folder, logKey(6 + 3));
  const opened = await reopen(folder);
  const { lost: revisions } = opened.log.errors[0] as { lost: number[] };
  expect(revisions).toEqual([9]);
  // The first is settled for good. Of the others all that is there is delivered.
  const left = await unsettled(opened.storage, a);
  expect(own.slice(1).filter((body) => left.includes(body))).toEqual(left);
  expect(left.length).toBeGreaterThanOrEqual(own.length - 2);
  expect(await readAll(opened.storage, a)).toHaveLength(left.length);
});

test("a socket whose row is damaged is gone, and the others go on", async () => {
  const written = await filled(20);
  await written.storage.close();
  const [a = 0, b = 0] = written.sockets;
  await spoil(written.folder, rowKey(a));
  const opened = await reopen(written.folder);
  expect(opened.log.errors).toMatchObject([{ lostCount: 0, damagedRows: 1 }]);
  expect(opened.storage.socket(a)).toBeUndefined();
  expect(await unsettled(opened.storage, b)).toEqual(written.bodies.get(b));
  await expectMended(written.folder, written, opened);
});

test("a feed whose row is damaged is made again", async () => {
  const written = await filled(8);
  await written.storage.close();
  await spoil(written.folder, rowKey(TEAM_NUMBER));
  const opened = await reopen(written.folder);
  expect(opened.storage.find("team-chat-all")?.number).toBe(TEAM_NUMBER);
  expect(await missingOf(opened.storage, written)).toBe(0);
  expect(await createSocket(opened.storage, "d")).toBe(5);
  await expectMended(written.folder, written, opened);
});

test("a damaged cursor delivers again and loses nothing", async () => {
  const written = await filled(20);
  const [a = 0] = written.sockets;
  written.storage.settle(a, [1, 2]);
  await written.storage.close();
  await spoil(written.folder, cursorKey(a));
  const opened = await reopen(written.folder);
  expect(opened.log.errors).toMatchObject([{ lostCount: 0, damagedRows: 1 }]);
  expect(await missingOf(opened.storage, written)).toBe(0);
  await expectMended(written.folder, written, opened);
});

test.each([
  ["row of the store", storeKey],
  ["note of what was removed", removedKey(0)],
])("a damaged %s loses no message", async (_, key) => {
  const written = await filled(20);
  const [a = 0, b = 0, c = 0] = written.sockets;
  for (const number of [b, c]) written.storage.settle(number, [1, 2, 3, 4, 5, 6, 7, 8]);
  await written.storage.durable();
  await written.storage.retain({ ...FOREVER, messages: 0 });
  await written.storage.close();
  await spoil(written.folder, key);
  const opened = await reopen(written.folder);
  expect(opened.log.errors).toMatchObject([{ damagedRows: 1 }]);
  expect(await unsettled(opened.storage, a)).toEqual(written.bodies.get(a));
  await expectMended(written.folder, written, opened);
});

test("a damaged prompt or context is not served, and can be replaced", async () => {
  const folder = tempDir();
  const before = await openStorage(folder);
  const profile = { prompt: "be good", context: Buffer.from("context") };
  const { row } = before.append({ kind: "create", draft: draft("a"), profile });
  const number = row?.number ?? 0;
  await before.close();
  await spoil(folder, contextKey(number));
  const { storage } = await reopen(folder);
  await expect(storage.profile(number)).rejects.toThrow("checksum");
  await write(storage, { kind: "reset", number, draft: draft("a"), queue: false, context: true });
  expect(await storage.profile(number)).toEqual({ prompt: "be good", context: undefined });
  await storage.close();
  await spoil(folder, promptKey(number));
  await expect((await reopen(folder)).storage.profile(number)).rejects.toThrow("checksum");
});

test("a flipped byte in any message in a table costs that message, and says so", async () => {
  const written = await filled(12, 600);
  await written.storage.close();
  // Opened once more, LevelDB makes a table of its log.
  await (await openRaw(written.folder)).close();
  const [table = ""] = filesOf(written.folder, ".ldb");
  const bytes = readFileSync(table);
  for (const body of new Set([...written.bodies.values()].flat())) {
    const place = bytes.indexOf(body.slice(100, 200));
    expect(place).toBeGreaterThan(0);
    const { log, missing } = await flipAndStart(written, basename(table), place);
    expect(log.errors).toMatchObject([{ lostCount: 1, damagedRows: 0 }]);
    expect(missing).toBe([...written.bodies.values()].filter((bodies) => bodies.includes(body)).length);
  }
});

test("a flipped byte anywhere in LevelDB's logs is survived: nothing wrong is served, and every loss is said", async () => {
  const written = await filled(24, 600);
  const folder = copyOf(written.folder);
  const names = readdirSync(join(folder, "log")).filter((name) => /^\d+\.log$|^MANIFEST/.test(name));
  for (const name of names) {
    const { length } = readFileSync(join(folder, "log", name));
    const step = isLong ? 7 : Math.max(5, Math.floor(length / 20));
    for (let place = 0; place < length; place += step) {
      const { log, missing } = await flipAndStart({ ...written, folder }, name, place);
      expect(missing === 0 || log.errors.length > 0, `byte ${place} of ${name}: ${missing} are missing`).toBe(true);
    }
  }
});

/** Starts with one byte flipped, writes on, and starts again, which must be clean. */
async function flipAndStart(written: Written, name: string, place: number): Promise<{ log: Lines; missing: number }> {
  const folder = copyOf(written.folder);
  flipByte(join(folder, "log", name), place);
  const { storage, log } = await reopen(folder);
  const missing = await missingOf(storage, written);
  const sockets = written.sockets.filter((one) => storage.socket(one) !== undefined);
  await write(storage, ...sockets.map((one) => direct("after", one)));
  await storage.close();
  const again = await reopen(folder);
  const where = `the start after byte ${place} of ${name}`;
  expect(again.log.errors, where).toEqual([]);
  for (const one of sockets) expect((await unsettled(again.storage, one)).at(-1), where).toBe("after");
  await again.storage.close();
  rmSync(folder, { recursive: true });
  return { log, missing };
}
