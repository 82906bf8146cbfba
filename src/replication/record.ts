/**
 * The record of a socket as the first registry kept it at an Engram: eight fields and no other, since it drops a socket
 * that has one more. What is ours goes into the metadata beside it.
 */
import type { SocketState } from "../registry/storage.js";
import type { PeerRecord } from "./dialect.js";
import { isObject, type JsonObject } from "./peer-answer.js";

/** A socket with what waits in it. Times are whole milliseconds. */
export interface SocketRecord {
  readonly socketId: string;
  readonly model: string;
  readonly prompt: string;
  readonly context: JsonObject;
  readonly createdMs: number;
  readonly state: SocketState;
  /** When it was last written to or read; undefined when it never was. */
  readonly lastActivityMs: number | undefined;
  /** Oldest first. */
  readonly messages: readonly RecordMessage[];
}

export interface RecordMessage {
  readonly content: string;
  readonly timeMs: number;
  readonly metadata: JsonObject;
}

/** A record that was understood, or why it was not. `fault` completes the sentence "the record ...". */
export type ParsedRecord = { readonly record: SocketRecord } | { readonly fault: string };

const FIELDS = ["socket_id", "model", "prompt", "context", "created_at", "state", "last_activity", "message_queue"];

const STATES: Readonly<Record<string, SocketState>> = {
  active: "ACTIVE",
  inactive: "INACTIVE",
  unresponsive: "UNRESPONSIVE",
};

/** A time without a zone is UTC. Behind the second there may be a fraction. */
const TIME = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)?$/;

/** The data and metadata of a socket, under its id. @param ours further metadata. It replaces none of those that the first registry gave. */
export function encodeRecord(record: SocketRecord, ours: JsonObject = {}): PeerRecord {
  const { socketId, model, prompt, context, createdMs, lastActivityMs, messages } = record;
  const state = record.state.toLowerCase();
  return {
    key: socketId,
    data: {
      socket_id: socketId,
      model,
      prompt,
      context,
      created_at: timeText(createdMs),
      state,
      last_activity: lastActivityMs === undefined ? null : timeText(lastActivityMs),
      message_queue: messages.map(({ content, timeMs, metadata }) => ({
        header: `[team-chat-to-${socketId}]`,
        content,
        timestamp: timeText(timeMs),
        metadata,
      })),
    },
    metadata: { ...ours, type: "ai_socket", model, state },
  };
}

/**
 * Reads a record that we or the first registry wrote. The latter checked no types: a content that is no string becomes
 * its JSON, and a context or metadata that are no object become `{"value": ...}`. Microseconds are cut off. A message
 * without a time gets the time of the one before it.
 */
export function parseRecord(data: JsonObject): ParsedRecord {
  try {
    return { record: recordOf(data) };
  } catch (error) {
    if (error instanceof Unreadable) return { fault: error.message };
    throw error;
  }
}

class Unreadable extends Error {}

function recordOf(data: JsonObject): SocketRecord {
  const missing = FIELDS.filter((field) => !Object.hasOwn(data, field));
  if (missing.length > 0) throw new Unreadable(`lacks ${missing.join(", ")}`);
  const extra = Object.keys(data).filter((field) => !FIELDS.includes(field));
  if (extra.length > 0) throw new Unreadable(`has fields that are none of it: ${extra.map(shown).join(", ")}`);
  const { context, created_at: createdAt, last_activity: lastActivity, message_queue: queue } = data;
  const name = stringOf(data, "state");
  const state = Object.hasOwn(STATES, name) ? STATES[name] : undefined;
  if (state === undefined) throw new Unreadable(`has the unknown state ${shown(name)}`);
  if (!Array.isArray(queue)) throw new Unreadable("has a message_queue that is no list");
  const createdMs = timeOf(createdAt, "created_at");
  return {
    socketId: stringOf(data, "socket_id"),
    model: stringOf(data, "model"),
    prompt: stringOf(data, "prompt"),
    context: objectIn(context),
    createdMs,
    state,
    lastActivityMs: lastActivity === null ? undefined : timeOf(lastActivity, "last_activity"),
    messages: messagesOf(queue, createdMs),
  };
}

function messagesOf(queue: readonly unknown[], createdMs: number): readonly RecordMessage[] {
  let timeMs = createdMs;
  return queue.map((message) => {
    if (!isObject(message)) throw new Unreadable("has a message that is no object");
    const { content, timestamp = "", metadata } = message;
    if (timestamp !== "") timeMs = timeOf(timestamp, "the timestamp of a message");
    return { content: contentOf(content), timeMs, metadata: objectIn(metadata) };
  });
}

function stringOf(data: JsonObject, field: string): string {
  const value = data[field];
  if (typeof value === "string") return value;
  throw new Unreadable(`has a ${field} that is no string`);
}

function contentOf(value: unknown = null): string {
  if (typeof value === "string") return value;
  return value === null ? "" : JSON.stringify(value);
}

/** What counts as false in Python is nothing, as it was for the first registry. */
function objectIn(value: unknown): JsonObject {
  if (isObject(value)) return value;
  const isNothing = !value || (Array.isArray(value) && value.length === 0);
  return isNothing ? {} : { value };
}

/** Naive UTC to the microsecond, as Python writes it. */
function timeText(ms: number): string {
  return new Date(ms).toISOString().replace("Z", "000");
}

function timeOf(value: unknown, field: string): number {
  const [, date, time = "", fraction = "", zone = "Z"] = (typeof value === "string" ? TIME.exec(value) : null) ?? [];
  const text = `${date}T${time}.${fraction.slice(0, 3).padEnd(3, "0")}`;
  const utcMs = Date.parse(`${text}Z`);
  // Date.parse takes the 30th of February for a day in March.
  const isTime = date !== undefined && !Number.isNaN(utcMs) && new Date(utcMs).toISOString() === `${text}Z`;
  if (!isTime) throw new Unreadable(`has a time that is none: ${field}`);
  return Date.parse(`${text}${zone}`);
}

/** A value from outside as part of a sentence. */
function shown(value: string): string {
  return JSON.stringify(value.length > 100 ? `${value.slice(0, 100)}…` : value);
}
