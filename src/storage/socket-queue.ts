import { type Ending, Endings, type Outcome } from "./endings.js";
import { comingAgain, type KeptMark } from "./marks.js";
import { Order } from "./order.js";
import { NO_DROPS, Queue, type QueueImage, type Shared } from "./queue.js";

/** A socket's queue: it has an order of its own, and its messages stay in the log until they are settled. */
export class SocketQueue extends Queue {
  readonly order: Order;
  /** At lower sequences the order has messages of an earlier epoch. */
  #begin = 1;
  /** The bytes of unsettled messages, but for the broadcasts that came since the timeline had `#foldedTotal`. */
  #bytes = 0;
  #foldedTotal: number;
  #endings: Endings | undefined;

  constructor(
    shared: Shared,
    number: number,
    epochRevision: number,
    /** Where the order begins: in recovery later than the epoch. */
    startRevision = epochRevision,
  ) {
    super(shared, number, epochRevision, startRevision);
    this.order = new Order(shared.timeline, startRevision);
    this.#foldedTotal = shared.timeline.totalBytes;
  }

  get oldest(): number {
    const history = this.shared.entries.historyFloor;
    if (this.cursor.floorRevision <= history) return this.cursor.floor + 1;
    return Math.max(this.#begin, this.order.first, this.order.sequenceUpTo(history) + 1);
  }

  get bytes(): number {
    return this.#bytes + this.shared.timeline.totalBytes - this.#foldedTotal;
  }

  get activityMs(): number {
    if (!this.order.endsWithBroadcast) return this.ownActivityMs;
    return Math.max(this.ownActivityMs, this.shared.timeline.newestMs);
  }

  takeEndings(): readonly Ending[] {
    const endings = this.#endings?.all() ?? [];
    this.#endings = undefined;
    return endings;
  }

  release(revision: number): void {
    this.shared.entries.release(revision);
  }

  protected leave(sequence: number, revision: number, how: Outcome, nowMs: number): void {
    this.#bytes -= this.shared.entries.size(revision);
    this.#endings ??= new Endings();
    this.#endings.add(sequence, how, this.cursor.mark(sequence), nowMs);
  }

  /** Puts a message in that came by name. */
  push(revision: number, size: number, timeMs: number): number {
    this.#fold();
    this.#bytes += size;
    this.noteActivity(timeMs);
    return this.order.push(revision);
  }

  /** Leaves a broadcast out that is about to join the timeline. @returns false when it is left out already */
  skip(revision: number, size: number): boolean {
    const { activityMs } = this;
    if (!this.order.skip(revision)) return false;
    this.noteActivity(activityMs);
    this.#fold();
    this.#foldedTotal += size;
    return true;
  }

  /** Releases everything, because the queue ends here. */
  end(): void {
    const { entries, timeline } = this.shared;
    for (const { revision } of this.#passed()) entries.release(revision);
    this.order.visit(
      this.floor,
      (_, revision) => entries.release(revision),
      (from, to) => {
        for (let index = from; index < to; index++) entries.release(timeline.at(index));
      },
    );
  }

  trim(): void {
    if (this.order.isLong) this.order.trim(this.oldest);
  }

  /**
   * Recovery: takes the delivery state that was kept, and numbers the messages by it: what was settled may be removed
   * and was not counted then.
   */
  override restore(image: QueueImage): void {
    const { order } = this;
    // A cursor can be older than the order only when a newer one is lost. What the order let go of was settled.
    const isOld = image.floorSequence < order.first - 1;
    if (!isOld) order.shift(image.floorSequence - order.sequenceUpTo(image.floorRevision));
    super.restore(isOld ? { ...image, floorSequence: order.first - 1, floorRevision: order.firstRevision } : image);
    this.#skipOld();
  }

  /**
   * After a loss: begins a new epoch's numbering with the messages that are left, first those with a mark, which come
   * again. What was settled above the floor counts as unsettled again if nobody can know which of the messages it was.
   */
  renumber(): void {
    const { settledRevisions, ...image } = this.image();
    const known = this.cursor.knowsSettled ? settledRevisions : [];
    if (!this.cursor.knowsSettled) {
      for (const revision of settledRevisions) this.#bytes += this.shared.entries.size(revision);
    }
    const passed = this.#passed().map((mark, index) => ({ ...mark, sequence: index + 1 }));
    const others = [...this.marks.values()].filter(({ sequence }) => sequence > this.floor);
    const { length } = passed;
    this.order.shift(length - this.floor);
    const marks = [...passed, ...others].map(comingAgain);
    // Which sequences these are now, their revisions tell.
    super.restore({ ...image, floorSequence: length, settled: known, settledRevisions: known, marks, drops: NO_DROPS });
    this.#skipOld();
  }

  /**
   * Recovery: holds the entries that are not settled and counts their bytes, and remembers when the newest came. Of
   * broadcasts only runs are reported; `runBytes` tells the bytes of one.
   */
  holdAll(run: (fromIndex: number, toIndex: number) => void, runBytes: (from: number, to: number) => number): void {
    const { entries, timeline } = this.shared;
    this.#bytes = 0;
    this.#foldedTotal = timeline.totalBytes;
    const hold = (revision: number): void => {
      entries.hold(revision);
      this.#bytes += entries.size(revision);
    };
    for (const { revision } of this.#passed()) hold(revision);
    this.order.visit(
      this.floor,
      (_, revision) => hold(revision),
      (from, to) => {
        run(from, to);
        this.#bytes += runBytes(from, to);
      },
    );
    for (const sequence of this.cursor.place().settled) this.#bytes -= entries.size(this.order.revisionAt(sequence));
    this.noteActivity(entries.timeMs(this.cursor.revisionAt(this.tail)) ?? 0);
  }

  /** The marks that the floor has passed, in order: the order's visit does not come to these messages. */
  #passed(): KeptMark[] {
    if (this.marks.size === 0) return [];
    const passed = [...this.marks.values()].filter(({ sequence }) => sequence <= this.floor);
    return passed.sort((a, b) => a.sequence - b.sequence);
  }

  /** After a loss the marked messages have sequences at which the order may still have what was settled before. */
  #skipOld(): void {
    for (const { sequence, revision } of this.#passed()) {
      if (sequence >= this.order.first && this.order.revisionAt(sequence) !== revision) this.#begin = sequence + 1;
    }
  }

  #fold(): void {
    this.#bytes += this.shared.timeline.totalBytes - this.#foldedTotal;
    this.#foldedTotal = this.shared.timeline.totalBytes;
  }
}
