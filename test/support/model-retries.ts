import { createHash } from "node:crypto";
import type { Limits } from "../../src/registry/limits.js";
import type { RetryKey } from "../../src/registry/retries.js";
import type { Storage } from "../../src/registry/storage.js";
import type { FakeClock } from "./fake-clock.js";
import { check } from "./model-check.js";

/** An answer that is remembered for its request_id. */
export interface Kept<Answer> {
  readonly fingerprint: string;
  readonly atMs: number;
  readonly answer: Answer;
}

/** The answers to requests with a request_id, the oldest first. What is older than the window may be there or not. */
export class ModelRetries<Answer> {
  readonly #clock: FakeClock;
  readonly #limits: Limits;
  readonly #kept = new Map<string, Kept<Answer>>();

  constructor(clock: FakeClock, limits: Limits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** The answer to an earlier request of this key, or why there is none for another request. */
  earlier(retry: RetryKey | undefined, storage: Storage): Kept<Answer> | "REQUEST_ID_REUSED" | undefined {
    const kept = retry && this.#kept.get(retry.key);
    if (retry === undefined || kept === undefined) return undefined;
    if (this.#isAged(kept) && !storage.isRemembered(retry.key)) return undefined;
    return kept.fingerprint === retry.fingerprint ? kept : "REQUEST_ID_REUSED";
  }

  keep(retry: RetryKey | undefined, answer: Answer): void {
    if (retry === undefined) return;
    this.#kept.delete(retry.key);
    this.#kept.set(retry.key, { answer, fingerprint: retry.fingerprint, atMs: this.#clock.elapsedMs() });
  }

  /** What upkeep leaves: what is young, as many as there may be. */
  sweep(storage: Storage): void {
    this.forgetAged(storage);
    const surplus = Math.max(0, this.#kept.size - this.#limits.dedupeKeys);
    for (const key of [...this.#kept.keys()].slice(0, surplus)) this.#kept.delete(key);
    check(storage.rememberedCount, this.#kept.size, "how many answers are remembered");
  }

  /** Only what is remembered is left. */
  forgetAged(storage: Storage): void {
    for (const [key, kept] of this.#kept) {
      if (this.#isAged(kept) && !storage.isRemembered(key)) this.#kept.delete(key);
    }
  }

  #isAged({ atMs }: Kept<Answer>): boolean {
    return this.#clock.elapsedMs() - atMs >= this.#limits.dedupeWindowMs;
  }
}

/** The digests of a request; undefined without a request_id. */
export function retryOf(method: string, requestId: number, rest: unknown): RetryKey | undefined {
  if (requestId === 0) return undefined;
  const digest = (value: unknown): string =>
    createHash("md5").update(JSON.stringify(value)).digest().toString("latin1");
  return { key: digest([method, requestId]), fingerprint: digest(rest) };
}
