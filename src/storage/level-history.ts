import { LogEntry } from "../../gen/ts/socketregistry/storage/v1/records.js";
import type { Change, ChangesPage, Fate, Letter } from "../registry/storage.js";
import { fateIn } from "./fate.js";
import { logKey, logRange, number64 } from "./keys.js";
import { type Database, suspect } from "./level-files.js";
import type { LogOptions } from "./level-options.js";
import { getMany } from "./level-reader.js";
import { rowsOf } from "./level-source.js";
import type { Queue } from "./queue.js";
import { readReceipt } from "./receipts.js";
import { RecentChanges } from "./recent-changes.js";
import { decodeIfSound } from "./records.js";
import { changeIn, decodeSkips } from "./rows.js";
import type { ReadRows } from "./source.js";
import type { State } from "./state.js";

/** So many entries are looked at for one page of changes, so that a page never takes long. */
const ENTRIES_PER_PAGE = 1_000;
/** A receipt is most often in the first row that is looked at. */
const RECEIPTS_PER_STEP = 16;

interface Parts {
  readonly db: Database;
  readonly state: State;
  readonly options: LogOptions;
  /** Resolves when every change so far is durable. */
  readonly durable: () => Promise<void>;
}

/** The log read as what happened: changes of sockets, messages with their routes and their replies, what became of them. */
export class LevelHistory {
  /** The changes since it began. */
  recent: RecentChanges;
  /** No durable change is newer. */
  newestChange: number;
  readonly #db: Database;
  readonly #rows: ReadRows;
  readonly #receipts: ReadRows;
  readonly #state: State;
  readonly #options: LogOptions;
  readonly #durable: () => Promise<void>;

  constructor({ db, state, options, durable }: Parts) {
    this.#db = db;
    this.#rows = rowsOf(db);
    this.#receipts = rowsOf(db, RECEIPTS_PER_STEP);
    this.#state = state;
    this.#options = options;
    this.#durable = durable;
    this.recent = new RecentChanges(state.entries.last);
    this.newestChange = state.entries.last;
  }

  /** Begins after what is in the log by now. */
  begin(): void {
    this.recent = new RecentChanges(this.#state.entries.last);
    this.newestChange = this.#state.entries.last;
  }

  /** Some durable changes after a revision. Undefined when some of them may have been let go of. */
  async changes(after: number, limit: number): Promise<ChangesPage | undefined> {
    const { durableRevision, entries } = this.#state;
    if (after >= Math.min(this.recent.floor, durableRevision)) {
      return this.recent.after(after, limit, durableRevision);
    }
    const page = await this.#changesInLog(after, limit, Math.min(this.recent.floor, durableRevision));
    return after < entries.historyFloor ? undefined : page;
  }

  /** The durable message of an entry. */
  async letter(revision: number): Promise<Letter | undefined> {
    if (!this.#isReadable(revision)) return undefined;
    const [stored] = await getMany(this.#db, [logKey(revision)]);
    // It may have been let go of meanwhile, and then it stays so.
    if (!this.#isReadable(revision)) return undefined;
    const entry = stored && decodeIfSound(LogEntry, stored);
    if (entry?.revision !== revision) {
      suspect(this.#options.folder);
      this.#options.log.error({ revision }, "a stored entry is damaged or gone");
      return undefined;
    }
    if (entry.message === undefined) return undefined;
    const { sender, recipient, body, targets, everyone, skipped, skipReasons } = entry.message;
    const skips = [...decodeSkips(skipped, skipReasons)].map(([number, reason]) => ({ number, reason }));
    return { revision, timeMs: entry.timeMs, sender, recipient, body, targets, everyone, skipped: skips };
  }

  /** What became of a message. What that stands on is durable when it is told, and so is the receipt. */
  async fate(queue: Queue, revision: number): Promise<Fate | undefined> {
    const { durableRevision, entries } = this.#state;
    if (revision > durableRevision) return undefined;
    const fate = fateIn(queue, revision, entries.historyFloor);
    await this.#durable();
    if (fate?.state !== "SETTLED" || fate.sequence === 0) return fate;
    return (await readReceipt(this.#receipts, queue, fate.sequence)) ?? fate;
  }

  /** The durable messages after a revision that answer another one. */
  async replies(question: number, after: number): Promise<number[]> {
    const found: number[] = [];
    const range = logRange(Math.max(question, after) + 1, this.#state.durableRevision);
    for await (const [key, stored] of this.#rows(range)) {
      const entry = decodeIfSound(LogEntry, stored);
      if (entry?.revision === number64(key) && entry.message?.replyTo === question) found.push(entry.revision);
    }
    return found.filter((revision) => this.#isReadable(revision));
  }

  async #changesInLog(after: number, limit: number, last: number): Promise<ChangesPage> {
    const changes: Change[] = [];
    let through = after;
    let read = 0;
    for await (const [key, stored] of this.#rows(logRange(after + 1, last))) {
      if (read === ENTRIES_PER_PAGE || changes.length >= limit) return { changes, through };
      const entry = decodeIfSound(LogEntry, stored);
      through = number64(key);
      const change = entry?.revision === through ? changeIn(entry) : undefined;
      if (change !== undefined) changes.push(change);
      read++;
    }
    return { changes, through: last };
  }

  #isReadable(revision: number): boolean {
    return revision <= this.#state.durableRevision && this.#state.entries.isReadable(revision);
  }
}
