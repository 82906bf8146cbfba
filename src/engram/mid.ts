/**
 * The personality `mid`: the real Engram of June and July 2025, which can be used as a log and as nothing else. Its
 * answers are those that were measured, its mistakes included. `mid-faiss` is the same with its vector storage on: it
 * says success and keeps nothing.
 */
import { type Journal, type Matches, NAMESPACE_DEFAULT } from "./journal.js";
import { type Answer, type Call, failure, isObject, jsonOf, ok, Refusal, type Route } from "./route.js";
import { discoveryRoute, type Life, openapiRoute, rootRoute, statusRoutes } from "./status.js";

/** What the real servers' JSON parser says of any body that is not JSON. */
const NOT_JSON = "Expecting value: line 1 column 1 (char 0)";
const SEARCH_LIMIT_DEFAULT = 5;
const NOTHING: Matches = { rows: [], forgottenCount: 0, isPoisoned: false };
/** How many memories of a namespace make a context. */
const CONTEXT_MEMORIES_MAX = 5;
/** How a context calls the namespaces. A compartment has a name, and yet is called unknown. */
const TITLES: Readonly<Record<string, string>> = {
  conversations: "Previous Conversations",
  longterm: "Important Information",
};

/** @param keeps whether what is added is kept, and found */
export function mid(journal: Journal, life: Life, keeps: boolean): readonly Route[] {
  return withDocuments(life, logRoutes(journal, keeps));
}

/** These routes, and those that every real server has beside them. */
export function withDocuments(life: Life, routes: readonly Route[]): readonly Route[] {
  const root = rootRoute("A double of the memory service of 2025", "/api/v1/docs");
  const listed = [root, ...statusRoutes(life), ...routes];
  return [...listed, discoveryRoute(listed), openapiRoute("/api/v1/openapi.json", listed)];
}

/** The routes with which memories are added and found. */
export function logRoutes(journal: Journal, keeps: boolean): readonly Route[] {
  return [
    {
      method: "POST",
      path: "/api/v1/memory",
      about: "Adds a memory: {content, namespace, metadata}.",
      handle: (call) => add(journal, call, keeps),
    },
    {
      method: "GET",
      path: "/api/v1/memory/{memory_id}",
      about: "Never worked.",
      handle: () => failure(500, "Error getting memory: 'MemoryService' object has no attribute 'get'"),
    },
    {
      method: "POST",
      path: "/api/v1/search",
      about: "Finds memories with a text in them, newest first: {query, namespace, limit}.",
      handle: (call) => search(journal, call, keeps),
    },
    {
      method: "POST",
      path: "/api/v1/context",
      about: "What is known of a text, as one text: {query, namespaces}.",
      handle: (call) => context(journal, call),
    },
    {
      method: "GET",
      path: "/api/v1/namespaces",
      about: "The namespaces of this client.",
      handle: async ({ client }) => ok(await journal.namespaces(client)),
    },
    ...compartmentRoutes(journal),
  ];
}

function compartmentRoutes(journal: Journal): readonly Route[] {
  const path = "/api/v1/compartments";
  const activate = (active: boolean) => async (call: Call) => {
    const id = call.params["compartment_id"] ?? "";
    if (await journal.activate(call.client, id, active)) return ok({ status: "success" });
    return failure(404, `Compartment ${id} not found`);
  };
  return [
    {
      method: "GET",
      path,
      about: "The compartments of this client.",
      handle: async ({ client }) => ok(await journal.compartments(client)),
    },
    {
      method: "POST",
      path,
      about: "Makes a compartment: {name, description}. Again makes another.",
      handle: async (call) => {
        const { name, description } = bodyOf(call, "creating compartment");
        if (typeof name !== "string" || name === "") return failure(400, "Missing required parameter: name");
        const about = typeof description === "string" ? description : "";
        return ok({ id: await journal.createCompartment(call.client, name, about), status: "success" });
      },
    },
    {
      method: "POST",
      path: `${path}/{compartment_id}/activate`,
      about: "Makes a compartment active.",
      handle: activate(true),
    },
    {
      method: "POST",
      path: `${path}/{compartment_id}/deactivate`,
      about: "Makes a compartment inactive.",
      handle: activate(false),
    },
  ];
}

/** The body as an object. @throws Refusal with 500, as the real server fails then */
export function bodyOf(call: Call, doing: string): Readonly<Record<string, unknown>> {
  const parsed = jsonOf(call);
  if (parsed === undefined) throw new Refusal(failure(500, `Error ${doing}: ${NOT_JSON}`));
  if (isObject(parsed.value)) return parsed.value;
  throw new Refusal(failure(500, `Error ${doing}: the body is no object`));
}

/** The content to add. @throws Refusal */
export function contentOf(body: Readonly<Record<string, unknown>>): unknown {
  const { content } = body;
  const isMissing = !content || (Array.isArray(content) && content.length === 0);
  if (isMissing) throw new Refusal(failure(400, "Missing required parameter: content"));
  return content;
}

/** The text to look for. @throws Refusal */
export function queryOf(body: Readonly<Record<string, unknown>>): string {
  const { query } = body;
  if (typeof query === "string" && query !== "") return query;
  throw new Refusal(failure(400, "Missing required parameter: query"));
}

async function add(journal: Journal, call: Call, keeps: boolean): Promise<Answer> {
  const body = bodyOf(call, "adding memory");
  const content = flat(contentOf(body));
  if (content === undefined) return failure(500, "Error adding memory: unhashable type: 'dict'");
  if (!keeps) return ok({ id: false, status: "success" });
  const { namespace, metadata } = body;
  const wanted = typeof namespace === "string" ? namespace : NAMESPACE_DEFAULT;
  await journal.add(call.client, wanted, content, isObject(metadata) ? metadata : {});
  return ok({ id: true, status: "success" });
}

/** A text as it is, messages as a line each; undefined for what cannot be added. */
function flat(content: unknown): string | undefined {
  if (typeof content === "string") return content;
  if (!Array.isArray(content) || !content.every(isObject)) return undefined;
  return content.map((message) => `${message["role"]}: ${message["content"]}`).join("\n");
}

async function search(journal: Journal, call: Call, keeps: boolean): Promise<Answer> {
  const body = bodyOf(call, "searching memory");
  const query = queryOf(body);
  const { limit = SEARCH_LIMIT_DEFAULT } = body;
  const namespace = typeof body["namespace"] === "string" ? body["namespace"] : NAMESPACE_DEFAULT;
  if (!Number.isSafeInteger(limit)) return failure(500, "Error searching memory: limit is no whole number");
  const found = keeps ? await journal.search(call.client, namespace, query, Number(limit)) : NOTHING;
  const { rows, forgottenCount, isPoisoned } = found;
  if (isPoisoned) return { status: 500, body: "Internal Server Error", type: "text/plain" };
  const after = `],"count":${rows.length},"namespace":${JSON.stringify(namespace)},"forgotten_count":${forgottenCount}}`;
  return ok(resultsText(journal, rows, after));
}

/** The answer of a search, made while it is sent. */
async function* resultsText(journal: Journal, rows: readonly Buffer[], after: string) {
  yield '{"results":[';
  let separator = "";
  for await (const record of journal.records(rows)) {
    // Spelled out, because JSON made here would say 1.
    yield `${separator}${JSON.stringify(record).slice(0, -1)},"relevance":1.0}`;
    separator = ",";
  }
  yield after;
}

async function context(journal: Journal, call: Call): Promise<Answer> {
  const body = bodyOf(call, "getting context");
  const query = queryOf(body);
  const { namespaces } = body;
  const wanted = Array.isArray(namespaces) ? namespaces.map(String) : Object.keys(TITLES);
  const parts = ["### Memory Context\n"];
  for (const namespace of wanted) {
    const { rows } = await journal.search(call.client, namespace, query, CONTEXT_MEMORIES_MAX);
    if (rows.length > 0) parts.push(`\n#### ${titleOf(namespace)}\n`);
    let number = 1;
    for await (const { content } of journal.records(rows)) parts.push(`${number++}. ${content}\n`);
  }
  return ok({ context: parts.join("\n") });
}

function titleOf(namespace: string): string {
  if (namespace.startsWith("compartment-")) return "Compartment: Unknown";
  return TITLES[namespace] ?? namespace;
}
