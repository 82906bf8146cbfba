import type { Mark } from "../registry/storage.js";
import { type KeptMark, Marks, NO_MARKS } from "./marks.js";
import type { Order } from "./order.js";

/** A cursor as it is kept. */
export interface Place {
  readonly floorSequence: number;
  readonly floorRevision: number;
  /** Above the floor, ascending. */
  readonly settled: readonly number[];
  /** The revisions of these; empty in rows of before they were kept. */
  readonly settledRevisions: readonly number[];
  readonly marks: readonly KeptMark[];
}

const NONE: readonly (readonly [number, number])[] = [];

/** Whose cursor it is. */
interface Owner {
  readonly order: Order;
  /** A message is settled and below the floor. */
  release(revision: number): void;
}

/**
 * What of an order of messages is handed out and what is settled: a floor, settled exceptions above it, and marks.
 *
 * The floor passes what is settled and what has a mark, so that the exceptions stay few however long one message is out.
 * A message is released when it is settled and the floor has passed it, and not before, so that everything above the
 * floor can be counted again after a restart.
 */
export class Cursor {
  readonly #owner: Owner;
  #floor = 0;
  #floorRevision: number;
  /** The exceptions, each with its revision, which stays when the order is numbered anew. */
  #settled: Map<number, number> | undefined;
  #knowsSettled = true;
  #marks = NO_MARKS;

  constructor(owner: Owner, floorRevision: number) {
    this.#owner = owner;
    this.#floorRevision = floorRevision;
  }

  get floor(): number {
    return this.#floor;
  }

  /** The revision of the entry at the floor, or of the beginning. */
  get floorRevision(): number {
    return this.#floorRevision;
  }

  /** Whether it is certain which messages the exceptions are, also when some are lost that came before them. */
  get knowsSettled(): boolean {
    return this.#knowsSettled;
  }

  /** How many messages up to `tail` are not settled. */
  unsettled(tail: number): number {
    return tail - this.#floor - (this.#settled?.size ?? 0) + this.#marks.passed;
  }

  /** How many of these are parked. */
  get parked(): number {
    return this.#marks.parked;
  }

  /** The oldest sequence that is neither settled nor parked, if there is a message at it. */
  get oldest(): number {
    return Math.min(this.#marks.oldest, this.#floor + 1);
  }

  get marks(): ReadonlyMap<number, KeptMark> {
    return this.#marks.bySequence();
  }

  mark(sequence: number): KeptMark | undefined {
    return this.#marks.size === 0 ? undefined : this.#marks.get(sequence);
  }

  isSettled(sequence: number): boolean {
    if (sequence > this.#floor) return this.#settled?.has(sequence) === true;
    return this.mark(sequence) === undefined;
  }

  /** The entry of a message; 0 when there is none. */
  revisionAt(sequence: number): number {
    return this.mark(sequence)?.revision ?? this.#owner.order.revisionAt(sequence);
  }

  /** The messages after one, up to `last`, that are neither settled nor parked. */
  *unsettledAfter(sequence: number, last: number): Iterable<number> {
    const floor = this.#floor;
    const passed = this.#marks.passed === 0 ? [] : this.#marks.sorted(false);
    for (const { sequence: next } of passed) {
      if (next > sequence && next <= floor && next <= last && this.#isWaiting(next)) yield next;
    }
    for (let next = Math.max(sequence, floor) + 1; next <= last; next++) if (this.#isWaiting(next)) yield next;
  }

  /** Settles a message that is not settled, whose entry this is. */
  settle(sequence: number, revision: number): void {
    this.#unmark(sequence);
    if (sequence <= this.#floor) {
      this.#owner.release(revision);
    } else if (sequence === this.#floor + 1) {
      this.#floor = sequence;
      this.#floorRevision = revision;
      this.#owner.release(revision);
      this.#rise();
    } else {
      this.#settled ??= new Map();
      this.#settled.set(sequence, revision);
    }
  }

  /** Sets the mark of a message that is not settled. */
  put({ sequence, state, failures, deliveredMs, dueMs }: Mark): void {
    this.#put({ sequence, revision: this.revisionAt(sequence), state, failures, deliveredMs, dueMs });
    this.#rise();
  }

  /** Counts everything up to a sequence as settled, because it is let go of. */
  pass(through: number): void {
    const { order } = this.#owner;
    for (const sequence of [...this.marks.keys()]) if (sequence <= through) this.#unmark(sequence);
    if (through <= this.#floor) return;
    this.#except([...(this.#settled ?? [])].filter(([sequence]) => sequence > through));
    this.#floor = through;
    this.#floorRevision = order.revisionAt(through) || order.firstRevision;
    this.#rise();
  }

  /** Everything, but for what is parked. */
  place(): Place {
    const settled = this.#settled === undefined ? NONE : [...this.#settled].sort(([a], [b]) => a - b);
    return {
      floorSequence: this.#floor,
      floorRevision: this.#floorRevision,
      settled: settled.map(([sequence]) => sequence),
      settledRevisions: settled.map(([, revision]) => revision),
      marks: this.#marks.sorted(false),
    };
  }

  /** What is parked, in order, if that changed since this was asked last. */
  takeParked(): readonly KeptMark[] | undefined {
    const parked = this.#marks.takeParked();
    if (this.#marks.size === 0) this.#marks = NO_MARKS;
    return parked;
  }

  /**
   * Recovery: takes what was kept. A mark, and an exception, goes where its entry is, which after a loss is another
   * sequence, unless the floor has passed the mark: then the order may not know it.
   */
  restore(place: Place, isThere: (revision: number) => boolean): void {
    const { order } = this.#owner;
    this.#floor = place.floorSequence;
    this.#floorRevision = place.floorRevision;
    this.#knowsSettled = place.settledRevisions.length === place.settled.length;
    const settled = this.#knowsSettled
      ? place.settledRevisions.map((revision) => [order.sequenceOf(revision), revision] as const)
      : place.settled.map((sequence) => [sequence, order.revisionAt(sequence)] as const);
    this.#except(settled.filter(([sequence]) => sequence > this.#floor && sequence <= order.tail));
    this.#marks = NO_MARKS;
    for (const mark of place.marks) {
      const isPassed = mark.revision <= this.#floorRevision && mark.sequence <= this.#floor;
      const sequence = isPassed ? mark.sequence : order.sequenceOf(mark.revision);
      if (sequence > 0 && isThere(mark.revision)) this.#put({ ...mark, sequence });
    }
    // After a loss nobody may know what the exceptions are, and then the floor must not pass them.
    if (this.#settled === undefined || this.#knowsSettled) this.#rise();
  }

  #except(settled: readonly (readonly [sequence: number, revision: number])[]): void {
    this.#settled = settled.length === 0 ? undefined : new Map(settled);
  }

  #isWaiting(sequence: number): boolean {
    return !this.isSettled(sequence) && this.mark(sequence)?.state !== "PARKED";
  }

  #put(mark: KeptMark): void {
    if (this.#marks === NO_MARKS) this.#marks = new Marks();
    if (mark.sequence <= this.#floor && this.#marks.get(mark.sequence) === undefined) this.#marks.passed++;
    this.#marks.put(mark);
  }

  #unmark(sequence: number): void {
    if (this.#marks.size > 0 && this.#marks.delete(sequence) && sequence <= this.#floor) this.#marks.passed--;
  }

  /** Moves the floor past whatever is settled or marked right above it. */
  #rise(): void {
    while (this.#settled !== undefined || this.#marks.size > this.#marks.passed) {
      const next = this.#floor + 1;
      const mark = this.mark(next);
      const isSettled = this.#settled?.delete(next) === true;
      if (mark === undefined && !isSettled) return;
      this.#floor = next;
      this.#floorRevision = mark?.revision ?? this.#owner.order.revisionAt(next);
      if (isSettled) this.#owner.release(this.#floorRevision);
      else this.#marks.passed++;
      if (this.#settled?.size === 0) this.#settled = undefined;
    }
  }
}
