import type { ImageReader, ImageWriter } from "./image.js";

/** A chunk has so many anchors at most, so that few places are kept for those to come. */
const CHUNK_ANCHORS = 256;
/** Of an anchor of a chunk that is not plain: the sequence, the revision, twice the index and one more if it is own. */
const STRIDE = 3;
const NOTHING = new Uint32Array(0);

/** Whether an anchor is a message itself (1), or stands for one that is left out or for the beginning (0). */
export type Own = 0 | 1;

/**
 * Some anchors of an order, one after the other. The first is kept in full, the others by how much they are above it.
 *
 * Most queues get hardly anything but messages by name: as long as nothing else comes, a chunk is *plain*, and needs the
 * revision of each, which is four bytes.
 */
export class AnchorChunk {
  count = 1;
  #sequence: number;
  readonly #revision: number;
  readonly #index: number;
  readonly #own: Own;
  #isPlain = true;
  #numbers: Uint32Array = NOTHING;
  /** Whether a copy has the same numbers. What is added behind them it does not see. */
  #isShared = false;

  constructor(sequence: number, revision: number, index: number, own: Own) {
    this.#sequence = sequence;
    this.#revision = revision;
    this.#index = index;
    this.#own = own;
  }

  /** Whether its anchors are messages one after the other, but for the first, which may be anything. */
  get isPlain(): boolean {
    return this.#isPlain;
  }

  sequence(place: number): number {
    if (place === 0) return this.#sequence;
    if (this.#isPlain) return this.#sequence + this.#own + place - 1;
    return this.#sequence + (this.#numbers[(place - 1) * STRIDE] ?? 0);
  }

  revision(place: number): number {
    if (place === 0) return this.#revision;
    return this.#revision + (this.#numbers[this.#isPlain ? place - 1 : (place - 1) * STRIDE + 1] ?? 0);
  }

  /** How many broadcasts the timeline had once the anchor was there. */
  index(place: number): number {
    if (place === 0 || this.#isPlain) return this.#index;
    return this.#index + ((this.#numbers[(place - 1) * STRIDE + 2] ?? 0) >>> 1);
  }

  own(place: number): Own {
    if (place === 0) return this.#own;
    return this.#isPlain || ((this.#numbers[(place - 1) * STRIDE + 2] ?? 0) & 1) === 1 ? 1 : 0;
  }

  /** The last place with at most this sequence. The first one has at most this. */
  placeOfSequence(sequence: number): number {
    const above = sequence - this.#sequence;
    if (this.#isPlain) return Math.max(0, Math.min(above - this.#own + 1, this.count - 1));
    return lastUpTo(this.#numbers, 0, STRIDE, this.count - 1, above);
  }

  /** The last place with at most this revision. The first one has at most this. */
  placeOfRevision(revision: number): number {
    const above = revision - this.#revision;
    if (this.#isPlain) return lastUpTo(this.#numbers, 0, 1, this.count - 1, above);
    return lastUpTo(this.#numbers, 1, STRIDE, this.count - 1, above);
  }

  /** Adds an anchor behind the last. @returns false when it has no room here */
  add(sequence: number, revision: number, index: number, own: Own): boolean {
    if (this.count === CHUNK_ANCHORS || revision - this.#revision >= 2 ** 32) return false;
    const isNext = own === 1 && index === this.#index && sequence === this.sequence(this.count);
    if (!this.#isPlain || !isNext) return this.#addAny(sequence, revision, index, own);
    const place = this.count - 1;
    if (place === this.#numbers.length) this.#grow(1);
    this.#numbers[place] = revision - this.#revision;
    this.count++;
    return true;
  }

  /** Takes the last anchor away, which is not the only one. */
  drop(): void {
    this.count--;
    // The next one comes in its place, where a copy still has it.
    if (this.#isShared) this.#numbers = this.#numbers.slice();
    this.#isShared = false;
  }

  /** Renumbers everything by a constant. */
  shift(by: number): void {
    this.#sequence += by;
  }

  /** A copy, as it is now. The numbers are shared, because there may be a hundred thousand queues to copy in one step. */
  copy(): AnchorChunk {
    const copy = new AnchorChunk(this.#sequence, this.#revision, this.#index, this.#own);
    copy.count = this.count;
    copy.#isPlain = this.#isPlain;
    copy.#numbers = this.#numbers;
    this.#isShared = true;
    return copy;
  }

  write(image: ImageWriter): void {
    for (const number of [this.#sequence, this.#revision, this.#index, this.#own, this.count]) image.number(number);
    image.number(this.#isPlain ? 1 : 0);
    image.numbers(this.#numbers, this.#length);
  }

  static read(image: ImageReader): AnchorChunk {
    const chunk = new AnchorChunk(image.number(), image.number(), image.number(), image.number() === 1 ? 1 : 0);
    chunk.count = image.number();
    chunk.#isPlain = image.number() === 1;
    chunk.#numbers = new Uint32Array(image.numbers().buffer);
    return chunk;
  }

  /** How many of the numbers count. */
  get #length(): number {
    return (this.count - 1) * (this.#isPlain ? 1 : STRIDE);
  }

  #addAny(sequence: number, revision: number, index: number, own: Own): boolean {
    if (sequence - this.#sequence >= 2 ** 32 || index - this.#index >= 2 ** 31) return false;
    if (this.#isPlain) this.#spread();
    const at = this.#length;
    if (at === this.#numbers.length) this.#grow(STRIDE);
    this.#numbers[at] = sequence - this.#sequence;
    this.#numbers[at + 1] = revision - this.#revision;
    this.#numbers[at + 2] = 2 * (index - this.#index) + own;
    this.count++;
    return true;
  }

  /** From here on the anchors need all their numbers. */
  #spread(): void {
    const numbers = new Uint32Array(this.#length * STRIDE);
    for (let place = 1; place < this.count; place++) {
      const at = (place - 1) * STRIDE;
      numbers[at] = this.sequence(place) - this.#sequence;
      numbers[at + 1] = this.revision(place) - this.#revision;
      numbers[at + 2] = 1;
    }
    this.#numbers = numbers;
    this.#isPlain = false;
  }

  #grow(stride: number): void {
    const places = Math.min(CHUNK_ANCHORS - 1, 2 * this.count + 1);
    const numbers = new Uint32Array(places * stride);
    numbers.set(this.#numbers);
    this.#numbers = numbers;
  }
}

/** How many of the first numbers, each `stride` behind the one before, are at most `limit`. They never fall. */
function lastUpTo(numbers: Uint32Array, start: number, stride: number, count: number, limit: number): number {
  // Mostly it is asked for what is newest.
  if (count === 0 || (numbers[start + (count - 1) * stride] ?? 0) <= limit) return count;
  let low = 0;
  let high = count - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((numbers[start + middle * stride] ?? 0) <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
