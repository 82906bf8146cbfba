import { mkdirSync } from "node:fs";
import { join } from "node:path";
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
import { LevelLog, type LogHooks, type LogOptions } from "./level-log.js";
import type { Queue } from "./queue.js";
import { Wakeups } from "./wakeups.js";
import { Witness } from "./witness.js";

/** After a failure the store is opened again after this long, and then ever less often. */
const REOPEN_MS = 50;
const REOPEN_MAX_MS = 1_000;

/** Where the store says what it finds. */
export interface StoreLog {
  info(values: object, text: string): void;
  warn(values: object, text: string): void;
  error(values: object, text: string): void;
}

export interface LevelOptions extends Omit<LogOptions, "now"> {
  /** The clock, in milliseconds since 1970. It may jump; the log's own times never run backwards. */
  readonly now?: () => number;
  readonly log: StoreLog;
}

/** Another process has the data directory. */
export class FolderInUse extends Error {
  override readonly name = "FolderInUse";
}

/**
 * The store on LevelDB. It lives longer than one opening of the log: after a failed batch it closes LevelDB, opens it
 * again and goes back to what is on disk, because LevelDB would otherwise take later writes and forget them.
 */
export class LevelStorage implements Storage {
  readonly #options: LogOptions & { readonly log: StoreLog };
  readonly #witness: Witness;
  readonly #wakeups = new Wakeups();
  readonly #closing = new AbortController();
  #log: LevelLog | undefined;
  #instance = "";
  #reopening: Promise<void> | undefined;
  #failure: unknown;

  private constructor(options: LevelOptions) {
    mkdirSync(options.folder, { recursive: true });
    this.#options = { now: Date.now, ...options, folder: join(options.folder, "log") };
    this.#witness = new Witness(options.folder);
  }

  /**
   * Opens the store of a data directory, which is made if it is not there.
   * @throws FolderInUse when another process has it; UnknownVersion when a newer program wrote it
   */
  static async open(options: LevelOptions): Promise<LevelStorage> {
    const storage = new LevelStorage(options);
    try {
      storage.#take(await storage.#openLog());
      return storage;
    } catch (error) {
      storage.#witness.close();
      if (codeOf(error) !== "LEVEL_LOCKED") throw error;
      throw new FolderInUse(`the data directory ${options.folder} is in use by another process`, { cause: error });
    }
  }

  get instance(): string {
    return this.#instance;
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
    const queue = this.#queue(this.#open(), number);
    const sequences: number[] = [];
    let bytes = 0;
    const last = queue.durableTail;
    for (let sequence = Math.max(after + 1, queue.oldest); sequence <= last; sequence++) {
      bytes += this.sizeAt(number, sequence);
      if (sequences.length > 0 && (sequences.length >= limits.messages || bytes > limits.bytes)) break;
      sequences.push(sequence);
    }
    return await this.readAt(number, sequences);
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
    const { state } = this.#open();
    return state.entries.size(state.queue(number)?.order.revisionAt(sequence) ?? 0);
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

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#reopening;
    const log = this.#log;
    this.#log = undefined;
    this.#failure = new Error("the store is closed");
    this.#wakeups.failAll(storageUnavailable(this.#failure));
    await log?.close();
    this.#witness.close();
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

  async #openLog(): Promise<LevelLog> {
    let log: LevelLog | undefined;
    const hooks: LogHooks = {
      grown: (numbers, everyone) => {
        if (everyone) this.#wakeups.wakeAll();
        else for (const number of numbers) this.#wakeups.wake(number);
      },
      // A failure while it opens is the opener's.
      failed: (error) => {
        if (log !== undefined) this.#fail(log, error);
      },
    };
    log = await LevelLog.open(this.#witness, this.#options, hooks);
    return log;
  }

  #take(log: LevelLog): void {
    this.#log = log;
    this.#instance = log.instance;
    const { recovered } = log;
    const { lost, damagedRows, replayed } = recovered;
    const values = { revision: log.state.entries.last, replayed, checkpoint: recovered.checkpoint?.revision };
    if (lost.length === 0 && damagedRows === 0) {
      this.#options.log.info(values, "the log is open");
      return;
    }
    this.#options.log.error(
      { ...values, lostCount: lost.length, lost: lost.slice(0, 100), damagedRows },
      "the log is damaged: entries are lost; every socket has a new epoch and goes on with what is left",
    );
  }

  #fail(log: LevelLog, error: unknown): void {
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
        this.#take(await this.#openLog());
        return;
      } catch (error) {
        this.#failure = error;
        this.#options.log.warn({ err: error, waitMs }, "the store cannot be opened yet");
        await delay(waitMs, undefined, { signal: this.#closing.signal }).catch(() => {});
      }
    }
  }
}

/** LevelDB's code for an error; it wraps the one that tells the reason. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return "";
  const inner = codeOf(error.cause);
  return inner || ("code" in error && typeof error.code === "string" ? error.code : "");
}
