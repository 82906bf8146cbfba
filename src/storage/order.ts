import { countBefore } from "../registry/search.js";
import { AnchorChunk, type Own } from "./anchor-chunk.js";
import { OrderImage } from "./order-image.js";
import type { Timeline } from "./timeline.js";

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
  /** In order. There is always one. */
  #chunks: AnchorChunk[];
  /** The place of the first anchor that counts in the first chunk. */
  #head = 0;

  constructor(timeline: Timeline, startRevision: number) {
    this.startRevision = startRevision;
    this.#timeline = timeline;
    this.#chunks = [new AnchorChunk(1, startRevision, timeline.indexAfter(startRevision), 0)];
  }

  /** The newest sequence. */
  get tail(): number {
    const chunk = this.#last;
    return covered(chunk, chunk.count - 1, this.#timeline.end);
  }

  /** The oldest sequence that is known. */
  get first(): number {
    return this.#first.sequence(this.#head);
  }

  /** What lies before `first` has at most this revision, and everything else a greater one. */
  get firstRevision(): number {
    return this.#first.revision(this.#head) - this.#first.own(this.#head);
  }

  /** Whether the newest message is a broadcast. */
  get endsWithBroadcast(): boolean {
    return this.#timeline.end > this.#last.index(this.#last.count - 1);
  }

  /** Puts a message in that came by name. */
  push(revision: number): number {
    const sequence = this.tail + 1;
    this.#add(sequence, revision, this.#timeline.end, 1);
    return sequence;
  }

  /** Leaves a broadcast out that is about to join the timeline. @returns false when it is left out already */
  skip(revision: number): boolean {
    const chunk = this.#last;
    const place = chunk.count - 1;
    if (chunk.index(place) > this.#timeline.end) return false;
    const sequence = this.tail + 1;
    // Two that are left out one after the other need one anchor.
    if (chunk.own(place) === 0 && chunk.sequence(place) === sequence) this.#dropLast();
    this.#add(sequence, revision, this.#timeline.end + 1, 0);
    return true;
  }

  /** The entry of a sequence; 0 when there is none. */
  revisionAt(sequence: number): number {
    if (sequence < this.first || sequence > this.tail) return 0;
    const chunk = this.#chunks[this.#chunkOfSequence(sequence)] ?? this.#first;
    const place = chunk.placeOfSequence(sequence);
    const offset = sequence - chunk.sequence(place);
    const own = chunk.own(place);
    if (own === 1 && offset === 0) return chunk.revision(place);
    return this.#timeline.at(chunk.index(place) + offset - own);
  }

  /** The newest sequence whose entry has at most this revision. */
  sequenceUpTo(revision: number): number {
    if (revision < this.#first.revision(this.#head)) return this.first - 1;
    const number = this.#chunkOfRevision(revision);
    const chunk = this.#chunks[number] ?? this.#first;
    const place = chunk.placeOfRevision(revision);
    const end = Math.max(this.#timeline.indexAfter(revision), chunk.index(place));
    return Math.min(covered(chunk, place, end), this.#sequenceAfter(number, place) - 1);
  }

  /** The sequence of an entry; 0 when it is not one of these. */
  sequenceOf(revision: number): number {
    const sequence = this.sequenceUpTo(revision);
    return revision > 0 && this.revisionAt(sequence) === revision ? sequence : 0;
  }

  /** Whether there may be something to trim. */
  get isLong(): boolean {
    return this.#chunks.length > 1 || this.#first.count > this.#head + 1;
  }

  /** Lets go of what lies before this sequence. */
  trim(oldest: number): void {
    const number = this.#chunkOfSequence(oldest);
    if (number < 0) return;
    if (number > 0) {
      this.#chunks.splice(0, number);
      this.#head = 0;
    }
    const { count } = this.#first;
    while (this.#head + 1 < count && this.#first.sequence(this.#head + 1) <= oldest) this.#head++;
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
    // What an anchor covers ends where the next one begins.
    const start = Math.max(0, this.#chunkOfSequence(above));
    for (let number = start; number < this.#chunks.length; number++) {
      const chunk = this.#chunks[number] ?? this.#first;
      const { count, isPlain } = chunk;
      for (let place = number === 0 ? this.#head : 0; place < count; place++) {
        const sequence = chunk.sequence(place);
        const own = chunk.own(place);
        if (own === 1 && sequence > above) named(sequence, chunk.revision(place));
        if (isPlain && place + 1 < count) continue;
        const index = chunk.index(place);
        const next = this.#sequenceAfter(number, place);
        const end = next === Number.POSITIVE_INFINITY ? this.#timeline.end : index + next - sequence - own;
        const from = index + Math.max(0, above + 1 - sequence - own);
        if (from < end) run(from, end);
      }
    }
  }

  /** The anchors as they are now, for a checkpoint: only the last chunk changes any more. */
  image(): OrderImage {
    const chunks = this.#chunks.slice();
    chunks[chunks.length - 1] = this.#last.copy();
    return new OrderImage(this.#head, chunks);
  }

  /** Recovery: begins now, the timeline having reached the start only now. */
  begin(): void {
    this.#chunks = [new AnchorChunk(1, this.startRevision, this.#timeline.indexAfter(this.startRevision), 0)];
  }

  /** Recovery: takes the anchors of a checkpoint. */
  restore({ head, chunks }: OrderImage): void {
    this.#chunks = [...chunks];
    this.#head = head;
  }

  /** Recovery: renumbers everything by a constant. */
  shift(by: number): void {
    for (const chunk of this.#chunks) chunk.shift(by);
  }

  get #first(): AnchorChunk {
    return this.#chunks[0] as AnchorChunk;
  }

  get #last(): AnchorChunk {
    return this.#chunks[this.#chunks.length - 1] as AnchorChunk;
  }

  #add(sequence: number, revision: number, index: number, own: Own): void {
    const isAdded = this.#chunks.length > 0 && this.#last.add(sequence, revision, index, own);
    if (!isAdded) this.#chunks.push(new AnchorChunk(sequence, revision, index, own));
  }

  /** Takes the last anchor away, because another one comes in its place. */
  #dropLast(): void {
    const isOnly = this.#last.count - 1 === (this.#chunks.length === 1 ? this.#head : 0);
    if (!isOnly) {
      this.#last.drop();
      return;
    }
    this.#chunks.pop();
    if (this.#chunks.length === 0) this.#head = 0;
  }

  /** The sequence of the next anchor; infinite when there is none. */
  #sequenceAfter(number: number, place: number): number {
    const chunk = this.#chunks[number];
    if (chunk !== undefined && place + 1 < chunk.count) return chunk.sequence(place + 1);
    return this.#chunks[number + 1]?.sequence(0) ?? Number.POSITIVE_INFINITY;
  }

  /** The last chunk that begins with at most this sequence; negative when there is none. */
  #chunkOfSequence(sequence: number): number {
    const chunks = this.#chunks;
    if (this.#last.sequence(0) <= sequence) return chunks.length - 1;
    return countBefore(chunks.length, (number) => (chunks[number]?.sequence(0) ?? 0) <= sequence) - 1;
  }

  /** The last chunk that begins with at most this revision; negative when there is none. */
  #chunkOfRevision(revision: number): number {
    const chunks = this.#chunks;
    if (this.#last.revision(0) <= revision) return chunks.length - 1;
    return countBefore(chunks.length, (number) => (chunks[number]?.revision(0) ?? 0) <= revision) - 1;
  }
}

/** The newest sequence that an anchor covers when the timeline reaches up to the index `end`. */
function covered(chunk: AnchorChunk, place: number, end: number): number {
  return chunk.sequence(place) - 1 + chunk.own(place) + end - chunk.index(place);
}
