/**
 * Messages of the service as JSON: proto3 JSON with the field names of the .proto file. 64-bit numbers
 * are decimal strings, enums their names, times RFC 3339, spans seconds with an `s`; Structs are what
 * they hold. Fields with a default value are written, absent messages left out.
 */
import type { Duration } from "../../gen/ts/google/protobuf/duration.js";
import {
  type AskResponse,
  type GetServerInfoResponse,
  type HeartbeatResponse,
  type Message,
  MessageState,
  MissingReason,
  OverflowPolicy,
  type Receipt,
  type Replication,
  ReplicationState,
  SkipReason,
  type Socket,
  type SocketConfig,
  SocketState,
  StateReason,
  WatchEventType,
  type WatchResponse,
  type WriteResponse,
} from "../../gen/ts/socketregistry/v1/socket_registry.js";

export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

export function messageJson(message: Message): Json {
  return record(message);
}

export function socketJson(socket: Socket): Json {
  const { state, stateReason, tail, config, ...others } = socket;
  return record({
    ...others,
    state: enumName(SocketState, state),
    stateReason: enumName(StateReason, stateReason),
    tail: tail && record(tail),
    config: config && configJson(config),
  });
}

export function configJson(config: SocketConfig): Json {
  const { leaseDuration, messageTtl, ackDeadline, overflowPolicy, ...others } = config;
  return record({
    ...others,
    leaseDuration: leaseDuration && durationJson(leaseDuration),
    messageTtl: messageTtl && durationJson(messageTtl),
    ackDeadline: ackDeadline && durationJson(ackDeadline),
    overflowPolicy: overflowPolicy === undefined ? undefined : enumName(OverflowPolicy, overflowPolicy),
  });
}

export function serverInfoJson({ replication, ...others }: GetServerInfoResponse): Json {
  return record({ ...others, replication: replication && replicationJson(replication) });
}

export function replicationJson({ state, ...others }: Replication): Json {
  return record({ ...others, state: enumName(ReplicationState, state) });
}

/** A message and all its receipts, as one GetMessageResponse. */
export function messageAndReceiptsJson(message: Message | undefined, receipts: readonly Receipt[]): Json {
  return record({
    message: message && messageJson(message),
    receipts: receipts.map(({ state, skipReason, ...others }) =>
      record({
        ...others,
        state: enumName(MessageState, state),
        skipReason: enumName(SkipReason, skipReason),
      }),
    ),
  });
}

export function heartbeatJson({ state, ...others }: HeartbeatResponse): Json {
  return record({ ...others, state: enumName(SocketState, state) });
}

export function watchJson({ revision, type, socket }: WatchResponse): Json {
  return record({ revision, type: enumName(WatchEventType, type), socket: socket && socketJson(socket) });
}

export function askJson({ step }: AskResponse): Json {
  switch (step?.$case) {
    case undefined:
      return {};
    case "asked":
      return { asked: writeJson(step.value) };
    case "reply":
      return { reply: messageJson(step.value) };
    case "summary": {
      const { missing, ...others } = step.value;
      const named = missing.map(({ socketId, reason }) =>
        record({ socketId, reason: enumName(MissingReason, reason) }),
      );
      return { summary: record({ ...others, missing: named }) };
    }
  }
}

function writeJson({ results, ...others }: WriteResponse): Json {
  const named = results.map(({ skipReason, ...result }) =>
    record({ ...result, skipReason: enumName(SkipReason, skipReason) }),
  );
  return record({ ...others, results: named });
}

/** The name of an enum's value as the .proto file has it. A value of a newer server is its number. */
export function enumName(names: Readonly<Record<string, number>>, value: number): string {
  return Object.keys(names).find((name) => names[name] === value) ?? String(value);
}

/** The reason of a state as words of the .proto file. Empty when there is none. */
export function stateReasonName(reason: StateReason): string {
  if (reason === StateReason.STATE_REASON_UNSPECIFIED) return "";
  return enumName(StateReason, reason).replace("STATE_REASON_", "");
}

/** One message: its own fields are renamed, what lies below them is kept as it is. */
function record(message: object): Json {
  const fields: [string, unknown][] = Object.entries(message);
  const present = fields.filter(([, value]) => value !== undefined);
  return Object.fromEntries(present.map(([name, value]) => [fieldName(name), jsonOf(value)]));
}

/** A field as the .proto file names it. */
export function fieldName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function jsonOf(value: unknown): Json {
  if (typeof value === "bigint") return String(value);
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(jsonOf);
  if (typeof value === "string" || typeof value === "boolean") return value;
  // JSON knows no NaN and no infinities; proto3 JSON writes them as text.
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (typeof value !== "object" || value === null) return null;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, jsonOf(item)]));
}

function durationJson({ seconds, nanos }: Duration): string {
  const fraction = Math.abs(nanos).toString().padStart(9, "0").replace(/0+$/, "");
  const sign = nanos < 0 && seconds === 0n ? "-" : "";
  return `${sign}${seconds}${fraction === "" ? "" : `.${fraction}`}s`;
}
