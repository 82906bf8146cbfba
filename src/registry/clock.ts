/** The two kinds of time, and waking up in it. Tests bring a clock of their own. */
export interface Clock {
  /** Milliseconds since 1970, for what people and other machines read. It may jump. */
  wallMs(): number;
  /** Milliseconds since some moment, for everything that is measured. It never jumps. */
  elapsedMs(): number;
  /** Calls back once, after so many milliseconds. @returns what takes that back */
  after(ms: number, ring: () => void): () => void;
}

/** Node keeps no longer timer than this. */
const TIMER_MAX_MS = 2 ** 31 - 1;

/** The clock of the machine. Its timers keep no process alive. */
export const machineClock: Clock = {
  wallMs: Date.now,
  elapsedMs: () => performance.now(),
  after(ms, ring) {
    const timer = setTimeout(ring, Math.min(Math.max(0, ms), TIMER_MAX_MS));
    timer.unref();
    return () => clearTimeout(timer);
  },
};
