import type { RetentionLimits } from "../registry/storage.js";
import { BLOCK_SIZE, EntryBlock, ERASED } from "./entry-block.js";
import { EntryTable } from "./entry-table.js";

export { BLOCK_SIZE } from "./entry-block.js";
export { SPAN_BLOCKS } from "./entry-table.js";

/**
 * What is known of every entry of the log without reading it: its stored bytes, when it was appended, and how many
 * queues hold it unsettled. An entry that nobody holds is history: it stays readable until retention has passed it.
 * What is neither held nor history is dead and waits for removal.
 */
export class Entries {
  readonly #table = new EntryTable();
  #last = 0;
  #historyFloor = 0;
  #count = 0;
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

  /** How many entries are there. */
  get count(): number {
    return this.#count;
  }

  /** The stored bytes of all entries that are there. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Adds the entry of the next revision, or, in recovery, of a later one: what lies between is not there. */
  add(revision: number, size: number, timeMs: number, references: number): void {
    const number = Math.floor(revision / BLOCK_SIZE);
    let block = this.#table.get(number);
    if (block === undefined) {
      // The block before may have been emptied while it was the newest, when it could not go yet.
      if (this.#table.get(number - 1)?.count === 0) this.#table.delete(number - 1);
      block = new EntryBlock();
      this.#table.add(number, block);
    }
    block.add(revision % BLOCK_SIZE, size, timeMs, references);
    this.#last = Math.max(this.#last, revision);
    this.#bytes += size;
    this.#count++;
    if (references === 0) this.#let(revision, size);
  }

  /** The stored bytes of an entry; 0 when it is not there. */
  size(revision: number): number {
    return this.#table.of(revision)?.sizes[revision % BLOCK_SIZE] ?? 0;
  }

  /** When an entry was appended; undefined, or before 1970, when it is not there. */
  timeMs(revision: number): number | undefined {
    return this.#table.of(revision)?.timeMs(revision % BLOCK_SIZE);
  }

  /** One queue holds the entry no longer. */
  release(revision: number): void {
    const block = this.#table.of(revision);
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
    return (this.#table.of(revision)?.references[revision % BLOCK_SIZE] ?? 0) > 0;
  }

  /** Whether an entry is there and neither let go of nor erased. What is not readable once never is again. */
  isReadable(revision: number): boolean {
    if (this.isHeld(revision)) return true;
    return revision > this.#historyFloor && this.size(revision) > 0 && this.timeMs(revision) !== ERASED;
  }

  /** Takes an entry that nobody holds out of the history at once, whatever retention says. */
  erase(revision: number): void {
    const size = this.size(revision);
    const block = this.#table.of(revision);
    const place = revision % BLOCK_SIZE;
    // What is dead already, by retention or because it was in another queue that ended, is not counted out twice.
    const isDead = revision <= this.#historyFloor || block?.isErased(place) === true;
    if (block === undefined || size === 0 || isDead || this.isHeld(revision)) return;
    this.#historyCount--;
    this.#historyBytes -= size;
    block.erase(place);
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
      const block = this.#table.get(number);
      if (block === undefined) continue;
      const size = block.remove(revision % BLOCK_SIZE);
      if (size > 0) this.#count--;
      this.#bytes -= size;
      if (block.count === 0 && number < Math.floor(this.#last / BLOCK_SIZE)) this.#table.delete(number);
    }
  }

  /** The bits of a block that say which of its revisions are not there. */
  removedBits(number: number): Uint8Array {
    const bits = new Uint8Array(BLOCK_SIZE / 8);
    const block = this.#table.get(number);
    for (let place = 0; place < BLOCK_SIZE; place++) {
      const there = (block?.sizes[place] ?? 0) > 0 || number * BLOCK_SIZE + place > this.#last;
      if (!there) bits[place >> 3] = (bits[place >> 3] ?? 0) | (1 << (place & 7));
    }
    return bits;
  }

  /** Whether a block has entries, or will get some. */
  hasBlock(number: number): boolean {
    return (this.#table.get(number)?.count ?? 0) > 0 || number >= Math.floor(this.#last / BLOCK_SIZE);
  }

  /** A revision so that the entries from there on, as far as they are known, are at least this many bytes. */
  endStart(bytes: number): number {
    let left = bytes;
    for (const [number, { sizes }] of this.#table.between(Math.floor(this.#last / BLOCK_SIZE), 0)) {
      for (let place = 0; place < BLOCK_SIZE; place++) left -= sizes[place] ?? 0;
      if (left <= 0) return number * BLOCK_SIZE;
    }
    return 0;
  }

  /** The blocks that have a part of a range, in order, each with its first revision. */
  *blocksIn(first: number, last: number): Iterable<readonly [base: number, block: Readonly<EntryBlock>]> {
    const blocks = this.#table.between(Math.floor(first / BLOCK_SIZE), Math.floor(last / BLOCK_SIZE));
    for (const [number, block] of blocks) yield [number * BLOCK_SIZE, block];
  }

  /** All blocks by their numbers, in order. */
  blocks(): Iterable<readonly [number: number, block: EntryBlock]> {
    return this.#table.between(0, Math.floor(this.#last / BLOCK_SIZE));
  }

  /** Recovery: takes the block of an image. */
  restore(number: number, block: EntryBlock): void {
    if (block.count === 0) return;
    this.#table.add(number, block);
    this.#count += block.count;
    for (let place = 0; place < BLOCK_SIZE; place++) this.#bytes += block.sizes[place] ?? 0;
  }

  /** Recovery: forgets who holds what, to count it again. */
  forgetHolders(): void {
    for (const [, { references }] of this.blocks()) references.fill(0);
  }

  /** Recovery: counts more holders of an entry. @returns its stored bytes, so that nobody has to ask for them too */
  hold(revision: number, holders = 1): number {
    const block = this.#table.of(revision);
    const place = revision % BLOCK_SIZE;
    const size = block?.sizes[place] ?? 0;
    if (block !== undefined && size > 0) block.refer(place, (block.references[place] ?? 0) + holders);
    return size;
  }

  /** Recovery: sorts every entry into held, history and dead, once all holders are counted. */
  settleAll(historyFloor: number): void {
    this.#historyFloor = historyFloor;
    this.#historyCount = 0;
    this.#historyBytes = 0;
    this.#dead = [];
    for (const [number, block] of this.blocks()) {
      for (let place = 0; place < BLOCK_SIZE; place++) {
        const size = block.sizes[place] ?? 0;
        if (size === 0 || (block.references[place] ?? 0) > 0) continue;
        if (block.isErased(place)) this.#dead.push(number * BLOCK_SIZE + place);
        else this.#let(number * BLOCK_SIZE + place, size);
      }
    }
  }

  /** Recovery: revisions up to this one were given out, whether they are there or not. */
  skipTo(revision: number): void {
    this.#last = Math.max(this.#last, revision);
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
    const block = this.#table.get(number);
    if (block === undefined) {
      this.#historyFloor = Math.min((number + 1) * BLOCK_SIZE - 1, durable);
      return;
    }
    this.#historyFloor = revision;
    const size = block.sizes[revision % BLOCK_SIZE] ?? 0;
    if (size === 0 || this.isHeld(revision) || block.isErased(revision % BLOCK_SIZE)) return;
    this.#historyCount--;
    this.#historyBytes -= size;
    this.#dead.push(revision);
  }
}
