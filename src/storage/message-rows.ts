import { WireType } from "@bufbuild/protobuf/wire";
import { LogEntry } from "../../gen/ts/socketregistry/storage/v1/records.js";
import type { LogEvent } from "../registry/storage.js";
import { varintLength, writeVarint } from "../varint.js";
import { encodeRecord, HEADER_BYTES, stamp } from "./records.js";
import { numberOfSkipReason } from "./rows.js";

export type MessageEvent = Extract<LogEvent, { kind: "message" }>;

/** The tags of LogEntry. */
const REVISION = (1 << 3) | WireType.Varint;
const TIME_MS = (2 << 3) | WireType.Varint;
const MESSAGE = (3 << 3) | WireType.LengthDelimited;
/** The tags of MessageWritten. */
const BODY = (1 << 3) | WireType.LengthDelimited;
const SENDER = (2 << 3) | WireType.LengthDelimited;
const RECIPIENT = (3 << 3) | WireType.LengthDelimited;
const TARGETS = (4 << 3) | WireType.LengthDelimited;
const EVERYONE = (5 << 3) | WireType.Varint;
const REPLY_TO = (8 << 3) | WireType.Varint;

/** Shorter than this, the length of a text is one byte. */
const SHORT = 128;

/**
 * A message as an entry of the log as it is stored. One for one recipient or for everyone is written by hand, straight
 * into its place; a property test holds that to the same bytes.
 */
export function encodeMessage(revision: number, timeMs: number, event: MessageEvent): Buffer {
  const { sender, recipient, targets, skipped } = event;
  const isUsual = targets.length <= 1 && skipped.length === 0 && isShortAscii(sender) && isShortAscii(recipient);
  return isUsual ? encodeUsual(revision, timeMs, event) : encodeUnusual(revision, timeMs, event);
}

function encodeUsual(revision: number, timeMs: number, event: MessageEvent): Buffer {
  const { body, sender, recipient, targets, everyone, replyTo } = event;
  const target = targets[0];
  let length = 1 + varintLength(body.length) + body.length + textLength(sender) + textLength(recipient);
  if (target !== undefined) length += 2 + varintLength(target);
  if (everyone) length += 2;
  if (replyTo > 0) length += 1 + varintLength(replyTo);
  const head = 3 + varintLength(revision) + varintLength(timeMs) + varintLength(length);
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + head + length);
  let at = HEADER_BYTES;
  at = writeNumber(bytes, at, REVISION, revision);
  at = writeNumber(bytes, at, TIME_MS, timeMs);
  at = writeNumber(bytes, at, MESSAGE, length);
  at = writeNumber(bytes, at, BODY, body.length);
  bytes.set(body, at);
  at = writeText(bytes, at + body.length, SENDER, sender);
  at = writeText(bytes, at, RECIPIENT, recipient);
  if (target !== undefined) {
    at = writeNumber(bytes, at, TARGETS, varintLength(target));
    at = writeVarint(bytes, at, target);
  }
  if (everyone) at = writeNumber(bytes, at, EVERYONE, 1);
  if (replyTo > 0) writeNumber(bytes, at, REPLY_TO, replyTo);
  return stamp(bytes);
}

function encodeUnusual(revision: number, timeMs: number, event: MessageEvent): Buffer {
  let before = 0;
  const skipped: number[] = [];
  const reasons: number[] = [];
  for (const skip of event.skipped) {
    skipped.push(skip.number - before);
    reasons.push(numberOfSkipReason(skip.reason));
    before = skip.number;
  }
  return encodeRecord(LogEntry, {
    revision,
    timeMs,
    message: {
      body: event.body as Buffer,
      sender: event.sender,
      recipient: event.recipient,
      targets: event.targets as number[],
      everyone: event.everyone,
      skipped,
      skipReasons: reasons,
      replyTo: event.replyTo,
    },
    socket: undefined,
  });
}

function isShortAscii(text: string): boolean {
  if (text.length >= SHORT) return false;
  for (let index = 0; index < text.length; index++) if (text.charCodeAt(index) >= 0x80) return false;
  return true;
}

/** What a short text takes with its tag. An empty one is not written. */
function textLength(text: string): number {
  return text === "" ? 0 : 2 + text.length;
}

function writeText(bytes: Buffer, place: number, tag: number, text: string): number {
  if (text === "") return place;
  bytes[place] = tag;
  bytes[place + 1] = text.length;
  return place + 2 + bytes.write(text, place + 2, "latin1");
}

function writeNumber(bytes: Buffer, place: number, tag: number, value: number): number {
  bytes[place] = tag;
  return writeVarint(bytes, place + 1, value);
}
