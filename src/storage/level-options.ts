/** Where the store says what it finds. */
export interface StoreLog {
  info(values: object, text: string): void;
  warn(values: object, text: string): void;
  error(values: object, text: string): void;
}

export interface LevelOptions {
  /** The data directory. */
  readonly folder: string;
  /** Whether a write counts when it is on the disk, or when the operating system has it. */
  readonly durability: "fsync" | "os";
  /** How many bytes of the newest messages stay in memory for live readers. */
  readonly recentBytes: number;
  readonly log: StoreLog;
  /** The clock, in milliseconds since 1970. It may jump; the log's own times never run backwards. */
  readonly now?: () => number;
  /** What saves a start the reading of the log is written after this many entries, and at the end. */
  readonly checkpointInterval?: number;
  /** Milliseconds since some moment. It never jumps. */
  readonly elapsedMs?: () => number;
  /** What nobody needs any more leaves the pieces of the log, which a keeper elsewhere may have, after this long. */
  readonly eraseAfterMs?: number;
}

/** The options with nothing left open. */
export type LogOptions = Required<LevelOptions>;

/** So many entries are read in a few hundredths of a second at start. */
const CHECKPOINT_INTERVAL = 10_000;

/** A piece is cut again for its erased messages this seldom, because most of it may be erased a moment later. */
const ERASE_AFTER_MS = 60_000;

export function complete(options: LevelOptions): LogOptions {
  return {
    now: Date.now,
    checkpointInterval: CHECKPOINT_INTERVAL,
    elapsedMs: () => performance.now(),
    eraseAfterMs: ERASE_AFTER_MS,
    ...options,
  };
}
