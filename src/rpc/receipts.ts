/** Receipts between the registry's words and the wire's. */
import { MessageState, type Receipt as WireReceipt } from "../../gen/ts/socketregistry/v1/socket_registry.js";
import type { Receipt } from "../registry/receipts.js";
import { toDate } from "./times.js";
import { toSkipReason } from "./writes.js";

const states = {
  QUEUED: MessageState.MESSAGE_STATE_QUEUED,
  DELIVERED: MessageState.MESSAGE_STATE_DELIVERED,
  SETTLED: MessageState.MESSAGE_STATE_SETTLED,
  PARKED: MessageState.MESSAGE_STATE_PARKED,
  EXPIRED: MessageState.MESSAGE_STATE_EXPIRED,
  DROPPED: MessageState.MESSAGE_STATE_DROPPED,
};

export function toReceipt({ socketId, fate, skipReason }: Receipt): WireReceipt {
  return {
    socketId,
    state: fate === undefined ? MessageState.MESSAGE_STATE_SKIPPED : states[fate.state],
    sequence: BigInt(fate?.sequence ?? 0),
    deliveryAttempt: fate?.attempt ?? 0,
    deliveredTime: toDate(fate?.deliveredMs || undefined),
    settledTime: toDate(fate?.settledMs || undefined),
    skipReason: toSkipReason(skipReason),
  };
}
