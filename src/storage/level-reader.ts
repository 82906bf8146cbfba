import { LogEntry } from "../../gen/ts/socketregistry/storage/v1/records.js";
import type { Profile, SocketNumber, Stored } from "../registry/storage.js";
import { contextKey, logKey, promptKey } from "./keys.js";
import { isCorruption } from "./level-errors.js";
import type { Database } from "./level-files.js";
import type { Queue } from "./queue.js";
import { type Body, Recent } from "./recent.js";
import { decodeIfSound, unseal } from "./records.js";
import type { State } from "./state.js";

const NOTHING: Body = { timeMs: 0, sender: "", recipient: "", body: new Uint8Array() };

/** Reads what the index refers to: from memory what is new, from LevelDB the rest. */
export class LevelReader {
  readonly recent: Recent;
  readonly #db: Database;
  readonly #state: State;

  constructor(db: Database, state: State, recentBytes: number) {
    this.recent = new Recent(recentBytes);
    this.#db = db;
    this.#state = state;
  }

  async profile(number: SocketNumber): Promise<Profile> {
    const [prompt, context] = await this.#db.getMany([promptKey(number), contextKey(number)]);
    return { prompt: prompt ? unseal(prompt).toString() : "", context: context && unseal(context) };
  }

  /**
   * The durable messages of these sequences of a queue, in order. Those that were let go of meanwhile are left out, and
   * all of them when the queue has ended.
   */
  async messages(queue: Queue, sequences: readonly number[]): Promise<Stored[]> {
    const { durableTail } = queue;
    const places = sequences
      .filter((sequence) => sequence <= durableTail && queue.isReadable(sequence))
      .map((sequence) => ({ sequence, revision: queue.revisionAt(sequence) }));
    const bodies = await this.#bodies(places.map(({ revision }) => revision));
    if (this.#state.queue(queue.number) !== queue) return [];
    return places
      .filter(({ sequence }) => queue.isReadable(sequence))
      .map(({ sequence, revision }) => {
        const found = bodies.get(revision);
        // Field by field: to spread two objects into a third would cost more than to read them.
        const { timeMs, sender, recipient, body } = found ?? NOTHING;
        return { sequence, revision, timeMs, damaged: found === undefined, sender, recipient, body };
      });
  }

  /** Messages by revision. Those that are not there or do not check are left out. */
  async #bodies(revisions: readonly number[]): Promise<Map<number, Body>> {
    const bodies = new Map<number, Body>();
    const missing: number[] = [];
    for (const revision of revisions) {
      const body = this.recent.get(revision);
      if (body === undefined) missing.push(revision);
      else bodies.set(revision, body);
    }
    if (missing.length === 0) return bodies;
    const values = await getMany(this.#db, missing.map(logKey));
    for (const [index, revision] of missing.entries()) {
      const stored = values[index];
      const body = stored && decodeBody(stored, revision);
      if (body !== undefined) bodies.set(revision, body);
    }
    return bodies;
  }
}

/** The values of these keys; undefined where LevelDB cannot find or read one. */
export async function getMany(db: Database, keys: Buffer[]): Promise<(Buffer | undefined)[]> {
  const values = await db.getMany(keys).catch((error: unknown) => {
    if (!isCorruption(error)) throw error;
    return keys.map(() => undefined);
  });
  // LevelDB looks into a filter first, and one flipped bit there hides what is in the table all the same.
  for (const [index, key] of keys.entries()) values[index] ??= await find(db, key);
  return values;
}

async function find(db: Database, key: Buffer): Promise<Buffer | undefined> {
  const rows = db.iterator({ gte: key, lte: key });
  try {
    return (await rows.nextv(1))[0]?.[1];
  } catch (error) {
    if (!isCorruption(error)) throw error;
    return undefined;
  } finally {
    await rows.close();
  }
}

function decodeBody(stored: Buffer, revision: number): Body | undefined {
  const entry = decodeIfSound(LogEntry, stored);
  if (entry?.revision !== revision || entry.message === undefined) return undefined;
  const { sender, recipient, body } = entry.message;
  return { timeMs: entry.timeMs, sender, recipient, body };
}
