import type { Entries } from "./entries.js";
import { type Held, heldIn } from "./piece-held.js";
import { logPiece } from "./pieces.js";

/** A piece of the log holds at most this many stored bytes, unless one entry is larger. */
const PIECE_BYTES = 1024 * 1024;
/** So many new pieces are told of at once, so that a long backlog does not become one turn. */
const NEW_PIECES = 16;
/** So many neighbours, or more, become one piece when they fit into one. */
const MERGED_PIECES = 8;
/** So many revisions are looked at in one step, and so many for upkeep each time. */
const REVISIONS_PER_STEP = 2 ** 18;

/** A range of the log that has a piece. */
interface LogPiece {
  readonly first: number;
  readonly last: number;
  /** How many entries its keeper has, as far as is known. */
  kept: number;
  /** What of it was held when it was last looked at. */
  count: number;
  bytes: number;
  /** Since when its keeper has entries that nobody holds any more. */
  staleMs: number | undefined;
}

export interface LogRange {
  readonly first: number;
  readonly last: number;
}

/** What has to be done with pieces. */
export interface Work {
  readonly keys: string[];
  readonly removed: string[];
}

/** Which pieces of the log there are, and what becomes of them. It costs memory per piece and never per message. */
export class LogPieces {
  /** In order, none of them in another. */
  #pieces: LogPiece[] = [];
  /** What has no piece yet, in order. */
  #open: LogRange[] = [];
  /** Everything later has no piece yet either. */
  #end = 0;
  /** The place of the piece that is looked at next. */
  #next = 0;

  /** Everything up to this revision is in pieces. */
  get covered(): number {
    return (this.#open[0]?.first ?? this.#end + 1) - 1;
  }

  /** The pieces as their keeper has them. */
  *all(): Iterable<LogRange & { readonly kept: number }> {
    yield* this.#pieces;
  }

  find(first: number, last: number): LogPiece | undefined {
    return this.#pieces.find((piece) => piece.first === first && piece.last === last);
  }

  /** Begins with the pieces that are there, up to a revision. Those in which something is missing are to be cut again. */
  async begin(entries: Entries, kept: Iterable<LogRange & { readonly kept: number }>, durable: number): Promise<Work> {
    const work: Work = { keys: [], removed: [] };
    const pieces: LogPiece[] = [];
    this.#open = [];
    this.#next = 0;
    this.#end = 0;
    const sorted = [...kept].sort((a, b) => a.first - b.first || b.last - a.last);
    for (const { first, last, kept: count } of sorted) {
      const held = await steps(entries, first, last);
      // What another covers is not needed; and what is later than everything there is comes from another history.
      if (first <= this.#end || last > durable || held.count === 0) {
        work.removed.push(logPiece(first, last));
        continue;
      }
      this.#cover(first - 1);
      this.#end = last;
      if (held.count > count) work.keys.push(logPiece(first, last));
      // What is too much in it goes with the upkeep.
      pieces.push({ first, last, kept: Math.max(count, held.count), ...amount(held), staleMs: undefined });
    }
    this.#pieces = pieces;
    return work;
  }

  /** Makes pieces of what is held and has none, up to a revision. @returns their keys, not of all when there are many */
  async extend(entries: Entries, durable: number): Promise<string[]> {
    this.#cover(durable);
    const keys: string[] = [];
    while (keys.length < NEW_PIECES) {
      const range = this.#open.shift();
      if (range === undefined) break;
      const held = await steps(entries, range.first, range.last, PIECE_BYTES);
      if (held.last < range.last) this.#open.unshift({ first: held.last + 1, last: range.last });
      if (held.count === 0) continue;
      this.#insert({ first: range.first, last: held.last, kept: held.count, ...amount(held), staleMs: undefined });
      keys.push(logPiece(range.first, held.last));
    }
    return keys;
  }

  /**
   * Looks at some pieces: what nobody holds any more goes, at once when that is a whole piece, else when it has been so
   * for a while; and small neighbours become one.
   */
  tend(entries: Entries, nowMs: number, staleMs: number): Work {
    const work: Work = { keys: [], removed: [] };
    this.#look(entries, nowMs, work);
    this.#renew(nowMs - staleMs, work);
    this.#merge(work);
    return work;
  }

  #look(entries: Entries, nowMs: number, work: Work): void {
    const gone = new Set<LogPiece>();
    let revisions = 0;
    for (let looked = 0; looked < this.#pieces.length && revisions < REVISIONS_PER_STEP; looked++) {
      this.#next = this.#next < this.#pieces.length ? this.#next : 0;
      const piece = this.#pieces[this.#next++] as LogPiece;
      revisions += piece.last - piece.first + 1;
      Object.assign(piece, amount(heldIn(entries, piece.first, piece.last)));
      if (piece.count < piece.kept) piece.staleMs ??= nowMs;
      if (piece.count > 0) continue;
      gone.add(piece);
      work.removed.push(logPiece(piece.first, piece.last));
    }
    if (gone.size > 0) this.#pieces = this.#pieces.filter((piece) => !gone.has(piece));
  }

  /** The piece that has been stale for longest is cut again, if that is since before `sinceMs`. One is enough each time. */
  #renew(sinceMs: number, work: Work): void {
    let oldest: LogPiece | undefined;
    for (const piece of this.#pieces) {
      if ((piece.staleMs ?? Number.POSITIVE_INFINITY) < (oldest?.staleMs ?? Number.POSITIVE_INFINITY)) oldest = piece;
    }
    if (oldest?.staleMs === undefined || oldest.staleMs > sinceMs) return;
    oldest.kept = oldest.count;
    oldest.staleMs = undefined;
    work.keys.push(logPiece(oldest.first, oldest.last));
  }

  /** A run in which one piece is most of it is left alone: the large ones would be sent again for each few small ones. */
  #merge(work: Work): void {
    const pieces = this.#pieces;
    let bytes = 0;
    let count = 0;
    for (let from = 0, to = 0; from + MERGED_PIECES <= pieces.length; from++) {
      for (let next = pieces[to]; next && bytes + next.bytes <= PIECE_BYTES; next = pieces[++to]) {
        bytes += next.bytes;
        count += next.count;
      }
      const run = pieces.slice(from, to);
      if (run.length >= MERGED_PIECES && run.every((piece) => piece.bytes <= bytes / 2)) {
        const merged = { first: run[0]?.first ?? 0, last: run.at(-1)?.last ?? 0, kept: count, count, bytes };
        pieces.splice(from, run.length, { ...merged, staleMs: undefined });
        work.keys.push(logPiece(merged.first, merged.last));
        work.removed.push(...run.map(({ first, last }) => logPiece(first, last)));
        return;
      }
      if (to === from) {
        to++;
        continue;
      }
      bytes -= pieces[from]?.bytes ?? 0;
      count -= pieces[from]?.count ?? 0;
    }
  }

  /** Everything up to a revision is a piece's, or open. */
  #cover(last: number): void {
    if (last <= this.#end) return;
    this.#open.push({ first: this.#end + 1, last });
    this.#end = last;
  }

  #insert(piece: LogPiece): void {
    let place = this.#pieces.length;
    while (place > 0 && (this.#pieces[place - 1]?.first ?? 0) > piece.first) place--;
    this.#pieces.splice(place, 0, piece);
  }
}

/** Counts what is held in steps, so that a range of any length holds nobody up. */
async function steps(
  entries: Entries,
  first: number,
  last: number,
  bytesMax = Number.POSITIVE_INFINITY,
): Promise<Held> {
  let count = 0;
  let bytes = 0;
  for (let from = first; ; ) {
    const end = Math.min(last, from + REVISIONS_PER_STEP - 1);
    let held = heldIn(entries, from, end, bytesMax - bytes);
    // One that is larger than a piece should be is a piece by itself.
    if (count + held.count === 0 && held.last < end) held = heldIn(entries, from, held.last + 1);
    count += held.count;
    bytes += held.bytes;
    if (held.last < end || end === last || bytes >= bytesMax) return { last: held.last, count, bytes };
    from = end + 1;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function amount({ count, bytes }: Held): Pick<LogPiece, "count" | "bytes"> {
  return { count, bytes };
}
