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
}

/** The most results that the answer to a broadcast lists. */
export const RESULTS_MAX = 1_000;
/** A page of a listing has this many items unless asked otherwise, and never more than the second number. */
export const PAGE_DEFAULT = 50;
export const PAGE_MAX = 1_000;
