import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { Level } from "level";
import { isCorruption } from "./level-errors.js";

export type Database = Level<Buffer, Buffer>;

/** What Level has on Node and its types do not tell. */
interface Repairs {
  repair(folder: string): Promise<void>;
}

const ROWS_PER_STEP = 1_000;

/** Opens LevelDB in a data directory. */
export async function openLevel(folder: string): Promise<Database> {
  finishSalvage(folder);
  return await open(filesOf(folder));
}

/**
 * Takes out of LevelDB's files what can be read and makes new ones of it, because LevelDB's own repair keeps some of the
 * damage. The damaged files are kept aside in `log.damaged` until the next time.
 */
export async function salvage(folder: string): Promise<void> {
  finishSalvage(folder);
  // Until the store is mended, every start begins here.
  suspect(folder);
  const from = await openDamaged(filesOf(folder));
  try {
    rmSync(salvagedOf(folder), { recursive: true, force: true });
    const to = await open(salvagedOf(folder));
    try {
      for await (const rows of readable(from)) {
        await to.batch(rows.map(([key, value]) => ({ type: "put", key, value })));
      }
      // Nothing is in this batch but the wait for the disk.
      await to.batch([{ type: "del", key: Buffer.from([0xff]) }], { sync: true } as object);
    } finally {
      await to.close();
    }
    rmSync(damagedOf(folder), { recursive: true, force: true });
    // The old files are still locked, so that no other process takes them for the store meanwhile.
    renameSync(filesOf(folder), damagedOf(folder));
    renameSync(salvagedOf(folder), filesOf(folder));
  } finally {
    await from.close();
  }
}

/** Whether a data directory has a log, or one that a salvage was about to put in place. */
export function hasFiles(folder: string): boolean {
  return existsSync(filesOf(folder)) || existsSync(salvagedOf(folder));
}

/**
 * Makes LevelDB's files for a data directory that has none, and puts them in place when they are whole and on the disk.
 * What an attempt that was cut off has left is cleared away.
 */
export async function makeFiles<T>(folder: string, fill: (db: Database) => Promise<T>): Promise<T> {
  mkdirSync(folder, { recursive: true });
  const files = join(folder, "log.restoring");
  rmSync(files, { recursive: true, force: true });
  try {
    const db = await open(files);
    const result = await fill(db).finally(() => db.close());
    for (const name of readdirSync(files)) sync(join(files, name));
    sync(files);
    place(files, folder);
    return result;
  } catch (error) {
    rmSync(files, { recursive: true, force: true });
    throw error;
  }
}

/** Moves the files of a data directory's log to another one, which has none. */
export function moveFiles(from: string, to: string): void {
  place(filesOf(from), to);
}

/** Puts the log of a data directory aside, in the place of what was put aside before. */
export function putAside(folder: string): void {
  rmSync(replacedOf(folder), { recursive: true, force: true });
  renameSync(filesOf(folder), replacedOf(folder));
}

/** Puts files in their place. What lies beside them there tells of another log. */
function place(files: string, folder: string): void {
  clear(folder);
  rmSync(join(folder, "acknowledged"), { force: true });
  // It fails when somebody made a log meanwhile.
  renameSync(files, filesOf(folder));
  sync(folder);
}

/** Tells the next start that something in LevelDB's files is damaged, so that it salvages what can be read. */
export function suspect(folder: string): void {
  try {
    writeFileSync(suspicionOf(folder), "");
  } catch {
    // It is said already, and a start that does not know of it finds most of it too.
  }
}

export function isSuspect(folder: string): boolean {
  return existsSync(suspicionOf(folder));
}

export function clear(folder: string): void {
  rmSync(suspicionOf(folder), { force: true });
}

const filesOf = (folder: string): string => join(folder, "log");
const salvagedOf = (folder: string): string => join(folder, "log.salvaged");
const damagedOf = (folder: string): string => join(folder, "log.damaged");
const replacedOf = (folder: string): string => join(folder, "log.replaced");
const suspicionOf = (folder: string): string => join(folder, "suspect");

/** Goes on where a salvage was cut off between its last two steps. */
function finishSalvage(folder: string): void {
  if (!existsSync(filesOf(folder)) && existsSync(salvagedOf(folder))) renameSync(salvagedOf(folder), filesOf(folder));
}

/** Waits until a file, or the names in a folder, are on the disk. */
function sync(path: string): void {
  const file = openSync(path, "r");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

async function open(files: string): Promise<Database> {
  const db: Database = new Level(files, { keyEncoding: "buffer", valueEncoding: "buffer" });
  await db.open();
  return db;
}

async function openDamaged(files: string): Promise<Database> {
  try {
    return await open(files);
  } catch (error) {
    if (!isCorruption(error)) throw error;
    await (Level as typeof Level & Repairs).repair(files);
    return await open(files);
  }
}

/**
 * Every row that LevelDB can read, in steps. It goes on after damage and tells of it only at the end, in place of the
 * last rows; these are then read one by one.
 */
async function* readable(db: Database): AsyncGenerator<[Buffer, Buffer][]> {
  let first = Buffer.from([0x00]);
  for (const size of [ROWS_PER_STEP, 1]) {
    const rows = db.iterator({ gte: first, fillCache: false });
    try {
      for (let step = await rows.nextv(size); step.length > 0; step = await rows.nextv(size)) {
        yield step;
        const [last] = step.at(-1) ?? [];
        // The key after it, in the order of bytes.
        if (last !== undefined) first = Buffer.concat([last, Buffer.from([0x00])]);
      }
      return;
    } catch (error) {
      if (!isCorruption(error)) throw error;
    } finally {
      await rows.close();
    }
  }
}
