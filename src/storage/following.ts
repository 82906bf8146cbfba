import { machineClock } from "../registry/clock.js";
import type { Changed, Following, KeptPiece, Piece } from "../registry/storage.js";
import type { Changes, Notes } from "./following-notes.js";
import { consumerRange, contextRange, cursorRange, type KeyRange, parkedRange, promptRange, rowRange } from "./keys.js";
import type { LevelLog } from "./level-log.js";
import type { LogOptions } from "./level-options.js";
import { rowsOf } from "./level-source.js";
import { cutLog, View } from "./piece-cut.js";
import { LogPieces, type Work } from "./piece-log.js";
import {
  APART_BYTES,
  cursorsPiece,
  KINDS,
  kindOfPiece,
  type PieceKind,
  pageOf,
  rowPiece,
  STORE_PIECE,
  socketsPiece,
} from "./pieces.js";
import type { State } from "./state.js";

/** The openings of the log that is followed. */
interface Opened {
  readonly count: number;
  readonly notes: Notes;
  guard<T>(work: (log: LevelLog) => Promise<T>): Promise<T>;
}

type LogKind = Extract<PieceKind, { kind: "log" }>;
type Options = Pick<LogOptions, "elapsedMs" | "eraseAfterMs">;

/** A piece is asked for this soon after the one before, or not at all. */
const VIEW_MS = 10_000;

/** The families of rows that lie in pages. */
const PAGED: readonly KeyRange[] = [rowRange, promptRange, contextRange, consumerRange, cursorRange, parkedRange];

/**
 * One keeper's view of the store: which pieces it has, and which of them are to be cut again. After the log was opened
 * again, and after an error, nobody knows what was noted, and everything counts as changed.
 */
export class StoreFollowing implements Following {
  readonly #opened: Opened;
  readonly #options: Options;
  readonly #logs = new LogPieces();
  /** The pieces that the keeper has before the first of ours, or nothing when that is known by now. */
  #kept: readonly KeptPiece[] | undefined;
  /** The keys of pieces of rows that the keeper may have. */
  readonly #pages = new Set<string>();
  /** The keys, in hexadecimal, of rows that have pieces of their own. */
  readonly #apart = new Set<string>();
  readonly #missed = new Set<string>();
  #isNew = true;
  #isStopped = false;
  /** The opening that the rest is of. */
  #count = 0;
  #view: View | undefined;
  /** Takes back that the view goes. */
  #keepView = (): void => {};

  constructor(opened: Opened, options: Options, kept: readonly KeptPiece[]) {
    this.#opened = opened;
    this.#options = options;
    this.#kept = kept;
    opened.notes.begin();
  }

  async changed(): Promise<Changed> {
    const work: Work = { keys: [], removed: [] };
    try {
      return await this.#guard((log) => this.#changed(log, work));
    } catch (error) {
      // Nobody was told of this.
      this.missed([...work.keys, ...work.removed]);
      this.#isNew = true;
      throw error;
    }
  }

  /** Kind by kind. */
  stages(keys: Iterable<string>): readonly (readonly string[])[] {
    const kinds = new Map<string, string[]>(KINDS.map((kind) => [kind, []]));
    for (const key of new Set(keys)) kinds.get(wordOf(key))?.push(key);
    return [...kinds.values()].filter(({ length }) => length > 0);
  }

  async piece(key: string): Promise<Piece | undefined> {
    return await this.#guard(async (log) => {
      const kind = kindOfPiece(key);
      if (kind?.kind === "log") return await this.#cutLog(log, key, kind);
      if (kind === undefined || (kind.kind === "row" && !this.#apart.has(kind.row.toString("hex")))) return undefined;
      if (this.#view?.log !== log) await this.#forgetView();
      return await this.#look(log).cut(key, kind, this.#apart);
    });
  }

  missed(keys: readonly string[]): void {
    for (const key of keys) this.#missed.add(key);
  }

  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#opened.notes.end();
    // It goes with the database at the latest.
    this.#forgetView().catch(() => {});
  }

  async #changed(log: LevelLog, work: Work): Promise<Changed> {
    const { state } = log;
    const isNew = this.#isNew || this.#count !== this.#opened.count;
    this.#isNew = false;
    this.#count = this.#opened.count;
    // These two are of one moment: everything up to the revision is in what was noted, or will be in a new opening's.
    const changes = this.#opened.notes.take();
    const durable = state.durableRevision;
    if (isNew) await this.#begin(log, durable, work);
    else addPages(changes, work);
    work.keys.push(...(await this.#logs.extend(state.entries, durable)));
    join(work, this.#logs.tend(state.entries, this.#options.elapsedMs(), this.#options.eraseAfterMs));
    await this.#sortOut(log, isNew ? await largeRows(log) : changes.large, work);
    const missed = [...this.#missed];
    for (const key of missed) (this.#isThere(key) ? work.keys : work.removed).push(key);
    // What nobody holds any more may come again until it is durable that it does not.
    await log.durable();
    for (const key of missed) this.#missed.delete(key);
    await this.#forgetView();
    const removed = new Set(work.removed);
    // A new piece may have become part of a larger one at once.
    const keys = this.stages(work.keys.filter((key) => !removed.has(key))).flat();
    for (const key of keys) if (wordOf(key) !== "log") this.#pages.add(key);
    if (keys.length > 0) this.#look(log);
    const sockets = isNew || changes.isEveryone ? "all" : changes.numbers;
    return { revision: this.#logs.covered, keys, removed: [...removed], sockets };
  }

  /** Everything is a change, and what the keeper has and nobody needs goes. */
  async #begin({ state }: LevelLog, durable: number, work: Work): Promise<void> {
    const kept = [...this.#logs.all()];
    for (const { key, messageCount } of this.#kept ?? []) {
      const kind = kindOfPiece(key);
      if (kind?.kind === "log") kept.push({ ...kind, kept: messageCount });
      else this.#pages.add(key);
      if (kind?.kind === "row") this.#apart.add(kind.row.toString("hex"));
    }
    join(work, await this.#logs.begin(state.entries, kept, durable));
    // A failure until here begins with the same once more.
    this.#kept = undefined;
    const pages = everyPage(state);
    work.keys.push(...pages);
    for (const key of this.#pages) {
      if (pages.has(key) || kindOfPiece(key)?.kind === "row") continue;
      this.#pages.delete(key);
      work.removed.push(key);
    }
  }

  /** Decides anew which rows of the pages that changed are apart. A row that became large meanwhile is so the next time. */
  async #sortOut(log: LevelLog, large: ReadonlySet<string>, work: Work): Promise<void> {
    const changed = new Set(work.keys);
    const candidates = new Set(large);
    for (const row of this.#apart) if (changed.has(pageOf(Buffer.from(row, "hex")))) candidates.add(row);
    for (const row of candidates) {
      const key = Buffer.from(row, "hex");
      const size = (await log.db.get(key))?.length ?? 0;
      if (size > APART_BYTES) {
        this.#apart.add(row);
        work.keys.push(rowPiece(key));
      } else if (this.#apart.delete(row)) {
        this.#pages.delete(rowPiece(key));
        work.removed.push(rowPiece(key));
      }
    }
  }

  #isThere(key: string): boolean {
    const kind = kindOfPiece(key);
    if (kind?.kind === "log") return this.#logs.find(kind.first, kind.last) !== undefined;
    if (kind?.kind === "row") return this.#apart.has(kind.row.toString("hex"));
    return kind !== undefined;
  }

  async #cutLog(log: LevelLog, key: string, kind: LogKind): Promise<Piece | undefined> {
    const known = this.#logs.find(kind.first, kind.last);
    if (known === undefined) return undefined;
    const piece = await cutLog(log, key, kind);
    known.kept = piece?.messageCount ?? 0;
    known.staleMs = undefined;
    return piece;
  }

  /**
   * The rows as they were when this was asked what changed, for all that was told of together. A view that nobody uses
   * any more goes, because LevelDB keeps everything on the disk that was replaced or removed since.
   */
  #look(log: LevelLog): View {
    this.#view ??= new View(log);
    this.#keepView();
    this.#keepView = machineClock.after(VIEW_MS, () => {
      this.#forgetView().catch(() => {});
    });
    return this.#view;
  }

  async #forgetView(): Promise<void> {
    const view = this.#view;
    this.#view = undefined;
    this.#keepView();
    await view?.close();
  }

  #guard<T>(work: (log: LevelLog) => Promise<T>): Promise<T> {
    if (this.#isStopped) throw new Error("this following was stopped, or somebody follows in its place");
    return this.#opened.guard(work);
  }
}

function addPages({ isStore, sockets, cursors }: Changes, { keys }: Work): void {
  if (isStore) keys.push(STORE_PIECE);
  for (const number of sockets) keys.push(socketsPiece(number));
  for (const number of cursors) keys.push(cursorsPiece(number));
}

/** The keys of the pages of every socket and consumer that there is. */
function everyPage(state: State): ReadonlySet<string> {
  const keys = new Set([STORE_PIECE]);
  for (const queues of [state.queues(), state.consumers.all()]) {
    for (const { number } of queues) keys.add(socketsPiece(number)).add(cursorsPiece(number));
  }
  return keys;
}

/** The keys, in hexadecimal, of all rows that are too large for their page. */
async function largeRows({ db }: LevelLog): Promise<Set<string>> {
  const found = new Set<string>();
  for (const range of PAGED) {
    for await (const [key, value] of rowsOf(db)(range)) if (value.length > APART_BYTES) found.add(key.toString("hex"));
  }
  return found;
}

function join(work: Work, { keys, removed }: Work): void {
  work.keys.push(...keys);
  work.removed.push(...removed);
}

/** The word that a key begins with. */
function wordOf(key: string): string {
  return key.split("-", 1)[0] ?? "";
}
