import { Level } from "level";
import { ChangeKind, StoreRow } from "../../gen/ts/socketregistry/storage/v1/records.js";
import {
  type Appended,
  type LogEvent,
  type Profile,
  type RetentionLimits,
  type SocketNumber,
  type SocketRow,
  type Stored,
  TEAM_NUMBER,
} from "../registry/storage.js";
import { Checkpoints } from "./checkpoint.js";
import { type Batch, GroupCommit } from "./commit.js";
import { contextKey, cursorKey, logKey, promptKey, rowKey, storeKey } from "./keys.js";
import { type Database, readBodies, sourceOf } from "./level-source.js";
import type { Queue } from "./queue.js";
import { Recent } from "./recent.js";
import { encodeRecord } from "./records.js";
import { type Recovered, recover } from "./recovery.js";
import { Removal } from "./removal.js";
import { encodeChange, encodeCursor, encodeMessage, encodeRow } from "./rows.js";
import type { State } from "./state.js";
import type { Witness } from "./witness.js";

type SocketEvent = Exclude<LogEvent, { kind: "message" }>;

/** How many dead entries go in one batch, so that removal never holds up writes for long. */
const REMOVED_PER_BATCH = 1_000;

export interface LogOptions {
  /** LevelDB's own folder. */
  readonly folder: string;
  readonly durability: "fsync" | "os";
  readonly recentBytes: number;
  readonly now: () => number;
}

/** What the owner of the log wants to hear. */
export interface LogHooks {
  /** These queues have durable messages now; all of them when a broadcast was among them. */
  readonly grown: (numbers: ReadonlySet<SocketNumber>, everyone: boolean) => void;
  /** A batch failed: the log is of no use any more and must be closed and opened again. */
  readonly failed: (error: unknown) => void;
}

/** One opening of the log on LevelDB: from the recovery of its state to its first failure, or to its close. */
export class LevelLog {
  readonly recovered: Recovered;
  readonly state: State;
  readonly #db: Database;
  readonly #options: LogOptions;
  readonly #hooks: LogHooks;
  readonly #witness: Witness;
  readonly #commit: GroupCommit;
  readonly #recent: Recent;
  readonly #removal: Removal;
  readonly #checkpoints: Checkpoints;
  readonly #store: StoreRow;
  readonly #moved = new Set<Queue>();
  /** Who grew since the batch before: for the batch that collects, and for the one under way. */
  #growing = growth();
  #committing = growth();

  private constructor(db: Database, recovered: Recovered, witness: Witness, options: LogOptions, hooks: LogHooks) {
    this.#db = db;
    this.recovered = recovered;
    this.state = recovered.state;
    this.#witness = witness;
    this.#options = options;
    this.#hooks = hooks;
    this.#store = { ...recovered.store };
    this.#recent = new Recent(options.recentBytes);
    this.#removal = new Removal(this.state.entries);
    this.#checkpoints = new Checkpoints(this.state, recovered.checkpoint);
    this.#commit = new GroupCommit({
      open: () => db.batch(),
      sync: options.durability === "fsync",
      prepare: (batch) => this.#prepare(batch),
      committed: () => this.#committed(),
      failed: (error) => hooks.failed(error),
    });
  }

  /**
   * Opens LevelDB, recovers the state, and mends what can be mended: a lost entry is noted, and every socket gets a new
   * epoch, because nobody can know whose message it was.
   */
  static async open(witness: Witness, options: LogOptions, hooks: LogHooks): Promise<LevelLog> {
    const db: Database = new Level(options.folder, { keyEncoding: "buffer", valueEncoding: "buffer" });
    await db.open();
    try {
      const recovered = await recover(sourceOf(db), witness.read());
      const log = new LevelLog(db, recovered, witness, options, hooks);
      log.#mend();
      await log.durable();
      return log;
    } catch (error) {
      await db.close();
      throw error;
    }
  }

  get instance(): string {
    return this.#store.instance;
  }

  durable(): Promise<void> {
    return this.#commit.durable();
  }

  append(event: LogEvent): Appended {
    const revision = this.state.entries.last + 1;
    const timeMs = Math.max(this.state.timeMs, this.#options.now());
    if (event.kind !== "message") return this.#appendChange(event, revision, timeMs);
    const stored = encodeMessage(revision, timeMs, event);
    this.#commit.batch().put(logKey(revision), stored);
    const sequences = this.state.addMessage(revision, timeMs, stored.length, event);
    this.#recent.add(revision, { timeMs, sender: event.sender, recipient: event.recipient, body: event.body });
    for (const number of event.targets) this.#growing.numbers.add(number);
    if (event.everyone) this.#growing.everyone = true;
    return { revision, timeMs, sequences, row: undefined, durable: this.#commit.durable() };
  }

  async profile(number: SocketNumber): Promise<Profile> {
    const [prompt, context] = await this.#db.getMany([promptKey(number), contextKey(number)]);
    return { prompt: prompt?.toString() ?? "", context };
  }

  /** The messages of these sequences of a queue, in order. Those that were let go of meanwhile are left out. */
  async read(queue: Queue, sequences: readonly number[]): Promise<Stored[]> {
    const revisions = sequences.map((sequence) => queue.order.revisionAt(sequence));
    const missing = revisions.filter((revision) => this.#recent.get(revision) === undefined);
    const bodies = await readBodies(this.#db, missing);
    const found: Stored[] = [];
    for (const [index, sequence] of sequences.entries()) {
      const revision = revisions[index] ?? 0;
      const body = this.#recent.get(revision) ?? bodies.get(revision);
      if (body !== undefined) found.push({ ...body, sequence, revision, damaged: false });
      else if (sequence >= queue.oldest && this.state.queue(queue.number) === queue) {
        found.push({ sequence, revision, damaged: true, timeMs: 0, sender: "", recipient: "", body: NO_BYTES });
      }
    }
    return found;
  }

  /** The cursor of a queue moved: it is written with the next batch, however often it moves until then. */
  moved(queue: Queue): void {
    this.#commit.touch();
    this.#moved.add(queue);
  }

  /** Lets history go beyond the limits, erases what deleted and reset sockets had, and removes what is dead. */
  async retain(limits: RetentionLimits): Promise<number> {
    const { entries } = this.state;
    if (entries.retain(limits, this.#options.now(), this.state.durableRevision)) this.#putStore(this.#commit.batch());
    while (this.state.erase(REMOVED_PER_BATCH)) await nextTurn();
    let removed = 0;
    for (let dead = entries.takeDead(REMOVED_PER_BATCH); dead.length > 0; dead = entries.takeDead(REMOVED_PER_BATCH)) {
      for (const revision of dead) this.#recent.delete(revision);
      const first = this.#removal.firstRevision;
      this.#removal.remove(dead, this.#commit.batch());
      if (this.#removal.firstRevision > first) this.#putStore(this.#commit.batch());
      await this.durable();
      removed += dead.length;
    }
    this.state.trim();
    if (this.#checkpoints.isDue) await this.#writeCheckpoint();
    return removed;
  }

  /** Makes everything durable, a checkpoint of it too when it is worth it, and closes LevelDB. */
  async close(): Promise<void> {
    try {
      await this.durable();
      if (this.#checkpoints.lag > 0) await this.#writeCheckpoint();
    } finally {
      await this.#db.close();
    }
  }

  /** Closes LevelDB after a failure. */
  async abandon(): Promise<void> {
    await this.#db.close();
  }

  #appendChange(event: SocketEvent, revision: number, timeMs: number): Appended {
    const batch = this.#commit.batch();
    let replaced = 0;
    if (event.kind === "create" && event.replaces !== undefined) {
      replaced = event.replaces;
      this.#forget(this.state.delete(replaced).number, batch);
    }
    const [kind, row] = this.#changeState(event, revision, timeMs, batch);
    const stored = encodeChange(revision, timeMs, kind, row, replaced);
    batch.put(logKey(revision), stored);
    this.state.addChange(revision, timeMs, stored.length);
    if (event.kind !== "delete") batch.put(rowKey(row.number), encodeRow(row));
    const sequences = event.kind === "create" ? [row.number] : [];
    // Readers of a queue that ended must look, to see it.
    this.#growing.numbers.add(replaced === 0 ? row.number : replaced);
    const after = event.kind === "delete" ? undefined : row;
    return { revision, timeMs, sequences, row: after, durable: this.#commit.durable() };
  }

  #changeState(event: SocketEvent, revision: number, timeMs: number, batch: Batch): [ChangeKind, SocketRow] {
    switch (event.kind) {
      case "create": {
        const row = this.state.create(revision, timeMs, event.draft);
        if (event.profile.prompt !== "") batch.put(promptKey(row.number), Buffer.from(event.profile.prompt));
        if (event.profile.context) batch.put(contextKey(row.number), Buffer.from(event.profile.context));
        return [ChangeKind.CHANGE_KIND_CREATED, row];
      }
      case "change":
        return [ChangeKind.CHANGE_KIND_STATE, this.state.change(revision, timeMs, event.number, event.draft, false)];
      case "reset": {
        if (event.queue) this.#forgetCursor(event.number, batch);
        if (event.context) batch.del(contextKey(event.number));
        const row = this.state.change(revision, timeMs, event.number, event.draft, event.queue);
        return [event.queue ? ChangeKind.CHANGE_KIND_RESET : ChangeKind.CHANGE_KIND_UPDATED, row];
      }
      case "delete": {
        const row = this.state.delete(event.number);
        this.#forget(row.number, batch);
        return [ChangeKind.CHANGE_KIND_DELETED, row];
      }
    }
  }

  #forget(number: SocketNumber, batch: Batch): void {
    this.#forgetCursor(number, batch);
    for (const key of [rowKey(number), promptKey(number), contextKey(number)]) batch.del(key);
  }

  #forgetCursor(number: SocketNumber, batch: Batch): void {
    const queue = this.state.queue(number);
    if (queue !== undefined) this.#moved.delete(queue);
    batch.del(cursorKey(number));
  }

  /** The first batch of an opening: the store's own row, the feed, and what damage makes necessary. */
  #mend(): void {
    const { lost, damagedRows } = this.recovered;
    const batch = this.#commit.batch();
    if (this.state.socket(TEAM_NUMBER) === undefined) this.append({ kind: "create", ...TEAM });
    this.#putStore(batch);
    if (lost.length === 0 && damagedRows === 0) return;
    this.state.entries.remove(lost);
    this.#removal.note(lost, batch);
    for (const { number } of [...this.state.sockets()]) {
      const revision = this.state.entries.last + 1;
      const row = this.state.renewEpoch(revision, this.state.timeMs, number);
      const stored = encodeChange(revision, this.state.timeMs, ChangeKind.CHANGE_KIND_UPDATED, row, 0);
      batch.put(logKey(revision), stored);
      batch.put(rowKey(number), encodeRow(row));
      this.state.addChange(revision, this.state.timeMs, stored.length);
      const queue = this.state.queue(number);
      if (queue !== undefined) this.#moved.add(queue);
    }
  }

  #putStore(batch: Batch): void {
    this.#store.historyFloor = this.state.entries.historyFloor;
    this.#store.firstRevision = this.#removal.firstRevision;
    batch.put(storeKey, encodeRecord(StoreRow, this.#store));
  }

  #prepare(batch: Batch): void {
    for (const queue of this.#moved) batch.put(cursorKey(queue.number), encodeCursor(queue.cursor()));
    this.#moved.clear();
    this.#committing = this.#growing;
    this.#committing.revision = this.state.entries.last;
    this.#growing = growth();
  }

  #committed(): void {
    const { revision, numbers, everyone } = this.#committing;
    if (revision > this.state.durableRevision) {
      this.state.durableRevision = revision;
      this.#witness.write(revision);
    }
    this.#hooks.grown(numbers, everyone);
  }

  #writeCheckpoint(): Promise<void> {
    return this.#checkpoints.write((add) => {
      add(this.#commit.batch());
      return this.durable();
    });
  }
}

const NO_BYTES = new Uint8Array();

/** The feed's row: the one socket that is always there. */
const TEAM = {
  draft: {
    socketId: "team-chat-all",
    model: "broadcast",
    state: "ACTIVE",
    stateReason: "NONE",
    stateMessage: "",
    labels: {},
    config: {},
  },
  profile: { prompt: "", context: undefined },
} as const;

interface Growth {
  readonly numbers: Set<SocketNumber>;
  everyone: boolean;
  revision: number;
}

const growth = (): Growth => ({ numbers: new Set(), everyone: false, revision: 0 });

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
