/** What comes on a stream: gRPC's frames, put together from the pieces in which they arrive. */
import { ReadResponse } from "../../gen/ts/socketregistry/v1/socket_registry.js";

const HEAD_BYTES = 5;
/** The tag of what a frame repeats, messages or results, which comes before its other fields. */
const REPEATED_TAG = 0x0a;

/** The frames of one stream. */
export class Frames {
  #pieces: Buffer[] = [];
  #size = 0;
  /** How many bytes it takes to know or to have the next frame. */
  #wanted = HEAD_BYTES;

  /** @returns the frames that are complete now, without their heads */
  take(piece: Buffer): Buffer[] {
    this.#pieces.push(piece);
    this.#size += piece.length;
    if (this.#size < this.#wanted) return [];
    const bytes = Buffer.concat(this.#pieces);
    const frames: Buffer[] = [];
    let start = 0;
    for (;;) {
      const left = bytes.length - start;
      this.#wanted = left < HEAD_BYTES ? HEAD_BYTES : HEAD_BYTES + bytes.readUInt32BE(start + 1);
      if (left < this.#wanted) break;
      frames.push(bytes.subarray(start + HEAD_BYTES, start + this.#wanted));
      start += this.#wanted;
    }
    this.#pieces = [bytes.subarray(start)];
    this.#size = bytes.length - start;
    return frames;
  }
}

/** What a frame repeats, each still encoded, and where that ends. It decodes none of them. */
export function entriesOf(frame: Buffer): { entries: Buffer[]; end: number } {
  const entries: Buffer[] = [];
  let place = 0;
  while (place < frame.length && frame[place] === REPEATED_TAG) {
    const length = varint(frame, place + 1);
    place = length.end + length.value;
    entries.push(frame.subarray(length.end, place));
  }
  return { entries, end: place };
}

/** How many messages a frame of a Read has, and the last sequence it covers. */
export function readFrame(frame: Buffer): { count: number; sequence: number } {
  const { entries, end } = entriesOf(frame);
  const { position } = ReadResponse.decode(frame.subarray(end));
  return { count: entries.length, sequence: Number(position?.sequence ?? 0n) };
}

/** A count as protobuf writes it, where it begins at this place. */
export function varint(bytes: Buffer, start: number): { value: number; end: number } {
  let value = 0;
  let scale = 1;
  for (let place = start; ; place++) {
    const byte = bytes[place] ?? 0;
    value += (byte & 0x7f) * scale;
    scale *= 0x80;
    if (byte < 0x80) return { value, end: place + 1 };
  }
}
