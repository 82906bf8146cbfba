/** The checks of single fields. Every fault names the field and the limit. */
import type { Duration } from "../../gen/ts/google/protobuf/duration.js";
import { invalidField, RegistryError } from "../registry/errors.js";
import { type Limits, SEQUENCES_MAX } from "../registry/limits.js";
import { checkSocketId, TEAM_CHAT_ALL } from "../registry/socket.js";

const HEARTBEAT_MIN_MS = 100;
const HEARTBEAT_MAX_MS = 3_600_000;
/** No duration of ours is longer than ten years. */
const DURATION_MAX_MS = 10 * 365 * 86_400_000;
/** A page token is ours, and no longer than this. */
const PAGE_TOKEN_MAX = 1_024;

/** What the limits say of texts and labels. */
export class Fields {
  readonly limits: Limits;

  constructor(limits: Limits) {
    this.limits = limits;
  }

  /** A text field of the request. @throws INVALID_FIELD when it is longer than allowed */
  text(field: string, value: string, maxBytes: number = this.limits.maxStringBytes): string {
    const bytes = utf8Length(value, maxBytes);
    if (bytes <= maxBytes) return value;
    throw invalidField(field, `has ${bytes} bytes and may have ${maxBytes}`, { limit: String(maxBytes) });
  }

  pageToken(value: string): string {
    return this.text("page_token", value, PAGE_TOKEN_MAX);
  }

  labels(field: string, labels: Readonly<Record<string, string>>): void {
    const { maxLabels } = this.limits;
    const entries = Object.entries(labels);
    if (entries.length > maxLabels) {
      const limit = { limit: String(maxLabels) };
      throw invalidField(field, `has ${entries.length} entries and may have ${maxLabels}`, limit);
    }
    for (const [key, value] of entries) {
      if (key === "") throw invalidField(field, "must not have an empty key");
      this.text(field, key);
      this.text(field, value);
    }
  }

  /** A consumer, which only the feed has. */
  consumer(consumer: string, socketId: string): string {
    if (consumer !== "" && socketId !== TEAM_CHAT_ALL) {
      throw new RegistryError("CONSUMER_NOT_ALLOWED", `consumer is for ${TEAM_CHAT_ALL} only`, { field: "consumer" });
    }
    return this.text("consumer", consumer);
  }
}

/** An author's name stands in headers, so it is held to what an id is. */
export function checkSender(sender: string): void {
  if (sender === "") return;
  checkSocketId(sender, "sender");
  if (sender === TEAM_CHAT_ALL) throw invalidField("sender", `must not be ${TEAM_CHAT_ALL}, which is nobody`);
}

/** Sequences as numbers. */
export function toSequences(field: string, sequences: readonly bigint[], countMax = SEQUENCES_MAX): number[] {
  if (sequences.length > countMax) {
    const limit = { limit: String(SEQUENCES_MAX) };
    throw invalidField(field, `makes it more than ${SEQUENCES_MAX} sequences, the most allowed`, limit);
  }
  return sequences.map((sequence) => toCount(field, sequence) ?? 0);
}

/** An interval between heartbeats; undefined: none. */
export function toHeartbeat(interval: Duration | undefined): number | undefined {
  const ms = toMs("heartbeat_interval", interval);
  if (ms === undefined || ms === 0) return undefined;
  if (ms >= HEARTBEAT_MIN_MS && ms <= HEARTBEAT_MAX_MS) return ms;
  throw invalidField("heartbeat_interval", `must be from ${HEARTBEAT_MIN_MS} ms to ${HEARTBEAT_MAX_MS} ms`);
}

/** Whole milliseconds, rounded up so that something short is not nothing. */
export function toMs(field: string, duration: Duration | undefined, maxMs = DURATION_MAX_MS): number | undefined {
  if (duration === undefined) return undefined;
  const { seconds, nanos } = duration;
  const ms = Number(seconds) * 1_000 + Math.ceil(nanos / 1_000_000);
  const isDuration = nanos >= 0 && nanos < 1_000_000_000 && seconds >= 0n && ms <= maxMs;
  if (isDuration) return ms;
  throw invalidField(field, `must be a duration from 0 to ${spanOf(maxMs)}`, { limit: `${maxMs / 1_000}s` });
}

export function toCount(field: string, value: bigint | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value);
  throw invalidField(field, `must be at most ${Number.MAX_SAFE_INTEGER}`);
}

/** The bytes of a text in UTF-8, counted only where they could be more than `maxBytes`. */
export function utf8Length(text: string, maxBytes: number): number {
  return text.length * 3 <= maxBytes ? text.length : Buffer.byteLength(text);
}

/** A length of time in words. */
function spanOf(ms: number): string {
  if (ms === DURATION_MAX_MS) return "10 years";
  const days = ms / 86_400_000;
  return days >= 1 ? `${days} days` : `${ms / 60_000} minutes`;
}
