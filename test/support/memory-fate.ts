import type { Fate, Letter, LogEvent } from "../../src/registry/storage.js";
import type { Bounds, MemoryQueue } from "./memory-queue.js";

/** An entry of the log in memory; a change of a socket has no event. */
export interface MemoryEntry {
  readonly event: Extract<LogEvent, { kind: "message" }> | undefined;
  readonly timeMs: number;
  readonly size: number;
}

/** The message of an entry with its routes. */
export function letterOf(revision: number, { event, timeMs }: MemoryEntry): Letter | undefined {
  if (event === undefined) return undefined;
  const { sender, recipient, body, targets, everyone, skipped } = event;
  return { revision, timeMs, sender, recipient, body, targets, everyone, skipped };
}

/** What became of the message at a revision in a queue. */
export function fateOf(queue: MemoryQueue, revision: number, { historyFloor }: Bounds): Fate | undefined {
  const sequence = queue.copies.filter((copy) => copy.revision <= revision).length;
  const never = { attempt: 0, deliveredMs: 0, settledMs: 0 };
  if (sequence < queue.oldest) {
    const isForgotten = queue.oldest > 1 && revision <= historyFloor;
    return isForgotten ? { sequence: 0, state: "SETTLED", ...never } : undefined;
  }
  const copy = queue.copies[sequence - 1];
  if (copy?.revision !== revision) return undefined;
  if (copy.ending !== undefined) {
    const { outcome, attempt, deliveredMs, settledMs } = copy.ending;
    return { sequence, state: outcome, attempt, deliveredMs, settledMs };
  }
  const mark = queue.marks?.get(sequence);
  if (mark === undefined) return { sequence, state: "QUEUED", ...never };
  const { failures, deliveredMs, dueMs } = mark;
  const attempts = deliveredMs > 0 ? Math.max(1, failures) : failures;
  if (mark.state === "WAITING") return { sequence, state: "QUEUED", attempt: attempts, deliveredMs, settledMs: 0 };
  if (mark.state === "PARKED") return { sequence, state: "PARKED", attempt: failures, deliveredMs, settledMs: dueMs };
  return { sequence, state: "DELIVERED", attempt: failures + 1, deliveredMs, settledMs: 0 };
}
