import type { Numbers } from "./numbers.js";
import { DamagedRecord } from "./records.js";

/** Everything in an image begins at a multiple of this many bytes. */
const ALIGNED = 8;
/** How an image begins. It tells the order in which the machine has its bytes, and is no beginning of a record of protobuf. */
const BEGINNING = 0x49_4d_47;
/** The count of an array's numbers is kept with the width of one in front of it. */
const WIDTHS = 16;

/**
 * Writes an image: numbers as they lie in memory, which is what a checkpoint is made of. To decode a million of them one
 * by one was most of the time a start took.
 */
export class ImageWriter {
  #memory = new ArrayBuffer(128 * 1024);
  #doubles = new Float64Array(this.#memory);
  #length = 0;

  constructor() {
    this.number(BEGINNING);
  }

  /** How many bytes were written. */
  get length(): number {
    return this.#length;
  }

  number(value: number): void {
    this.#reserve(ALIGNED);
    this.#doubles[this.#length / ALIGNED] = value;
    this.#length += ALIGNED;
  }

  /** The first so many of an array. */
  numbers(values: Numbers, count: number): void {
    const bytes = count * values.BYTES_PER_ELEMENT;
    this.number(count * WIDTHS + values.BYTES_PER_ELEMENT);
    this.#reserve(bytes);
    new Uint8Array(this.#memory, this.#length).set(new Uint8Array(values.buffer, values.byteOffset, bytes));
    this.#length = aligned(this.#length + bytes);
  }

  /** What was written. Nothing more may be. */
  finish(): Buffer {
    return Buffer.from(this.#memory, 0, this.#length);
  }

  #reserve(bytes: number): void {
    const length = aligned(this.#length + bytes);
    if (length <= this.#memory.byteLength) return;
    const memory = new ArrayBuffer(2 * length);
    new Uint8Array(memory).set(new Uint8Array(this.#memory, 0, this.#length));
    this.#doubles = new Float64Array(memory);
    this.#memory = memory;
  }
}

/** Reads an image in the order in which it was written. */
export class ImageReader {
  readonly #memory: ArrayBuffer;
  readonly #doubles: Float64Array;
  #place = 0;

  /** @throws DamagedRecord when it is no image, or one of a machine that has its bytes in another order */
  constructor(bytes: Uint8Array) {
    this.#memory = new ArrayBuffer(aligned(bytes.length));
    new Uint8Array(this.#memory).set(bytes);
    this.#doubles = new Float64Array(this.#memory);
    if (this.number() !== BEGINNING) throw new DamagedRecord("this is no image");
  }

  get isAtEnd(): boolean {
    return this.#place >= this.#memory.byteLength;
  }

  number(): number {
    const value = this.#doubles[this.#place / ALIGNED];
    this.#place += ALIGNED;
    return value ?? 0;
  }

  /** An array of its own. */
  numbers(): Numbers {
    const head = this.number();
    const width = head % WIDTHS;
    const count = (head - width) / WIDTHS;
    const start = this.#place;
    const end = start + count * width;
    this.#place = aligned(end);
    const memory = this.#memory.slice(start, end);
    if (width === 1) return new Uint8Array(memory);
    if (width === 2) return new Uint16Array(memory);
    return width === 4 ? new Uint32Array(memory) : new Float64Array(memory);
  }
}

function aligned(length: number): number {
  return Math.ceil(length / ALIGNED) * ALIGNED;
}
