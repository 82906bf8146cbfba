import type { Mark } from "../registry/storage.js";

/** A mark as it is kept: with the entry's revision, because the order may know the entry no longer. */
export interface KeptMark extends Mark {
  readonly revision: number;
}

/** The marks of one queue. */
export class Marks {
  /** How many of them the floor has passed: the cursor counts that. */
  passed = 0;
  readonly #marks = new Map<number, KeptMark>();
  #parked = 0;
  #isParkedMoved = false;
  /** The lowest sequence that is marked and not parked; undefined when it has to be looked for. */
  #oldest: number | undefined = Number.POSITIVE_INFINITY;

  get size(): number {
    return this.#marks.size;
  }

  /** How many are parked. */
  get parked(): number {
    return this.#parked;
  }

  /** The lowest sequence that is marked and not parked; infinite when there is none. */
  get oldest(): number {
    if (this.#oldest === undefined) {
      this.#oldest = Number.POSITIVE_INFINITY;
      for (const { sequence, state } of this.#marks.values()) {
        if (state !== "PARKED" && sequence < this.#oldest) this.#oldest = sequence;
      }
    }
    return this.#oldest;
  }

  get(sequence: number): KeptMark | undefined {
    return this.#marks.get(sequence);
  }

  isParked(sequence: number): boolean {
    return this.#marks.get(sequence)?.state === "PARKED";
  }

  bySequence(): ReadonlyMap<number, KeptMark> {
    return this.#marks;
  }

  /** Those that are parked, or those that are not, in order. */
  sorted(isParked: boolean): KeptMark[] {
    const found: KeptMark[] = [];
    let isInOrder = true;
    let before = 0;
    for (const mark of this.#marks.values()) {
      if ((mark.state === "PARKED") !== isParked) continue;
      isInOrder &&= mark.sequence > before;
      before = mark.sequence;
      found.push(mark);
    }
    // What is handed out in order is mostly still so.
    return isInOrder ? found : found.sort((a, b) => a.sequence - b.sequence);
  }

  put(mark: KeptMark): void {
    const old = this.#marks.get(mark.sequence);
    if (old !== undefined) this.#leave(old);
    this.#marks.set(mark.sequence, mark);
    if (mark.state === "PARKED") this.#moveParked(1);
    else if (this.#oldest !== undefined && mark.sequence < this.#oldest) this.#oldest = mark.sequence;
  }

  /** @returns whether there was one */
  delete(sequence: number): boolean {
    const mark = this.#marks.get(sequence);
    if (mark === undefined) return false;
    this.#marks.delete(sequence);
    this.#leave(mark);
    return true;
  }

  /** Those that are parked, in order, if they changed since this was asked last. */
  takeParked(): KeptMark[] | undefined {
    if (!this.#isParkedMoved) return undefined;
    this.#isParkedMoved = false;
    return this.sorted(true);
  }

  #leave({ sequence, state }: KeptMark): void {
    if (state === "PARKED") this.#moveParked(-1);
    else if (sequence === this.#oldest) this.#oldest = undefined;
  }

  #moveParked(by: 1 | -1): void {
    this.#parked += by;
    this.#isParkedMoved = true;
  }
}

/** The marks of every queue that has none. Nobody adds to it. */
export const NO_MARKS = new Marks();

/** The mark of a message after a loss: what was handed out comes again. */
export function comingAgain(mark: KeptMark): KeptMark {
  const isOut = mark.state === "HELD" || mark.state === "LENT";
  return isOut ? { ...mark, state: "WAITING", dueMs: 0 } : mark;
}
