import type { Level } from "level";
import { LogEntry } from "../../gen/ts/socketregistry/storage/v1/records.js";
import { type KeyRange, logKey, logRange, number64 } from "./keys.js";
import type { Body } from "./recent.js";
import { DamagedRecord, decodeRecord } from "./records.js";
import type { Source } from "./recovery.js";

export type Database = Level<Buffer, Buffer>;

/** How many rows are read from LevelDB in one step. */
const ROWS_PER_STEP = 1_000;

/** LevelDB as recovery reads it. */
export function sourceOf(db: Database): Source {
  return {
    get: (key) => db.get(key),
    async *rows(range: KeyRange) {
      const iterator = db.iterator(range);
      try {
        for (let step = await iterator.nextv(ROWS_PER_STEP); step.length > 0; ) {
          yield* step;
          step = await iterator.nextv(ROWS_PER_STEP);
        }
      } finally {
        await iterator.close();
      }
    },
    async lastRevision() {
      const [last] = await db.keys({ ...logRange(0), reverse: true, limit: 1 }).all();
      return last === undefined ? 0 : number64(last);
    },
  };
}

/** Messages by revision. Those that are not there or do not check are left out. */
export async function readBodies(db: Database, revisions: readonly number[]): Promise<Map<number, Body>> {
  const bodies = new Map<number, Body>();
  if (revisions.length === 0) return bodies;
  const values = await db.getMany(revisions.map(logKey));
  for (const [index, stored] of values.entries()) {
    const body = stored && decodeBody(stored, revisions[index] ?? 0);
    if (body !== undefined) bodies.set(revisions[index] ?? 0, body);
  }
  return bodies;
}

function decodeBody(stored: Buffer, revision: number): Body | undefined {
  try {
    const entry = decodeRecord(LogEntry, stored);
    if (entry.revision !== revision || entry.message === undefined) return undefined;
    const { sender, recipient, body } = entry.message;
    return { timeMs: entry.timeMs, sender, recipient, body };
  } catch (error) {
    if (error instanceof DamagedRecord) return undefined;
    throw error;
  }
}
