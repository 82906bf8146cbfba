import { RegistryError } from "./errors.js";
import type { Limits } from "./limits.js";
import type { Remembered, Storage } from "./storage.js";

/** What makes two requests the same: digests of 16 characters from U+0000 to U+00FF. */
export interface RetryKey {
  /** Of the caller, the method and the request_id. */
  readonly key: string;
  /** Of everything else that was asked. */
  readonly fingerprint: string;
}

/** How far the log had come at a moment. */
interface Moment {
  readonly elapsedMs: number;
  readonly revision: number;
}

/**
 * Remembers the answers to requests with a request_id, so that a retry gets the first one and does nothing again. Only
 * successes are remembered, each in the batch of what it tells of.
 */
export class Retries {
  readonly #storage: Storage;
  readonly #limits: Limits;
  /** One a second or so, the oldest first: how old an entry is, by the clock that never jumps. */
  #moments: Moment[] = [];
  /** Answers to entries up to this revision had to go because there were too many. */
  #crowdedOut = 0;

  constructor(storage: Storage, limits: Limits) {
    this.#storage = storage;
    this.#limits = limits;
    // Nobody knows any more whether there were more than are left.
    if (storage.rememberedCount >= limits.dedupeKeys) this.#crowdedOut = storage.rememberedFrom - 1;
  }

  /** Whether a request of this key was answered before, or is about to be. Whoever asks must act before he waits. */
  has(retry: RetryKey | undefined): retry is RetryKey {
    return retry !== undefined && this.#storage.isRemembered(retry.key);
  }

  /**
   * The answer to an earlier request of this key, once it is durable; undefined when it cannot be read any more.
   * @throws REQUEST_ID_REUSED when that asked for something else
   */
  async earlier(retry: RetryKey): Promise<Remembered | undefined> {
    const remembered = await this.#storage.recall(retry.key);
    await this.#storage.durable();
    if (remembered === undefined || remembered.fingerprint === retry.fingerprint) return remembered;
    throw new RegistryError("REQUEST_ID_REUSED", "request_id was used before, for another request", {
      field: "request_id",
    });
  }

  /** How far back every answer is remembered, in milliseconds. */
  coveredMs(elapsedMs: number): number {
    const { dedupeWindowMs } = this.#limits;
    if (this.#crowdedOut === 0) return dedupeWindowMs;
    const oldest = this.#moments.find(({ revision }) => revision >= this.#crowdedOut);
    return Math.min(dedupeWindowMs, oldest === undefined ? 0 : elapsedMs - oldest.elapsedMs);
  }

  /** Forgets what is older than the window, and what is too many. */
  sweep(elapsedMs: number): void {
    const { dedupeWindowMs, dedupeKeys } = this.#limits;
    const oldestMs = elapsedMs - dedupeWindowMs;
    this.#moments.push({ elapsedMs, revision: this.#storage.revision });
    // The newest of those beyond the window stays, to tell where the window begins.
    while (this.#moments[1] !== undefined && this.#moments[1].elapsedMs <= oldestMs) this.#moments.shift();
    const [first] = this.#moments;
    if (first !== undefined && first.elapsedMs <= oldestMs) {
      this.#storage.forget(first.revision, Number.POSITIVE_INFINITY);
    }
    if (this.#storage.rememberedCount <= dedupeKeys) return;
    this.#storage.forget(0, dedupeKeys);
    this.#crowdedOut = this.#storage.rememberedFrom - 1;
  }
}
