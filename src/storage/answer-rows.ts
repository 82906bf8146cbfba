import { BinaryReader } from "@bufbuild/protobuf/wire";
import { RememberedRow, type RememberedWrite } from "../../gen/ts/socketregistry/storage/v1/records.js";
import type { Remembered } from "../registry/storage.js";
import { DamagedRecord, decodeRecord, encodeRecord, unseal } from "./records.js";
import { fromRecord, numberOfSkipReason, skipReasonOf, toRecord } from "./rows.js";

/** The tag of `RememberedRow.key`, a field of bytes. */
const KEY_TAG = (3 << 3) | 2;
const KEY_BYTES = 16;

export function encodeAnswer({ key, fingerprint, revision, timeMs, answer }: Remembered): Buffer {
  return encodeRecord(RememberedRow, {
    revision,
    timeMs,
    key: Buffer.from(key, "latin1"),
    fingerprint: Buffer.from(fingerprint, "latin1"),
    created: answer.kind === "create" ? toRecord(answer.row) : undefined,
    written: answer.kind === "write" ? toWrite(answer) : undefined,
  });
}

export function decodeAnswer(stored: Buffer): Remembered {
  const { revision, timeMs, key, fingerprint, created, written } = decodeRecord(RememberedRow, stored);
  return {
    key: key.toString("latin1"),
    fingerprint: fingerprint.toString("latin1"),
    revision,
    timeMs,
    answer: created === undefined ? fromWrite(written) : { kind: "create", row: fromRecord(created) },
  };
}

/** The key of an answer, without decoding the rest: a start reads very many of them. @throws DamagedRecord */
export function keyOfAnswer(stored: Buffer): string {
  const content = unseal(stored);
  try {
    const reader = new BinaryReader(content);
    while (reader.pos < reader.len) {
      const tag = reader.uint32();
      if (tag === KEY_TAG) {
        const { length } = reader.bytes();
        if (length !== KEY_BYTES) break;
        return content.toString("latin1", reader.pos - length, reader.pos);
      }
      reader.skip(tag & 7);
    }
  } catch (error) {
    throw new DamagedRecord("a stored answer cannot be decoded", { cause: error });
  }
  throw new DamagedRecord("a stored answer has no key");
}

type Written = Extract<Remembered["answer"], { kind: "write" }>;

function toWrite({ deliveredCount, skippedCount, results }: Written): RememberedWrite {
  return {
    deliveredCount,
    skippedCount,
    results: results.map(({ socketId, sequence, skipReason }) => ({
      socketId,
      sequence,
      skipReason: numberOfSkipReason(skipReason),
    })),
  };
}

function fromWrite(written: RememberedWrite | undefined): Written {
  const { deliveredCount = 0, skippedCount = 0, results = [] } = written ?? {};
  return {
    kind: "write",
    deliveredCount,
    skippedCount,
    results: results.map(({ socketId, sequence, skipReason }) => ({
      socketId,
      sequence,
      skipReason: skipReasonOf(skipReason),
    })),
  };
}
