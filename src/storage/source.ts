import type { KeyRange } from "./keys.js";
import { DamagedRecord } from "./records.js";

/** The rows of a range of keys, in order. */
export type ReadRows = (range: KeyRange) => AsyncIterable<[Buffer, Buffer]>;

/** The same, many rows at once: where there are a million, to wait for each would cost more than to read it. */
export type ReadSteps = (range: KeyRange) => AsyncIterable<[Buffer, Buffer][]>;

/** What recovery reads from. */
export interface Source {
  get(key: Buffer): Promise<Buffer | undefined>;
  readonly rows: ReadRows;
  readonly steps: ReadSteps;
  /** The newest revision in the log; 0 when it is empty. */
  lastRevision(): Promise<number>;
  /** The oldest one. To find it takes long when much was removed before it. */
  firstRevision(): Promise<number>;
}

/** Reads every row of a range. @returns the keys of those that are damaged */
export async function readEach(
  rows: ReadRows,
  range: KeyRange,
  take: (key: Buffer, value: Buffer) => void,
): Promise<Buffer[]> {
  const damaged: Buffer[] = [];
  for await (const [key, value] of rows(range)) {
    try {
      take(key, value);
    } catch (error) {
      if (!(error instanceof DamagedRecord)) throw error;
      damaged.push(key);
    }
  }
  return damaged;
}
