/** The settings of a socket as options of a command line. */
import { OverflowPolicy, type SocketConfig } from "../../gen/ts/socketregistry/v1/socket_registry.js";
import { parseCount, parseDuration, parseUint64, parseWord } from "./arguments.js";
import type { Options, Values } from "./command.js";

const overflowWords = {
  reject: OverflowPolicy.OVERFLOW_POLICY_REJECT,
  "drop-oldest": OverflowPolicy.OVERFLOW_POLICY_DROP_OLDEST,
} as const;

/** Named as the fields of SocketConfig. */
export const configOptions = {
  "lease-duration": {
    type: "string",
    value: "DURATION",
    help: "becomes unresponsive after this long without a sign of life",
  },
  "message-ttl": { type: "string", value: "DURATION", help: "a message that waits longer is let go" },
  "ack-deadline": { type: "string", value: "DURATION", help: "how long a reader may take for a message" },
  "max-queue-size": { type: "string", value: "N", help: "the most messages its queue holds" },
  "max-queue-bytes": { type: "string", value: "N", help: "the most bytes its queue holds" },
  "max-delivery-attempts": { type: "string", value: "N", help: "a message that fails as often is parked" },
  "overflow-policy": { type: "string", value: "POLICY", help: "a full queue: reject (default) or drop-oldest" },
  "accept-when-away": { type: "boolean", help: "collect mail also while inactive" },
} as const satisfies Options;

/** The settings that were given. A 0 means none, as it does in SocketConfig. */
export function parseConfig(values: Values<typeof configOptions>): Partial<SocketConfig> {
  const config = {
    leaseDuration: parseDuration("--lease-duration", values["lease-duration"]),
    messageTtl: parseDuration("--message-ttl", values["message-ttl"]),
    ackDeadline: parseDuration("--ack-deadline", values["ack-deadline"]),
    maxQueueSize: parseCount("--max-queue-size", values["max-queue-size"]),
    maxQueueBytes: parseUint64("--max-queue-bytes", values["max-queue-bytes"]),
    maxDeliveryAttempts: parseCount("--max-delivery-attempts", values["max-delivery-attempts"]),
    overflowPolicy: parseWord("--overflow-policy", overflowWords, values["overflow-policy"]),
    acceptWhenAway: values["accept-when-away"],
  };
  return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined));
}
