/** Sockets between the registry's words and the wire's. */
import { Struct } from "../../gen/ts/google/protobuf/struct.js";
import {
  OverflowPolicy,
  type Socket,
  SocketState,
  StateReason,
  type SocketConfig as WireConfig,
} from "../../gen/ts/socketregistry/v1/socket_registry.js";
import { etagOf } from "../registry/socket.js";
import type { SocketConfig } from "../registry/storage.js";
import type { SocketView } from "../registry/view.js";
import { toDate, toDuration } from "./times.js";

export const socketStates = {
  ACTIVE: SocketState.SOCKET_STATE_ACTIVE,
  INACTIVE: SocketState.SOCKET_STATE_INACTIVE,
  UNRESPONSIVE: SocketState.SOCKET_STATE_UNRESPONSIVE,
};
const stateReasons = {
  NONE: StateReason.STATE_REASON_UNSPECIFIED,
  OPERATOR: StateReason.STATE_REASON_OPERATOR,
  LEASE_EXPIRED: StateReason.STATE_REASON_LEASE_EXPIRED,
  CLIENT_LEFT: StateReason.STATE_REASON_CLIENT_LEFT,
};
const overflowPolicies = {
  REJECT: OverflowPolicy.OVERFLOW_POLICY_REJECT,
  DROP_OLDEST: OverflowPolicy.OVERFLOW_POLICY_DROP_OLDEST,
};

/** A socket as it is sent. */
export function toSocket(view: SocketView): Socket {
  const { row, profile } = view;
  return {
    socketId: row.socketId,
    model: row.model,
    prompt: profile?.prompt ?? "",
    context: profile?.context && Struct.unwrap(Struct.decode(profile.context)),
    state: socketStates[row.state],
    createdAt: new Date(row.createdMs),
    lastActivity: new Date(view.lastActivityMs),
    queueSize: view.queueSize,
    labels: { ...row.labels },
    tail: { epoch: row.epoch, sequence: BigInt(view.tail) },
    etag: etagOf(row),
    config: toConfig(row.config),
    stateReason: stateReasons[row.stateReason],
    stateMessage: row.stateMessage,
    readerCount: view.readerCount,
    inFlightCount: view.inFlightCount,
    parkedCount: view.parkedCount,
    droppedCount: BigInt(view.droppedCount),
    oldestUnsettledTime: toDate(view.oldestUnsettledMs),
    lastSeenTime: toDate(view.lastSeenMs),
    leaseExpireTime: toDate(view.leaseExpireMs),
  };
}

function toConfig(config: SocketConfig): WireConfig {
  return {
    leaseDuration: toDuration(config.leaseDurationMs),
    messageTtl: toDuration(config.messageTtlMs),
    ackDeadline: toDuration(config.ackDeadlineMs),
    maxQueueSize: config.maxQueueSize,
    maxQueueBytes: config.maxQueueBytes === undefined ? undefined : BigInt(config.maxQueueBytes),
    maxDeliveryAttempts: config.maxDeliveryAttempts,
    overflowPolicy: config.overflowPolicy && overflowPolicies[config.overflowPolicy],
    acceptWhenAway: config.acceptWhenAway,
  };
}
