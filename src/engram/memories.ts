import { isDeepStrictEqual } from "node:util";
import { keyOf, lastName, letters, rangeOf, sibling } from "./keys.js";
import type { Rows } from "./store.js";

/** What a listing and a search ask for. */
export interface Wanted {
  /** How many there may be. */
  readonly limit: number;
  /** The metadata has at least these, and equal. */
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** A memory without its data. */
export interface Found {
  readonly key: string;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** Everything: the search for it looks at no data. */
const EVERYTHING = new Set(["", "*"]);

/**
 * Memories by namespace and key. Data and metadata are two rows that are written together, so that a listing reads no
 * data. Both are JSON, and may be any.
 */
export class Memories {
  readonly #rows: Rows;

  constructor(rows: Rows) {
    this.#rows = rows;
  }

  /** Puts a memory in the place of the one with this key, if there is one. Resolves when it is on the disk. */
  async put(namespace: string, key: string, data: string, metadata: string): Promise<void> {
    await this.#rows.write([
      { type: "put", key: keyOf(letters.metadata, [namespace], key), value: Buffer.from(metadata) },
      { type: "put", key: keyOf(letters.data, [namespace], key), value: Buffer.from(data) },
    ]);
  }

  /** The JSON of data and metadata, undefined when there is no such memory. */
  async get(namespace: string, key: string): Promise<{ data: string; metadata: string } | undefined> {
    const keys = [letters.data, letters.metadata].map((letter) => keyOf(letter, [namespace], key));
    const [data, metadata] = await this.#rows.get(keys);
    if (data === undefined || metadata === undefined) return undefined;
    return { data: data.toString(), metadata: metadata.toString() };
  }

  /** Whether there was such a memory; there is none now. */
  async delete(namespace: string, key: string): Promise<boolean> {
    const row = keyOf(letters.metadata, [namespace], key);
    if (!(await this.#rows.has(row))) return false;
    await this.#rows.write([
      { type: "del", key: row },
      { type: "del", key: sibling(row, letters.data) },
    ]);
    return true;
  }

  /** The memories of a namespace, by the order of their keys in UTF-8, a few at a time. */
  async *list(namespace: string, { limit, metadata: wanted }: Wanted): AsyncGenerator<Found[]> {
    const range = rangeOf(letters.metadata, [namespace]);
    let left = limit;
    if (left === 0) return;
    for await (const step of this.#rows.rows(range)) {
      const found = step
        .map(([row, value]) => ({ key: lastName(row, range), metadata: JSON.parse(value.toString()) }))
        .filter(({ metadata }) => hasAll(metadata, wanted))
        .slice(0, left);
      left -= found.length;
      yield found;
      if (left === 0) return;
    }
  }

  /** Those of them whose data, as JSON, have this text in them, whatever the case of its letters. `*` is everything. */
  search(namespace: string, query: string, wanted: Wanted): AsyncGenerator<Found[]> {
    return EVERYTHING.has(query) ? this.list(namespace, wanted) : this.#searchData(namespace, query, wanted);
  }

  async *#searchData(namespace: string, query: string, { limit, metadata: wanted }: Wanted): AsyncGenerator<Found[]> {
    const range = rangeOf(letters.data, [namespace]);
    const needle = query.toLowerCase();
    let left = limit;
    if (left === 0) return;
    for await (const step of this.#rows.rows(range)) {
      const rows = step.filter(([, value]) => value.toString().toLowerCase().includes(needle)).map(([row]) => row);
      const values = await this.#rows.get(rows.map((row) => sibling(row, letters.metadata)));
      const found = rows
        .flatMap((row, index) => {
          // One that was deleted meanwhile is found no more.
          const value = values[index];
          return value === undefined ? [] : [{ key: lastName(row, range), metadata: JSON.parse(value.toString()) }];
        })
        .filter(({ metadata }) => hasAll(metadata, wanted))
        .slice(0, left);
      left -= found.length;
      yield found;
      if (left === 0) return;
    }
  }
}

/** Whether a search for this text is one for everything. */
export const isEverything = (query: string): boolean => EVERYTHING.has(query);

function hasAll(metadata: Readonly<Record<string, unknown>>, wanted: Wanted["metadata"]): boolean {
  return Object.entries(wanted).every(
    ([name, value]) => Object.hasOwn(metadata, name) && isDeepStrictEqual(metadata[name], value),
  );
}
