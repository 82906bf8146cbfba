import type { DropReason, Fate, Mark, QueueView, ReadLimits } from "../../src/registry/storage.js";

export interface Copy {
  readonly revision: number;
  readonly size: number;
  readonly timeMs: number;
  settled: boolean;
  mark?: Mark | undefined;
  /** How it was settled. */
  ending?:
    | undefined
    | ({ outcome: "SETTLED" | "EXPIRED" | "DROPPED" } & Pick<Fate, "attempt" | "deliveredMs" | "settledMs">);
}

/** How far the log is durable, and how far retention has come. */
export interface Bounds {
  readonly durableRevision: number;
  readonly historyFloor: number;
}

/** One queue of the storage in memory, a list of copies. Everything it tells is counted when it is asked for. */
export class MemoryQueue implements QueueView {
  seenMs = 0;
  readonly #bounds: Bounds;
  /** The feed's queue, if this is a consumer's. */
  readonly #feed: MemoryQueue | undefined;
  readonly #after: number;
  readonly #copies: Copy[] = [];
  readonly #dropped = { OVERFLOW: 0, EXPIRED: 0 };
  readonly #announced = { OVERFLOW: 0, EXPIRED: 0 };
  #movedMs = 0;

  /** A consumer's begins after a sequence of the feed. */
  constructor(bounds: Bounds, feed?: MemoryQueue, after = 0) {
    this.#bounds = bounds;
    this.#feed = feed;
    this.#after = after;
  }

  /** The copy of sequence n is at n - 1. For a consumer those that the feed let go of are settled, or dropped. */
  get copies(): Copy[] {
    if (this.#feed === undefined) return this.#copies;
    for (const { revision, size, timeMs } of this.#feed.copies.slice(this.#copies.length)) {
      this.#copies.push({ revision, size, timeMs, settled: this.#copies.length < this.#after });
    }
    for (const copy of this.#copies.slice(0, this.#feed.oldest - 1)) {
      if (isWaiting(copy)) this.#dropped.OVERFLOW++;
      Object.assign(copy, { settled: true, mark: undefined });
    }
    return this.#copies;
  }

  get tail(): number {
    return this.copies.length;
  }

  get durableTail(): number {
    return this.#before((copy) => copy.revision > this.#bounds.durableRevision);
  }

  get floor(): number {
    return this.#before((copy) => !copy.settled && copy.mark === undefined);
  }

  /** What the floor has passed is there as long as retention has not passed it or something older. */
  get oldest(): number {
    if (this.#feed !== undefined) return this.#feed.oldest;
    const passed = this.copies.filter((copy) => copy.revision <= this.#bounds.historyFloor).length;
    return Math.min(passed, this.floor) + 1;
  }

  get oldestUnsettled(): number {
    return this.#before((copy) => isWaiting(copy)) + 1;
  }

  get marks(): ReadonlyMap<number, Mark> {
    return new Map(this.copies.flatMap(({ mark }) => (mark === undefined ? [] : [[mark.sequence, mark]])));
  }

  get depth(): number {
    return this.copies.filter(isWaiting).length;
  }

  get parked(): number {
    return this.copies.filter((copy) => copy.mark?.state === "PARKED").length;
  }

  get bytes(): number {
    return this.copies.reduce((sum, copy) => sum + (copy.settled ? 0 : copy.size), 0);
  }

  get dropped(): number {
    return this.#dropped.OVERFLOW + this.#dropped.EXPIRED;
  }

  get activityMs(): number {
    return Math.max(this.#movedMs, this.copies.at(-1)?.timeMs ?? 0, this.#feed?.activityMs ?? 0);
  }

  get oldestUnsettledMs(): number | undefined {
    return this.copies.find(isWaiting)?.timeMs;
  }

  isSettled(sequence: number): boolean {
    return sequence < 1 || this.copies[sequence - 1]?.settled === true;
  }

  unannounced(reason: DropReason): number {
    return this.#dropped[reason] - this.#announced[reason];
  }

  unsettledAfter(sequence: number): number[] {
    const waiting = this.copies
      .slice(0, this.durableTail)
      .flatMap((copy, index) => (isWaiting(copy) ? [index + 1] : []));
    return waiting.filter((one) => one > sequence);
  }

  /** The copy of a message that can be read, by position or because it has a mark. */
  readable(sequence: number): Copy | undefined {
    const copy = this.copies[sequence - 1];
    return sequence >= this.oldest || copy?.mark !== undefined ? copy : undefined;
  }

  sequencesAfter(after: number, limits: ReadLimits): number[] {
    const last = this.durableTail;
    const sequences: number[] = [];
    let bytes = 0;
    for (let sequence = Math.max(after + 1, this.oldest); sequence <= last; sequence++) {
      bytes += this.copies[sequence - 1]?.size ?? 0;
      if (sequences.length > 0 && (sequences.length >= limits.messages || bytes > limits.bytes)) break;
      sequences.push(sequence);
    }
    return sequences;
  }

  /** @returns how many were not settled */
  settle(sequences: readonly number[], nowMs: number, outcome: "SETTLED" | "EXPIRED" | "DROPPED" = "SETTLED"): number {
    let count = 0;
    for (const sequence of sequences) {
      const copy = this.copies[sequence - 1];
      if (copy === undefined || copy.settled) continue;
      const { activityMs } = this;
      copy.settled = true;
      copy.ending = endingOf(copy.mark, outcome, nowMs);
      copy.mark = undefined;
      this.#movedMs = Math.max(this.#movedMs, activityMs, nowMs);
      count++;
    }
    return count;
  }

  drop(sequences: readonly number[], reason: DropReason, nowMs: number): number {
    const count = this.settle(sequences, nowMs, reason === "EXPIRED" ? "EXPIRED" : "DROPPED");
    this.#dropped[reason] += count;
    return count;
  }

  announceDrops(reason: DropReason, count: number): void {
    this.#announced[reason] = Math.min(this.#dropped[reason], this.#announced[reason] + count);
  }

  mark(marks: readonly Mark[]): void {
    for (const mark of marks) {
      const copy = this.copies[mark.sequence - 1];
      if (copy !== undefined && !copy.settled) copy.mark = mark;
    }
  }

  /** How many copies come before the first of which something holds. */
  #before(holds: (copy: Copy) => boolean): number {
    const first = this.copies.findIndex(holds);
    return first < 0 ? this.copies.length : first;
  }
}

function isWaiting(copy: Copy): boolean {
  return !copy.settled && copy.mark?.state !== "PARKED";
}

function endingOf(mark: Mark | undefined, outcome: "SETTLED" | "EXPIRED" | "DROPPED", nowMs: number): Copy["ending"] {
  if (outcome === "SETTLED") {
    const failures = mark?.state === "PARKED" ? mark.failures - 1 : (mark?.failures ?? 0);
    const attempt = Math.max(1, failures + 1);
    return { outcome, attempt, deliveredMs: mark?.deliveredMs || nowMs, settledMs: nowMs };
  }
  if (mark === undefined || mark.deliveredMs === 0) return { outcome, attempt: 0, deliveredMs: 0, settledMs: nowMs };
  const isOut = mark.state === "HELD" || mark.state === "LENT";
  const attempt = isOut ? mark.failures + 1 : Math.max(1, mark.failures);
  return { outcome, attempt, deliveredMs: mark.deliveredMs, settledMs: nowMs };
}
