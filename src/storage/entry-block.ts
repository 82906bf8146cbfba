import type { ImageReader, ImageWriter } from "./image.js";
import { type Numbers, put } from "./numbers.js";

/** Revisions are kept in blocks of this many, so that a lone old entry costs one small block. */
export const BLOCK_SIZE = 256;

/** What an entry's time is when it was erased and waits for removal. */
export const ERASED = -1;

/**
 * What is known of each entry of a block, by its place in the block. A size of zero: it is not there.
 *
 * There may be millions of entries, so they are in columns that widen when a number does not fit: mostly it is two bytes
 * for the size, two for the time and one for the holders.
 */
export class EntryBlock {
  sizes: Numbers;
  references: Numbers;
  /** How many entries are there. */
  count = 0;
  /** Milliseconds since `#baseMs`, and one more; 0 when it was erased. */
  #times: Numbers;
  #baseMs = 0;

  constructor() {
    // One piece of memory, because each costs as much again as what is in it.
    const memory = new ArrayBuffer(5 * BLOCK_SIZE);
    this.sizes = new Uint16Array(memory, 0, BLOCK_SIZE);
    this.#times = new Uint16Array(memory, 2 * BLOCK_SIZE, BLOCK_SIZE);
    this.references = new Uint8Array(memory, 4 * BLOCK_SIZE, BLOCK_SIZE);
  }

  add(place: number, size: number, timeMs: number, references: number): void {
    if (this.count === 0) this.#baseMs = timeMs;
    this.sizes = put(this.sizes, place, size);
    this.#times = put(this.#times, place, timeMs - this.#baseMs + 1);
    this.refer(place, references);
    this.count++;
  }

  refer(place: number, references: number): void {
    this.references = put(this.references, place, references);
  }

  /** When an entry was appended, or ERASED; before 1970 also when it never was there. */
  timeMs(place: number): number {
    const offset = this.#times[place] ?? 0;
    return offset === 0 ? ERASED : this.#baseMs + offset - 1;
  }

  erase(place: number): void {
    this.#times[place] = 0;
  }

  isErased(place: number): boolean {
    return this.#times[place] === 0;
  }

  /** Takes an entry out. @returns the bytes it had */
  remove(place: number): number {
    const size = this.sizes[place] ?? 0;
    if (size === 0) return 0;
    this.sizes[place] = 0;
    this.references[place] = 0;
    this.count--;
    return size;
  }

  /** Adds to an image what does not change with whoever holds the entries. */
  write(image: ImageWriter): void {
    image.number(this.#baseMs);
    image.numbers(this.sizes, BLOCK_SIZE);
    image.numbers(this.#times, BLOCK_SIZE);
  }

  /** A block as an image has it. Nobody holds its entries. */
  static read(image: ImageReader): EntryBlock {
    const block = new EntryBlock();
    block.#baseMs = image.number();
    block.sizes = image.numbers();
    block.#times = image.numbers();
    for (let place = 0; place < BLOCK_SIZE; place++) if ((block.sizes[place] ?? 0) > 0) block.count++;
    return block;
  }
}
