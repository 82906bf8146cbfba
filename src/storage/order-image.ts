import { AnchorChunk } from "./anchor-chunk.js";
import type { ImageReader, ImageWriter } from "./image.js";

/** The anchors of a queue's order as they were at one moment. */
export class OrderImage {
  /** The place of the first anchor that counts in the first chunk. */
  readonly head: number;
  readonly chunks: readonly AnchorChunk[];

  constructor(head: number, chunks: readonly AnchorChunk[]) {
    this.head = head;
    this.chunks = chunks;
  }

  /** How many anchors there are. */
  get count(): number {
    let count = 0;
    for (const chunk of this.chunks) count += chunk.count;
    return count;
  }

  write(image: ImageWriter): void {
    image.number(this.head);
    image.number(this.chunks.length);
    for (const chunk of this.chunks) chunk.write(image);
  }

  static read(image: ImageReader): OrderImage {
    const head = image.number();
    const chunks = Array.from({ length: image.number() }, () => AnchorChunk.read(image));
    return new OrderImage(head, chunks);
  }
}
