/**
 * The dialect `kv`: records by namespace and key, as the first registry's client spoke to an Engram
 * (`/memory/{namespace}[/{key}]`). A Rhetor of that time reads what is stored with it.
 */
import { checkKey, checkNamespace, type Dialect, isCanary, type Listed, type PeerRecord } from "./dialect.js";
import type { Peer } from "./peer.js";
import { isObject, malformed, objectOf, type PeerAnswer, statusError, successOf } from "./peer-answer.js";
import { PeerError } from "./peer-error.js";

/** How many records a listing may have. Without a number an Engram gives the first few. */
const LIST_RECORDS_MAX = 1_000_000;

/** The dialect at this peer. It keeps nothing. */
export function kvDialect(peer: Peer): Dialect {
  return {
    name: "kv",

    async put(namespace, { key, data, metadata }, signal) {
      checkKey(key);
      successOf(await peer.request("POST", pathOf(namespace), { body: { key, data, metadata }, signal }));
    },

    async get(namespace, key, signal) {
      const answer = await peer.request("GET", pathOf(namespace, key), { signal });
      if (answer.status !== 404) return recordOf(key, answer);
      await checkServed(peer, namespace, signal);
      return undefined;
    },

    async list(namespace, signal) {
      const listed = await list(peer, namespace, LIST_RECORDS_MAX, signal);
      if (listed.length < LIST_RECORDS_MAX) return listed.filter(({ key }) => !isCanary(key));
      throw new PeerError("TOO_LARGE", `${namespace} holds more than ${LIST_RECORDS_MAX} records`);
    },

    async delete(namespace, key, signal) {
      const answer = await peer.request("DELETE", pathOf(namespace, key), { signal });
      if (answer.status === 404) return await checkServed(peer, namespace, signal);
      // Another success, such as 202, promises that it will be deleted.
      if (answer.status !== 200) throw statusError(answer);
      successOf(answer);
    },
  };
}

/**
 * A record that is not there and a route that is not there are answered alike. So 404 is believed only while the
 * namespace can be listed.
 *
 * @throws PeerError
 */
async function checkServed(peer: Peer, namespace: string, signal: AbortSignal): Promise<void> {
  await list(peer, namespace, 1, signal);
}

async function list(peer: Peer, namespace: string, limit: number, signal: AbortSignal): Promise<readonly Listed[]> {
  const answer = await peer.request("GET", `${pathOf(namespace)}?limit=${limit}`, { signal });
  const { memories } = objectOf(answer);
  if (!Array.isArray(memories)) throw malformed(answer, "without a list of memories");
  return memories.map((memory: unknown) => {
    if (!isObject(memory) || typeof memory["key"] !== "string") throw malformed(answer, "with a memory without a key");
    return { key: memory["key"], metadata: metadataOf(memory) };
  });
}

function recordOf(key: string, answer: PeerAnswer): PeerRecord {
  const body = objectOf(answer);
  const { data } = body;
  if (!isObject(data)) throw malformed(answer, "without data");
  if (body["key"] !== undefined && body["key"] !== key) throw malformed(answer, "with the record of another key");
  return { key, data, metadata: metadataOf(body) };
}

function metadataOf({ metadata }: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return isObject(metadata) ? metadata : {};
}

function pathOf(namespace: string, key?: string): string {
  checkNamespace(namespace);
  const path = `/memory/${encodeURIComponent(namespace)}`;
  if (key === undefined) return path;
  checkKey(key);
  return `${path}/${encodeURIComponent(key)}`;
}
