import { closeSync, openSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";

const BYTES = 12;

/**
 * A small file beside the log that remembers the newest revision that was acknowledged. LevelDB drops a torn end of its
 * log without a word; with a witness the loss is seen. It is written after each batch without an fsync of its own: a
 * crash of the process cannot lose it, and after a power loss it can only be older than the log, which says nothing.
 */
export class Witness {
  readonly #file: number;
  readonly #buffer = Buffer.alloc(BYTES);
  #isClosed = false;

  /** Only for the process that has the log open. */
  constructor(folder: string) {
    // "a" makes the file and keeps what it has; a file opened so could not be written at a position.
    const path = join(folder, "acknowledged");
    closeSync(openSync(path, "a"));
    this.#file = openSync(path, "r+");
    // A new file gets its bytes now, so that a disk that fills up later has room for them.
    if (readSync(this.#file, this.#buffer, 0, BYTES, 0) < BYTES) this.write(0);
  }

  /** The newest acknowledged revision; 0 when nobody knows. */
  read(): number {
    if (readSync(this.#file, this.#buffer, 0, BYTES, 0) < BYTES) return 0;
    if (this.#buffer.readUInt32LE(8) !== crc32(this.#buffer.subarray(0, 8))) return 0;
    return Number(this.#buffer.readBigUInt64LE(0));
  }

  write(revision: number): void {
    // The number of the file may be another file's by now.
    if (this.#isClosed) throw new Error("the witness is closed");
    this.#buffer.writeBigUInt64LE(BigInt(revision), 0);
    this.#buffer.writeUInt32LE(crc32(this.#buffer.subarray(0, 8)), 8);
    writeSync(this.#file, this.#buffer, 0, BYTES, 0);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    closeSync(this.#file);
  }
}
