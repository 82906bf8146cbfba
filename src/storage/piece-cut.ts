import type { PieceRow } from "../../gen/ts/socketregistry/storage/v1/records.js";
import type { Piece } from "../registry/storage.js";
import { cursorRanges, isRowKey, logKey, logRange, number64, socketRanges, storeKey } from "./keys.js";
import type { Database } from "./level-files.js";
import type { LevelLog } from "./level-log.js";
import { getMany } from "./level-reader.js";
import { rowsOf } from "./level-source.js";
import { heldRevisions } from "./piece-held.js";
import { APART_BYTES, encodePiece, type PieceKind } from "./pieces.js";
import { DamagedRecord, unseal } from "./records.js";

type PageKind = Exclude<PieceKind, { kind: "log" }>;
type LogKind = Extract<PieceKind, { kind: "log" }>;

/** So many entries are read in one step when they lie apart. */
const ENTRIES_PER_STEP = 1_000;

/**
 * The rows of one moment, for all pieces that are told of together. Otherwise a page could know of a reset, and another
 * still have the socket as it was before: what had been settled for long would come again.
 */
export class View {
  readonly log: LevelLog;
  readonly #revision: number;
  readonly #snapshot: ReturnType<Database["snapshot"]>;

  constructor(log: LevelLog) {
    this.log = log;
    this.#revision = log.state.durableRevision;
    this.#snapshot = log.db.snapshot();
  }

  close(): Promise<void> {
    return this.#snapshot.close();
  }

  /**
   * Cuts a piece of rows; undefined when it has none. A row of its own has a piece as long as somebody may say that it is
   * apart, though it may be an empty one.
   * @param apart the keys, in hexadecimal, of the rows that have pieces of their own
   */
  async cut(key: string, kind: PageKind, apart: ReadonlySet<string>): Promise<Piece | undefined> {
    const rows = await this.#rowsOf(kind, apart);
    if (rows.length === 0 && kind.kind !== "row") return undefined;
    const socketCount = kind.kind === "sockets" ? rows.filter((row) => isRowKey(row.key)).length : 0;
    return { key, revision: this.#revision, messageCount: 0, socketCount, bytes: encodePiece(rows) };
  }

  async #rowsOf(kind: PageKind, apart: ReadonlySet<string>): Promise<PieceRow[]> {
    if (kind.kind === "store") return await this.#row(storeKey);
    if (kind.kind === "row") return await this.#row(kind.row);
    const ranges = kind.kind === "sockets" ? socketRanges(kind.numbers) : cursorRanges(kind.numbers);
    const rows: PieceRow[] = [];
    for (const range of ranges) {
      const found = this.log.db.iterator({ ...range, snapshot: this.#snapshot, fillCache: false });
      for await (const [key, value] of found) {
        const isApart = value.length > APART_BYTES && apart.has(key.toString("hex"));
        rows.push({ key, value: isApart ? Buffer.alloc(0) : value, apart: isApart });
      }
    }
    return rows;
  }

  async #row(key: Buffer): Promise<PieceRow[]> {
    const value: Buffer | undefined = await this.log.db.get(key, { snapshot: this.#snapshot });
    return value === undefined ? [] : [{ key, value, apart: false }];
  }
}

/** Cuts a piece of the log; undefined when nothing of it is held any more. */
export async function cutLog(log: LevelLog, key: string, { first, last }: LogKind): Promise<Piece | undefined> {
  const held = heldRevisions(log.state.entries, first, last);
  const revision = log.state.durableRevision;
  // What let go of the others may not be durable yet, and then they come again.
  await log.durable();
  const rows: PieceRow[] = [];
  for await (const [key, value] of entriesOf(log.db, held)) {
    // What does not check is a loss, here as there.
    if (isSound(value)) rows.push({ key, value, apart: false });
  }
  if (rows.length === 0) return undefined;
  return { key, revision, messageCount: rows.length, socketCount: 0, bytes: encodePiece(rows) };
}

/** The entries of some revisions, in order. Those that were let go of meanwhile are left out. */
async function* entriesOf(db: Database, revisions: readonly number[]): AsyncGenerator<[Buffer, Buffer]> {
  const first = revisions[0] ?? 0;
  const last = revisions.at(-1) ?? 0;
  const isDense = revisions.length * 2 > last - first;
  if (isDense) {
    const wanted = new Set(revisions);
    for await (const row of rowsOf(db)(logRange(first, last))) if (wanted.has(number64(row[0]))) yield row;
    return;
  }
  for (let from = 0; from < revisions.length; from += ENTRIES_PER_STEP) {
    const keys = revisions.slice(from, from + ENTRIES_PER_STEP).map(logKey);
    const values = await getMany(db, keys);
    for (const [index, key] of keys.entries()) {
      const value = values[index];
      if (value !== undefined) yield [key, value];
    }
  }
}

function isSound(stored: Buffer): boolean {
  try {
    unseal(stored);
    return true;
  } catch (error) {
    if (error instanceof DamagedRecord) return false;
    throw error;
  }
}
