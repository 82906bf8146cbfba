import { existsSync, renameSync, rmSync } from "node:fs";
import { Level } from "level";
import { isCorruption } from "./level-errors.js";

export type Database = Level<Buffer, Buffer>;

/** What Level has on Node and its types do not tell. */
interface Repairs {
  repair(folder: string): Promise<void>;
}

const ROWS_PER_STEP = 1_000;

export async function openLevel(folder: string): Promise<Database> {
  // A salvage that was cut off between its last two steps.
  if (!existsSync(folder) && existsSync(salvaged(folder))) renameSync(salvaged(folder), folder);
  const db: Database = new Level(folder, { keyEncoding: "buffer", valueEncoding: "buffer" });
  await db.open();
  return db;
}

/**
 * Takes out of LevelDB's folder what can be read and makes a new one of it, because LevelDB's own repair keeps some of
 * the damage. The damaged files are kept aside in `damagedFolder` until the next time.
 */
export async function salvage(folder: string): Promise<void> {
  rmSync(salvaged(folder), { recursive: true, force: true });
  const from = await openDamaged(folder);
  try {
    const to = await openLevel(salvaged(folder));
    try {
      for await (const rows of readable(from)) {
        await to.batch(rows.map(([key, value]) => ({ type: "put", key, value })));
      }
      // Nothing is in this batch but the wait for the disk.
      await to.batch([{ type: "del", key: Buffer.from([0xff]) }], { sync: true } as object);
    } finally {
      await to.close();
    }
  } finally {
    await from.close();
  }
  rmSync(damagedFolder(folder), { recursive: true, force: true });
  renameSync(folder, damagedFolder(folder));
  renameSync(salvaged(folder), folder);
}

const salvaged = (folder: string): string => `${folder}.salvaged`;
export const damagedFolder = (folder: string): string => `${folder}.damaged`;

async function openDamaged(folder: string): Promise<Database> {
  try {
    return await openLevel(folder);
  } catch (error) {
    if (!isCorruption(error)) throw error;
    await (Level as typeof Level & Repairs).repair(folder);
    return await openLevel(folder);
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
