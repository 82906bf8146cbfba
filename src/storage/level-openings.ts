import { setTimeout as delay } from "node:timers/promises";
import { storageUnavailable } from "../registry/errors.js";
import { Notes } from "./following-notes.js";
import { codeOf, isCorruption } from "./level-errors.js";
import type { LevelLog, LogHooks } from "./level-log.js";
import { openLog } from "./level-open.js";
import type { LogOptions } from "./level-options.js";
import { isDamaged } from "./recovery.js";
import { CHANGES, type Wakeups } from "./wakeups.js";

/** After a failure the store is opened again after this long, and then ever less often. */
const REOPEN_MS = 50;
const REOPEN_MAX_MS = 1_000;

/**
 * The openings of one log, of which there is one at a time or none. After a failed batch it closes LevelDB, opens it
 * again and goes back to what is on disk, because LevelDB would otherwise take later writes and forget them.
 */
export class Openings {
  /** What changes, for whoever follows. */
  readonly notes = new Notes();
  readonly #options: LogOptions;
  readonly #wakeups: Wakeups;
  readonly #closing = new AbortController();
  #log: LevelLog | undefined;
  #instance = "";
  #reopening: Promise<void> | undefined;
  #closed: Promise<void> | undefined;
  #failure: unknown;
  #count = 0;

  constructor(options: LogOptions, wakeups: Wakeups) {
    this.#options = options;
    this.#wakeups = wakeups;
  }

  get instance(): string {
    return this.#instance;
  }

  /** How often it was opened. */
  get count(): number {
    return this.#count;
  }

  /** The log that is open. @throws STORAGE_UNAVAILABLE when none is */
  get log(): LevelLog {
    if (this.#log === undefined) throw storageUnavailable(this.#failure);
    return this.#log;
  }

  /** Tells when the batch that collects is durable, if enough queues move with it by now. */
  crowded(): Promise<void> | undefined {
    return this.#log?.isCrowded === true ? this.#log.durable() : undefined;
  }

  /** Opens it for the first time. */
  async open(): Promise<void> {
    this.#take(await this.#openLog(false));
  }

  /** Does something that waits for LevelDB; what fails because the log was closed meanwhile fails as such. */
  async guard<T>(work: (log: LevelLog) => Promise<T>): Promise<T> {
    const { log } = this;
    try {
      return await work(log);
    } catch (error) {
      if (log === this.#log && !codeOf(error).startsWith("LEVEL_")) throw error;
      throw storageUnavailable(error);
    }
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

  async #openLog(isDamaged: boolean): Promise<LevelLog> {
    let log: LevelLog | undefined;
    const hooks: LogHooks = {
      begun: (batch) => this.notes.batch(batch),
      grown: (growth) => {
        const { numbers, everyone, change } = growth;
        this.notes.grew(growth);
        if (everyone) this.#wakeups.wakeAll();
        else for (const number of numbers) this.#wakeups.wake(number);
        if (change > 0) this.#wakeups.wake(CHANGES);
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
    this.#count++;
    this.#log = log;
    this.#instance = log.instance;
    const { checkpoint, replayed, damage } = log.recovered;
    const values = { revision: log.state.entries.last, replayed, checkpoint: checkpoint?.through };
    if (!isDamaged(damage)) {
      const { socketCount } = log.state;
      if (!damage.isRestored) this.#options.log.info(values, "the log is open");
      else this.#options.log.info({ ...values, socketCount }, "the log was restored");
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
