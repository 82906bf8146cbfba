import type { Remembered } from "../registry/storage.js";
import { decodeAnswer, encodeAnswer, keyOfAnswer } from "./answer-rows.js";
import type { Batch } from "./commit.js";
import { number64, rememberedKey, rememberedRange } from "./keys.js";
import type { StoreLog } from "./level-options.js";
import { DamagedRecord } from "./records.js";
import { type ReadRows, readEach } from "./source.js";

/** How many rows of forgotten answers go in one batch, so that forgetting never holds up writes for long. */
const FORGOTTEN_PER_BATCH = 1_000;
const DAMAGED = "answers to earlier requests are damaged; the same requests will be new ones";

/**
 * The answers that are remembered: in memory which there are, and on disk what they are. There may be a million, and each
 * costs about a hundred bytes of memory.
 */
export class Answers {
  /** The entry that made each, in order of revision. */
  readonly #revisions = new Map<string, number>();
  /**
   * The keys in the same order, from `#head` on, "" where one was forgotten before its turn. A Map that lost its first
   * keys is slow to find the next one.
   */
  #keys: string[] = [];
  #head = 0;
  /** Those of the batch that collects, and of the batch under way: they cannot be read from the disk yet. */
  #collecting = new Map<string, Remembered>();
  #committing = new Map<string, Remembered>();
  /** The entries whose answers are forgotten and still on the disk. */
  #forgotten: number[] = [];
  readonly #log: StoreLog;

  private constructor(log: StoreLog) {
    this.#log = log;
  }

  /** The answers on disk. One that does not check is forgotten: all it means is a request that is not known again. */
  static async read(rows: ReadRows, log: StoreLog): Promise<Answers> {
    const answers = new Answers(log);
    const damaged = await readEach(rows, rememberedRange, (key, value) => {
      answers.#index(keyOfAnswer(value), number64(key));
    });
    answers.#forgotten = damaged.map(number64);
    if (damaged.length > 0) log.warn({ damagedRows: damaged.length }, DAMAGED);
    return answers;
  }

  get count(): number {
    return this.#revisions.size;
  }

  /** The revision of the oldest; 0 when there is none. */
  get oldest(): number {
    return this.#revisions.get(this.#keys[this.#head] ?? "") ?? 0;
  }

  has(key: string): boolean {
    return this.#revisions.has(key);
  }

  add(remembered: Remembered, batch: Batch): void {
    const { key, revision } = remembered;
    this.#index(key, revision);
    this.#collecting.set(key, remembered);
    batch.put(rememberedKey(revision), encodeAnswer(remembered));
  }

  /** @param read gives the row of a key, if it is there */
  async recall(key: string, read: (key: Buffer) => Promise<Buffer | undefined>): Promise<Remembered | undefined> {
    const revision = this.#revisions.get(key);
    if (revision === undefined) return undefined;
    const fresh = this.#collecting.get(key) ?? this.#committing.get(key);
    if (fresh !== undefined) return fresh;
    const stored = await read(rememberedKey(revision));
    // It may have been forgotten meanwhile.
    if (this.#revisions.get(key) !== revision) return undefined;
    const found = stored && soundAnswer(stored);
    if (found?.key === key && found.revision === revision) return found;
    this.#log.warn({ damagedRows: 1, revision }, DAMAGED);
    this.#drop(key, revision);
    return undefined;
  }

  /** Forgets the oldest: up to a revision, and beyond a count. @returns whether there were any */
  forget(through: number, countMax: number): boolean {
    const before = this.#head;
    while (this.#head < this.#keys.length) {
      const key = this.#keys[this.#head] ?? "";
      const revision = this.#revisions.get(key);
      if (revision !== undefined && revision > through && this.count <= countMax) break;
      this.#head++;
      if (revision === undefined) continue;
      this.#revisions.delete(key);
      this.#forgotten.push(revision);
    }
    const isNews = this.#head > before;
    if (this.#head > this.#keys.length / 2) {
      this.#keys = this.#keys.slice(this.#head);
      this.#head = 0;
    }
    return isNews;
  }

  /** Adds the removal of forgotten answers to a batch that is about to be written, with all that it collected. */
  prepare(batch: Batch): void {
    for (const revision of this.#forgotten.splice(-FORGOTTEN_PER_BATCH)) batch.del(rememberedKey(revision));
    this.#committing = this.#collecting;
    this.#collecting = new Map();
  }

  /** The batch is durable. @returns whether there is more to remove */
  committed(): boolean {
    this.#committing.clear();
    return this.#forgotten.length > 0;
  }

  #index(key: string, revision: number): void {
    const before = this.#revisions.get(key);
    if (before !== undefined) this.#drop(key, before);
    this.#revisions.set(key, revision);
    this.#keys.push(key);
  }

  /** Forgets one before its turn, which is rare. */
  #drop(key: string, revision: number): void {
    this.#revisions.delete(key);
    this.#forgotten.push(revision);
    this.#keys[this.#keys.indexOf(key, this.#head)] = "";
    while (this.#keys[this.#head] === "") this.#head++;
  }
}

function soundAnswer(stored: Buffer): Remembered | undefined {
  try {
    return decodeAnswer(stored);
  } catch (error) {
    if (error instanceof DamagedRecord) return undefined;
    throw error;
  }
}
