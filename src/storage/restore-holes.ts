import { RemovedRow } from "../../gen/ts/socketregistry/storage/v1/records.js";
import { BLOCK_SIZE, SPAN_BLOCKS } from "./entries.js";
import { removedKey, removedSpanKey } from "./keys.js";
import { encodeRecord } from "./records.js";

const isEveryOne = (bits: Buffer): boolean => bits.every((byte) => byte === 0xff);

/**
 * The holes of a log that was made out of pieces. They are no losses, so that each is noted as if it had been removed on
 * purpose, but for what comes before the first block that has entries.
 */
export class Holes {
  /** Of each block that has entries: the bits of those that are not there. */
  readonly #blocks = new Map<number, Buffer>();
  readonly #spans = new Set<number>();
  #firstBlock = Number.POSITIVE_INFINITY;

  /** This entry is there. */
  fill(revision: number): void {
    const block = Math.floor(revision / BLOCK_SIZE);
    let bits = this.#blocks.get(block);
    if (bits === undefined) {
      bits = Buffer.alloc(BLOCK_SIZE / 8, 0xff);
      this.#blocks.set(block, bits);
      this.#spans.add(Math.floor(block / SPAN_BLOCKS));
      this.#firstBlock = Math.min(this.#firstBlock, block);
    }
    const place = revision % BLOCK_SIZE;
    bits.writeUInt8(bits.readUInt8(place >> 3) & ~(1 << (place & 7)), place >> 3);
  }

  /** The first revision that may be there, when `last` is the newest that there ever was. */
  firstRevision(last: number): number {
    return this.#first(last) * BLOCK_SIZE;
  }

  /** The notes of all revisions up to `last` that are not there. */
  *notes(last: number): Iterable<[key: Buffer, value: Buffer]> {
    const end = last + 1;
    const nothing = encodeRecord(RemovedRow, { bits: Buffer.alloc(0) });
    for (let block = this.#first(last); block * BLOCK_SIZE < end; block++) {
      const span = block / SPAN_BLOCKS;
      const isEmptySpan = Number.isInteger(span) && !this.#spans.has(span);
      if (isEmptySpan && (block + SPAN_BLOCKS) * BLOCK_SIZE <= end) {
        yield [removedSpanKey(span), nothing];
        block += SPAN_BLOCKS - 1;
        continue;
      }
      const bits = Buffer.from(this.#blocks.get(block) ?? Buffer.alloc(BLOCK_SIZE / 8, 0xff));
      // Of the last block there will be more.
      for (let place = end - block * BLOCK_SIZE; place < BLOCK_SIZE; place++) {
        bits.writeUInt8(bits.readUInt8(place >> 3) & ~(1 << (place & 7)), place >> 3);
      }
      if (isEveryOne(bits)) yield [removedKey(block), nothing];
      else if (bits.some((byte) => byte !== 0)) yield [removedKey(block), encodeRecord(RemovedRow, { bits })];
    }
  }

  #first(last: number): number {
    return Math.min(this.#firstBlock, Math.floor(last / BLOCK_SIZE));
  }
}
