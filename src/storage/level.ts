import { mkdirSync } from "node:fs";
import type {
  Appended,
  ChangesPage,
  Consumer,
  DropReason,
  Fate,
  Following,
  KeptPiece,
  Letter,
  LogEvent,
  Mark,
  MaybePromise,
  Profile,
  QueueView,
  ReadLimits,
  Remembered,
  Replicable,
  RetentionLimits,
  SocketNumber,
  SocketRow,
  Storage,
  Stored,
} from "../registry/storage.js";
import { StoreFollowing } from "./following.js";
import { codeOf, FolderInUse } from "./level-errors.js";
import type { LevelLog } from "./level-log.js";
import { Openings } from "./level-openings.js";
import { complete, type LevelOptions, type LogOptions } from "./level-options.js";
import type { Queue } from "./queue.js";
import { CHANGES, Wakeups } from "./wakeups.js";

export { FolderInUse } from "./level-errors.js";
export type { LevelOptions, StoreLog } from "./level-options.js";
export { UnknownVersion } from "./records.js";

/** The store on LevelDB. It lives longer than one opening of the log. */
export class LevelStorage implements Storage, Replicable {
  readonly #options: LogOptions;
  readonly #wakeups = new Wakeups(() => this.#openings.crowded());
  readonly #openings: Openings;
  #following: Following | undefined;

  private constructor(options: LevelOptions) {
    mkdirSync(options.folder, { recursive: true });
    this.#options = complete(options);
    this.#openings = new Openings(this.#options, this.#wakeups);
  }

  /**
   * Opens the store of a data directory, which is made if it is not there.
   * @throws FolderInUse when another process has it; UnknownVersion when a newer program wrote it
   */
  static async open(options: LevelOptions): Promise<LevelStorage> {
    const storage = new LevelStorage(options);
    try {
      await storage.#openings.open();
      return storage;
    } catch (error) {
      if (codeOf(error) !== "LEVEL_LOCKED") throw error;
      throw new FolderInUse(`the data directory ${options.folder} is in use by another process`, { cause: error });
    }
  }

  get instance(): string {
    return this.#openings.instance;
  }

  get generation(): number {
    return this.#openings.count;
  }

  get revision(): number {
    return this.#open().state.entries.last;
  }

  get durableRevision(): number {
    return this.#open().state.durableRevision;
  }

  get historyFloor(): number {
    return this.#open().state.entries.historyFloor;
  }

  get bytes(): number {
    return this.#open().state.entries.bytes;
  }

  get socketCount(): number {
    return this.#open().state.socketCount;
  }

  find(socketId: string): SocketRow | undefined {
    return this.#open().state.find(socketId);
  }

  socket(number: SocketNumber): SocketRow | undefined {
    return this.#open().state.socket(number);
  }

  sockets(after?: SocketNumber): Iterable<SocketRow> {
    return this.#open().state.sockets(after);
  }

  profile(number: SocketNumber): Promise<Profile> {
    return this.#guard((log) => log.reader.profile(number));
  }

  append(event: LogEvent): Appended {
    return this.#open().append(event);
  }

  durable(): Promise<void> {
    try {
      return this.#open().durable();
    } catch (error) {
      return Promise.reject(error);
    }
  }

  queue(number: SocketNumber): QueueView {
    return this.#queue(this.#open(), number);
  }

  async readAfter(number: SocketNumber, after: number, limits: ReadLimits): Promise<readonly Stored[]> {
    return await this.readAt(number, this.#queue(this.#open(), number).sequencesAfter(after, limits));
  }

  readAt(number: SocketNumber, sequences: readonly number[]): MaybePromise<readonly Stored[]> {
    const log = this.#open();
    return log.reader.recentMessages(this.#queue(log, number), sequences) ?? this.#readStored(number, sequences);
  }

  #readStored(number: SocketNumber, sequences: readonly number[]): Promise<readonly Stored[]> {
    return this.#guard(async (log) => {
      const found = await log.reader.messages(this.#queue(log, number), sequences);
      for (const { damaged, sequence, revision } of found) {
        if (damaged) this.#options.log.error({ number, sequence, revision }, "a stored message is damaged or gone");
      }
      return found;
    });
  }

  sizeAt(number: SocketNumber, sequence: number): number {
    return this.#open().state.queue(number)?.sizeAt(sequence) ?? 0;
  }

  timeAt(number: SocketNumber, sequence: number): number | undefined {
    return this.#open().state.queue(number)?.timeAt(sequence);
  }

  async waitAfter(number: SocketNumber, after: number, signal: AbortSignal, timeoutMs?: number): Promise<void> {
    const queue = this.#open().state.queue(number);
    if (queue === undefined || queue.durableTail > after) return;
    await this.#wakeups.wait(number, signal, timeoutMs);
  }

  wake(number: SocketNumber): void {
    this.#wakeups.wake(number);
  }

  settle(number: SocketNumber, sequences: readonly number[]): void {
    const log = this.#open();
    const queue = this.#queue(log, number);
    if (queue.settle(sequences, this.#options.now()) > 0) log.moved(queue);
  }

  mark(number: SocketNumber, marks: readonly Mark[]): void {
    const log = this.#open();
    const queue = this.#queue(log, number);
    if (queue.mark(marks)) log.moved(queue);
  }

  drop(number: SocketNumber, sequences: readonly number[], reason: DropReason): number {
    const log = this.#open();
    const queue = this.#queue(log, number);
    const dropped = queue.drop(sequences, reason, this.#options.now());
    if (dropped > 0) log.moved(queue);
    return dropped;
  }

  announceDrops(number: SocketNumber, reason: DropReason, count: number): void {
    const log = this.#open();
    const queue = this.#queue(log, number);
    if (queue.announceDrops(reason, count)) log.moved(queue);
  }

  seen(number: SocketNumber, seenMs: number): void {
    const log = this.#open();
    const queue = this.#queue(log, number);
    if (queue.seen(seenMs)) log.moved(queue);
  }

  consumer(name: string): Consumer | undefined {
    return this.#open().state.consumers.find(name);
  }

  consumers(): Iterable<Consumer> {
    return this.#open().state.consumers.all();
  }

  openConsumer(name: string, after: number): Consumer {
    return this.#open().openConsumer(name, after);
  }

  closeConsumer(number: SocketNumber): void {
    this.#open().closeConsumer(number);
  }

  changes(after: number, limit: number): Promise<ChangesPage | undefined> {
    return this.#guard((log) => log.history.changes(after, limit));
  }

  async waitChange(after: number, signal: AbortSignal, timeoutMs?: number): Promise<void> {
    if (this.#open().history.newestChange > after) return;
    await this.#wakeups.wait(CHANGES, signal, timeoutMs);
  }

  letter(revision: number): Promise<Letter | undefined> {
    return this.#guard((log) => log.history.letter(revision));
  }

  fate(number: SocketNumber, revision: number): Promise<Fate | undefined> {
    return this.#guard(async (log) => {
      const queue = log.state.queue(number);
      return queue && (await log.history.fate(queue, revision));
    });
  }

  replies(question: number, after: number): Promise<readonly number[]> {
    return this.#guard((log) => log.history.replies(question, after));
  }

  remember(remembered: Remembered): void {
    this.#open().remember(remembered);
  }

  isRemembered(key: string): boolean {
    return this.#open().answers.has(key);
  }

  recall(key: string): Promise<Remembered | undefined> {
    return this.#guard((log) => log.recall(key));
  }

  get rememberedCount(): number {
    return this.#open().answers.count;
  }

  get rememberedFrom(): number {
    return this.#open().answers.oldest;
  }

  forget(through: number, countMax: number): void {
    this.#open().forget(through, countMax);
  }

  retain(limits: RetentionLimits): Promise<number> {
    return this.#guard((log) => log.retain(limits));
  }

  follow(kept: readonly KeptPiece[]): Following {
    this.#following?.stop();
    this.#following = new StoreFollowing(this.#openings, this.#options, kept);
    return this.#following;
  }

  close(): Promise<void> {
    this.#following?.stop();
    return this.#openings.close();
  }

  #open(): LevelLog {
    return this.#openings.log;
  }

  #queue(log: LevelLog, number: SocketNumber): Queue {
    const queue = log.state.queue(number);
    if (queue === undefined) throw new Error(`there is no queue number ${number}`);
    return queue;
  }

  #guard<T>(work: (log: LevelLog) => Promise<T>): Promise<T> {
    return this.#openings.guard(work);
  }
}
