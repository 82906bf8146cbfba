import type { RetentionLimits } from "../registry/storage.js";

/** Revisions are kept in blocks of this many, so that a lone old entry costs one small block. */
export const BLOCK_SIZE = 256;
/** Blocks that are removed altogether are remembered in spans of this many. */
export const SPAN_BLOCKS = 256;

/** What is known of each entry of a block, by its place in the block. A size of zero: it is not there. */
interface Block {
  readonly sizes: Uint32Array;
  readonly references: Uint32Array;
  readonly times: Float64Array;
  /** How many entries are there. */
  count: number;
}

/**
 * What is known of every entry of the log without reading it: its stored bytes, when it was appended, and how many
 * queues hold it unsettled. An entry that nobody holds is history: it stays readable until retention has passed it.
 * What is neither held nor history is dead and waits for removal.
 */
export class Entries {
  readonly #blocks = new Map<number, Block>();
  #last = 0;
  #historyFloor = 0;
  #bytes = 0;
  #historyCount = 0;
  #historyBytes = 0;
  #dead: number[] = [];

  /** The newest revision. */
  get last(): number {
    return this.#last;
  }

  /** Retention has passed every revision up to this one. */
  get historyFloor(): number {
    return this.#historyFloor;
  }

  /** The stored bytes of all entries that are there. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Adds the entry of the next revision, or, in recovery, of a later one: what lies between is not there. */
  add(revision: number, size: number, timeMs: number, references: number): void {
    const number = Math.floor(revision / BLOCK_SIZE);
    let block = this.#blocks.get(number);
    if (block === undefined) {
      // The block before may have been emptied while it was the newest, when it could not go yet.
      if (this.#blocks.get(number - 1)?.count === 0) this.#blocks.delete(number - 1);
      block = {
        sizes: new Uint32Array(BLOCK_SIZE),
        references: new Uint32Array(BLOCK_SIZE),
        times: new Float64Array(BLOCK_SIZE),
        count: 0,
      };
      this.#blocks.set(number, block);
    }
    const place = revision % BLOCK_SIZE;
    block.sizes[place] = size;
    block.references[place] = references;
    block.times[place] = timeMs;
    block.count++;
    this.#last = Math.max(this.#last, revision);
    this.#bytes += size;
    if (references === 0) this.#let(revision, size);
  }

  /** The stored bytes of an entry; 0 when it is not there. */
  size(revision: number): number {
    return this.#block(revision)?.sizes[revision % BLOCK_SIZE] ?? 0;
  }

  /** When an entry was appended; undefined, or before 1970, when it is not there. */
  timeMs(revision: number): number | undefined {
    return this.#block(revision)?.times[revision % BLOCK_SIZE];
  }

  /** One queue holds the entry no longer. */
  release(revision: number): void {
    const block = this.#block(revision);
    if (block === undefined) return;
    const place = revision % BLOCK_SIZE;
    const references = block.references[place] ?? 0;
    const size = block.sizes[place] ?? 0;
    if (references === 0 || size === 0) return;
    block.references[place] = references - 1;
    if (references === 1) this.#let(revision, size);
  }

  /** Whether some queue holds the entry. */
  isHeld(revision: number): boolean {
    return (this.#block(revision)?.references[revision % BLOCK_SIZE] ?? 0) > 0;
  }

  /** Whether an entry is there and neither let go of nor erased. What is not readable once never is again. */
  isReadable(revision: number): boolean {
    if (this.isHeld(revision)) return true;
    return revision > this.#historyFloor && this.size(revision) > 0 && this.timeMs(revision) !== ERASED;
  }

  /** Takes an entry that nobody holds out of the history at once, whatever retention says. */
  erase(revision: number): void {
    const size = this.size(revision);
    const block = this.#block(revision);
    const place = revision % BLOCK_SIZE;
    // What is dead already, by retention or because it was in another queue that ended, is not counted out twice.
    const isDead = revision <= this.#historyFloor || block?.times[place] === ERASED;
    if (block === undefined || size === 0 || isDead || this.isHeld(revision)) return;
    this.#historyCount--;
    this.#historyBytes -= size;
    block.times[place] = ERASED;
    this.#dead.push(revision);
  }

  /**
   * Moves the end of history up until what is settled fits the limits. Nothing above `durable` is touched.
   * @returns whether it moved
   */
  retain(limits: RetentionLimits, nowMs: number, durable: number): boolean {
    const before = this.#historyFloor;
    while (this.#historyFloor < durable && this.#isTooMuch(limits, nowMs)) this.#passOne(durable);
    return this.#historyFloor > before;
  }

  /** Takes up to `limit` dead entries off the list, in no particular order. */
  takeDead(limit: number): number[] {
    return this.#dead.splice(-limit);
  }

  /** Forgets entries that are being removed, or that were found missing. */
  remove(revisions: readonly number[]): void {
    for (const revision of revisions) {
      const number = Math.floor(revision / BLOCK_SIZE);
      const block = this.#blocks.get(number);
      const size = block?.sizes[revision % BLOCK_SIZE] ?? 0;
      if (block === undefined || size === 0) continue;
      block.sizes[revision % BLOCK_SIZE] = 0;
      block.references[revision % BLOCK_SIZE] = 0;
      block.count--;
      this.#bytes -= size;
      if (block.count === 0 && number < Math.floor(this.#last / BLOCK_SIZE)) this.#blocks.delete(number);
    }
  }

  /** The bits of a block that say which of its revisions are not there. */
  removedBits(number: number): Uint8Array {
    const bits = new Uint8Array(BLOCK_SIZE / 8);
    const block = this.#blocks.get(number);
    for (let place = 0; place < BLOCK_SIZE; place++) {
      const there = (block?.sizes[place] ?? 0) > 0 || number * BLOCK_SIZE + place > this.#last;
      if (!there) bits[place >> 3] = (bits[place >> 3] ?? 0) | (1 << (place & 7));
    }
    return bits;
  }

  /** Whether a block has entries, or will get some. */
  hasBlock(number: number): boolean {
    return (this.#blocks.get(number)?.count ?? 0) > 0 || number >= Math.floor(this.#last / BLOCK_SIZE);
  }

  /** A revision so that the entries from there on, as far as they are known, are at least this many bytes. */
  endStart(bytes: number): number {
    let left = bytes;
    const numbers = [...this.#blocks.keys()].sort((a, b) => b - a);
    for (const number of numbers) {
      for (const size of this.#blocks.get(number)?.sizes ?? []) left -= size;
      if (left <= 0) return number * BLOCK_SIZE;
    }
    return 0;
  }

  /** The blocks that have a part of a range, in order, each with its first revision. */
  *blocksIn(first: number, last: number): Iterable<readonly [base: number, block: Readonly<Block>]> {
    const from = Math.floor(first / BLOCK_SIZE);
    const to = Math.floor(last / BLOCK_SIZE);
    // Where a store was restored there is a gap of a million blocks.
    const isSparse = to - from > this.#blocks.size;
    const found = isSparse ? [...this.#blocks.keys()].filter((number) => number >= from && number <= to) : undefined;
    const count = found?.sort((a, b) => a - b).length ?? to - from + 1;
    for (let index = 0; index < count; index++) {
      const number = found?.[index] ?? from + index;
      const block = this.#blocks.get(number);
      if (block !== undefined) yield [number * BLOCK_SIZE, block];
    }
  }

  /** Copies of the blocks, for a checkpoint. */
  image(): { number: number; sizes: Uint32Array; times: Float64Array }[] {
    return [...this.#blocks].map(([number, block]) => ({
      number,
      sizes: block.sizes.slice(),
      times: block.times.slice(),
    }));
  }

  /** Recovery: forgets who holds what, to count it again. */
  forgetHolders(): void {
    for (const { references } of this.#blocks.values()) references.fill(0);
  }

  /** Recovery: counts one more holder of an entry. */
  hold(revision: number, holders = 1): void {
    const block = this.#block(revision);
    const place = revision % BLOCK_SIZE;
    if (block === undefined || (block.sizes[place] ?? 0) === 0) return;
    block.references[place] = (block.references[place] ?? 0) + holders;
  }

  /** Recovery: sorts every entry into held, history and dead, once all holders are counted. */
  settleAll(historyFloor: number): void {
    this.#historyFloor = historyFloor;
    this.#historyCount = 0;
    this.#historyBytes = 0;
    this.#dead = [];
    for (const [number, block] of this.#blocks) {
      for (let place = 0; place < BLOCK_SIZE; place++) {
        const size = block.sizes[place] ?? 0;
        if (size === 0 || (block.references[place] ?? 0) > 0) continue;
        if (block.times[place] === ERASED) this.#dead.push(number * BLOCK_SIZE + place);
        else this.#let(number * BLOCK_SIZE + place, size);
      }
    }
  }

  /** Recovery: revisions up to this one were given out, whether they are there or not. */
  skipTo(revision: number): void {
    this.#last = Math.max(this.#last, revision);
  }

  #block(revision: number): Block | undefined {
    return this.#blocks.get(Math.floor(revision / BLOCK_SIZE));
  }

  #let(revision: number, size: number): void {
    if (revision <= this.#historyFloor) {
      this.#dead.push(revision);
    } else {
      this.#historyCount++;
      this.#historyBytes += size;
    }
  }

  #isTooMuch(limits: RetentionLimits, nowMs: number): boolean {
    if (this.#historyCount > limits.messages || this.#historyBytes > limits.bytes) return true;
    const next = this.timeMs(this.#historyFloor + 1);
    return next === undefined || next <= nowMs - limits.ageMs;
  }

  #passOne(durable: number): void {
    const revision = this.#historyFloor + 1;
    const number = Math.floor(revision / BLOCK_SIZE);
    const block = this.#blocks.get(number);
    if (block === undefined) {
      this.#historyFloor = Math.min((number + 1) * BLOCK_SIZE - 1, durable);
      return;
    }
    this.#historyFloor = revision;
    const size = block.sizes[revision % BLOCK_SIZE] ?? 0;
    if (size === 0 || this.isHeld(revision) || block.times[revision % BLOCK_SIZE] === ERASED) return;
    this.#historyCount--;
    this.#historyBytes -= size;
    this.#dead.push(revision);
  }
}

/** The time of an entry that was erased and waits for removal. */
const ERASED = -1;
