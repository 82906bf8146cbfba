import type { Profile, QueueView, SocketRow } from "./storage.js";

/** A socket as a client sees it, at one moment. */
export interface SocketView {
  readonly row: SocketRow;
  readonly tail: number;
  readonly queueSize: number;
  readonly droppedCount: number;
  readonly oldestUnsettledMs: number | undefined;
  readonly lastActivityMs: number;
  readonly readerCount: number;
  readonly inFlightCount: number;
  readonly parkedCount: number;
  readonly lastSeenMs: number | undefined;
  readonly leaseExpireMs: number | undefined;
  /** Undefined in listings, and when the socket was deleted before its profile was read. */
  readonly profile: Profile | undefined;
}

/** What is known of a socket's readers. */
export interface Reading {
  readonly count: number;
  readonly inFlight: number;
  readonly lastSeenMs: number | undefined;
  readonly leaseExpireMs: number | undefined;
}

/** Copies the numbers of this moment, because a queue's are those of now. */
export function viewOf(row: SocketRow, queue: QueueView, reading: Reading): SocketView {
  return {
    row,
    tail: queue.tail,
    queueSize: queue.depth,
    droppedCount: queue.dropped,
    oldestUnsettledMs: queue.oldestUnsettledMs,
    lastActivityMs: Math.max(row.changedMs, queue.activityMs),
    readerCount: reading.count,
    inFlightCount: reading.inFlight,
    parkedCount: queue.parked,
    lastSeenMs: reading.lastSeenMs,
    leaseExpireMs: reading.leaseExpireMs,
    profile: undefined,
  };
}

/** A socket of which only the row is left. */
export function viewOfGone(row: SocketRow): SocketView {
  return {
    row,
    tail: 0,
    queueSize: 0,
    droppedCount: 0,
    oldestUnsettledMs: undefined,
    lastActivityMs: row.changedMs,
    readerCount: 0,
    inFlightCount: 0,
    parkedCount: 0,
    lastSeenMs: undefined,
    leaseExpireMs: undefined,
    profile: undefined,
  };
}
