import type { Mark } from "../registry/storage.js";

/** How a message leaves a queue: handed over or acknowledged, outlived, or dropped because the queue was full. */
export type Outcome = "SETTLED" | "EXPIRED" | "DROPPED";

/** A run of messages of one queue that ended alike. */
export interface Ending {
  readonly first: number;
  readonly count: number;
  readonly outcome: Outcome;
  /** At which attempt; 0 when they were never delivered. */
  readonly attempt: number;
  /** When they were last delivered; 0 when they never were. */
  readonly deliveredMs: number;
  readonly settledMs: number;
}

type Run = { -readonly [Field in keyof Ending]: Ending[Field] };

/** What became of the messages that left a queue since somebody asked last. Neighbours that ended alike are one run. */
export class Endings {
  readonly #runs: Run[] = [];

  add(sequence: number, outcome: Outcome, mark: Mark | undefined, nowMs: number): void {
    const isSettled = outcome === "SETTLED";
    const attempt = mark === undefined ? Number(isSettled) : attemptOf(mark, isSettled);
    const deliveredMs = mark?.deliveredMs || (isSettled ? nowMs : 0);
    const last = this.#runs.at(-1);
    const isNext =
      last !== undefined &&
      last.first + last.count === sequence &&
      last.outcome === outcome &&
      last.attempt === attempt &&
      last.deliveredMs === deliveredMs &&
      last.settledMs === nowMs;
    if (isNext) last.count++;
    else this.#runs.push({ first: sequence, count: 1, outcome, attempt, deliveredMs, settledMs: nowMs });
  }

  all(): readonly Ending[] {
    return this.#runs;
  }
}

/** The attempt that a message was settled with, or, when it was not settled, the last one that there was. */
function attemptOf({ state, failures, deliveredMs }: Mark, isSettled: boolean): number {
  if (deliveredMs === 0 && !isSettled) return 0;
  const isFailed = state === "PARKED" || (state === "WAITING" && !isSettled);
  return Math.max(1, isFailed ? failures : failures + 1);
}
