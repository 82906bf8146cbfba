import type { Fate } from "../registry/storage.js";
import type { KeptMark } from "./marks.js";
import type { Queue } from "./queue.js";

/**
 * What became of the message at a revision, as far as the queue knows; undefined when the queue never held it. Of one
 * that is settled it only knows that: how it ended is in its receipt.
 */
export function fateIn(queue: Queue, revision: number, historyFloor: number): Fate | undefined {
  if (revision <= queue.epochRevision) return undefined;
  const sequence = queue.order.sequenceUpTo(revision);
  const mark = markOf(queue, sequence, revision);
  if (mark !== undefined) return marked(mark);
  if (sequence < queue.oldest) {
    // Which messages it let go of nobody knows, but that they were settled and are not of the history any more.
    const isForgotten = queue.oldest > 1 && revision <= historyFloor;
    return isForgotten ? { ...NEVER, sequence: 0, state: "SETTLED" } : undefined;
  }
  if (queue.order.revisionAt(sequence) !== revision) return undefined;
  return { ...NEVER, sequence, state: queue.isSettled(sequence) ? "SETTLED" : "QUEUED" };
}

/** The mark of an entry: at its place in the order, or at another when the order has let go of that. */
function markOf({ marks, oldest }: Queue, sequence: number, revision: number): KeptMark | undefined {
  const mark = marks.get(sequence);
  if (mark?.revision === revision) return mark;
  if (sequence >= oldest) return undefined;
  for (const other of marks.values()) if (other.revision === revision) return other;
  return undefined;
}

const NEVER = { attempt: 0, deliveredMs: 0, settledMs: 0 };

/** The attempt is the newest that was made: of what waits the last one failed, of what is in flight it is under way. */
function marked({ sequence, state, failures, deliveredMs, dueMs }: KeptMark): Fate {
  const failed = { sequence, attempt: failures, deliveredMs, settledMs: 0 };
  // A stream that broke is no failed attempt, but an attempt.
  if (state === "WAITING") return { ...failed, state: "QUEUED", attempt: Math.max(failures, Math.sign(deliveredMs)) };
  if (state === "PARKED") return { ...failed, state: "PARKED", settledMs: dueMs };
  return { ...failed, state: "DELIVERED", attempt: failures + 1 };
}
