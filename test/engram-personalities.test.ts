/** The Engrams that there were, as they were measured: what each answers to every call, one after the other. */
import { expect, test } from "vitest";
import type { PersonalityName } from "../src/engram/route.js";
import { startTestEngram, type TestEngram } from "./support/engram.js";
import { type Answered, ask, clientHeaders, socketRecord } from "./support/engram-http.js";

const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/);
const RECORD = JSON.stringify(socketRecord("apollo-123"));
const METADATA = { key: "apollo-123", type: "ai_socket", model: "claude-3-sonnet", state: "active" };

const failure = (status: number, error: string) => [status, { error }] as const;
const NOT_FOUND = [404, { detail: "Not Found" }] as const;
const NOT_ALLOWED = [405, { detail: "Method Not Allowed" }] as const;
const ADDED = [200, { id: true, status: "success" }] as const;
const NO_GET = failure(500, "Error getting memory: 'MemoryService' object has no attribute 'get'");
const fails = (doing: string, method: string) =>
  failure(500, `Error ${doing}: 'StorageService' object has no attribute '${method}'`);
const NO_ADD = fails("adding memory", "add");
const NO_SEARCH = fails("searching memory", "search");
const NOT_JSON = failure(500, "Error adding memory: Expecting value: line 1 column 1 (char 0)");

function found(namespace: string, content: string, metadata: object, client = "default") {
  const id = expect.stringMatching(new RegExp(`^${namespace}-\\d{10}-\\d{1,4}$`));
  const stamped = { ...metadata, timestamp: TIME, client_id: client };
  return [
    200,
    { results: [{ id, content, metadata: stamped, relevance: 1 }], count: 1, namespace, forgotten_count: 0 },
  ];
}
const nothing = (namespace: string) => [200, { results: [], count: 0, namespace, forgotten_count: 0 }];
const missing = (id: string, namespace: string) => failure(404, `Memory ${id} not found in namespace ${namespace}`);
const canned = (id: string) => [
  200,
  expect.objectContaining({ id, title: expect.any(String), size: expect.any(String) }),
];
const stubbed = (id: string) => [200, { id, status: "success", updated_at: TIME }];
const deleted = (id: string) => [200, { id, status: "deleted" }];

type Expected = readonly unknown[];
interface Step {
  readonly call: string;
  readonly body?: unknown;
  readonly client?: string;
  readonly mid: Expected;
  /** As `mid` when it is not said. */
  readonly aug?: Expected;
  readonly head: Expected;
}

const add = "POST /api/v1/memory";
const search = "POST /api/v1/search";
const one = "/api/v1/memory";
const record = { content: RECORD, namespace: "rhetor_sockets", metadata: METADATA };
const inConversations = found("conversations", RECORD, METADATA);
const fixed = ["conversations", "thinking", "longterm", "projects", "compartments", "session"];

/** The calls in the order in which they were measured: the later ones see what the earlier ones did. */
const steps: readonly Step[] = [
  { call: "POST /memory/rhetor_sockets", body: { key: "a", data: {} }, mid: NOT_FOUND, head: NOT_FOUND },
  { call: "GET /memory/rhetor_sockets?limit=1000", mid: NOT_FOUND, head: NOT_FOUND },
  { call: "DELETE /memory/rhetor_sockets/apollo-123", mid: NOT_FOUND, head: NOT_FOUND },
  { call: "GET /openapi.json", mid: NOT_FOUND, head: NOT_FOUND },
  { call: "GET /api/memories", mid: NOT_FOUND, head: NOT_FOUND },
  { call: "GET /api/v1/compartments", mid: [200, []], head: fails("listing compartments", "list_compartments") },
  { call: add, body: record, mid: ADDED, head: NO_ADD },
  { call: `GET ${one}/True?namespace=rhetor_sockets`, mid: NO_GET, head: missing("True", "rhetor_sockets") },
  { call: `GET ${one}/True`, mid: NO_GET, head: missing("True", "conversations") },
  {
    call: search,
    body: { query: "apollo-123", namespace: "rhetor_sockets" },
    mid: nothing("rhetor_sockets"),
    head: NO_SEARCH,
  },
  { call: search, body: { query: "APOLLO-123" }, mid: inConversations, head: NO_SEARCH },
  {
    call: search,
    body: { query: "", namespace: "rhetor_sockets" },
    mid: failure(400, "Missing required parameter: query"),
    head: failure(400, "Missing required parameter: query"),
  },
  { call: search, body: { query: "*", limit: 1000 }, mid: nothing("conversations"), head: NO_SEARCH },
  { call: search, body: { query: "{", limit: 1000 }, mid: inConversations, head: NO_SEARCH },
  // Metadata are kept and not searched.
  { call: search, body: { query: "ai_socket" }, mid: nothing("conversations"), head: NO_SEARCH },
  {
    call: add,
    body: { content: { a: 1 }, namespace: "longterm" },
    mid: failure(500, "Error adding memory: unhashable type: 'dict'"),
    head: NO_ADD,
  },
  {
    call: add,
    body: { content: [{ role: "user", content: "listed" }], namespace: "longterm" },
    mid: ADDED,
    head: NO_ADD,
  },
  {
    call: search,
    body: { query: "listed", namespace: "longterm" },
    mid: found("longterm", "user: listed", {}),
    head: NO_SEARCH,
  },
  ...[{ namespace: "rhetor_sockets" }, { content: "" }].map((body) => ({
    call: add,
    body,
    mid: failure(400, "Missing required parameter: content"),
    head: failure(400, "Missing required parameter: content"),
  })),
  { call: add, body: "not json", mid: NOT_JSON, head: NOT_JSON },
  { call: `GET ${one}/1`, mid: NO_GET, aug: canned("1"), head: canned("1") },
  { call: `GET ${one}/2?namespace=rhetor_sockets`, mid: NO_GET, aug: canned("2"), head: canned("2") },
  {
    call: `PUT ${one}/apollo-123`,
    body: record,
    mid: NOT_ALLOWED,
    aug: stubbed("apollo-123"),
    head: stubbed("apollo-123"),
  },
  { call: `PUT ${one}/never`, body: {}, mid: NOT_ALLOWED, aug: stubbed("never"), head: stubbed("never") },
  { call: `DELETE ${one}/apollo-123`, mid: NOT_ALLOWED, aug: deleted("apollo-123"), head: deleted("apollo-123") },
  { call: `DELETE ${one}/never`, mid: NOT_ALLOWED, aug: deleted("never"), head: deleted("never") },
  { call: search, body: { query: "apollo-123" }, mid: inConversations, head: NO_SEARCH },
  { call: `GET ${one}/browse`, mid: NO_GET, head: missing("browse", "conversations") },
  {
    call: `POST ${one}/upload`,
    body: '--X\r\nContent-Disposition: form-data; name="file"\r\n\r\nuploaded\r\n--X--\r\n',
    mid: NOT_ALLOWED,
    aug: ADDED,
    head: fails("uploading file", "add"),
  },
  {
    call: search,
    body: { query: "uploaded" },
    mid: nothing("conversations"),
    aug: found("conversations", "uploaded", {}),
    head: NO_SEARCH,
  },
  {
    call: "GET /api/v1/insights",
    mid: NOT_FOUND,
    aug: [200, { insights: [], total_memories: 247 }],
    head: [200, { insights: [], total_memories: 247 }],
  },
  { call: "GET /api/v1/namespaces", mid: [200, fixed], head: [200, []] },
  { call: "GET /api/v1/namespaces", client: "rhetor", mid: [200, fixed], head: [200, []] },
  { call: "DELETE /api/v1/namespaces", mid: NOT_ALLOWED, head: NOT_ALLOWED },
  {
    call: "POST /api/v1/compartments",
    body: { name: "rhetor_sockets", description: "AI sockets" },
    mid: [200, { id: expect.stringMatching(/^\d{10}-rhetor_sockets$/), status: "success" }],
    head: fails("creating compartment", "create_compartment"),
  },
  { call: add, body: { content: "of x", namespace: "longterm" }, client: "rhetor", mid: ADDED, head: NO_ADD },
  {
    call: search,
    body: { query: "of x", namespace: "longterm" },
    client: "rhetor",
    mid: found("longterm", "of x", {}, "rhetor"),
    head: NO_SEARCH,
  },
  { call: search, body: { query: "of x", namespace: "longterm" }, mid: nothing("longterm"), head: NO_SEARCH },
  {
    call: "POST /api/v1/context",
    body: { query: "listed" },
    mid: [200, { context: "### Memory Context\n\n\n#### Important Information\n\n1. user: listed\n" }],
    head: [200, { context: [] }],
  },
  { call: "GET /api/esr/status", mid: NOT_FOUND, head: [200, expect.objectContaining({ status: "available" })] },
  { call: "GET /api/esr/recall/nope", mid: NOT_FOUND, head: [404, { detail: "Memory nope not found" }] },
  {
    call: "POST /api/esr/search",
    body: { query: "apollo-123" },
    mid: NOT_FOUND,
    head: [200, { status: "success", results: [], count: 0, timestamp: TIME }],
  },
  {
    call: "GET /api/esr/namespaces",
    mid: NOT_FOUND,
    head: [200, { status: "success", namespaces: ["engram"], count: 1, timestamp: TIME }],
  },
  { call: "DELETE /api/esr/recall/nope", mid: NOT_FOUND, head: NOT_ALLOWED },
];

function call(engram: TestEngram, call: string, body?: unknown, client?: string): Promise<Answered> {
  const [method = "", path = ""] = call.split(" ");
  const headers = client === undefined ? clientHeaders : { ...clientHeaders, "x-client-id": client };
  return ask(engram.url, { method, path, body, headers });
}

test.each(["mid", "aug", "head"] as const)("%s answers every call as it was measured", async (personality) => {
  const engram = await startTestEngram({ personality });
  for (const step of steps) {
    const { status, json } = await call(engram, step.call, step.body, step.client);
    const expected = personality === "aug" ? (step.aug ?? step.mid) : step[personality];
    expect([status, json()], `${step.call} ${JSON.stringify(step.body)}`).toEqual(expected);
  }
});

test("mid-faiss says success with id false, and keeps nothing", async () => {
  const engram = await startTestEngram({ personality: "mid" });
  await call(engram, add, record);
  await engram.become("mid-faiss");
  expect((await call(engram, add, record)).json()).toEqual({ id: false, status: "success" });
  expect((await call(engram, search, { query: "{" })).json()).toMatchObject({ results: [], count: 0 });
  expect((await call(engram, `PUT ${one}/a`, {})).status).toBe(405);
  await engram.become("mid");
  expect((await call(engram, search, { query: "{" })).json()).toMatchObject({ count: 1 });
});

test.each<[PersonalityName, string[], string[]]>([
  ["mid", ["/api/v1/memory", "/api/v1/search"], ["/memory/{namespace}", "/api/esr/store"]],
  ["aug", ["/api/v1/memory", "/api/v1/search", "/api/v1/insights"], ["/memory/{namespace}", "/api/esr/store"]],
  ["head", ["/api/v1/memory", "/api/v1/search", "/api/esr/store"], ["/memory/{namespace}"]],
])("%s looks healthy, whatever it can do, and is known by its paths", async (personality, has, hasNot) => {
  const engram = await startTestEngram({ personality });
  const { paths } = (await call(engram, "GET /api/v1/openapi.json")).json() as { paths: Record<string, object> };
  for (const path of has) expect(paths).toHaveProperty([path]);
  for (const path of hasNot) expect(paths).not.toHaveProperty([path]);
  expect((await call(engram, "GET /health")).json()).toMatchObject({ status: "healthy", component: "engram" });
  expect((await call(engram, "GET /ready")).json()).toMatchObject({ ready: true });
  expect((await call(engram, "GET /api/v1/discovery")).json()).toMatchObject({ metadata: { storage_type: "vector" } });
  expect((await call(engram, "GET /")).json()).toMatchObject({ mode: "standalone", docs: "/api/v1/docs" });
});

/** The contents that a search finds, newest first. */
async function contents(engram: TestEngram, body: object, client?: string): Promise<string[]> {
  const { results } = (await call(engram, search, body, client)).json() as { results: { content: string }[] };
  return results.map(({ content }) => content);
}

test("mid is a log: newest first, limited as Python slices, and whole after a restart and a kill", async () => {
  const engram = await startTestEngram({ personality: "mid" });
  const all = Array.from({ length: 7 }, (_, n) => `entry ${n} \u0000 😀 ${"x".repeat(n)}`);
  const body = (content: string) => ({ content, namespace: "projects", metadata: { client_id: "other", n: 1 } });
  for (const content of all)
    expect((await call(engram, add, body(content), "sockets")).json()).toMatchObject({ id: true });
  const newest = all.toReversed();
  const find = (limit?: number) =>
    contents(engram, { query: "ENTRY", namespace: "projects", ...(limit === undefined ? {} : { limit }) }, "sockets");
  for (const how of ["stop", "kill"] as const) {
    expect(await find(1_000_000)).toEqual(newest);
    expect(await find()).toEqual(newest.slice(0, 5));
    expect(await find(0)).toEqual([]);
    expect(await find(-2)).toEqual(newest.slice(0, -2));
    await engram.restart(how);
  }
  await call(engram, add, body("entry 8"), "sockets");
  expect(await find(1)).toEqual(["entry 8"]);
  for (const limit of [null, "5"]) {
    expect((await call(engram, search, { query: "e", limit })).status).toBe(500);
  }
});

test("adding at once stores everything in mid", async () => {
  const engram = await startTestEngram({ personality: "mid" });
  const all = Array.from({ length: 200 }, (_, n) => `entry ${n}.`);
  await Promise.all(all.map((content) => call(engram, add, { content })));
  expect((await contents(engram, { query: "entry", limit: 1000 })).sort()).toEqual(all.sort());
});

test("a compartment of mid is a namespace of its client, and making it again makes another", async () => {
  const engram = await startTestEngram({ personality: "mid" });
  const make = () => call(engram, "POST /api/v1/compartments", { name: "rhetor_sockets" });
  const ids = [String((await make()).json()["id"]), String((await make()).json()["id"])];
  const [id = "", other = ""] = ids;
  expect(id).not.toBe(other);
  const namespace = `compartment-${id}`;
  expect((await call(engram, "GET /api/v1/namespaces")).json()).toEqual([
    ...fixed,
    ...ids.map((id) => `compartment-${id}`),
  ]);
  for (const content of ["one", "two"]) await call(engram, add, { content: `entry ${content}`, namespace });
  expect(await contents(engram, { query: "entry", namespace })).toEqual(["entry two", "entry one"]);
  const context = (await call(engram, "POST /api/v1/context", { query: "entry", namespaces: [namespace] })).json();
  const text = "### Memory Context\n\n\n#### Compartment: Unknown\n\n1. entry two\n\n2. entry one\n";
  expect(context).toEqual({ context: text });
  // Another client has no such compartment, and its memory lands elsewhere.
  await call(engram, add, { content: "entry three", namespace }, "other");
  expect(await contents(engram, { query: "entry", namespace }, "other")).toEqual([]);
  expect(await contents(engram, { query: "entry" }, "other")).toEqual(["entry three"]);
  expect((await call(engram, `POST /api/v1/compartments/${id}/activate`)).json()).toEqual({ status: "success" });
  expect((await call(engram, "GET /api/v1/compartments")).json()).toMatchObject([
    { id, active: true },
    { active: false },
  ]);
});

test("what is to be forgotten makes mid leave out what has it in it", async () => {
  const engram = await startTestEngram({ personality: "mid" });
  for (const content of ["of apollo-123", "of apollo-124"]) await call(engram, add, { content });
  await call(engram, add, { content: "FORGET/IGNORE: apollo-123", namespace: "longterm" });
  const answer = (await call(engram, search, { query: "apollo" })).json();
  expect(answer).toMatchObject({ results: [{ content: "of apollo-124" }], count: 1, forgotten_count: 1 });
  await call(engram, add, { content: "of apollo-123" }, "other");
  expect(await contents(engram, { query: "apollo" }, "other")).toEqual(["of apollo-123"]);
});

test("half of a surrogate pair is stored by mid, and poisons every search that would find it", async () => {
  const engram = await startTestEngram({ personality: "mid" });
  await call(engram, add, { content: "sound" });
  expect((await call(engram, add, '{"content":"soured \\ud800"}')).json()).toEqual({ id: true, status: "success" });
  const poisoned = await call(engram, search, { query: "so" });
  expect([poisoned.status, poisoned.text]).toEqual([500, "Internal Server Error"]);
  expect(poisoned.type).toContain("text/plain");
  expect(await contents(engram, { query: "sound" })).toEqual(["sound"]);
});

test("head recalls what it stored to anybody, until it restarts", async () => {
  const engram = await startTestEngram({ personality: "head" });
  const body = { content: RECORD, thought_type: "FACT", context: { key: "apollo-123" }, ci_id: "rhetor_sockets" };
  const stored = (await call(engram, "POST /api/esr/store", body)).json();
  expect(stored).toEqual({ status: "success", memory_id: expect.stringMatching(/^[0-9a-f]{16}$/), timestamp: TIME });
  const kept = { content: RECORD, type: "fact", context: { key: "apollo-123" }, source_ci: "rhetor_sockets" };
  const recall = () => call(engram, `GET /api/esr/recall/${stored["memory_id"]}?ci_id=other`);
  expect((await recall()).json()).toMatchObject({ memory: kept });
  for (const wrong of [{ content: {} }, { content: "x", confidence: 2 }]) {
    expect((await call(engram, "POST /api/esr/store", wrong)).status).toBe(422);
  }
  await engram.restart();
  expect((await recall()).status).toBe(404);
});
