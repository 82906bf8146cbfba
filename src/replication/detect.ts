/**
 * Which dialect an Engram speaks, found by what it does and not by what it says: every Engram that cannot keep a record
 * says that it is well, and most of them say success to every call.
 */
import { randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { CANARY_PREFIX, type Dialect, type PeerRecord } from "./dialect.js";
import { kvDialect } from "./kv.js";
import type { Peer } from "./peer.js";
import { isObject } from "./peer-answer.js";
import { PeerError } from "./peer-error.js";
import { v1LogDialect } from "./v1-log.js";

/** Where an Engram may describe its API. */
const DOCUMENTS = ["/api/v1/openapi.json", "/openapi.json"];
/** A peer, or what stands before it, that answers so may be well soon. */
const PASSING_STATUSES = new Set([429, 502, 503, 504]);
/** Who answers so to the question for a document wants another token. */
const TOKEN_STATUSES = new Set([401, 403]);

/** What a dialect does not do although the peer said so, in words. */
const LIES: Readonly<Record<Dialect["name"], { readonly store: string; readonly delete: string }>> = {
  kv: {
    store: "POST says that a record was stored, and it is not there",
    delete: "DELETE answers 200 and does nothing",
  },
  "v1-log": {
    store: "POST answers id:true, and the record is not found",
    delete: "a record is found after the one that deletes it was stored",
  },
};

/**
 * Finds the dialect in which this Engram keeps a record, gives it back as it was, and deletes it.
 *
 * @param namespace where that is tried, with a record that listings leave out
 * @throws PeerError INCOMPATIBLE, with the reason in words; UNREACHABLE or TIMEOUT when it is down; the signal's reason
 */
export async function detect(peer: Peer, namespace: string, signal: AbortSignal): Promise<Dialect> {
  await peer.health(signal);
  const paths = await documented(peer, signal);
  const candidates = await candidatesAt(peer, paths, namespace, signal);
  const reasons: string[] = [];
  for (const dialect of candidates) {
    const reason = await unlessDown(() => faultOf(dialect, namespace, signal), messageOf);
    if (reason === undefined) return dialect;
    reasons.push(`${dialect.name}: ${reason}`);
  }
  if (candidates.length === 0) reasons.push("it has no API that we know");
  if (paths !== undefined && "/api/esr/store" in paths) reasons.push("its ESR API keeps records in RAM only");
  throw new PeerError("INCOMPATIBLE", `this Engram cannot hold state: ${reasons.join("; ")}`);
}

type Paths = Readonly<Record<string, unknown>>;

/** The paths of its OpenAPI document; undefined when it has none. */
async function documented(peer: Peer, signal: AbortSignal): Promise<Paths | undefined> {
  for (const path of DOCUMENTS) {
    const answer = await unlessDown(
      () => peer.request("GET", path, { signal }),
      () => undefined,
    );
    if (TOKEN_STATUSES.has(answer?.status ?? 0)) {
      const text = `this Engram does not take our token, or wants one: GET ${path} answers ${answer?.status}`;
      throw new PeerError("INCOMPATIBLE", text, { status: answer?.status });
    }
    if (answer?.status !== 200 || !isObject(answer.body)) continue;
    const { paths } = answer.body;
    if (isObject(paths)) return paths;
  }
  return undefined;
}

async function candidatesAt(
  peer: Peer,
  paths: Paths | undefined,
  namespace: string,
  signal: AbortSignal,
): Promise<readonly Dialect[]> {
  const kv = kvDialect(peer);
  if (paths === undefined) return (await canList(peer, namespace, signal)) ? [kv] : [];
  const has = (pattern: RegExp, ...methods: readonly string[]): boolean =>
    Object.entries(paths).some(
      ([path, operations]) =>
        pattern.test(path) && isObject(operations) && methods.every((method) => method in operations),
    );
  const isKv = has(/^\/memory\/\{[^/]+\}$/, "post") && has(/^\/memory\/\{[^/]+\}\/\{[^/]+\}$/, "get", "delete");
  const isV1 = has(/^\/api\/v1\/memory$/, "post") && has(/^\/api\/v1\/search$/, "post");
  return [...(isKv ? [kv] : []), ...(isV1 ? [v1LogDialect(peer)] : [])];
}

async function canList(peer: Peer, namespace: string, signal: AbortSignal): Promise<boolean> {
  const path = `/memory/${encodeURIComponent(namespace)}?limit=1`;
  const answer = await unlessDown(
    () => peer.request("GET", path, { signal }),
    () => undefined,
  );
  return answer?.status === 200 && isObject(answer.body) && Array.isArray(answer.body["memories"]);
}

/** Why a dialect is not usable, in words; undefined when it is. @throws PeerError and the signal's reason */
async function faultOf(dialect: Dialect, namespace: string, signal: AbortSignal): Promise<string | undefined> {
  const canary = newCanary();
  await dialect.put(namespace, canary, signal);
  const found = await dialect.get(namespace, canary.key, signal);
  if (found === undefined) return LIES[dialect.name].store;
  await dialect.delete(namespace, canary.key, signal);
  if (!isDeepStrictEqual(found, canary)) return "a record does not come back as it was stored";
  if ((await dialect.get(namespace, canary.key, signal)) !== undefined) return LIES[dialect.name].delete;
  return undefined;
}

/** A record that nobody has stored before, with what is easily spoiled in it. */
function newCanary(): PeerRecord {
  const nonce = randomUUID();
  return {
    key: `${CANARY_PREFIX}${randomUUID()}`,
    data: { nonce, text: 'é☃😀 "\\\n\0', number: 1.5, nothing: null, list: [[], {}, "", false] },
    metadata: { type: "canary", nonce },
  };
}

/** What `run` gives; what `otherwise` makes of a fault of the peer; throws when it is down, or we are to stop. */
async function unlessDown<T, U>(run: () => Promise<T>, otherwise: (error: PeerError) => U): Promise<T | U> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof PeerError) || error.fault === "UNREACHABLE" || error.fault === "TIMEOUT") throw error;
    if (!PASSING_STATUSES.has(error.status ?? 0)) return otherwise(error);
    throw new PeerError("UNREACHABLE", error.message, { status: error.status, cause: error });
  }
}

const messageOf = (error: PeerError): string => error.message;
