import { RemovedRow } from "../../gen/ts/socketregistry/storage/v1/records.js";
import type { Batch } from "./commit.js";
import { BLOCK_SIZE, type Entries, SPAN_BLOCKS } from "./entries.js";
import { logKey, number64, removedKey, removedRange, removedSpanKey, removedSpanRange } from "./keys.js";
import { decodeRecord, encodeRecord } from "./records.js";
import { type ReadRows, readEach } from "./source.js";

/**
 * The removal of dead entries, wherever they lie. Revisions are contiguous, so that a hole is a loss; what is removed on
 * purpose is therefore noted, block by block, in the batch that removes it.
 */
export class Removal {
  readonly #entries: Entries;
  #firstBlock: number;
  #removedBytes = 0;

  constructor(entries: Entries, firstRevision: number) {
    this.#entries = entries;
    this.#firstBlock = Math.floor(firstRevision / BLOCK_SIZE);
  }

  /** The first revision that may still be there. */
  get firstRevision(): number {
    return this.#firstBlock * BLOCK_SIZE;
  }

  /** The stored bytes of what was removed since this was asked last. */
  takeRemovedBytes(): number {
    const bytes = this.#removedBytes;
    this.#removedBytes = 0;
    return bytes;
  }

  /** Adds the removal of these entries to a batch. Those that damage took are noted in the same way. */
  remove(revisions: readonly number[], batch: Batch): void {
    for (const revision of revisions) batch.del(logKey(revision));
    const { bytes } = this.#entries;
    this.#entries.remove(revisions);
    this.#removedBytes += bytes - this.#entries.bytes;
    const blocks = new Set(revisions.map((revision) => Math.floor(revision / BLOCK_SIZE)));
    for (const block of blocks) {
      const bits = this.#entries.hasBlock(block) ? this.#entries.removedBits(block) : new Uint8Array();
      batch.put(removedKey(block), encodeRecord(RemovedRow, { bits: Buffer.from(bits) }));
    }
    const spans = new Set([...blocks].map((block) => Math.floor(block / SPAN_BLOCKS)));
    this.#advanceFirst(batch, spans);
    for (const span of spans) this.#joinSpan(span, batch);
  }

  /** Notes before the first block say nothing any more. A span that was gone before has one for all its blocks. */
  #advanceFirst(batch: Batch, touched: ReadonlySet<number>): void {
    while (!this.#entries.hasBlock(this.#firstBlock)) {
      const span = this.#firstBlock / SPAN_BLOCKS;
      if (Number.isInteger(span) && !touched.has(span) && this.#isGone(span)) {
        batch.del(removedSpanKey(span));
        this.#firstBlock += SPAN_BLOCKS;
        continue;
      }
      batch.del(removedKey(this.#firstBlock));
      this.#firstBlock++;
      if (this.#firstBlock % SPAN_BLOCKS === 0) batch.del(removedSpanKey(this.#firstBlock / SPAN_BLOCKS - 1));
    }
  }

  /** One note for a whole span, when all its blocks are gone. */
  #joinSpan(span: number, batch: Batch): void {
    const first = span * SPAN_BLOCKS;
    if (first < this.#firstBlock || !this.#isGone(span)) return;
    batch.put(removedSpanKey(span), encodeRecord(RemovedRow, { bits: Buffer.alloc(0) }));
    for (let block = first; block < first + SPAN_BLOCKS; block++) batch.del(removedKey(block));
  }

  #isGone(span: number): boolean {
    const first = span * SPAN_BLOCKS;
    for (let block = first; block < first + SPAN_BLOCKS; block++) if (this.#entries.hasBlock(block)) return false;
    return true;
  }
}

/** What was removed on purpose, as recovery needs to know it. */
export class RemovedNotes {
  readonly #bits = new Map<number, Uint8Array>();
  readonly #spans = new Set<number>();
  /** The block that was asked for last, and whether there is a note of it: mostly the next question is of the same. */
  #lastBlock = -1;
  #isNoted = false;

  /** A block whose note is lost counts as one of which nothing was removed. */
  static async read(rows: ReadRows): Promise<{ notes: RemovedNotes; damaged: Buffer[] }> {
    const notes = new RemovedNotes();
    const damaged = await readEach(rows, removedRange, (key, value) => {
      notes.#bits.set(number64(key), decodeRecord(RemovedRow, value).bits);
    });
    const damagedSpans = await readEach(rows, removedSpanRange, (key, value) => {
      decodeRecord(RemovedRow, value);
      notes.#spans.add(number64(key));
    });
    return { notes, damaged: [...damaged, ...damagedSpans] };
  }

  has(revision: number): boolean {
    return this.hasAny(Math.floor(revision / BLOCK_SIZE)) && this.#end(revision) > revision;
  }

  /** Whether something of a block was removed. */
  hasAny(block: number): boolean {
    if (block !== this.#lastBlock) {
      this.#lastBlock = block;
      this.#isNoted = this.#bits.has(block) || this.#spans.has(Math.floor(block / SPAN_BLOCKS));
    }
    return this.#isNoted;
  }

  /** The revisions from `from` up to, and without, `to` that were not removed on purpose. */
  *missing(from: number, to: number): Iterable<number> {
    for (let revision = from; revision < to; ) {
      const end = this.#end(revision);
      if (end === revision) yield revision++;
      else revision = end;
    }
  }

  /** Where the removed entries end that begin at a revision, as far as one note tells; the revision when it is none. */
  #end(revision: number): number {
    const block = Math.floor(revision / BLOCK_SIZE);
    const span = Math.floor(block / SPAN_BLOCKS);
    if (this.#spans.has(span)) return (span + 1) * SPAN_BLOCKS * BLOCK_SIZE;
    const bits = this.#bits.get(block);
    if (bits?.length === 0) return (block + 1) * BLOCK_SIZE;
    const place = revision % BLOCK_SIZE;
    const isRemoved = ((bits?.[place >> 3] ?? 0) & (1 << (place & 7))) !== 0;
    return isRemoved ? revision + 1 : revision;
  }
}
