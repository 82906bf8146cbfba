import { RemovedRow } from "../../gen/ts/socketregistry/storage/v1/records.js";
import type { Batch } from "./commit.js";
import { BLOCK_SIZE, type Entries, SPAN_BLOCKS } from "./entries.js";
import { type KeyRange, logKey, number64, removedKey, removedRange, removedSpanKey, removedSpanRange } from "./keys.js";
import { decodeRecord, encodeRecord } from "./records.js";

/**
 * The removal of dead entries, wherever they lie. Revisions are contiguous, so that a hole is a loss; what is removed on
 * purpose is therefore noted, block by block, in the batch that removes it.
 */
export class Removal {
  readonly #entries: Entries;
  #firstBlock: number;

  constructor(entries: Entries) {
    this.#entries = entries;
    this.#firstBlock = Math.floor(entries.firstRevision() / BLOCK_SIZE);
  }

  /** The first revision that may still be there. */
  get firstRevision(): number {
    return this.#firstBlock * BLOCK_SIZE;
  }

  /** Adds the removal of these entries to a batch. */
  remove(revisions: readonly number[], batch: Batch): void {
    for (const revision of revisions) batch.del(logKey(revision));
    this.#entries.remove(revisions);
    this.note(revisions, batch);
  }

  /** Notes that these entries are not there, which is so for those that damage took as well. */
  note(revisions: readonly number[], batch: Batch): void {
    const blocks = new Set(revisions.map((revision) => Math.floor(revision / BLOCK_SIZE)));
    for (const block of blocks) {
      const bits = this.#entries.hasBlock(block) ? this.#entries.removedBits(block) : new Uint8Array();
      batch.put(removedKey(block), encodeRecord(RemovedRow, { bits: Buffer.from(bits) }));
    }
    this.#advanceFirst(batch);
    for (const span of new Set([...blocks].map((block) => Math.floor(block / SPAN_BLOCKS)))) {
      this.#joinSpan(span, batch);
    }
  }

  /** Notes before the first block say nothing any more. */
  #advanceFirst(batch: Batch): void {
    while (!this.#entries.hasBlock(this.#firstBlock)) {
      batch.del(removedKey(this.#firstBlock));
      this.#firstBlock++;
      if (this.#firstBlock % SPAN_BLOCKS === 0) batch.del(removedSpanKey(this.#firstBlock / SPAN_BLOCKS - 1));
    }
  }

  /** One note for a whole span, when all its blocks are gone. */
  #joinSpan(span: number, batch: Batch): void {
    const first = span * SPAN_BLOCKS;
    if (first < this.#firstBlock) return;
    for (let block = first; block < first + SPAN_BLOCKS; block++) if (this.#entries.hasBlock(block)) return;
    batch.put(removedSpanKey(span), encodeRecord(RemovedRow, { bits: Buffer.alloc(0) }));
    for (let block = first; block < first + SPAN_BLOCKS; block++) batch.del(removedKey(block));
  }
}

/** What was removed on purpose, as recovery needs to know it. */
export class RemovedNotes {
  readonly #bits = new Map<number, Uint8Array>();
  readonly #spans = new Set<number>();

  static async read(rows: (range: KeyRange) => AsyncIterable<[Buffer, Buffer]>): Promise<RemovedNotes> {
    const notes = new RemovedNotes();
    for await (const [key, value] of rows(removedRange)) {
      notes.#bits.set(number64(key), decodeRecord(RemovedRow, value).bits);
    }
    for await (const [key] of rows(removedSpanRange)) notes.#spans.add(number64(key));
    return notes;
  }

  has(revision: number): boolean {
    const block = Math.floor(revision / BLOCK_SIZE);
    if (this.#spans.has(Math.floor(block / SPAN_BLOCKS))) return true;
    const bits = this.#bits.get(block);
    if (bits === undefined) return false;
    const place = revision % BLOCK_SIZE;
    return bits.length === 0 || ((bits[place >> 3] ?? 0) & (1 << (place & 7))) !== 0;
  }
}
