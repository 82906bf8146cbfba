import { mkdirSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { storageUnavailable } from "../registry/errors.js";
import type {
  Appended,
  LogEvent,
  Profile,
  QueueView,
  ReadLimits,
  RetentionLimits,
  SocketNumber,
  SocketRow,
  Storage,
  Stored,
} from "../registry/storage.js";
import { codeOf, FolderInUse, isCorruption } from "./level-errors.js";
import type { LevelLog, LogHooks } from "./level-log.js";
import { openLog } from "./level-open.js";
import { complete, type LevelOptions, type LogOptions } from "./level-options.js";
import type { Queue } from "./queue.js";
import { isDamaged } from "./recovery.js";
import { Wakeups } from "./wakeups.js";

export { FolderInUse } from "./level-errors.js";
export type { LevelOptions, StoreLog } from "./level-options.js";
export { UnknownVersion } from "./records.js";

/** After a failure the store is opened again after this long, and then ever less often. */
const REOPEN_MS = 50;
const REOPEN_MAX_MS = 1_000;
/**
 * The store on LevelDB. It lives longer than one opening of the log: after a failed batch it closes LevelDB, opens it
 * again and goes back to what is on disk, because LevelDB would otherwise take later writes and forget them.
 */
export class LevelStorage implements Storage {
  readonly #options: LogOptions;
  readonly #wakeups = new Wakeups();
  readonly #closing = new AbortController();
  #log: LevelLog | undefined;
  #instance = "";
  #reopening: Promise<void> | undefined;
  #closed: Promise<void> | undefined;
  #failure: unknown;
  #generation = 0;

  private constructor(options: LevelOptions) {
    mkdirSync(options.folder, { recursive: true });
    this.#options = complete(options);
  }

  /**
   * Opens the store of a data directory, which is made if it is not there.
   * @throws FolderInUse when another process has it; UnknownVersion when a newer program wrote it
   */
  static async open(options: LevelOptions): Promise<LevelStorage> {
    const storage = new LevelStorage(options);
    try {
      storage.#take(await storage.#openLog(false));
      return storage;
    } catch (error) {
      if (codeOf(error) !== "LEVEL_LOCKED") throw error;
      throw new FolderInUse(`the data directory ${options.folder} is in use by another process`, { cause: error });
    }
  }

  get instance(): string {
    return this.#instance;
  }

  get generation(): number {
    return this.#generation;
  }

  get revision(): number {
    return this.#open().state.entries.last;
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
    return this.#guard((log) => log.profile(number));
  }

  append(event: LogEvent): Appended {
    return this.#open().append(event);
  }

  async durable(): Promise<void> {
    await this.#open().durable();
  }

  queue(number: SocketNumber): QueueView {
    return this.#queue(this.#open(), number);
  }

  async readAfter(number: SocketNumber, after: number, limits: ReadLimits): Promise<readonly Stored[]> {
    return await this.readAt(number, this.#queue(this.#open(), number).sequencesAfter(after, limits));
  }

  readAt(number: SocketNumber, sequences: readonly number[]): Promise<readonly Stored[]> {
    return this.#guard(async (log) => {
      const found = await log.read(this.#queue(log, number), sequences);
      for (const { damaged, sequence, revision } of found) {
        if (damaged) this.#options.log.error({ number, sequence, revision }, "a stored message is damaged or gone");
      }
      return found;
    });
  }

  sizeAt(number: SocketNumber, sequence: number): number {
    return this.#open().state.queue(number)?.sizeAt(sequence) ?? 0;
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
    if (queue.settle(sequences, this.#options.now())) log.moved(queue);
  }

  drop(number: SocketNumber, through: number): number {
    const log = this.#open();
    const queue = this.#queue(log, number);
    const dropped = queue.drop(through, this.#options.now());
    if (dropped > 0) log.moved(queue);
    return dropped;
  }

  announceDrops(number: SocketNumber): void {
    const log = this.#open();
    const queue = this.#queue(log, number);
    if (queue.announceDrops()) log.moved(queue);
  }

  retain(limits: RetentionLimits): Promise<number> {
    return this.#guard((log) => log.retain(limits));
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#closing.abort();
    await this.#reopening;
    const log = this.#log;
    this.#log = undefined;
    this.#failure = new Error("the store is closed");
    this.#wakeups.failAll(storageUnavailable(this.#failure));
    await log?.close();
  }

  #open(): LevelLog {
    if (this.#log === undefined) throw storageUnavailable(this.#failure);
    return this.#log;
  }

  #queue(log: LevelLog, number: SocketNumber): Queue {
    const queue = log.state.queue(number);
    if (queue === undefined) throw new Error(`there is no queue number ${number}`);
    return queue;
  }

  /** Does something that waits for LevelDB; what fails because the log was closed meanwhile fails as such. */
  async #guard<T>(work: (log: LevelLog) => Promise<T>): Promise<T> {
    const log = this.#open();
    try {
      return await work(log);
    } catch (error) {
      if (log === this.#log && !codeOf(error).startsWith("LEVEL_")) throw error;
      throw storageUnavailable(error);
    }
  }

  async #openLog(isDamaged: boolean): Promise<LevelLog> {
    let log: LevelLog | undefined;
    const hooks: LogHooks = {
      grown: ({ numbers, everyone }) => {
        if (everyone) this.#wakeups.wakeAll();
        else for (const number of numbers) this.#wakeups.wake(number);
      },
      // A failure while it opens is the opener's.
      failed: (error) => {
        if (log !== undefined) this.#fail(log, error);
      },
    };
    log = await openLog(this.#options, hooks, isDamaged);
    return log;
  }

  #take(log: LevelLog): void {
    this.#generation++;
    this.#log = log;
    this.#instance = log.instance;
    const { checkpoint, replayed, damage } = log.recovered;
    const values = { revision: log.state.entries.last, replayed, checkpoint: checkpoint?.revision };
    if (!isDamaged(damage)) {
      this.#options.log.info(values, "the log is open");
      return;
    }
    const { lost, damagedKeys, isSalvaged } = damage;
    this.#options.log.error(
      { ...values, lostCount: lost.length, lost: lost.slice(0, 100), damagedRows: damagedKeys.length, isSalvaged },
      "the log is damaged: entries are lost; every socket has a new epoch and goes on with what is left",
    );
  }

  #fail(log: LevelLog, error: unknown): void {
    // A failure after the close is nobody's.
    if (log !== this.#log) return;
    this.#log = undefined;
    this.#failure = error;
    this.#options.log.error({ err: error }, "a write to the store failed; it is opened again");
    this.#wakeups.failAll(storageUnavailable(error));
    this.#reopening = this.#reopen(log).finally(() => {
      this.#reopening = undefined;
    });
  }

  async #reopen(failed: LevelLog): Promise<void> {
    await failed.abandon().catch((error: unknown) => this.#options.log.error({ err: error }, "closing failed"));
    for (let waitMs = REOPEN_MS; !this.#closing.signal.aborted; waitMs = Math.min(waitMs * 2, REOPEN_MAX_MS)) {
      try {
        // LevelDB cannot merge its files when one is damaged, and takes no write until that is done.
        this.#take(await this.#openLog(isCorruption(this.#failure)));
        return;
      } catch (error) {
        this.#failure = error;
        this.#options.log.warn({ err: error, waitMs }, "the store cannot be opened yet");
        await delay(waitMs, undefined, { signal: this.#closing.signal }).catch(() => {});
      }
    }
  }
}
