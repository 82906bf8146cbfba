import { BLOCK_SIZE, type EntryBlock } from "./entry-block.js";

/** Blocks that are removed altogether are remembered in spans of this many. */
export const SPAN_BLOCKS = 256;

type Span = (EntryBlock | undefined)[];

/** The blocks of entries by their number: dense in most places, and with gaps of a million where a store was restored. */
export class EntryTable {
  readonly #spans = new Map<number, Span>();
  #size = 0;
  /** The span that was asked for last: whoever goes through a queue asks for the same one again and again. */
  #lastNumber = -1;
  #last: Span | undefined;

  /** How many blocks there are. */
  get size(): number {
    return this.#size;
  }

  get(number: number): EntryBlock | undefined {
    return this.#span(Math.floor(number / SPAN_BLOCKS))?.[number % SPAN_BLOCKS];
  }

  /** The block of a revision. */
  of(revision: number): EntryBlock | undefined {
    return this.get(Math.floor(revision / BLOCK_SIZE));
  }

  /** Adds a block at a number that has none. */
  add(number: number, block: EntryBlock): void {
    const spanNumber = Math.floor(number / SPAN_BLOCKS);
    let span = this.#span(spanNumber);
    if (span === undefined) {
      span = new Array<EntryBlock | undefined>(SPAN_BLOCKS).fill(undefined);
      this.#spans.set(spanNumber, span);
      this.#last = span;
    }
    span[number % SPAN_BLOCKS] = block;
    this.#size++;
  }

  delete(number: number): void {
    const spanNumber = Math.floor(number / SPAN_BLOCKS);
    const span = this.#span(spanNumber);
    if (span?.[number % SPAN_BLOCKS] === undefined) return;
    span[number % SPAN_BLOCKS] = undefined;
    this.#size--;
    if (span.some((block) => block !== undefined)) return;
    this.#spans.delete(spanNumber);
    this.#last = undefined;
  }

  /** All blocks from one number to another, in order, and in the other order when `from` is the greater one. */
  *between(from: number, to: number): Iterable<readonly [number: number, block: EntryBlock]> {
    const step = from <= to ? 1 : -1;
    const [low, high] = [Math.min(from, to), Math.max(from, to)].map((number) => Math.floor(number / SPAN_BLOCKS));
    const spans = [...this.#spans.keys()].filter((span) => span >= (low ?? 0) && span <= (high ?? 0));
    for (const span of spans.sort((a, b) => (a - b) * step)) {
      for (let place = 0; place < SPAN_BLOCKS; place++) {
        const number = span * SPAN_BLOCKS + (step > 0 ? place : SPAN_BLOCKS - 1 - place);
        const block = this.get(number);
        if (block !== undefined && (number - from) * step >= 0 && (to - number) * step >= 0) yield [number, block];
      }
    }
  }

  #span(number: number): Span | undefined {
    if (number !== this.#lastNumber) {
      this.#lastNumber = number;
      this.#last = this.#spans.get(number);
    }
    return this.#last;
  }
}
