import type { Clock } from "../../src/registry/clock.js";

interface Timer {
  readonly atMs: number;
  readonly ring: () => void;
}

/** A clock that stands until a test moves it. Its timers ring when the test says so, in the order of their times. */
export class FakeClock implements Clock {
  #elapsedMs = 0;
  /** What the wall clock shows ahead of the other. */
  #aheadMs = 1_700_000_000_000;
  #timers: Timer[] = [];

  readonly wallMs = (): number => this.#aheadMs + this.#elapsedMs;
  readonly elapsedMs = (): number => this.#elapsedMs;

  after(ms: number, ring: () => void): () => void {
    const timer = { atMs: this.#elapsedMs + Math.max(0, ms), ring };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** When the first timer is due; Infinity when there is none. */
  get nextMs(): number {
    return Math.min(...this.#timers.map(({ atMs }) => atMs));
  }

  /** Goes to a moment that is not past. Nothing rings yet. */
  moveTo(elapsedMs: number): void {
    this.#elapsedMs = Math.max(this.#elapsedMs, elapsedMs);
  }

  /** Somebody sets the wall clock. */
  jump(ms: number): void {
    this.#aheadMs += ms;
  }

  /** Rings what is due. @returns whether something was */
  ring(): boolean {
    const due = this.#timers.filter(({ atMs }) => atMs <= this.#elapsedMs).sort((a, b) => a.atMs - b.atMs);
    for (const timer of due) {
      // One before it may have taken it back.
      if (!this.#timers.includes(timer)) continue;
      this.#timers = this.#timers.filter((other) => other !== timer);
      timer.ring();
    }
    return due.length > 0;
  }

  /** The process whose timers these were is gone. */
  forget(): void {
    this.#timers = [];
  }
}
