/** Answers that are remembered on LevelDB: what a restart, a crash, a failure and damage leave of them. */
import { readFileSync, truncateSync } from "node:fs";
import { expect, test } from "vitest";
import type { Remembered } from "../src/registry/storage.js";
import { logKey, rememberedKey, rememberedRange } from "../src/storage/keys.js";
import type { LevelStorage } from "../src/storage/level.js";
import { failNextBatch, Lines, openStorage } from "./support/level-storage.js";
import { keyOf, writeRemembered } from "./support/storage-contract-remembered.js";
import { create, createSocket, direct, FOREVER } from "./support/storage-events.js";
import { openRaw } from "./support/storage-pair.js";
import { copyOf, filesOf, reopen } from "./support/storage-written.js";
import { tempDir } from "./support/temp-dir.js";

const forgotten = "answers to earlier requests are damaged; the same requests will be new ones";

/** A store with an answer for each of these names; the first has the revision 3. */
async function remembered(count: number) {
  const folder = tempDir();
  const storage = await openStorage(folder);
  const number = await createSocket(storage, "a");
  const answers: Remembered[] = [];
  for (let index = 1; index <= count; index++) answers.push(writeRemembered(storage, number, `${index}`));
  await storage.durable();
  return { folder, storage, number, answers };
}

/** The names that are remembered, in order, each with the answer it had. */
async function namesIn(storage: LevelStorage, answers: readonly Remembered[]): Promise<number[]> {
  const names: number[] = [];
  for (const [index, answer] of answers.entries()) {
    const found = await storage.recall(answer.key);
    expect(storage.isRemembered(answer.key)).toBe(found !== undefined);
    if (found === undefined) continue;
    expect(found).toEqual(answer);
    names.push(index + 1);
  }
  expect(storage.rememberedCount).toBe(names.length);
  return names;
}

async function rowsIn(folder: string): Promise<number> {
  const db = await openRaw(folder);
  const { length } = await db.keys(rememberedRange).all();
  await db.close();
  return length;
}

test.each(["close", "crash"])("answers are there after a %s, and those forgotten are not", async (how) => {
  const { folder, storage: before, answers } = await remembered(5);
  const { revision, timeMs, row } = before.append(
    create("b", { labels: { l: "1" }, config: { acceptWhenAway: true } }),
  );
  if (row === undefined) throw new Error("a create has a row");
  const created = { kind: "create", row } as const;
  answers.push({ key: keyOf("6"), fingerprint: keyOf("f"), revision, timeMs, answer: created });
  before.remember(answers[5] as Remembered);
  before.forget(3, 4);
  await before.durable();
  // The answers do not need the entries.
  await before.retain({ ...FOREVER, messages: 0 });
  const copy = copyOf(folder);
  await before.close();
  const { storage, log } = await reopen(how === "close" ? folder : copy);
  expect(await namesIn(storage, answers)).toEqual([3, 4, 5, 6]);
  expect(storage.rememberedFrom).toBe(answers[2]?.revision);
  storage.forget(0, 1);
  expect(await namesIn(storage, answers)).toEqual([6]);
  expect(log.lines.map(({ level }) => level)).toEqual(["info"]);
});

test("very many are forgotten at once, and their rows go in several batches", async () => {
  const { folder, storage, answers } = await remembered(2_500);
  storage.forget(answers[2_399]?.revision ?? 0, 1e9);
  expect(storage.rememberedCount).toBe(100);
  await storage.durable();
  await storage.durable();
  await storage.durable();
  await storage.close();
  expect(await rowsIn(folder)).toBe(100);
  expect((await reopen(folder)).storage.rememberedCount).toBe(100);
});

test("an answer and its entry are there together or not at all", async () => {
  const folder = tempDir();
  const before = await openStorage(folder, { durability: "fsync" });
  const number = await createSocket(before, "a");
  const answers: Remembered[] = [];
  for (let index = 1; index <= 20; index++) {
    answers.push(writeRemembered(before, number, `${index}`));
    await before.durable();
  }
  const copy = copyOf(folder);
  const file = filesOf(copy, ".log").at(-1) ?? "";
  truncateSync(file, readFileSync(file).length - 300);
  const { storage, log } = await reopen(copy);
  const [{ lost } = { lost: [] }] = log.errors as { lost: number[] }[];
  expect(lost.length).toBeGreaterThan(0);
  expect(await namesIn(storage, answers)).toEqual(
    answers.flatMap(({ revision }, index) => (lost.includes(revision) ? [] : [index + 1])),
  );
});

test("after a failed batch the answers are those on the disk", async () => {
  const { folder, storage, number, answers } = await remembered(3);
  const log = new Lines();
  await storage.close();
  const again = await openStorage(folder, { log });
  again.forget(0, 2);
  const late = writeRemembered(again, number, "late");
  failNextBatch(again, number);
  await expect(again.durable()).rejects.toMatchObject({ reason: "STORAGE_UNAVAILABLE" });
  expect(() => again.isRemembered(late.key)).toThrow();
  expect(() => again.remember(late)).toThrow();
  await expect(again.recall(late.key)).rejects.toMatchObject({ reason: "STORAGE_UNAVAILABLE" });
  await log.said("the log is open", 2);
  expect(await namesIn(again, [...answers, late])).toEqual([1, 2, 3]);
  expect(again.revision).toBe(late.revision - 1);
});

test("an answer that does not check is forgotten, and nothing else happens", async () => {
  const { folder, storage: before, answers } = await remembered(4);
  const epochs = [...before.sockets()].map((row) => row.epoch);
  await before.close();
  const db = await openRaw(folder);
  const value = (await db.get(rememberedKey(4))) ?? Buffer.alloc(0);
  value.writeUInt8(value.readUInt8(20) ^ 1, 20);
  await db.put(rememberedKey(4), value);
  // A row that is sound and not an answer at all.
  await db.put(rememberedKey(5), (await db.get(logKey(5))) ?? Buffer.alloc(0));
  await db.close();
  const { storage, log } = await reopen(folder);
  expect(log.errors).toEqual([]);
  expect(log.lines.filter(({ level }) => level === "warn")).toEqual([
    { level: "warn", values: { damagedRows: 2 }, text: forgotten },
  ]);
  expect(await namesIn(storage, answers)).toEqual([1, 4]);
  expect([...storage.sockets()].map((row) => row.epoch)).toEqual(epochs);
  storage.append(direct("next", storage.find("a")?.number ?? 0));
  await storage.close();
  expect(await rowsIn(folder)).toBe(2);
});
