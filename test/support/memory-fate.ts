import type { Fate, Letter, LogEvent, Mark } from "../../src/registry/storage.js";
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

/** What became of the message at a revision in a queue, which has receipts unless it is a consumer's. */
export function fateOf(queue: MemoryQueue, revision: number, bounds: Bounds, hasReceipts: boolean): Fate | undefined {
  const never = { attempt: 0, deliveredMs: 0, settledMs: 0 };
  const sequence = queue.copies.filter((copy) => copy.revision <= revision).length;
  const copy = queue.copies[sequence - 1];
  if (copy?.revision === revision && copy.mark !== undefined) return { sequence, ...marked(copy.mark) };
  if (sequence < queue.oldest) {
    const isForgotten = queue.oldest > 1 && revision <= bounds.historyFloor;
    return isForgotten ? { sequence: 0, state: "SETTLED", ...never } : undefined;
  }
  if (copy?.revision !== revision) return undefined;
  if (!copy.settled) return { sequence, state: "QUEUED", ...never };
  if (copy.ending === undefined || !hasReceipts) return { sequence, state: "SETTLED", ...never };
  const { outcome, ...ending } = copy.ending;
  return { sequence, state: outcome, ...ending };
}

function marked({ state, failures, deliveredMs, dueMs }: Mark): Omit<Fate, "sequence"> {
  const attempts = deliveredMs > 0 ? Math.max(1, failures) : failures;
  if (state === "WAITING") return { state: "QUEUED", attempt: attempts, deliveredMs, settledMs: 0 };
  if (state === "PARKED") return { state: "PARKED", attempt: failures, deliveredMs, settledMs: dueMs };
  return { state: "DELIVERED", attempt: failures + 1, deliveredMs, settledMs: 0 };
}
