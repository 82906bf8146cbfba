/**
 * The limits that the rules enforce. Their defaults, units and bounds are those of `src/config.ts`, which gives them
 * their names on the command line too. Bytes are UTF-8 or encoded bytes.
 */
export interface Limits {
  readonly maxContentBytes: number;
  readonly maxMetadataBytes: number;
  readonly maxContextBytes: number;
  readonly maxStructDepth: number;
  readonly maxPromptBytes: number;
  readonly maxStringBytes: number;
  readonly maxLabels: number;
  readonly maxQueueMessages: number;
  readonly maxQueueBytes: number;
  readonly maxSockets: number;
  readonly maxReadersPerSocket: number;
  readonly maxFrameMessages: number;
  readonly maxFrameBytes: number;
  readonly maxResponseBytes: number;
  readonly maxStoreBytes: number;
  readonly retainedMessages: number;
  readonly retainedBytes: number;
  readonly retainedAgeMs: number;
  /** How long an EXPLICIT reader may take for a message, unless its socket says otherwise. 0: for ever. */
  readonly ackDeadlineMs: number;
  /** How often a message is delivered before it is parked, unless its socket says otherwise. 0: for ever. */
  readonly maxDeliveryAttempts: number;
  /** What a broken stream had comes back after this long at most. */
  readonly returnGraceMs: number;
  /** After a start no lease runs out before this. */
  readonly leaseStartGraceMs: number;
  readonly maxOutstanding: number;
  readonly maxConsumers: number;
  readonly consumerIdleMs: number;
  readonly maxWatches: number;
  readonly maxAsks: number;
  readonly dedupeWindowMs: number;
  readonly dedupeKeys: number;
  readonly maxUnansweredWrites: number;
  readonly maxUnansweredBytes: number;
}

/** A deadline, an extension and a retry_delay are no longer than this. */
export const ACK_DEADLINE_MAX_MS = 7 * 86_400_000;
/** An Ask lasts this long unless it says otherwise, and no longer than the second number. */
export const ASK_TIMEOUT_MS = 30_000;
export const ASK_TIMEOUT_MAX_MS = 600_000;
/** A request names this many sequences at most. */
export const SEQUENCES_MAX = 10_000;

/** A frame of a WriteStream has this many writes at most. */
export const WRITES_MAX = 10_000;

/** The most results that the answer to a broadcast lists. */
export const RESULTS_MAX = 1_000;
/** A page of a listing has this many items unless asked otherwise, and never more than the second number. */
export const PAGE_DEFAULT = 50;
export const PAGE_MAX = 1_000;
