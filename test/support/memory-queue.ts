import type { Fate, QueueView } from "../../src/registry/storage.js";

export interface Copy {
  readonly revision: number;
  readonly size: number;
  readonly timeMs: number;
  settled: boolean;
  /** How it was settled. */
  ending?: { outcome: "SETTLED" | "EXPIRED" | "DROPPED" } & Pick<Fate, "attempt" | "deliveredMs" | "settledMs">;
}

/** How far the log is durable, and how far retention has come. */
export interface Bounds {
  readonly durableRevision: number;
  readonly historyFloor: number;
}

/** One queue of the storage in memory, a list of copies. Everything it tells is counted when it is asked for. */
export class MemoryQueue implements QueueView {
  /** The copy of sequence n is at n - 1. */
  readonly copies: Copy[] = [];
  dropped = 0;
  announced = 0;
  movedMs = 0;
  readonly #bounds: Bounds;

  constructor(bounds: Bounds) {
    this.#bounds = bounds;
  }

  get tail(): number {
    return this.copies.length;
  }

  get durableTail(): number {
    const first = this.copies.findIndex((copy) => copy.revision > this.#bounds.durableRevision);
    return first < 0 ? this.copies.length : first;
  }

  /** How many of the oldest are settled without a gap. */
  get floor(): number {
    const first = this.copies.findIndex((copy) => !copy.settled);
    return first < 0 ? this.copies.length : first;
  }

  /** What is settled is there as long as retention has not passed it or an older message is unsettled. */
  get oldest(): number {
    const passed = this.copies.filter((copy) => copy.revision <= this.#bounds.historyFloor).length;
    return Math.min(passed, this.floor) + 1;
  }

  get depth(): number {
    return this.#unsettled.length;
  }

  get bytes(): number {
    return this.#unsettled.reduce((sum, copy) => sum + copy.size, 0);
  }

  get droppedUnannounced(): number {
    return this.dropped - this.announced;
  }

  get activityMs(): number {
    return Math.max(this.movedMs, this.copies.at(-1)?.timeMs ?? 0);
  }

  get oldestUnsettledMs(): number | undefined {
    return this.#unsettled[0]?.timeMs;
  }

  isSettled(sequence: number): boolean {
    return sequence < 1 || this.copies[sequence - 1]?.settled === true;
  }

  get #unsettled(): Copy[] {
    return this.copies.filter((copy) => !copy.settled);
  }
}
