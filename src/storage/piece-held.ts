import { BLOCK_SIZE, type Entries } from "./entries.js";

/** What queues hold of a range of revisions. */
export interface Held {
  /** The revision up to which this was counted. */
  readonly last: number;
  readonly count: number;
  readonly bytes: number;
}

/** How much of a range some queue holds, up to where that would be more than `bytesMax`. */
export function heldIn(entries: Entries, first: number, last: number, bytesMax = Number.POSITIVE_INFINITY): Held {
  let count = 0;
  let bytes = 0;
  for (const [base, { references, sizes }] of entries.blocksIn(first, last)) {
    const end = Math.min(BLOCK_SIZE, last - base + 1);
    for (let place = Math.max(0, first - base); place < end; place++) {
      if ((references[place] ?? 0) === 0) continue;
      const size = sizes[place] ?? 0;
      if (bytes + size > bytesMax) return { last: base + place - 1, count, bytes };
      count++;
      bytes += size;
    }
  }
  return { last, count, bytes };
}

/** The revisions of a range that some queue holds, in order. */
export function heldRevisions(entries: Entries, first: number, last: number): number[] {
  const found: number[] = [];
  for (const [base, { references }] of entries.blocksIn(first, last)) {
    const end = Math.min(BLOCK_SIZE, last - base + 1);
    for (let place = Math.max(0, first - base); place < end; place++) {
      if ((references[place] ?? 0) > 0) found.push(base + place);
    }
  }
  return found;
}
