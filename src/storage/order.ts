import { countBefore } from "../registry/search.js";
import type { Timeline } from "./timeline.js";

/** The numbers of one anchor: sequence, revision (negative: left out), broadcasts in the timeline once it happened. */
const STRIDE = 3;
const SEQUENCE = 0;
const REVISION = 1;
const INDEX = 2;

/**
 * Which entry of the log has which sequence in one queue. It holds no message and no state of delivery.
 *
 * The order is the timeline of broadcasts with exceptions, and only these are kept, as *anchors*: a message that came
 * by name is put in, a broadcast that the socket did not get is left out, and after each the timeline goes on. The first
 * anchor stands for the beginning. So a broadcast to 100,000 sockets touches none of their queues.
 */
export class Order {
  /** The order holds what comes after this revision. */
  readonly startRevision: number;
  readonly #timeline: Timeline;
  #anchors: number[];
  #head = 0;

  constructor(timeline: Timeline, startRevision: number) {
    this.startRevision = startRevision;
    this.#timeline = timeline;
    this.#anchors = [1, -startRevision, timeline.indexAfter(startRevision)];
  }

  /** The newest sequence. */
  get tail(): number {
    return this.#covered(this.#anchors.length - STRIDE, this.#timeline.end);
  }

  /** The oldest sequence that is known. */
  get first(): number {
    return this.#part(this.#head, SEQUENCE);
  }

  /** What lies before `first` has at most this revision, and everything else a greater one. */
  get firstRevision(): number {
    return Math.abs(this.#part(this.#head, REVISION)) - this.#own(this.#head);
  }

  /** Whether the newest message is a broadcast. */
  get endsWithBroadcast(): boolean {
    return this.#timeline.end > this.#part(this.#anchors.length - STRIDE, INDEX);
  }

  /** Puts a message in that came by name. */
  push(revision: number): number {
    const sequence = this.tail + 1;
    this.#anchors.push(sequence, revision, this.#timeline.end);
    return sequence;
  }

  /** Leaves a broadcast out that is about to join the timeline. @returns false when it is left out already */
  skip(revision: number): boolean {
    const last = this.#anchors.length - STRIDE;
    if (this.#part(last, INDEX) > this.#timeline.end) return false;
    const sequence = this.tail + 1;
    // Two that are left out one after the other need one anchor.
    if (this.#part(last, REVISION) < 0 && this.#part(last, SEQUENCE) === sequence) this.#anchors.length = last;
    this.#anchors.push(sequence, -revision, this.#timeline.end + 1);
    return true;
  }

  /** The entry of a sequence; 0 when there is none. */
  revisionAt(sequence: number): number {
    if (sequence > this.tail) return 0;
    const anchor = this.#lastAnchor(SEQUENCE, sequence);
    if (anchor < 0) return 0;
    const offset = sequence - this.#part(anchor, SEQUENCE);
    const own = this.#own(anchor);
    if (own === 1 && offset === 0) return this.#part(anchor, REVISION);
    return this.#timeline.at(this.#part(anchor, INDEX) + offset - own);
  }

  /** The newest sequence whose entry has at most this revision. */
  sequenceUpTo(revision: number): number {
    const anchor = this.#lastAnchor(REVISION, revision);
    if (anchor < 0) return this.first - 1;
    const covered = this.#covered(anchor, Math.max(this.#timeline.indexAfter(revision), this.#part(anchor, INDEX)));
    const next = anchor + STRIDE;
    return next < this.#anchors.length ? Math.min(covered, this.#part(next, SEQUENCE) - 1) : covered;
  }

  /** The sequence of an entry; 0 when it is not one of these. */
  sequenceOf(revision: number): number {
    const sequence = this.sequenceUpTo(revision);
    return revision > 0 && this.revisionAt(sequence) === revision ? sequence : 0;
  }

  /** Whether there may be something to trim. */
  get isLong(): boolean {
    return this.#anchors.length - this.#head > STRIDE;
  }

  /** Lets go of what lies before this sequence. */
  trim(oldest: number): void {
    while (this.#head + STRIDE < this.#anchors.length && this.#part(this.#head + STRIDE, SEQUENCE) <= oldest) {
      this.#head += STRIDE;
    }
    if (this.#head > 256 * STRIDE && this.#head > this.#anchors.length / 2) {
      this.#anchors = this.#anchors.slice(this.#head);
      this.#head = 0;
    }
  }

  /**
   * What lies above a sequence: each message that came by name, and the runs of the timeline between them, because
   * there can be as many broadcasts as sockets times broadcasts.
   */
  visit(
    above: number,
    named: (sequence: number, revision: number) => void,
    run: (fromIndex: number, toIndex: number) => void,
  ): void {
    for (let anchor = this.#head; anchor < this.#anchors.length; anchor += STRIDE) {
      const sequence = this.#part(anchor, SEQUENCE);
      const own = this.#own(anchor);
      if (own === 1 && sequence > above) named(sequence, this.#part(anchor, REVISION));
      const next = anchor + STRIDE;
      const index = this.#part(anchor, INDEX);
      const end =
        next < this.#anchors.length ? index + this.#part(next, SEQUENCE) - sequence - own : this.#timeline.end;
      const from = index + Math.max(0, above + 1 - sequence - own);
      if (from < end) run(from, end);
    }
  }

  /** A copy of the anchors, for a checkpoint. */
  image(): number[] {
    return this.#anchors.slice(this.#head);
  }

  /** Recovery: begins now, the timeline having reached the start only now. */
  begin(): void {
    this.#anchors = [1, -this.startRevision, this.#timeline.indexAfter(this.startRevision)];
  }

  /** Recovery: takes the anchors of a checkpoint. */
  restore(anchors: number[]): void {
    this.#anchors = anchors;
    this.#head = 0;
  }

  /** Recovery: renumbers everything by a constant. */
  shift(by: number): void {
    for (let anchor = this.#head; anchor < this.#anchors.length; anchor += STRIDE) {
      this.#anchors[anchor] = this.#part(anchor, SEQUENCE) + by;
    }
  }

  /** 1 when the anchor is a message itself, 0 when it stands for one that is left out. */
  #own(anchor: number): 0 | 1 {
    return this.#part(anchor, REVISION) > 0 ? 1 : 0;
  }

  #part(anchor: number, part: number): number {
    return this.#anchors[anchor + part] ?? 0;
  }

  /** The newest sequence that an anchor covers when the timeline reaches up to the index `end`. */
  #covered(anchor: number, end: number): number {
    return this.#part(anchor, SEQUENCE) - 1 + this.#own(anchor) + end - this.#part(anchor, INDEX);
  }

  /** The last anchor whose sequence or revision is at most `limit`; negative when there is none. */
  #lastAnchor(part: typeof SEQUENCE | typeof REVISION, limit: number): number {
    const count = (this.#anchors.length - this.#head) / STRIDE;
    const isBefore = (place: number): boolean => Math.abs(this.#part(this.#head + place * STRIDE, part)) <= limit;
    const found = countBefore(count, isBefore);
    return found === 0 ? -1 : this.#head + (found - 1) * STRIDE;
  }
}
