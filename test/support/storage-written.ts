/** A store with something in it, and what must be left of it after damage. */
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { TEAM_NUMBER } from "../../src/registry/storage.js";
import { decodeCursor, encodeCursor } from "../../src/storage/cursor-rows.js";
import { cursorKey } from "../../src/storage/keys.js";
import type { LevelStorage } from "../../src/storage/level.js";
import { crashCopy } from "./crash-copy.js";
import { Lines, openStorage } from "./level-storage.js";
import { broadcast, createSocket, direct, readAll, unsettled, write } from "./storage-events.js";
import { openRaw } from "./storage-pair.js";
import { tempDir } from "./temp-dir.js";

export const lost = "the log is damaged: entries are lost; every socket has a new epoch and goes on with what is left";

/** LevelDB's files with this ending, the newest last. */
export function filesOf(folder: string, ending: ".log" | ".ldb"): string[] {
  const names = readdirSync(join(folder, "log")).filter((name) => name.endsWith(ending));
  return names.sort().map((name) => join(folder, "log", name));
}

export function flipByte(file: string, place: number): void {
  const bytes = readFileSync(file);
  bytes.writeUInt8(bytes.readUInt8(place) ^ 0x55, place);
  writeFileSync(file, bytes);
}

/** Changes one row behind the store's back. */
export async function spoil(folder: string, key: Buffer, how: "flip" | "delete" = "flip"): Promise<void> {
  const db = await openRaw(folder);
  const value = await db.get(key);
  if (value === undefined) throw new Error("there is no such row");
  value.writeUInt8(value.readUInt8(value.length - 1) ^ 1, value.length - 1);
  if (how === "flip") await db.put(key, value);
  else await db.del(key);
  await db.close();
}

export interface Written {
  readonly storage: LevelStorage;
  readonly folder: string;
  readonly sockets: readonly number[];
  readonly epochs: ReadonlySet<string>;
  /** What each socket got, in order. */
  readonly bodies: ReadonlyMap<number, readonly string[]>;
}

/** Writes to three sockets, each message durable by itself, so that damage takes few of them. */
export async function filled(count: number, bytes = 400): Promise<Written> {
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
export function copyOf(folder: string): string {
  const copy = tempDir();
  crashCopy(folder, copy);
  return copy;
}

export async function reopen(folder: string): Promise<{ storage: LevelStorage; log: Lines }> {
  const log = new Lines();
  return { storage: await openStorage(folder, { recentBytes: 0, log }), log };
}

/** How many of the expected messages are not there. What is there must be one of them, and in their order. */
export async function missingOf(storage: LevelStorage, { sockets, bodies }: Written): Promise<number> {
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
export async function expectMended(
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

/** Makes a cursor's row one of before the revisions of what is settled out of order were kept. */
export async function forgetRevisions(folder: string, number: number): Promise<void> {
  const db = await openRaw(folder);
  const key = cursorKey(number);
  const image = decodeCursor((await db.get(key)) ?? Buffer.alloc(0));
  if (image.settled.length === 0) throw new Error("nothing is settled out of order");
  await db.put(key, encodeCursor({ ...image, settledRevisions: [] }));
  await db.close();
}
