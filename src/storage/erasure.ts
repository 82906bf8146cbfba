import { countBefore } from "../registry/search.js";
import type { Entries } from "./entries.js";
import type { SocketQueue } from "./socket-queue.js";
import type { Timeline } from "./timeline.js";

/** This many parts of queues are looked at in one step. */
const PARTS_PER_STEP = 50_000;

/** A queue that ended. */
export interface Ended {
  readonly queue: SocketQueue;
  /** How many broadcasts the timeline had by then: the order goes on with the timeline, though nobody has it any more. */
  readonly endIndex: number;
}

interface Shared {
  readonly entries: Entries;
  readonly timeline: Timeline;
}

/**
 * Takes the messages of queues that ended out of the history, unless another queue retains them. Each queue is looked
 * at once, however many messages there are; it stops after each step, so that the caller can let others work. That is
 * safe, because no queue can come to retain a message that it did not retain before.
 */
export function* erase(
  { entries, timeline }: Shared,
  ended: Iterable<Ended>,
  queues: Iterable<SocketQueue>,
): Generator<void> {
  const revisions = new Set<number>();
  for (const { queue, endIndex } of ended) {
    queue.order.visit(
      // What retention has passed is dead already.
      queue.order.sequenceUpTo(entries.historyFloor),
      (_, revision) => revisions.add(revision),
      (from, to) => {
        for (let index = from; index < Math.min(to, endIndex); index++) revisions.add(timeline.at(index));
      },
    );
  }
  const broadcasts = new Broadcasts(timeline, revisions);
  let parts = 0;
  for (const queue of queues) {
    queue.order.visit(
      queue.oldest - 1,
      (_, revision) => {
        parts++;
        revisions.delete(revision);
      },
      (from, to) => {
        parts++;
        broadcasts.retain(from, to);
      },
    );
    if (parts < PARTS_PER_STEP) continue;
    parts = 0;
    yield;
  }
  for (const revision of broadcasts.retained()) revisions.delete(revision);
  for (const revision of revisions) entries.erase(revision);
}

/** Those of some revisions that are broadcasts, and which of these somebody retains as such. */
class Broadcasts {
  readonly #places: readonly { readonly index: number; readonly revision: number }[];
  /** Where runs that are retained begin (1 each) and end (-1 each), by place. */
  readonly #changes: Int32Array;

  constructor(timeline: Timeline, revisions: Iterable<number>) {
    this.#places = [...revisions]
      .map((revision) => ({ revision, index: timeline.indexAfter(revision - 1) }))
      .filter(({ revision, index }) => timeline.at(index) === revision)
      .sort((a, b) => a.index - b.index);
    this.#changes = new Int32Array(this.#places.length + 1);
  }

  retain(from: number, to: number): void {
    this.#change(from, 1);
    this.#change(to, -1);
  }

  *retained(): Generator<number> {
    let runs = 0;
    for (const [place, { revision }] of this.#places.entries()) {
      runs += this.#changes[place] ?? 0;
      if (runs > 0) yield revision;
    }
  }

  #change(index: number, by: number): void {
    const place = countBefore(this.#places.length, (other) => (this.#places[other]?.index ?? 0) < index);
    this.#changes[place] = (this.#changes[place] ?? 0) + by;
  }
}
