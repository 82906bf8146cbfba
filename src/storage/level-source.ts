import { LogEntry } from "../../gen/ts/socketregistry/storage/v1/records.js";
import { type KeyRange, logRange, number64 } from "./keys.js";
import type { Database } from "./level-files.js";
import { decodeIfSound } from "./records.js";
import type { ReadRows, ReadSteps, Source } from "./source.js";

/** How much is read from LevelDB in one step. */
const ROWS_PER_STEP = 1_000;
const BYTES_PER_STEP = 1024 * 1024;

/** LevelDB as recovery reads it. */
export function sourceOf(db: Database): Source {
  return {
    get: (key) => db.get(key),
    rows: rowsOf(db),
    steps: stepsOf(db),
    lastRevision: () => endOfLog(db, true),
    firstRevision: () => endOfLog(db, false),
  };
}

/** LevelDB's rows, read in steps, so that many of them hold nobody up. */
export function rowsOf(db: Database, rowsPerStep = ROWS_PER_STEP): ReadRows {
  const steps = stepsOf(db, rowsPerStep);
  return async function* (range: KeyRange) {
    for await (const step of steps(range)) yield* step;
  };
}

function stepsOf(db: Database, rowsPerStep = ROWS_PER_STEP): ReadSteps {
  return async function* (range: KeyRange) {
    const iterator = db.iterator({ ...range, highWaterMarkBytes: BYTES_PER_STEP, fillCache: false });
    try {
      for (let step = await iterator.nextv(rowsPerStep); step.length > 0; ) {
        yield step;
        step = await iterator.nextv(rowsPerStep);
      }
    } finally {
      await iterator.close();
    }
  };
}

/** The first or last revision in the log. An entry that does not check does not count: its key may be wrong too. */
async function endOfLog(db: Database, reverse: boolean): Promise<number> {
  const iterator = db.iterator({ ...logRange(0), reverse });
  try {
    for (let step = await iterator.nextv(1); step.length > 0; step = await iterator.nextv(1)) {
      const [key, stored] = step[0] as [Buffer, Buffer];
      if (decodeIfSound(LogEntry, stored)?.revision === number64(key)) return number64(key);
    }
    return 0;
  } finally {
    await iterator.close();
  }
}
