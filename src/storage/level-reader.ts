import type { Profile, SocketNumber, Stored } from "../registry/storage.js";
import { contextKey, logKey, promptKey } from "./keys.js";
import { isCorruption } from "./level-errors.js";
import { type Database, suspect } from "./level-files.js";
import type { LogOptions } from "./level-options.js";
import type { Queue } from "./queue.js";
import { type Body, Recent } from "./recent.js";
import { unseal } from "./records.js";
import type { State } from "./state.js";
import { decodeMessage } from "./stored-message.js";

const NOTHING: Body = { timeMs: 0, sender: "", recipient: "", body: new Uint8Array() };

/** Reads what the index refers to: from memory what is new, from LevelDB the rest. */
export class LevelReader {
  readonly recent: Recent;
  readonly #db: Database;
  readonly #state: State;
  readonly #folder: string;

  constructor(db: Database, state: State, { recentBytes, folder }: Pick<LogOptions, "recentBytes" | "folder">) {
    this.recent = new Recent(recentBytes);
    this.#db = db;
    this.#state = state;
    this.#folder = folder;
  }

  async profile(number: SocketNumber): Promise<Profile> {
    const [prompt, context] = await this.#db.getMany([promptKey(number), contextKey(number)]);
    return { prompt: prompt ? unseal(prompt).toString() : "", context: context && unseal(context) };
  }

  /** The durable messages of these sequences of a queue, in order; undefined when some are not in memory. */
  recentMessages(queue: Queue, sequences: readonly number[]): Stored[] | undefined {
    const { found, missing } = this.#look(queue, sequences);
    return missing.length === 0 ? found : undefined;
  }

  /**
   * The durable messages of these sequences of a queue, in order. Those that were let go of meanwhile are left out, and
   * all of them when the queue has ended.
   */
  async messages(queue: Queue, sequences: readonly number[]): Promise<Stored[]> {
    const { found, missing } = this.#look(queue, sequences);
    const values = await getMany(
      this.#db,
      missing.map((place) => logKey(found[place]?.revision ?? 0)),
    );
    if (this.#state.queue(queue.number) !== queue) return [];
    for (const [index, place] of missing.entries()) {
      const { sequence, revision } = found[place] as Stored;
      const value = values[index];
      found[place] = storedOf(sequence, revision, value && decodeMessage(value, revision));
    }
    // The next start looks at everything, and may find there what cannot be found now.
    if (found.some(({ damaged }) => damaged)) suspect(this.#folder);
    const isReadable = queue.readable();
    return found.filter(({ sequence }) => isReadable(sequence));
  }

  /** What is in memory of these messages, and the places of what is not. */
  #look(queue: Queue, sequences: readonly number[]): { found: Stored[]; missing: number[] } {
    const found: Stored[] = [];
    const missing: number[] = [];
    queue.visit(sequences, (sequence, revision) => {
      const body = this.recent.get(revision);
      if (body === undefined) missing.push(found.length);
      found.push(storedOf(sequence, revision, body));
    });
    return { found, missing };
  }
}

/** Field by field: to spread two objects into a third would cost more than to read them. */
function storedOf(sequence: number, revision: number, found: Body | undefined): Stored {
  const { timeMs, sender, recipient, body } = found ?? NOTHING;
  return { sequence, revision, timeMs, damaged: found === undefined, sender, recipient, body };
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
