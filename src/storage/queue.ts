import type { DropReason, Mark, QueueView, ReadLimits } from "../registry/storage.js";
import { Cursor, type Place } from "./cursor.js";
import type { Ending, Outcome } from "./endings.js";
import type { Entries } from "./entries.js";
import type { KeptMark } from "./marks.js";
import type { Order } from "./order.js";
import type { Timeline } from "./timeline.js";

/** How many messages were dropped, by the reason, and how many of these readers have been told of. */
export type Drops = Readonly<Record<DropReason, { readonly count: number; readonly announced: number }>>;

export const NO_DROPS: Drops = { OVERFLOW: { count: 0, announced: 0 }, EXPIRED: { count: 0, announced: 0 } };

/** The durable delivery state of a queue, as it is kept in its rows. */
export interface QueueImage extends Place {
  readonly epochRevision: number;
  readonly drops: Drops;
  readonly movedMs: number;
  readonly seenMs: number;
}

/** What all queues of a store share. */
export interface Shared {
  timeline: Timeline;
  readonly entries: Entries;
  /** The newest revision that is durable. */
  durableRevision: number;
}

/** An order of messages with a cursor: what a socket's queue and a consumer's have in common. */
export abstract class Queue implements QueueView {
  readonly number: number;
  /** The queue holds no entry up to this revision. */
  readonly epochRevision: number;
  protected readonly shared: Shared;
  protected readonly cursor: Cursor;
  #drops = NO_DROPS;
  #ownActivityMs = 0;
  #seenMs = 0;

  constructor(shared: Shared, number: number, epochRevision: number, startRevision: number) {
    this.shared = shared;
    this.number = number;
    this.epochRevision = epochRevision;
    this.cursor = new Cursor(this, startRevision);
  }

  abstract get order(): Order;
  abstract get oldest(): number;
  abstract get bytes(): number;
  abstract get activityMs(): number;
  /** What became of messages since this was asked last. */
  abstract takeEndings(): readonly Ending[];
  /** Lets go of what the order knows of messages that nobody can read by position any more. */
  abstract trim(): void;
  /** A message is settled and below the floor. */
  abstract release(revision: number): void;
  /** A message is about to be settled. */
  protected abstract leave(sequence: number, revision: number, how: Outcome, nowMs: number): void;

  get tail(): number {
    return this.order.tail;
  }

  get durableTail(): number {
    return this.order.sequenceUpTo(this.shared.durableRevision);
  }

  get floor(): number {
    return this.cursor.floor;
  }

  get oldestUnsettled(): number {
    return this.cursor.oldest;
  }

  get marks(): ReadonlyMap<number, KeptMark> {
    return this.cursor.marks;
  }

  get depth(): number {
    return this.cursor.unsettled(this.tail) - this.cursor.parked;
  }

  get parked(): number {
    return this.cursor.parked;
  }

  get dropped(): number {
    return this.#drops.OVERFLOW.count + this.#drops.EXPIRED.count;
  }

  get seenMs(): number {
    return this.#seenMs;
  }

  get oldestUnsettledMs(): number | undefined {
    return this.depth === 0 ? undefined : this.shared.entries.timeMs(this.cursor.revisionAt(this.cursor.oldest));
  }

  /** When the cursor moved last, or a message came by name. */
  protected get ownActivityMs(): number {
    return this.#ownActivityMs;
  }

  isSettled(sequence: number): boolean {
    return this.cursor.isSettled(sequence);
  }

  unannounced(reason: DropReason): number {
    const { count, announced } = this.#drops[reason];
    return count - announced;
  }

  unsettledAfter(sequence: number): Iterable<number> {
    return this.cursor.unsettledAfter(sequence, this.durableTail);
  }

  /** Tells whether there is a message, which can be read by position or because it has a mark. Good for this moment. */
  readable(): (sequence: number) => boolean {
    const { cursor, oldest, tail } = this;
    return (sequence) => (sequence >= oldest && sequence <= tail) || cursor.mark(sequence) !== undefined;
  }

  /** The entry of a message; 0 when it cannot be read. */
  revisionAt(sequence: number): number {
    return this.readable()(sequence) ? this.cursor.revisionAt(sequence) : 0;
  }

  /** Tells of each of these messages that is durable and can be read which entry it is. */
  visit(sequences: readonly number[], each: (sequence: number, revision: number) => void): void {
    const { cursor, durableTail } = this;
    const isReadable = this.readable();
    for (const sequence of sequences) {
      if (sequence <= durableTail && isReadable(sequence)) each(sequence, cursor.revisionAt(sequence));
    }
  }

  /** The stored bytes of a message; 0 when it cannot be read. */
  sizeAt(sequence: number): number {
    const { cursor } = this;
    // Asked for whatever is handed out. Above the floor nothing is gone, and the order says where its end is.
    return this.shared.entries.size(sequence > cursor.floor ? cursor.revisionAt(sequence) : this.revisionAt(sequence));
  }

  /** When a message was appended; undefined when it cannot be read. */
  timeAt(sequence: number): number | undefined {
    const revision = this.revisionAt(sequence);
    return this.shared.entries.size(revision) === 0 ? undefined : this.shared.entries.timeMs(revision);
  }

  /** The durable messages after one, by position, within the limits, but at least one if there is one. */
  sequencesAfter(after: number, limits: ReadLimits): number[] {
    const sequences: number[] = [];
    const last = this.durableTail;
    let bytes = 0;
    for (let sequence = Math.max(after + 1, this.oldest); sequence <= last; sequence++) {
      bytes += this.shared.entries.size(this.cursor.revisionAt(sequence));
      if (sequences.length > 0 && (sequences.length >= limits.messages || bytes > limits.bytes)) break;
      sequences.push(sequence);
    }
    return sequences;
  }

  /** Settles messages. @returns how many of them were not settled */
  settle(sequences: readonly number[], nowMs: number, how: Outcome = "SETTLED"): number {
    const { cursor, tail } = this;
    let count = 0;
    for (const sequence of sequences) {
      if (sequence > tail || cursor.isSettled(sequence)) continue;
      const revision = cursor.revisionAt(sequence);
      this.leave(sequence, revision, how, nowMs);
      cursor.settle(sequence, revision);
      count++;
    }
    if (count > 0) this.noteActivity(Math.max(this.activityMs, nowMs));
    return count;
  }

  /** Settles messages as dropped. @returns how many of them were not settled */
  drop(sequences: readonly number[], reason: DropReason, nowMs: number): number {
    const dropped = this.settle(sequences, nowMs, reason === "EXPIRED" ? "EXPIRED" : "DROPPED");
    const { count, announced } = this.#drops[reason];
    if (dropped > 0) this.#drops = { ...this.#drops, [reason]: { count: count + dropped, announced } };
    return dropped;
  }

  /** Counts so many more drops as told, as far as there were any. @returns whether there was one */
  announceDrops(reason: DropReason, told: number): boolean {
    const { count, announced } = this.#drops[reason];
    this.#drops = { ...this.#drops, [reason]: { count, announced: Math.min(count, announced + told) } };
    return told > 0 && announced < count;
  }

  /** Sets the marks of messages that are not settled. @returns whether there was one */
  mark(marks: readonly Mark[]): boolean {
    const { cursor, tail } = this;
    let isMoved = false;
    for (const mark of marks) {
      if (mark.sequence > tail || cursor.isSettled(mark.sequence)) continue;
      cursor.put(mark);
      isMoved = true;
    }
    return isMoved;
  }

  /** Keeps when the agent was seen. @returns whether that is news */
  seen(seenMs: number): boolean {
    const isNews = seenMs !== this.#seenMs;
    this.#seenMs = seenMs;
    return isNews;
  }

  /** What the cursor's row holds. */
  image(): QueueImage {
    const { floorSequence, floorRevision, settled, settledRevisions, marks } = this.cursor.place();
    return {
      epochRevision: this.epochRevision,
      floorSequence,
      floorRevision,
      settled,
      settledRevisions,
      marks,
      drops: this.#drops,
      movedMs: this.#ownActivityMs,
      seenMs: this.#seenMs,
    };
  }

  /** What the row of the parked holds, if that changed since this was asked last. */
  takeParked(): readonly KeptMark[] | undefined {
    return this.cursor.takeParked();
  }

  /** Recovery: takes the delivery state that was kept. */
  restore({ drops, movedMs, seenMs, ...place }: QueueImage): void {
    this.#drops = drops;
    this.#seenMs = seenMs;
    this.noteActivity(movedMs);
    this.cursor.restore(place, (revision) => this.shared.entries.size(revision) > 0);
  }

  protected noteActivity(ms: number): void {
    this.#ownActivityMs = Math.max(this.#ownActivityMs, ms);
  }
}
