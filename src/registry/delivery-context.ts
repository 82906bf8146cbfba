import type { Alarms } from "./alarms.js";
import type { Clock } from "./clock.js";
import type { Limits } from "./limits.js";
import type { SocketNumber, Storage } from "./storage.js";

/** What deliveries need to know of the world. */
export interface DeliveryContext {
  readonly storage: Storage;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly alarms: Alarms;
  /** A deadline passed on an open stream of this queue, so that the stream is a sign of life no longer. */
  readonly overdue: (number: SocketNumber) => void;
}
