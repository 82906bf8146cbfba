/** Answers to Write and WriteStream, written by hand, since there is one for every message. */
import { WireType } from "@bufbuild/protobuf/wire";
import { Status } from "../../gen/ts/google/rpc/status.js";
import type { WriteAnswer, WriteResult } from "../registry/write.js";
import type { Written } from "../registry/write-stream.js";
import { varintLength, writeVarint } from "../varint.js";
import { type ErrorLog, statusMessage } from "./status.js";
import { toSkipReason } from "./writes.js";

/** The tags of WriteResponse. */
const MESSAGE_ID = (1 << 3) | WireType.LengthDelimited;
const DELIVERED_COUNT = (2 << 3) | WireType.Varint;
const RESULTS = (3 << 3) | WireType.LengthDelimited;
const DUPLICATE = (4 << 3) | WireType.Varint;
const SKIPPED_COUNT = (5 << 3) | WireType.Varint;
/** The tags of WriteResult. */
const SOCKET_ID = (1 << 3) | WireType.LengthDelimited;
const SEQUENCE = (2 << 3) | WireType.Varint;
const SKIP_REASON = (3 << 3) | WireType.Varint;
/** The tags of WriteStreamResponse and of WriteStreamResult. */
const OUTCOMES = (1 << 3) | WireType.LengthDelimited;
const RESPONSE = (1 << 3) | WireType.LengthDelimited;
const ERROR = (2 << 3) | WireType.LengthDelimited;

/** An encoded WriteResponse. */
export function encodeAnswer(answer: WriteAnswer): Buffer {
  const bytes = Buffer.allocUnsafe(answerLength(answer));
  writeAnswer(bytes, 0, answer);
  return bytes;
}

/** An encoded WriteStreamResponse. @param log where defects are told */
export function encodeWritten(written: readonly Written[], log: ErrorLog): Buffer {
  const parts = written.map((one) => partOf(one, log));
  let size = 0;
  for (const { length } of parts) size += withLength(withLength(length));
  const bytes = Buffer.allocUnsafe(size);
  let at = 0;
  for (const { length, answer, error } of parts) {
    bytes[at] = OUTCOMES;
    at = writeVarint(bytes, at + 1, withLength(length));
    bytes[at] = error === undefined ? RESPONSE : ERROR;
    at = writeVarint(bytes, at + 1, length);
    if (answer !== undefined) writeAnswer(bytes, at, answer);
    if (error !== undefined) bytes.set(error, at);
    at += length;
  }
  return bytes;
}

interface Part {
  readonly length: number;
  readonly answer: WriteAnswer | undefined;
  readonly error: Uint8Array | undefined;
}

function partOf(written: Written, log: ErrorLog): Part {
  if ("answer" in written) {
    const { answer } = written;
    return { length: answerLength(answer), answer, error: undefined };
  }
  const error = Status.encode(statusMessage(written.error, log)).finish();
  return { length: error.length, answer: undefined, error };
}

/** What a value of this length takes with a tag and its length before it. */
function withLength(length: number): number {
  return 1 + varintLength(length) + length;
}

/** What a number takes with its tag. Zero is not written. */
function numberLength(value: number): number {
  return value === 0 ? 0 : 1 + varintLength(value);
}

function answerLength(answer: WriteAnswer): number {
  let length = withLength(answer.messageId.length) + numberLength(answer.deliveredCount);
  for (const result of answer.results) length += withLength(resultLength(result));
  return length + (answer.duplicate ? 2 : 0) + numberLength(answer.skippedCount);
}

function resultLength({ socketId, sequence, skipReason }: WriteResult): number {
  return withLength(socketId.length) + numberLength(sequence) + numberLength(toSkipReason(skipReason));
}

/** @returns the place behind it */
function writeAnswer(bytes: Buffer, place: number, answer: WriteAnswer): number {
  let at = writeAscii(bytes, place, MESSAGE_ID, answer.messageId);
  at = writeNumber(bytes, at, DELIVERED_COUNT, answer.deliveredCount);
  for (const result of answer.results) {
    bytes[at] = RESULTS;
    at = writeVarint(bytes, at + 1, resultLength(result));
    at = writeAscii(bytes, at, SOCKET_ID, result.socketId);
    at = writeNumber(bytes, at, SEQUENCE, result.sequence);
    at = writeNumber(bytes, at, SKIP_REASON, toSkipReason(result.skipReason));
  }
  at = writeNumber(bytes, at, DUPLICATE, answer.duplicate ? 1 : 0);
  return writeNumber(bytes, at, SKIPPED_COUNT, answer.skippedCount);
}

/** Ids have no characters but those of ASCII. */
function writeAscii(bytes: Buffer, place: number, tag: number, text: string): number {
  bytes[place] = tag;
  const at = writeVarint(bytes, place + 1, text.length);
  return at + bytes.write(text, at, "latin1");
}

function writeNumber(bytes: Buffer, place: number, tag: number, value: number): number {
  if (value === 0) return place;
  bytes[place] = tag;
  return writeVarint(bytes, place + 1, value);
}
