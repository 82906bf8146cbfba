/**
 * The personality `kv`: memories by namespace and key, as the first registry's client expected them of an Engram. It is
 * the one to keep memories in: what it answered is on the disk.
 */
import * as limits from "./limits.js";
import { type Found, isEverything, type Memories, type Wanted } from "./memories.js";
import { type Answer, type Call, detail, isObject, jsonOf, ok, Refusal, type Route } from "./route.js";
import { type Life, notFound, openapiRoute, rootRoute, statusRoutes } from "./status.js";

/** What the first registry's client gave a match, and what it gave when everything was asked for. */
const SCORE_MATCH = 0.5;
const SCORE_EVERYTHING = 1;

export function kv(memories: Memories, life: Life): readonly Route[] {
  const routes: readonly Route[] = [
    ...statusRoutes(life),
    rootRoute("Memories by namespace and key, on LevelDB", "/openapi.json"),
    {
      method: "POST",
      path: "/memory/{namespace}",
      about: "Stores a memory: {key, data, metadata}. It takes the place of the one with this key.",
      handle: (call) => store(memories, call),
    },
    {
      method: "GET",
      path: "/memory/{namespace}",
      about: "Lists keys and metadata in the order of the keys. Parameters: limit, metadata.",
      handle: (call) => {
        const wanted = wantedOf(call, limits.LIST_MEMORIES_DEFAULT);
        return ok(listText("memories", memories.list(namespaceOf(call), wanted)));
      },
    },
    {
      method: "GET",
      path: "/memory/{namespace}/search",
      about: "Lists those whose data have a text in them. Parameters: query, limit, metadata.",
      handle: (call) => search(memories, call),
    },
    {
      method: "GET",
      path: "/memory/{namespace}/{key}",
      about: "A memory: {key, data, metadata, namespace}.",
      handle: (call) => get(memories, call),
    },
    {
      method: "DELETE",
      path: "/memory/{namespace}/{key}",
      about: "Deletes a memory.",
      handle: (call) => remove(memories, call),
    },
  ];
  return [...routes, openapiRoute("/openapi.json", routes)];
}

async function store(memories: Memories, call: Call): Promise<Answer> {
  const namespace = namespaceOf(call);
  const body = jsonOf(call)?.value;
  if (!isObject(body)) throw refused("the body must be a JSON object");
  const key = name("key", body["key"], limits.KEY_BYTES_MAX);
  const { data, metadata } = body;
  if (data === undefined) throw refused("data is missing");
  if (metadata !== undefined && metadata !== null && !isObject(metadata)) throw refused("metadata must be an object");
  const text = JSON.stringify(metadata ?? {});
  const size = Buffer.byteLength(text);
  if (size > limits.METADATA_BYTES_MAX) {
    throw refused(`metadata has ${size} bytes, more than ${limits.METADATA_BYTES_MAX}`);
  }
  await memories.put(namespace, key, JSON.stringify(data), text);
  return ok({ success: true, key, namespace });
}

async function get(memories: Memories, call: Call): Promise<Answer> {
  const [namespace, key] = [namespaceOf(call), keyOf(call)];
  const found = await memories.get(namespace, key);
  if (found === undefined) return notFound;
  // Both are JSON already.
  const { data, metadata } = found;
  return ok(
    `{"key":${JSON.stringify(key)},"data":${data},"metadata":${metadata},"namespace":${JSON.stringify(namespace)}}`,
  );
}

function search(memories: Memories, call: Call): Answer {
  const query = call.query["query"] ?? "";
  const wanted = wantedOf(call, limits.SEARCH_MEMORIES_DEFAULT);
  const score = isEverything(query) ? SCORE_EVERYTHING : SCORE_MATCH;
  return ok(listText("results", memories.search(namespaceOf(call), query, wanted), { score }));
}

async function remove(memories: Memories, call: Call): Promise<Answer> {
  const [namespace, key] = [namespaceOf(call), keyOf(call)];
  return (await memories.delete(namespace, key)) ? ok({ success: true, key, namespace }) : notFound;
}

/** `{"<name>":[…]}`, made while it is sent, so that a long list is never in memory as a whole. */
async function* listText(name: string, found: AsyncIterable<readonly Found[]>, more: object = {}) {
  yield `{${JSON.stringify(name)}:[`;
  let separator = "";
  for await (const step of found) {
    if (step.length === 0) continue;
    yield separator + step.map((row) => JSON.stringify({ ...row, ...more })).join(",");
    separator = ",";
  }
  yield "]}";
}

function wantedOf({ query }: Call, limitDefault: number): Wanted {
  const { limit = String(limitDefault), metadata = "{}" } = query;
  const amount = /^\d{1,9}$/.test(limit) ? Number(limit) : Number.NaN;
  if (!(amount <= limits.LIST_MEMORIES_MAX)) {
    throw refused(`limit must be a whole number from 0 to ${limits.LIST_MEMORIES_MAX}`);
  }
  try {
    const wanted: unknown = JSON.parse(metadata);
    if (isObject(wanted)) return { limit: amount, metadata: wanted };
  } catch {
    // Like JSON that is no object.
  }
  throw refused("metadata must be a JSON object");
}

const namespaceOf = ({ params }: Call): string => name("namespace", params["namespace"], limits.NAMESPACE_BYTES_MAX);
const keyOf = ({ params }: Call): string => name("key", params["key"], limits.KEY_BYTES_MAX);

/** A name that can be part of a row's key, and comes back as it went in. */
function name(what: string, value: unknown, bytesMax: number): string {
  if (typeof value !== "string") throw refused(`${what} must be a string`);
  if (value === "") throw refused(`${what} is empty`);
  const size = Buffer.byteLength(value);
  if (size > bytesMax) throw refused(`${what} has ${size} bytes, more than ${bytesMax}`);
  if (value.includes("\0")) throw refused(`${what} has a NUL in it`);
  // Half of a pair has no form in UTF-8, and two such names would become one.
  if (/\p{Surrogate}/u.test(value)) throw refused(`${what} has half of a surrogate pair in it`);
  return value;
}

const refused = (text: string): Refusal => new Refusal(detail(400, text));
