import type { Ending } from "./endings.js";
import { comingAgain } from "./marks.js";
import type { Order } from "./order.js";
import { NO_DROPS, Queue, type QueueImage, type Shared } from "./queue.js";
import type { SocketQueue } from "./socket-queue.js";

/**
 * The queue of a named consumer: the feed's order with a cursor of its own. It holds no entry, so that what retention
 * lets go of counts as settled, and, when it was not read, as dropped.
 */
export class ConsumerQueue extends Queue {
  readonly #feed: SocketQueue;

  constructor(shared: Shared, number: number, feed: SocketQueue) {
    super(shared, number, feed.epochRevision, feed.epochRevision);
    this.#feed = feed;
  }

  get order(): Order {
    return this.#feed.order;
  }

  get oldest(): number {
    return this.#feed.oldest;
  }

  /** Counted when it is asked for, because nothing that happens often depends on it. */
  get bytes(): number {
    let bytes = 0;
    for (const sequence of this.cursor.unsettledAfter(0, this.tail)) bytes += this.sizeAt(sequence);
    for (const { state, sequence } of this.marks.values()) if (state === "PARKED") bytes += this.sizeAt(sequence);
    return bytes;
  }

  get activityMs(): number {
    return Math.max(this.ownActivityMs, this.#feed.activityMs);
  }

  takeEndings(): readonly Ending[] {
    return [];
  }

  /** The order is the feed's. */
  trim(): void {}

  release(): void {}

  protected leave(): void {}

  /** Begins after a sequence, if that is there. */
  begin(after: number): void {
    this.cursor.pass(Math.max(Math.min(after, this.tail), this.oldest - 1));
  }

  /** Counts what the feed has let go of as settled, and what of it nobody has read as dropped. @returns whether it moved */
  follow(): boolean {
    const through = this.oldest - 1;
    const isMoved = through > this.floor || [...this.marks.keys()].some((sequence) => sequence <= through);
    if (!isMoved) return false;
    this.drop([...this.cursor.unsettledAfter(0, through)], "OVERFLOW", this.activityMs);
    this.cursor.pass(through);
    return true;
  }

  /** Recovery: takes the delivery state that was kept. After a loss the feed may be shorter. */
  override restore(image: QueueImage): void {
    super.restore({ ...image, floorSequence: Math.min(image.floorSequence, this.tail) });
  }

  /**
   * After a loss, when the feed is numbered anew: goes to where it was. What was handed out comes again, and so does what
   * was settled above the floor if nobody can know which of the messages it was.
   */
  renumber(): void {
    const { settledRevisions, ...image } = this.image();
    const known = this.cursor.knowsSettled ? settledRevisions : [];
    const floorSequence = this.order.sequenceUpTo(image.floorRevision);
    const marks = [...this.marks.values()].map((mark) => {
      return { ...comingAgain(mark), sequence: this.order.sequenceOf(mark.revision) };
    });
    super.restore({ ...image, floorSequence, settled: known, settledRevisions: known, marks, drops: NO_DROPS });
    this.follow();
  }
}
