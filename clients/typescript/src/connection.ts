/** What everything that speaks to a registry shares: the calls, whom to tell, and what has to be stopped at the end. */
import type { RegistryError } from "./errors.js";
import type { Stub, WriteFrames } from "./stub.js";

/** A stream or call that did not come through and is tried again after a pause. */
export interface Reconnect {
  /** What is done again, as `reading apollo`. */
  doing: string;
  /** Why it has to be. */
  error: RegistryError;
  /** How often in a row it has failed, from 1. */
  failures: number;
  /** How long until the next attempt. */
  pauseMs: number;
}

/** Something that goes on until it is stopped. */
export interface Activity {
  /** Ends it with this reason. Resolves when the registry knows all that is to be told, or does not answer. */
  stop(reason: unknown): Promise<unknown>;
}

export interface Connection {
  stub: Stub;
  writeFrames: WriteFrames;
  /** The author of what does not name one. Empty: unsigned. */
  sender: string;
  /** How long a unary call may take. */
  timeoutMs: number;
  /** Whether there is a connection now, so that a call that is under way may have reached the server. */
  isConnected(): boolean;
  onReconnect(reconnect: Reconnect): void;
  /** Told of what nobody waits for and somebody should know. */
  onWarning(warning: Error): void;
  /** What runs; close stops it. */
  activities: Set<Activity>;
}
