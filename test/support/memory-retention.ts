import type { RetentionLimits } from "../../src/registry/storage.js";
import type { MemoryEntry } from "./memory-fate.js";
import type { MemoryQueue } from "./memory-queue.js";

interface Kept {
  readonly log: Map<number, MemoryEntry>;
  /** The queues that hold entries: those of sockets. */
  readonly queues: readonly MemoryQueue[];
  /** The entries of queues that ended. */
  readonly ended: Set<number>;
  readonly bounds: { readonly durableRevision: number; historyFloor: number };
}

/** Whether a queue holds an entry: what is not settled, and everything above the floor. */
export function isHeldBy(queues: readonly MemoryQueue[], revision: number): boolean {
  return queues.some((queue) => {
    const index = queue.copies.findIndex((copy) => copy.revision === revision);
    return index >= queue.floor || queue.copies[index]?.settled === false;
  });
}

/** Lets go of what is too much, and removes what nobody needs. @returns how many entries it removed */
export function retain({ log, queues, ended, bounds }: Kept, limits: RetentionLimits, nowMs: number): number {
  const isHeld = (revision: number): boolean => isHeldBy(queues, revision);
  const isReadable = (revision: number): boolean =>
    queues.some((queue) => queue.copies.some((copy, index) => copy.revision === revision && queue.readable(index + 1)));
  const before = log.size;
  for (const revision of ended) if (!isReadable(revision)) log.delete(revision);
  ended.clear();
  const history = [...log].filter(([revision]) => revision > bounds.historyFloor && !isHeld(revision));
  let [count, bytes] = [history.length, history.reduce((sum, [, { size }]) => sum + size, 0)];
  while (bounds.historyFloor < bounds.durableRevision) {
    const entry = log.get(bounds.historyFloor + 1);
    const isKept = count <= limits.messages && bytes <= limits.bytes;
    if (entry !== undefined && isKept && entry.timeMs > nowMs - limits.ageMs) break;
    bounds.historyFloor++;
    if (entry === undefined || isHeld(bounds.historyFloor)) continue;
    count--;
    bytes -= entry.size;
  }
  for (const revision of [...log.keys()]) {
    if (revision <= bounds.historyFloor && !isHeld(revision)) log.delete(revision);
  }
  return before - log.size;
}
