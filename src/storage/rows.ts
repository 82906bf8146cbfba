import {
  type ChangeKind,
  type ConfigRow,
  LogEntry,
  SocketRow as SocketRecord,
} from "../../gen/ts/socketregistry/storage/v1/records.js";
import type { Change, OverflowPolicy, SkipReason, SocketConfig, SocketNumber, SocketRow } from "../registry/storage.js";
import { decodeRecord, encodeRecord } from "./records.js";

/** The stored numbers of the words; they are those of socketregistry.v1 and never change. */
const states = ["ACTIVE", "ACTIVE", "INACTIVE", "UNRESPONSIVE"] as const;
const stateReasons = ["NONE", "OPERATOR", "LEASE_EXPIRED", "CLIENT_LEFT"] as const;
const changeKinds: readonly (Change["kind"] | undefined)[] = [
  undefined,
  "CREATED",
  "UPDATED",
  "STATE_CHANGED",
  "RESET",
  "DELETED",
];
const overflowPolicies = [undefined, "REJECT", "DROP_OLDEST"] as const;
const skipReasons = [undefined, "SOCKET_INACTIVE", "SOCKET_UNRESPONSIVE", "QUEUE_FULL", "SENDER"] as const;

/** One change of a socket as it is stored in the log. */
export function encodeChange({ revision, kind, row }: Change, timeMs: number, replaces: SocketNumber): Buffer {
  const socket = { kind: changeKinds.indexOf(kind) as ChangeKind, socket: toRecord(row), replaces };
  return encodeRecord(LogEntry, { revision, timeMs, message: undefined, socket });
}

/** The change of a socket that an entry is; undefined when it is none, or of a socket of which nothing is known. */
export function changeIn({ revision, socket }: LogEntry): Change | undefined {
  const kind = changeKinds[socket?.kind ?? 0];
  if (kind === undefined || !socket?.socket?.socketId) return undefined;
  return { revision, kind, row: fromRecord(socket.socket) };
}

/** The numbers of the sockets that a message was skipped for, and why. */
export function decodeSkips(skipped: readonly number[], reasons: readonly number[]): Map<number, SkipReason> {
  let number = 0;
  return new Map(
    skipped.map((difference, index) => {
      number += difference;
      return [number, skipReasonOf(reasons[index] ?? 0) ?? "SENDER"];
    }),
  );
}

/** The stored number of a reason; 0 when there is none. */
export function numberOfSkipReason(reason: SkipReason | undefined): number {
  return skipReasons.indexOf(reason);
}

export function skipReasonOf(number: number): SkipReason | undefined {
  return skipReasons[number];
}

export function encodeRow(row: SocketRow): Buffer {
  return encodeRecord(SocketRecord, toRecord(row));
}

export function decodeRow(stored: Buffer): SocketRow {
  return fromRecord(decodeRecord(SocketRecord, stored));
}

/** A socket's row as it lies in another record. */
export function fromRecord(record: SocketRecord): SocketRow {
  return {
    number: record.number,
    socketId: record.socketId,
    model: record.model,
    state: states[record.state] ?? "ACTIVE",
    stateReason: stateReasons[record.stateReason] ?? "NONE",
    stateMessage: record.stateMessage,
    createdMs: record.createdMs,
    createdRevision: record.createdRevision,
    changedMs: record.changedMs,
    labels: record.labels,
    config: fromConfigRow(record.config),
    epoch: record.epoch,
    epochRevision: record.epochRevision,
    changedRevision: record.changedRevision,
  };
}

/** A socket's row to lie in another record. */
export function toRecord(row: SocketRow): SocketRecord {
  return {
    ...row,
    labels: { ...row.labels },
    state: states.lastIndexOf(row.state),
    stateReason: stateReasons.indexOf(row.stateReason),
    config: toConfigRow(row.config),
  };
}

function toConfigRow(config: SocketConfig): ConfigRow {
  const { overflowPolicy, ...rest } = config;
  return overflowPolicy === undefined ? rest : { ...rest, overflowPolicy: overflowPolicies.indexOf(overflowPolicy) };
}

function fromConfigRow(row: ConfigRow | undefined): SocketConfig {
  const { overflowPolicy, ...rest } = row ?? {};
  const policy: OverflowPolicy | undefined = overflowPolicies[overflowPolicy ?? 0];
  const config: SocketConfig = policy === undefined ? rest : { ...rest, overflowPolicy: policy };
  // The decoder sets absent fields to undefined; a config says nothing of them at all.
  return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined));
}
