import { StoreRow } from "../../gen/ts/socketregistry/storage/v1/records.js";
import {
  type Appended,
  type Consumer,
  type LogEvent,
  type Remembered,
  type RetentionLimits,
  type SocketNumber,
  TEAM_NUMBER,
} from "../registry/storage.js";
import type { Answers } from "./answers.js";
import { applyChange } from "./changes.js";
import { Checkpoints } from "./checkpoint.js";
import { type Batch, GroupCommit } from "./commit.js";
import { Compaction } from "./compaction.js";
import { deleteConsumer, putConsumer, putCursor } from "./cursor-rows.js";
import { Growth } from "./growth.js";
import { logKey, storeKey } from "./keys.js";
import type { Database } from "./level-files.js";
import { LevelHistory } from "./level-history.js";
import type { LogOptions } from "./level-options.js";
import { getMany, LevelReader } from "./level-reader.js";
import { mend } from "./mend.js";
import { encodeMessage } from "./message-rows.js";
import type { Queue } from "./queue.js";
import { ReceiptSweep } from "./receipt-sweep.js";
import { putReceipts } from "./receipts.js";
import { encodeRecord } from "./records.js";
import type { Recovered } from "./recovery.js";
import { Removal } from "./removal.js";
import type { State } from "./state.js";
import type { Witness } from "./witness.js";

/** When so many queues move in one batch, whoever can wait should: they are encoded in one step. */
const CROWD = 128;
/** How many dead entries go in one batch, so that removal never holds up writes for long. */
const REMOVED_PER_BATCH = 1_000;

/** What the owner of the log wants to hear. */
export interface LogHooks {
  /** A batch begins. @returns what is to be written in its place */
  readonly begun: (batch: Batch) => Batch;
  /** This is durable now. */
  readonly grown: (growth: Growth) => void;
  /** A batch failed: the log is of no use any more and must be closed and opened again. */
  readonly failed: (error: unknown) => void;
}

export interface Parts {
  readonly db: Database;
  readonly recovered: Recovered;
  readonly answers: Answers;
  readonly witness: Witness;
  readonly options: LogOptions;
  readonly hooks: LogHooks;
}

/** One opening of the log on LevelDB: from the recovery of its state to its first failure, or to its close. */
export class LevelLog {
  readonly db: Database;
  readonly recovered: Recovered;
  readonly state: State;
  readonly answers: Answers;
  readonly history: LevelHistory;
  readonly reader: LevelReader;
  readonly #options: LogOptions;
  readonly #hooks: LogHooks;
  readonly #witness: Witness;
  readonly #commit: GroupCommit;
  readonly #removal: Removal;
  readonly #compaction: Compaction;
  readonly #sweep: ReceiptSweep;
  readonly #checkpoints: Checkpoints;
  readonly #moved = new Set<Queue>();
  /** Who grows with the batch that collects. */
  #growing = new Growth();
  /** What becomes durable with the batch under way. */
  #committing = { growth: this.#growing, revision: 0 };

  constructor({ db, recovered, answers, witness, options, hooks }: Parts) {
    this.db = db;
    this.recovered = recovered;
    this.state = recovered.state;
    this.answers = answers;
    this.history = new LevelHistory({ db, state: this.state, options, durable: () => this.durable() });
    this.#witness = witness;
    this.#options = options;
    this.#hooks = hooks;
    this.reader = new LevelReader(db, this.state, options);
    this.#removal = new Removal(this.state.entries, recovered.store.firstRevision);
    this.#compaction = new Compaction(db, this.#removal);
    this.#sweep = new ReceiptSweep(db, this.state);
    this.#checkpoints = new Checkpoints(this.state, recovered.checkpoint, options.checkpointInterval);
    this.#commit = new GroupCommit({
      open: () => hooks.begun(db.batch()),
      sync: options.durability === "fsync",
      prepare: (batch) => this.#prepare(batch),
      committed: () => this.#committed(),
      failed: (error) => hooks.failed(error),
    });
  }

  get instance(): string {
    return this.recovered.store.instance;
  }

  /** Writes what the store lacks: at its beginning, or after damage. */
  async mend(): Promise<void> {
    const batch = this.#commit.batch();
    for (const number of mend(this.recovered, this.#removal, batch, this.#options.now())) {
      const queue = this.state.queue(number);
      if (queue !== undefined) this.#moved.add(queue);
    }
    this.#putStore(batch);
    await this.durable();
    this.history.begin();
  }

  get isCrowded(): boolean {
    return this.#moved.size >= CROWD;
  }

  durable(): Promise<void> {
    return this.#commit.durable();
  }

  append(event: LogEvent): Appended {
    this.state.assertKnown(event);
    const batch = this.#commit.batch();
    const revision = this.state.entries.last + 1;
    const timeMs = Math.max(this.state.timeMs, this.#options.now());
    if (event.kind === "message") {
      const stored = encodeMessage(revision, timeMs, event);
      batch.put(logKey(revision), stored);
      const sequences = this.state.addMessage(revision, timeMs, stored.length, event);
      this.reader.recent.add(revision, { timeMs, sender: event.sender, recipient: event.recipient, body: event.body });
      this.#growing.add(event);
      return { revision, timeMs, sequences, row: undefined };
    }
    const { change, bytes, ended } = applyChange(this.state, batch, event, revision, timeMs);
    const { row } = change;
    this.history.recent.add(change, bytes);
    this.#growing.change = revision;
    // Whoever waits on a queue that ended must look, to see it.
    if (ended !== undefined) this.#growing.numbers.add(ended);
    if (event.kind === "delete") this.#putStore(batch);
    const sequences = event.kind === "create" ? [row.number] : [];
    return { revision, timeMs, sequences, row: event.kind === "delete" ? undefined : row };
  }

  remember(remembered: Remembered): void {
    this.answers.add(remembered, this.#commit.batch());
  }

  recall(key: string): Promise<Remembered | undefined> {
    return this.answers.recall(key, async (row) => (await getMany(this.db, [row]))[0]);
  }

  forget(through: number, countMax: number): void {
    if (this.answers.forget(through, countMax)) this.#commit.touch();
  }

  /** The cursor of a queue moved: it is written with the next batch, however often it moves until then. */
  moved(queue: Queue): void {
    this.#commit.touch();
    this.#moved.add(queue);
    for (const follower of this.state.moved(queue)) this.#moved.add(follower);
  }

  openConsumer(name: string, after: number): Consumer {
    const batch = this.#commit.batch();
    const { consumer, opened } = this.state.openConsumer(name, after, this.#options.now());
    putConsumer(batch, consumer);
    if (opened === undefined) return consumer;
    this.#moved.add(opened);
    // Its number is given out.
    this.#putStore(batch);
    return consumer;
  }

  closeConsumer(number: SocketNumber): void {
    if (this.state.consumers.queue(number) === undefined) return;
    this.state.consumers.delete(number);
    deleteConsumer(this.#commit.batch(), number);
    this.#growing.numbers.add(number);
  }

  /** Erases what deleted and reset sockets had, lets history go beyond the limits, and removes what is dead. */
  async retain(limits: RetentionLimits): Promise<number> {
    const { entries } = this.state;
    if (this.state.endedQueues().length > 0) this.#sweep.request();
    for (const _ of this.state.erase()) await new Promise((resolve) => setImmediate(resolve));
    if (entries.retain(limits, this.#options.now(), this.state.durableRevision)) {
      for (const follower of this.state.consumers.follow()) this.#moved.add(follower);
      this.#putStore(this.#commit.batch());
      this.#sweep.request();
    }
    let removed = 0;
    for (let dead = entries.takeDead(REMOVED_PER_BATCH); dead.length > 0; dead = entries.takeDead(REMOVED_PER_BATCH)) {
      for (const revision of dead) this.reader.recent.delete(revision);
      const batch = this.#commit.batch();
      this.#removal.remove(dead, batch);
      this.#putStore(batch);
      await this.durable();
      removed += dead.length;
    }
    for await (const keys of this.#sweep.go()) {
      for (const key of keys) this.#commit.batch().del(key);
      await this.durable();
    }
    await this.#compaction.go();
    this.state.trim();
    if (this.#checkpoints.isDue) await this.#writeCheckpoint();
    return removed;
  }

  /** Makes everything durable, a checkpoint of it too when it is worth it, and closes LevelDB. */
  async close(): Promise<void> {
    try {
      await this.durable();
      // A checkpoint only saves time, and without one everything is on the disk just the same.
      if (this.#checkpoints.lag > 0) await this.#writeCheckpoint().catch(() => {});
    } finally {
      await this.abandon();
    }
  }

  /** Closes LevelDB after a failure. */
  async abandon(): Promise<void> {
    try {
      await this.db.close();
    } finally {
      this.#witness.close();
    }
  }

  #putStore(batch: Batch): void {
    const { entries, timeMs, nextNumber } = this.state;
    const store: StoreRow = {
      ...this.recovered.store,
      historyFloor: entries.historyFloor,
      firstRevision: this.#removal.firstRevision,
      lastRevision: entries.last,
      lastTimeMs: timeMs,
      nextNumber,
      restored: false,
    };
    batch.put(storeKey, encodeRecord(StoreRow, store));
  }

  #prepare(batch: Batch): void {
    for (const queue of this.#moved) {
      // A queue that ended has no cursor any more.
      if (this.state.queue(queue.number) !== queue) continue;
      putCursor(batch, queue);
      putReceipts(queue, queue.takeEndings(), batch);
    }
    this.#moved.clear();
    this.answers.prepare(batch);
    this.#checkpoints.prepare(batch);
    this.#committing = { growth: this.#growing, revision: this.state.entries.last };
    this.#growing = new Growth();
  }

  #committed(): void {
    const { revision, growth } = this.#committing;
    if (revision > this.state.durableRevision) {
      this.#witness.write(revision);
      this.state.durableRevision = revision;
    }
    if (growth.numbers.has(TEAM_NUMBER)) {
      for (const { number } of this.state.consumers.all()) growth.numbers.add(number);
    }
    if (growth.change > 0) this.history.newestChange = growth.change;
    // More was forgotten than goes in one batch.
    if (this.answers.committed()) this.#commit.touch();
    this.#hooks.grown(growth);
  }

  #writeCheckpoint(): Promise<void> {
    return this.#checkpoints.write((add) => {
      add(this.#commit.batch());
      return this.durable();
    });
  }
}
