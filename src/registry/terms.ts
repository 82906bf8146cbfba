import type { Limits } from "./limits.js";
import type { SocketRow } from "./storage.js";

/** How a socket wants its messages delivered in EXPLICIT mode. Infinity: without a bound. */
export interface Terms {
  readonly ackDeadlineMs: number;
  readonly maxDeliveryAttempts: number;
}

/** The socket's own settings, else the server's. Zero means none. */
export function termsOf({ config }: SocketRow, limits: Limits): Terms {
  return {
    ackDeadlineMs: (config.ackDeadlineMs ?? limits.ackDeadlineMs) || Number.POSITIVE_INFINITY,
    maxDeliveryAttempts: (config.maxDeliveryAttempts ?? limits.maxDeliveryAttempts) || Number.POSITIVE_INFINITY,
  };
}
