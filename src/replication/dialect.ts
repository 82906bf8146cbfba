/** What replication asks of an Engram, in whatever API it has. */

/** A record as it is stored. Both parts are JSON. */
export interface PeerRecord {
  readonly key: string;
  readonly data: Record<string, unknown>;
  readonly metadata: Record<string, unknown>;
}

/** A record as it is listed: without its data. */
export interface Listed {
  readonly key: string;
  readonly metadata: Record<string, unknown>;
}

/**
 * An API in which an Engram keeps records by namespace and key. What it confirms it may not have done: `get` tells.
 *
 * Every call throws PeerError, the signal's reason when it aborts, and a plain Error for a key or a namespace that
 * `checkKey` and `checkNamespace` do not allow. One call per key at a time; different keys may go together.
 */
export interface Dialect {
  readonly name: "kv" | "v1-log";
  /** Stores a record in the place of the one with its key. */
  put(namespace: string, record: PeerRecord, signal: AbortSignal): Promise<void>;
  /** The record under a key; undefined when there is none. */
  get(namespace: string, key: string, signal: AbortSignal): Promise<PeerRecord | undefined>;
  /** Every record of a namespace but canaries, in no order. A peer may leave some out: what is not listed may be there. */
  list(namespace: string, signal: AbortSignal): Promise<readonly Listed[]>;
  /** Deletes the record under a key, if there is one. */
  delete(namespace: string, key: string, signal: AbortSignal): Promise<void>;
}

/** Keys that begin with this are of records that only try whether an Engram keeps any. */
export const CANARY_PREFIX = "__canary__";

export const isCanary = (key: string): boolean => key.startsWith(CANARY_PREFIX);

/** @throws Error for a key that no URL can carry (dots are folded away), or that collides with the search route */
export function checkKey(key: string): void {
  checkName("key", key);
  if (key === "search") throw new Error('"search" cannot be a key at Engram: it is the name of a route');
}

/** @throws Error for a namespace that no URL can carry */
export function checkNamespace(namespace: string): void {
  checkName("namespace", namespace);
}

function checkName(what: string, name: string): void {
  const isUsable = name !== "" && name !== "." && name !== ".." && !/\p{Surrogate}/u.test(name);
  if (!isUsable) throw new Error(`${JSON.stringify(name)} cannot be a ${what} at Engram`);
}
