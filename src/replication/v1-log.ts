/**
 * The dialect `v1-log`: the real Engram of summer 2025, at which texts can be added and found by a part of them, and
 * nothing else. It has deletions and updates that say success; they do nothing, and are not used. A record is a series of
 * texts with revisions (v1-log-entry.ts); how a series without end is kept in bounds is in v1-log-space.ts.
 */
import { randomUUID } from "node:crypto";
import { checkKey, checkNamespace, type Dialect } from "./dialect.js";
import type { Peer } from "./peer.js";
import { V1LogSpace } from "./v1-log-space.js";

/** The dialect at this peer. It remembers which revisions there are, so one process writes to a namespace through one. */
export function v1LogDialect(peer: Peer): Dialect {
  const writer = randomUUID();
  const spaces = new Map<string, V1LogSpace>();
  const spaceOf = (namespace: string): V1LogSpace => {
    checkNamespace(namespace);
    const space = spaces.get(namespace) ?? new V1LogSpace(peer, namespace, writer);
    spaces.set(namespace, space);
    return space;
  };
  return {
    name: "v1-log",

    async put(namespace, record, signal) {
      checkKey(record.key);
      await spaceOf(namespace).put(record, signal);
    },

    async get(namespace, key, signal) {
      checkKey(key);
      return await spaceOf(namespace).get(key, signal);
    },

    async list(namespace, signal) {
      const records = await spaceOf(namespace).list(signal);
      return records.map(({ key, metadata }) => ({ key, metadata }));
    },

    async delete(namespace, key, signal) {
      checkKey(key);
      await spaceOf(namespace).delete(key, signal);
    },
  };
}
