import { crc32 } from "node:zlib";
import { type BinaryReader, BinaryWriter } from "@bufbuild/protobuf/wire";

/** The version byte of the records that this program writes. */
const VERSION = 1;
/** One byte of version and four of checksum come before the record. */
export const HEADER_BYTES = 5;

/** A stored value that does not check. It is reported and never served. */
export class DamagedRecord extends Error {
  override readonly name = "DamagedRecord";
}

/** A stored value of a version that this program does not know: a newer program wrote it, and ours must not guess. */
export class UnknownVersion extends Error {
  override readonly name = "UnknownVersion";
}

/** What ts-proto generates for a message. */
interface Codec<T> {
  encode(message: T, writer?: BinaryWriter): BinaryWriter;
  decode(input: BinaryReader | Uint8Array, length?: number): T;
}

/** What the header is written over. */
const NO_HEADER = new Uint8Array(HEADER_BYTES);

/**
 * One writer for all records: `finish` hands out a copy and leaves the writer empty, and encoding never waits, so that
 * it is free again before anybody else can want it. A new writer for each record would cost three times as much.
 */
let writer = new BinaryWriter();

/**
 * Bytes as they are stored: a version byte, a CRC-32 (little-endian), the bytes. The checksum begins with the version,
 * so that a flipped version byte is damage and not a newer program; every later version must keep to that.
 */
export function seal(content: Uint8Array): Buffer {
  return stamp(Buffer.concat([NO_HEADER, content]));
}

/** The record as it is stored. */
export function encodeRecord<T>(codec: Codec<T>, message: T): Buffer {
  try {
    const { buffer, byteOffset, byteLength } = codec.encode(message, writer.raw(NO_HEADER)).finish();
    return stamp(Buffer.from(buffer, byteOffset, byteLength));
  } catch (error) {
    // It may hold half a record, which must not become part of the next one.
    writer = new BinaryWriter();
    throw error;
  }
}

/** Fills in the header of a record that is written behind it. @returns the same bytes */
export function stamp(stored: Buffer): Buffer {
  stored[0] = VERSION;
  stored.writeUInt32LE(crc32(stored.subarray(HEADER_BYTES), VERSION), 1);
  return stored;
}

/**
 * The bytes that were stored.
 * @throws DamagedRecord when they do not check
 * @throws UnknownVersion when a newer program wrote them
 */
export function unseal(stored: Buffer): Buffer {
  if (stored.length < HEADER_BYTES) throw new DamagedRecord("a stored record is too short");
  const content = stored.subarray(HEADER_BYTES);
  const version = stored.readUInt8(0);
  if (stored.readUInt32LE(1) !== crc32(content, version)) {
    throw new DamagedRecord("a stored record's checksum is wrong");
  }
  if (version !== VERSION) {
    throw new UnknownVersion(`a stored record has version ${version}; this program knows version ${VERSION}`);
  }
  return content;
}

/**
 * The record that was stored.
 * @throws DamagedRecord when it does not check
 * @throws UnknownVersion when a newer program wrote it
 */
export function decodeRecord<T>(codec: Codec<T>, stored: Buffer): T {
  const content = unseal(stored);
  try {
    return codec.decode(content);
  } catch (error) {
    throw new DamagedRecord("a stored record cannot be decoded", { cause: error });
  }
}

/** The record that was stored; undefined when it does not check. @throws UnknownVersion when a newer program wrote it */
export function decodeIfSound<T>(codec: Codec<T>, stored: Buffer): T | undefined {
  try {
    return decodeRecord(codec, stored);
  } catch (error) {
    if (error instanceof DamagedRecord) return undefined;
    throw error;
  }
}
