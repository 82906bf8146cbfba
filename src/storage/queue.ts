import type { QueueView, ReadLimits } from "../registry/storage.js";
import type { Entries } from "./entries.js";
import { Order } from "./order.js";
import type { Timeline } from "./timeline.js";

/** The durable delivery state of a queue, as it is kept in its cursor row. */
export interface Cursor {
  readonly epochRevision: number;
  readonly floorSequence: number;
  readonly floorRevision: number;
  readonly settled: readonly number[];
  readonly droppedCount: number;
  readonly droppedAnnounced: number;
  readonly movedMs: number;
}

/** What all queues of a store share. */
export interface Shared {
  timeline: Timeline;
  readonly entries: Entries;
  /** The newest revision that is durable. */
  durableRevision: number;
}

/**
 * One socket's queue: its order, and which of it is settled.
 *
 * What is settled is a floor and a set of exceptions above it. An entry is released when the floor passes it, and not
 * before, so that everything above the floor can be counted again after a restart.
 */
export class Queue implements QueueView {
  readonly order: Order;
  readonly number: number;
  /** The queue holds no entry up to this revision. */
  readonly epochRevision: number;
  readonly #shared: Shared;
  #floor = 0;
  #floorRevision: number;
  #settled: Set<number> | undefined;
  #dropped = 0;
  #announced = 0;
  #ownActivityMs = 0;
  /** The bytes of unsettled messages, but for the broadcasts that came since the timeline had `#foldedTotal`. */
  #bytes = 0;
  #foldedTotal: number;

  constructor(
    shared: Shared,
    number: number,
    epochRevision: number,
    /** Where the order begins: in recovery later than the epoch. */
    startRevision = epochRevision,
  ) {
    this.number = number;
    this.epochRevision = epochRevision;
    this.#shared = shared;
    this.order = new Order(shared.timeline, startRevision);
    this.#floorRevision = startRevision;
    this.#foldedTotal = shared.timeline.totalBytes;
  }

  get tail(): number {
    return this.order.tail;
  }

  get durableTail(): number {
    return this.order.sequenceUpTo(this.#shared.durableRevision);
  }

  get floor(): number {
    return this.#floor;
  }

  get oldest(): number {
    const history = this.#shared.entries.historyFloor;
    if (this.#floorRevision <= history) return this.#floor + 1;
    // What a renumbered queue had settled before has no sequence in this epoch.
    return Math.max(1, this.order.first, this.order.sequenceUpTo(history) + 1);
  }

  get depth(): number {
    return this.order.tail - this.#floor - (this.#settled?.size ?? 0);
  }

  get bytes(): number {
    return this.#bytes + this.#shared.timeline.totalBytes - this.#foldedTotal;
  }

  get dropped(): number {
    return this.#dropped;
  }

  get droppedUnannounced(): number {
    return this.#dropped - this.#announced;
  }

  get activityMs(): number {
    if (!this.order.endsWithBroadcast) return this.#ownActivityMs;
    return Math.max(this.#ownActivityMs, this.#shared.timeline.newestMs);
  }

  get oldestUnsettledMs(): number | undefined {
    return this.depth === 0 ? undefined : this.#shared.entries.timeMs(this.order.revisionAt(this.#floor + 1));
  }

  isSettled(sequence: number): boolean {
    return sequence <= this.#floor || this.#settled?.has(sequence) === true;
  }

  /** The stored bytes of a message; 0 when it is let go of. */
  sizeAt(sequence: number): number {
    return sequence < this.oldest ? 0 : this.#shared.entries.size(this.order.revisionAt(sequence));
  }

  /** The durable messages after one, within the limits, but at least one if there is one. */
  sequencesAfter(after: number, limits: ReadLimits): number[] {
    const sequences: number[] = [];
    const last = this.durableTail;
    let bytes = 0;
    for (let sequence = Math.max(after + 1, this.oldest); sequence <= last; sequence++) {
      bytes += this.#shared.entries.size(this.order.revisionAt(sequence));
      if (sequences.length > 0 && (sequences.length >= limits.messages || bytes > limits.bytes)) break;
      sequences.push(sequence);
    }
    return sequences;
  }

  /** Puts a message in that came by name. */
  push(revision: number, size: number, timeMs: number): number {
    this.#fold();
    this.#bytes += size;
    this.#ownActivityMs = Math.max(this.#ownActivityMs, timeMs);
    return this.order.push(revision);
  }

  /** Leaves a broadcast out that is about to join the timeline. @returns false when it is left out already */
  skip(revision: number, size: number): boolean {
    const activityMs = this.activityMs;
    if (!this.order.skip(revision)) return false;
    this.#ownActivityMs = activityMs;
    this.#fold();
    this.#foldedTotal += size;
    return true;
  }

  /** Settles messages. @returns whether anything changed */
  settle(sequences: readonly number[], nowMs: number): boolean {
    let changed = false;
    for (const sequence of sequences) {
      if (this.isSettled(sequence) || sequence > this.tail) continue;
      const revision = this.order.revisionAt(sequence);
      this.#bytes -= this.#shared.entries.size(revision);
      changed = true;
      if (sequence === this.#floor + 1) {
        this.#raiseFloor(revision);
      } else {
        this.#settled ??= new Set();
        this.#settled.add(sequence);
      }
    }
    if (!changed) return false;
    this.#ownActivityMs = Math.max(this.activityMs, nowMs);
    this.trim();
    return true;
  }

  /** Settles everything up to `through` as dropped. @returns how many messages that were */
  drop(through: number, nowMs: number): number {
    const sequences: number[] = [];
    for (let sequence = this.#floor + 1; sequence <= Math.min(through, this.tail); sequence++) {
      if (!this.isSettled(sequence)) sequences.push(sequence);
    }
    this.settle(sequences, nowMs);
    this.#dropped += sequences.length;
    return sequences.length;
  }

  /** Counts every drop so far as told. @returns whether there was one */
  announceDrops(): boolean {
    const news = this.#announced < this.#dropped;
    this.#announced = this.#dropped;
    return news;
  }

  /** Releases everything, because the queue ends here. */
  end(): void {
    const { entries, timeline } = this.#shared;
    this.order.visit(
      this.#floor,
      (_, revision) => entries.release(revision),
      (from, to) => {
        for (let index = from; index < to; index++) entries.release(timeline.at(index));
      },
    );
  }

  /** Lets go of what the order knows of messages that nobody can read any more. */
  trim(): void {
    if (this.order.isLong) this.order.trim(this.oldest);
  }

  cursor(): Cursor {
    return {
      epochRevision: this.epochRevision,
      floorSequence: this.#floor,
      floorRevision: this.#floorRevision,
      settled: this.#settled === undefined ? [] : [...this.#settled].sort((a, b) => a - b),
      droppedCount: this.#dropped,
      droppedAnnounced: this.#announced,
      movedMs: this.#ownActivityMs,
    };
  }

  /**
   * Recovery: takes the delivery state from the cursor's row, and numbers the messages by it: what was settled may be
   * removed and was not counted then.
   */
  restore(cursor: Cursor): void {
    const { order } = this;
    // A cursor can be older than the order only when a newer one is lost. What the order let go of was settled.
    const isOld = cursor.floorSequence < order.first - 1;
    if (!isOld) order.shift(cursor.floorSequence - order.sequenceUpTo(cursor.floorRevision));
    this.#floor = isOld ? order.first - 1 : cursor.floorSequence;
    this.#floorRevision = isOld ? order.firstRevision : cursor.floorRevision;
    const settled = cursor.settled.filter((sequence) => sequence > this.#floor && sequence <= this.tail);
    this.#settled = settled.length === 0 ? undefined : new Set(settled);
    this.#dropped = cursor.droppedCount;
    this.#announced = cursor.droppedAnnounced;
    this.#ownActivityMs = Math.max(this.#ownActivityMs, cursor.movedMs);
  }

  /**
   * After a loss: begins a new epoch's numbering with the messages that are left. What was settled above the floor
   * counts as unsettled again, because nobody can know which of the messages it was.
   */
  renumber(): void {
    for (const sequence of this.#settled ?? []) {
      this.#bytes += this.#shared.entries.size(this.order.revisionAt(sequence));
    }
    this.#settled = undefined;
    this.order.shift(-this.#floor);
    this.#floor = 0;
    this.#dropped = 0;
    this.#announced = 0;
  }

  /**
   * Recovery: holds the entries above the floor and counts their bytes, and remembers when the newest came. Of
   * broadcasts only runs are reported; `runBytes` tells the bytes of one.
   */
  holdAll(run: (fromIndex: number, toIndex: number) => void, runBytes: (from: number, to: number) => number): void {
    const { entries, timeline } = this.#shared;
    this.#bytes = 0;
    this.#foldedTotal = timeline.totalBytes;
    this.order.visit(
      this.#floor,
      (_, revision) => {
        entries.hold(revision);
        this.#bytes += entries.size(revision);
      },
      (from, to) => {
        run(from, to);
        this.#bytes += runBytes(from, to);
      },
    );
    for (const sequence of this.#settled ?? []) this.#bytes -= entries.size(this.order.revisionAt(sequence));
    const newest = entries.timeMs(this.order.revisionAt(this.tail));
    this.#ownActivityMs = Math.max(this.#ownActivityMs, newest ?? 0);
  }

  #fold(): void {
    this.#bytes += this.#shared.timeline.totalBytes - this.#foldedTotal;
    this.#foldedTotal = this.#shared.timeline.totalBytes;
  }

  /** The message above the floor is settled: the floor passes it, and whatever is settled behind it. */
  #raiseFloor(revision: number): void {
    let next = revision;
    do {
      this.#floor++;
      this.#floorRevision = next;
      this.#shared.entries.release(next);
      next = this.#settled === undefined ? 0 : this.order.revisionAt(this.#floor + 1);
    } while (this.#settled?.delete(this.#floor + 1) === true);
    if (this.#settled?.size === 0) this.#settled = undefined;
  }
}
