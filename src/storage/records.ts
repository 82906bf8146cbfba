import { crc32 } from "node:zlib";
import { type BinaryReader, BinaryWriter } from "@bufbuild/protobuf/wire";

/** The version byte of the records that this program writes. */
const VERSION = 1;
/** One byte of version and four of checksum come before the record. */
const HEADER_BYTES = 5;

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

/**
 * One writer for all records: `finish` hands out a copy and leaves the writer empty, and encoding never waits, so that
 * it is free again before anybody else can want it. A new writer for each record would cost three times as much.
 */
const writer = new BinaryWriter();

/** The record as it is stored: a version byte, a CRC-32 of the record (little-endian), the record. */
export function encodeRecord<T>(codec: Codec<T>, message: T): Buffer {
  const record = codec.encode(message, writer).finish();
  const stored = Buffer.allocUnsafe(HEADER_BYTES + record.length);
  stored[0] = VERSION;
  stored.writeUInt32LE(crc32(record), 1);
  stored.set(record, HEADER_BYTES);
  return stored;
}

/**
 * The record that was stored.
 * @throws DamagedRecord when it does not check
 * @throws UnknownVersion when a newer program wrote it
 */
export function decodeRecord<T>(codec: Codec<T>, stored: Buffer): T {
  if (stored.length < HEADER_BYTES) throw new DamagedRecord("a stored record is too short");
  const record = stored.subarray(HEADER_BYTES);
  // The checksum comes first: a flipped version byte with a sound record would be damage too, but stopping is safe.
  if (stored.readUInt32LE(1) !== crc32(record)) throw new DamagedRecord("a stored record's checksum is wrong");
  if (stored[0] !== VERSION) {
    throw new UnknownVersion(`a stored record has version ${stored[0]}; this program knows version ${VERSION}`);
  }
  try {
    return codec.decode(record);
  } catch (error) {
    throw new DamagedRecord("a stored record cannot be decoded", { cause: error });
  }
}
