import { randomBytes } from "node:crypto";
import { storageUnavailable } from "../../src/registry/errors.js";
import {
  type Appended,
  type ChangesPage,
  type Consumer,
  type DropReason,
  type Fate,
  type Letter,
  type LogEvent,
  type Mark,
  type Profile,
  type QueueView,
  type ReadLimits,
  type Remembered,
  type RetentionLimits,
  type SocketNumber,
  type SocketRow,
  type Storage,
  type Stored,
  TEAM_NUMBER,
} from "../../src/registry/storage.js";
import { CHANGES, Wakeups } from "../../src/storage/wakeups.js";
import { MemoryConsumers } from "./memory-consumers.js";
import { fateOf, letterOf, type MemoryEntry } from "./memory-fate.js";
import { MemoryAnswers, MemoryChanges } from "./memory-history.js";
import { MemoryQueue } from "./memory-queue.js";
import { isHeldBy, retain } from "./memory-retention.js";
import { MemorySockets } from "./memory-sockets.js";

type MessageEvent = Extract<LogEvent, { kind: "message" }>;

/**
 * The storage contract in the plainest way: every queue is a list of copies, and nothing outlives the process. It is
 * what the store on LevelDB is measured against, and what the rules are tested on. Tests hold a commit back with
 * `holdCommits`.
 */
export class MemoryStorage implements Storage {
  readonly instance = randomBytes(8).toString("hex");
  readonly #now: () => number;
  readonly #sockets = new MemorySockets();
  readonly #queues = new Map<SocketNumber, MemoryQueue>();
  /** The entries of queues that ended. */
  readonly #ended = new Set<number>();
  readonly #log = new Map<number, MemoryEntry>();
  readonly #wakeups = new Wakeups();
  readonly #bounds = { durableRevision: 0, historyFloor: 0 };
  readonly #changes = new MemoryChanges(this.#bounds);
  readonly #answers = new MemoryAnswers();
  readonly #consumers = new MemoryConsumers();
  #revision = 0;
  #timeMs = 0;
  #pending: { durable: Promise<void>; finish: () => void } | undefined;
  #isHeld = false;
  #isClosed = false;

  constructor(now: () => number = Date.now) {
    this.#now = now;
    const draft = { socketId: "team-chat-all", model: "broadcast", state: "ACTIVE", stateReason: "NONE" } as const;
    this.append({
      kind: "create",
      draft: { ...draft, stateMessage: "", labels: {}, config: {} },
      profile: { prompt: "", context: undefined },
    });
  }

  /** It has no disk to go back to. */
  readonly generation = 0;

  get revision(): number {
    this.#assertOpen();
    return this.#revision;
  }

  get durableRevision(): number {
    this.#assertOpen();
    return this.#bounds.durableRevision;
  }

  get historyFloor(): number {
    this.#assertOpen();
    return this.#bounds.historyFloor;
  }

  get rememberedCount(): number {
    this.#assertOpen();
    return this.#answers.count;
  }

  get rememberedFrom(): number {
    this.#assertOpen();
    return this.#answers.oldest;
  }

  get bytes(): number {
    this.#assertOpen();
    return [...this.#log.values()].reduce((sum, { size }) => sum + size, 0);
  }

  get socketCount(): number {
    this.#assertOpen();
    return this.#sockets.rows.size - 1;
  }

  /** Keeps what is appended from becoming durable until the returned function is called. */
  holdCommits(): () => void {
    this.#isHeld = true;
    return () => {
      this.#isHeld = false;
      this.#pending?.finish();
    };
  }

  find(socketId: string): SocketRow | undefined {
    this.#assertOpen();
    return [...this.#sockets.rows.values()].find((row) => row.socketId === socketId);
  }

  socket(number: SocketNumber): SocketRow | undefined {
    this.#assertOpen();
    return this.#sockets.rows.get(number);
  }

  sockets(after = 0): Iterable<SocketRow> {
    this.#assertOpen();
    return [...this.#sockets.rows.values()].filter((row) => row.number > after);
  }

  async profile(number: SocketNumber): Promise<Profile> {
    this.#assertOpen();
    return this.#sockets.profile(number);
  }

  append(event: LogEvent): Appended {
    this.#assertOpen();
    this.#assertKnown(event);
    const revision = ++this.#revision;
    const timeMs = Math.max(this.#timeMs, this.#now());
    this.#timeMs = timeMs;
    this.#commit();
    const size = event.kind === "message" ? event.body.length + 32 : 32;
    this.#log.set(revision, { event: event.kind === "message" ? event : undefined, timeMs, size });
    if (event.kind !== "message") {
      const row = this.#change(event, revision, timeMs);
      const sequences = event.kind === "create" ? [row.number] : [];
      return { revision, timeMs, sequences, row: event.kind === "delete" ? undefined : row };
    }
    const copy = { revision, size, timeMs };
    const sequences = event.targets.map((number) => this.#queue(number).copies.push({ ...copy, settled: false }));
    if (event.everyone) {
      const leftOut = new Set([TEAM_NUMBER, ...event.targets, ...event.skipped.map((skip) => skip.number)]);
      for (const [number, queue] of this.#queues) {
        if (!leftOut.has(number)) queue.copies.push({ ...copy, settled: false });
      }
    }
    return { revision, timeMs, sequences, row: undefined };
  }

  durable(): Promise<void> {
    return this.#isClosed ? Promise.reject(closed()) : (this.#pending?.durable ?? Promise.resolve());
  }

  queue(number: SocketNumber): QueueView {
    this.#assertOpen();
    return this.#queue(number);
  }

  async readAfter(number: SocketNumber, after: number, limits: ReadLimits): Promise<readonly Stored[]> {
    this.#assertOpen();
    return this.readAt(number, this.#queue(number).sequencesAfter(after, limits));
  }

  async readAt(number: SocketNumber, sequences: readonly number[]): Promise<readonly Stored[]> {
    this.#assertOpen();
    const queue = this.#queue(number);
    const last = queue.durableTail;
    return sequences.flatMap((sequence) => {
      const revision = queue.readable(sequence)?.revision ?? 0;
      const entry = this.#log.get(revision);
      if (entry?.event === undefined || sequence > last) return [];
      const { sender, recipient, body } = entry.event;
      return [{ sequence, revision, timeMs: entry.timeMs, damaged: false, sender, recipient, body }];
    });
  }

  sizeAt(number: SocketNumber, sequence: number): number {
    this.#assertOpen();
    return this.#find(number)?.readable(sequence)?.size ?? 0;
  }

  timeAt(number: SocketNumber, sequence: number): number | undefined {
    this.#assertOpen();
    return this.#find(number)?.readable(sequence)?.timeMs;
  }

  async waitAfter(number: SocketNumber, after: number, signal: AbortSignal, timeoutMs?: number): Promise<void> {
    this.#assertOpen();
    const queue = this.#find(number);
    if (queue === undefined || queue.durableTail > after) return;
    await this.#wakeups.wait(number, signal, timeoutMs);
  }

  wake(number: SocketNumber): void {
    this.#wakeups.wake(number);
  }

  settle(number: SocketNumber, sequences: readonly number[]): void {
    this.#assertOpen();
    this.#queue(number).settle(sequences, this.#now());
  }

  mark(number: SocketNumber, marks: readonly Mark[]): void {
    this.#assertOpen();
    this.#queue(number).mark(marks);
  }

  drop(number: SocketNumber, sequences: readonly number[], reason: DropReason): number {
    this.#assertOpen();
    return this.#queue(number).drop(sequences, reason, this.#now());
  }

  announceDrops(number: SocketNumber, reason: DropReason, count: number): void {
    this.#assertOpen();
    this.#queue(number).announceDrops(reason, count);
  }

  seen(number: SocketNumber, seenMs: number): void {
    this.#assertOpen();
    this.#queue(number).seenMs = seenMs;
  }

  consumer(name: string): Consumer | undefined {
    this.#assertOpen();
    return this.#consumers.find(name);
  }

  consumers(): Iterable<Consumer> {
    this.#assertOpen();
    return this.#consumers.all();
  }

  openConsumer(name: string, after: number): Consumer {
    this.#assertOpen();
    const before = this.#consumers.find(name);
    const consumer = { name, number: before?.number ?? this.#sockets.takeNumber(), usedMs: this.#now() };
    this.#consumers.put(consumer);
    if (before === undefined) this.#consumers.begin(consumer.number, this.#bounds, this.#queue(TEAM_NUMBER), after);
    return consumer;
  }

  closeConsumer(number: SocketNumber): void {
    this.#assertOpen();
    this.#consumers.delete(number);
    this.#wakeups.wake(number);
  }

  async changes(after: number, limit: number): Promise<ChangesPage | undefined> {
    this.#assertOpen();
    return this.#changes.after(after, limit);
  }

  async waitChange(after: number, signal: AbortSignal, timeoutMs?: number): Promise<void> {
    this.#assertOpen();
    if (this.#changes.newest > after) return;
    await this.#wakeups.wait(CHANGES, signal, timeoutMs);
  }

  async letter(revision: number): Promise<Letter | undefined> {
    this.#assertOpen();
    const entry = this.#log.get(revision);
    return entry && this.#isReadable(revision) ? letterOf(revision, entry) : undefined;
  }

  async fate(number: SocketNumber, revision: number): Promise<Fate | undefined> {
    this.#assertOpen();
    const queue = this.#find(number);
    // A consumer's queue is in the epoch of the feed's.
    const { epochRevision } = this.#sockets.row(this.#queues.has(number) ? number : TEAM_NUMBER);
    if (queue === undefined || revision <= epochRevision || revision > this.#bounds.durableRevision) return undefined;
    const fate = fateOf(queue, revision, this.#bounds, this.#queues.has(number));
    await this.durable();
    return fate;
  }

  async replies(question: number, after: number): Promise<readonly number[]> {
    this.#assertOpen();
    const replies = [...this.#log].filter(([, { event }]) => event?.replyTo === question);
    const revisions = replies.map(([revision]) => revision).filter((revision) => revision > Math.max(question, after));
    return revisions.filter((revision) => this.#isReadable(revision));
  }

  remember(remembered: Remembered): void {
    this.#assertOpen();
    this.#answers.add(remembered);
  }

  isRemembered(key: string): boolean {
    this.#assertOpen();
    return this.#answers.has(key);
  }

  async recall(key: string): Promise<Remembered | undefined> {
    this.#assertOpen();
    return this.#answers.get(key);
  }

  forget(through: number, countMax: number): void {
    this.#assertOpen();
    this.#answers.forget(through, countMax);
  }

  async retain(limits: RetentionLimits): Promise<number> {
    this.#assertOpen();
    const queues = [...this.#queues.values()];
    return retain({ log: this.#log, queues, ended: this.#ended, bounds: this.#bounds }, limits, this.#now());
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#pending?.finish();
    this.#wakeups.failAll(closed());
  }

  #change(event: Exclude<LogEvent, MessageEvent>, revision: number, timeMs: number): SocketRow {
    const { change, ended, began } = this.#sockets.change(event, revision, timeMs);
    this.#changes.add(change);
    const { seenMs } = this.#queues.get(ended ?? 0) ?? { seenMs: 0 };
    if (ended !== undefined) {
      this.#end(ended);
      this.#queues.delete(ended);
      this.#wakeups.wake(ended);
    }
    if (began !== undefined) this.#begin(began, event.kind === "reset" ? seenMs : 0);
    if (event.kind === "reset") this.#wakeups.wake(event.number);
    return change.row;
  }

  #begin(number: SocketNumber, seenMs: number): void {
    const queue = new MemoryQueue(this.#bounds);
    queue.seenMs = seenMs;
    this.#queues.set(number, queue);
    if (number === TEAM_NUMBER) this.#consumers.beginAll(this.#bounds, queue);
  }

  #end(number: SocketNumber): void {
    for (const copy of this.#queue(number).copies) this.#ended.add(copy.revision);
  }

  #isReadable(revision: number): boolean {
    const { durableRevision, historyFloor } = this.#bounds;
    const isThere = this.#log.has(revision) && revision <= durableRevision;
    return isThere && (revision > historyFloor || isHeldBy([...this.#queues.values()], revision));
  }

  #assertKnown(event: LogEvent): void {
    if (event.kind === "message") for (const number of event.targets) this.#sockets.row(number);
    else if (event.kind !== "create") this.#sockets.row(event.number);
    else if (event.replaces !== undefined) this.#sockets.row(event.replaces);
  }

  #find(number: SocketNumber): MemoryQueue | undefined {
    return this.#queues.get(number) ?? this.#consumers.queues.get(number);
  }

  #queue(number: SocketNumber): MemoryQueue {
    const queue = this.#find(number);
    if (queue === undefined) throw new Error(`there is no queue number ${number}`);
    return queue;
  }

  #commit(): void {
    if (this.#pending === undefined) {
      let finish = (): void => {};
      const durable = new Promise<void>((resolve) => {
        finish = () => {
          this.#pending = undefined;
          const { newest } = this.#changes;
          this.#bounds.durableRevision = this.#revision;
          resolve();
          this.#wakeups.wakeAll();
          if (this.#changes.newest > newest) this.#wakeups.wake(CHANGES);
        };
      });
      this.#pending = { durable, finish };
      setImmediate(() => {
        if (!this.#isHeld) this.#pending?.finish();
      });
    }
  }

  #assertOpen(): void {
    if (this.#isClosed) throw closed();
  }
}

const closed = (): Error => storageUnavailable(new Error("the store is closed"));
