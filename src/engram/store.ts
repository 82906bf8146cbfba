import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { Level } from "level";
import type { Log } from "../log.js";

type Database = Level<Buffer, Buffer>;

/** The state of the store at one moment. Whoever takes one closes it. */
export type Snapshot = ReturnType<Database["snapshot"]>;

export type Change =
  | { readonly type: "put"; readonly key: Buffer; readonly value: Buffer }
  | { readonly type: "del"; readonly key: Buffer };

/** Keys from `gte` up to and without `lt`, in the order of their bytes, or backwards. */
export interface Range {
  readonly gte: Buffer;
  readonly lt: Buffer;
  readonly reverse?: boolean;
}

/** Rows by key. */
export interface Rows {
  /** The values of these keys, all as of one moment. */
  get(keys: readonly Buffer[]): Promise<(Buffer | undefined)[]>;
  /** Whether there is such a row now. */
  has(key: Buffer): Promise<boolean>;
  /** The rows of a range as of the first step, a few at a time. */
  rows(range: Range): AsyncGenerator<[Buffer, Buffer][]>;
  /** Makes the changes, all or none. Resolves when they are on the disk. */
  write(changes: readonly Change[]): Promise<void>;
}

/** The store cannot do it now. What was to be written may be there or not. */
export class StoreUnavailable extends Error {
  override readonly name = "StoreUnavailable";
}

const ROWS_PER_STEP = 1_000;
/** A step also ends with the row that makes it as large as this, so that large values come one by one. */
const STEP_BYTES = 64 * 1_024;

interface Batch {
  readonly changes: Change[];
  readonly durable: Promise<void>;
  readonly settle: (error?: StoreUnavailable) => void;
}

/**
 * Rows in LevelDB, durable. Writes that come in one turn of the event loop, and all that come while a batch is being
 * written, share the next batch and its fsync.
 *
 * After a failed batch LevelDB would take later ones and forget them when it is opened again. So it is closed then, and
 * opened again by whoever needs it next.
 */
export class Store implements Rows {
  readonly #folder: string;
  readonly #log: Log;
  #opening: Promise<Database> | undefined;
  #collecting: Batch | undefined;
  #writing: Promise<void> | undefined;
  #isClosed = false;

  private constructor(folder: string, log: Log) {
    this.#folder = folder;
    this.#log = log;
  }

  /** Opens the store in a data directory, which is made if it is not there and belongs to one process. */
  static async open(dataDir: string, log: Log): Promise<Store> {
    mkdirSync(dataDir, { recursive: true });
    const store = new Store(join(dataDir, "memories"), log);
    try {
      await store.#database();
    } catch (error) {
      if (codesOf(error).includes("LEVEL_LOCKED")) throw new Error(`${dataDir} is in use by another process`);
      throw error;
    }
    return store;
  }

  async get(keys: readonly Buffer[], snapshot?: Snapshot): Promise<(Buffer | undefined)[]> {
    const db = await this.#available();
    return await db.getMany([...keys], { snapshot });
  }

  async has(key: Buffer): Promise<boolean> {
    const db = await this.#available();
    return await db.has(key);
  }

  async *rows(range: Range, snapshot?: Snapshot): AsyncGenerator<[Buffer, Buffer][]> {
    const db = await this.#available();
    const options = { ...range, snapshot, fillCache: false, highWaterMarkBytes: STEP_BYTES };
    const rows = db.iterator(options);
    try {
      for (let step = await rows.nextv(ROWS_PER_STEP); step.length > 0; step = await rows.nextv(ROWS_PER_STEP)) {
        yield step;
      }
    } finally {
      await rows.close();
    }
  }

  /** The state as it is now, for `get` and `rows`. */
  async snapshot(): Promise<Snapshot> {
    const db = await this.#available();
    return db.snapshot();
  }

  write(changes: readonly Change[]): Promise<void> {
    if (this.#isClosed) return Promise.reject(new StoreUnavailable("the store is closed"));
    this.#collecting ??= newBatch();
    const { changes: collected, durable } = this.#collecting;
    collected.push(...changes);
    this.#writing ??= this.#writeAll();
    return durable;
  }

  /** Closes it when everything that was to be written is. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#writing;
    await (await this.#opening?.catch(() => undefined))?.close();
  }

  async #writeAll(): Promise<void> {
    await nextTurn();
    for (let batch = this.#take(); batch !== undefined; batch = this.#take()) {
      try {
        const db = await this.#database();
        // Level passes options on to LevelDB that its own types do not have.
        await db.batch(batch.changes, { sync: true } as object);
        batch.settle();
      } catch (error) {
        await this.#abandon(error);
        batch.settle(new StoreUnavailable("the store cannot be written", { cause: error }));
      }
      // Those who are answered now may write again in this turn, and then share the next batch.
      await nextTurn();
    }
    this.#writing = undefined;
  }

  #take(): Batch | undefined {
    const batch = this.#collecting;
    this.#collecting = undefined;
    return batch;
  }

  async #available(): Promise<Database> {
    if (this.#isClosed) throw new StoreUnavailable("the store is closed");
    try {
      return await this.#database();
    } catch (error) {
      throw new StoreUnavailable("the store cannot be opened", { cause: error });
    }
  }

  #database(): Promise<Database> {
    this.#opening ??= openLevel(this.#folder).catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  async #abandon(error: unknown): Promise<void> {
    this.#log.error({ err: error }, "a write to the store failed; it is opened again");
    const opened = this.#opening;
    this.#opening = undefined;
    const close = async (): Promise<void> => (await opened)?.close();
    await close().catch((failure: unknown) => this.#log.error({ err: failure }, "closing the store failed"));
  }
}

async function openLevel(folder: string): Promise<Database> {
  const db: Database = new Level(folder, { keyEncoding: "buffer", valueEncoding: "buffer" });
  await db.open();
  return db;
}

function newBatch(): Batch {
  let settle: Batch["settle"] = () => {};
  const durable = new Promise<void>((resolve, reject) => {
    settle = (error) => (error === undefined ? resolve() : reject(error));
  });
  return { changes: [], durable, settle };
}

/** The codes of an error and of what caused it: Level wraps the one that tells the reason. */
function codesOf(error: unknown): readonly unknown[] {
  if (!(error instanceof Error)) return [];
  return ["code" in error ? error.code : undefined, ...codesOf(error.cause)];
}
