/** The service that keeps memories by namespace and key, as its callers see it. */
import { expect, onTestFinished, test } from "vitest";
import {
  BODY_BYTES_MAX,
  KEY_BYTES_MAX,
  LIST_MEMORIES_DEFAULT,
  LIST_MEMORIES_MAX,
  METADATA_BYTES_MAX,
  NAMESPACE_BYTES_MAX,
} from "../src/engram/limits.js";
import { Memories } from "../src/engram/memories.js";
import { type Range, type Rows, Store } from "../src/engram/store.js";
import { createLog } from "../src/log.js";
import { startTestEngram, type TestEngram } from "./support/engram.js";
import { ask, clientHeaders, socketRecord } from "./support/engram-http.js";
import { tempDir } from "./support/temp-dir.js";

const METADATA = { type: "ai_socket", model: "claude-3-sonnet", state: "active" };

/** Stores a memory. */
function put(
  engram: TestEngram,
  key: unknown,
  data: unknown = {},
  metadata: unknown = {},
  namespace = "rhetor_sockets",
) {
  return ask(engram.url, { method: "POST", path: `/memory/${namespace}`, body: { key, data, metadata } });
}

/** The keys that a listing or a search gives. */
async function keysOf(engram: TestEngram, path: string): Promise<unknown[]> {
  const answer = (await ask(engram.url, { path })).json();
  const found = (answer["memories"] ?? answer["results"]) as { key: string }[];
  return found.map(({ key }) => key);
}

const errorOf = async (asked: ReturnType<typeof ask>) => {
  const { status, json } = await asked;
  return [status, json()["detail"]];
};

test("every call of the first registry's client succeeds, in the shapes it expects", async () => {
  const engram = await startTestEngram();
  const record = socketRecord("apollo-123");
  const call = (method: string, path: string, body?: object) => ask(engram.url, { method, path, body });

  const health = await call("GET", "/health");
  expect(health.status).toBe(200);

  const stored = await call("POST", "/memory/rhetor_sockets", { key: "apollo-123", data: record, metadata: METADATA });
  expect([stored.status, stored.json()]).toEqual([
    200,
    { success: true, key: "apollo-123", namespace: "rhetor_sockets" },
  ]);

  const got = await call("GET", "/memory/rhetor_sockets/apollo-123");
  expect([got.status, got.type]).toEqual([200, expect.stringContaining("application/json")]);
  const whole = { key: "apollo-123", data: record, metadata: METADATA, namespace: "rhetor_sockets" };
  expect(got.json()).toEqual(whole);

  const memories = [{ key: "apollo-123", metadata: METADATA }];
  const filter = encodeURIComponent(JSON.stringify({ type: "ai_socket" }));
  for (const path of ["?limit=1000", `?limit=1000&metadata=${filter}`, ""]) {
    const listed = await call("GET", `/memory/rhetor_sockets${path}`);
    expect([listed.status, listed.json()]).toEqual([200, { memories }]);
  }

  const results = [{ key: "apollo-123", metadata: METADATA, score: 0.5 }];
  for (const query of ["apollo", "APOLLO", `apollo&metadata=${filter}`]) {
    const found = await call("GET", `/memory/rhetor_sockets/search?query=${query}&limit=10`);
    expect([found.status, found.json()]).toEqual([200, { results }]);
  }
  const everything = await call("GET", "/memory/rhetor_sockets/search?query=*&limit=10");
  expect(everything.json()).toEqual({ results: [{ key: "apollo-123", metadata: METADATA, score: 1 }] });

  expect((await call("DELETE", "/memory/rhetor_sockets/apollo-123")).status).toBe(200);
  for (const method of ["GET", "DELETE"]) {
    const gone = await call(method, "/memory/rhetor_sockets/apollo-123");
    expect([gone.status, gone.json()]).toEqual([404, { detail: "Not Found" }]);
  }
  expect((await call("GET", "/memory/rhetor_sockets?limit=1000")).json()).toEqual({ memories: [] });
});

test("health, readiness and the root have the real server's shapes, and the uptime grows", async () => {
  const engram = await startTestEngram();
  const timestamp = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/);
  const head = { component: "engram", version: "0.1.0" };
  expect((await ask(engram.url, { path: "/health" })).json()).toEqual({
    ...head,
    status: "healthy",
    timestamp,
    uptime: null,
    port: Number(new URL(engram.url).port),
    registeredWithHermes: false,
    dependencies: [],
    metrics: {},
    details: {
      memory_manager_initialized: true,
      storage_mode: "fallback",
      vector_available: false,
      hermes_integration: false,
      default_client_id: "default",
    },
  });
  const readiness = async () => (await ask(engram.url, { path: "/ready" })).json();
  const first = await readiness();
  expect(first).toEqual({ ...head, ready: true, initializationTime: expect.any(Number), timestamp });
  const uptime = Number(first["initializationTime"]);
  expect(Number((await readiness())["initializationTime"])).toBeGreaterThan(uptime);
  await engram.restart();
  expect(Number((await readiness())["initializationTime"])).toBeLessThan(uptime + 1);
  const root = (await ask(engram.url, { path: "/" })).json();
  expect(root).toMatchObject({
    service: "Engram Memory API",
    mode: "standalone",
    fallback: true,
    docs: "/openapi.json",
  });
});

test("the OpenAPI document tells of the paths by which the service is known", async () => {
  const engram = await startTestEngram();
  const { paths } = (await ask(engram.url, { path: "/openapi.json" })).json() as { paths: Record<string, object> };
  expect(Object.keys(paths["/memory/{namespace}"] ?? {})).toEqual(["post", "get"]);
  expect(Object.keys(paths["/memory/{namespace}/{key}"] ?? {})).toEqual(["get", "delete"]);
  expect(Object.keys(paths["/memory/{namespace}/search"] ?? {})).toEqual(["get"]);
  expect((await ask(engram.url, { path: "/api/v1/openapi.json" })).status).toBe(404);
});

test("a memory takes the place of the one with its key, and namespaces are apart", async () => {
  const engram = await startTestEngram();
  await put(engram, "a", { n: 1 }, { old: true });
  await put(engram, "a", { n: 2 }, null);
  await put(engram, "a", { n: 3 }, {}, "rhetor_sockets.log");
  const a = async (namespace: string) => (await ask(engram.url, { path: `/memory/${namespace}/a` })).json();
  expect(await a("rhetor_sockets")).toMatchObject({ data: { n: 2 }, metadata: {} });
  expect(await a("rhetor_sockets.log")).toMatchObject({ data: { n: 3 } });
  expect(await keysOf(engram, "/memory/rhetor_sockets")).toEqual(["a"]);
  expect(await keysOf(engram, "/memory/rhetor")).toEqual([]);
});

test.each([[null], [false], [0], [""], [[]], [{ __proto__: null, constructor: 1 }], ["\ud800 \0 é☃"], [[{ a: [] }]]])(
  "data may be any JSON: %j",
  async (data) => {
    const engram = await startTestEngram();
    await put(engram, "a", data);
    expect((await ask(engram.url, { path: "/memory/rhetor_sockets/a" })).json()["data"]).toEqual(data);
  },
);

test("data and metadata may have names that JavaScript uses", async () => {
  const engram = await startTestEngram();
  const body = '{"key":"a","data":{"__proto__":{"x":1}},"metadata":{"__proto__":2,"constructor":3}}';
  await ask(engram.url, { method: "POST", path: "/memory/n", body });
  const { text } = await ask(engram.url, { path: "/memory/n/a" });
  expect(text).toBe(body.replace(/\}$/, ',"namespace":"n"}'));
  expect(await keysOf(engram, `/memory/n?metadata=${encodeURIComponent('{"__proto__":2}')}`)).toEqual(["a"]);
  expect(await keysOf(engram, `/memory/n?metadata=${encodeURIComponent('{"toString":2}')}`)).toEqual([]);
});

test.each([".", "..", "x/y", "a b", "a?b#c", "p%41q", "é☃", "😀", "%", "CON", "as long as can be", "search/"])(
  "the key %s is kept, found and deleted when it is percent-encoded",
  async (name) => {
    const key = name.startsWith("as long") ? "é".repeat(KEY_BYTES_MAX / 2) : name;
    const engram = await startTestEngram();
    expect((await put(engram, key, { of: key })).status).toBe(200);
    const path = `/memory/rhetor_sockets/${encodeURIComponent(key)}`;
    expect((await ask(engram.url, { path })).json()).toMatchObject({ key, data: { of: key } });
    expect(await keysOf(engram, "/memory/rhetor_sockets")).toEqual([key]);
    expect((await ask(engram.url, { method: "DELETE", path })).status).toBe(200);
    expect((await ask(engram.url, { path })).status).toBe(404);
  },
);

test("a search wins over a memory with the key search, which can be listed and deleted all the same", async () => {
  const engram = await startTestEngram();
  await put(engram, "search", { text: "needle" });
  for (const path of ["/memory/rhetor_sockets/search", "/memory/rhetor_sockets/%73earch"]) {
    expect(await keysOf(engram, `${path}?query=needle`)).toEqual(["search"]);
  }
  expect(await keysOf(engram, "/memory/rhetor_sockets")).toEqual(["search"]);
  expect((await ask(engram.url, { method: "DELETE", path: "/memory/rhetor_sockets/search" })).status).toBe(200);
  expect(await keysOf(engram, "/memory/rhetor_sockets")).toEqual([]);
});

test.each([
  ["empty", "", "key is empty"],
  [
    "one byte too long",
    "k".repeat(KEY_BYTES_MAX + 1),
    `key has ${KEY_BYTES_MAX + 1} bytes, more than ${KEY_BYTES_MAX}`,
  ],
  ["with a NUL", "a\0b", "key has a NUL in it"],
  ["with half a character", "a\ud800", "key has half of a surrogate pair in it"],
  ["no string", 7, "key must be a string"],
  ["missing", undefined, "key must be a string"],
])("a key that is %s is refused, and nothing is stored", async (_, key, error) => {
  const engram = await startTestEngram();
  expect(await errorOf(put(engram, key))).toEqual([400, error]);
  expect(await keysOf(engram, "/memory/rhetor_sockets")).toEqual([]);
});

test("what cannot be a key or a namespace is refused in a path too", async () => {
  const engram = await startTestEngram();
  const longest = "n".repeat(NAMESPACE_BYTES_MAX);
  expect((await put(engram, "a", {}, {}, longest)).status).toBe(200);
  expect(await keysOf(engram, `/memory/${longest}`)).toEqual(["a"]);
  const tooLong = `namespace has ${NAMESPACE_BYTES_MAX + 1} bytes, more than ${NAMESPACE_BYTES_MAX}`;
  const keyTooLong = `key has ${KEY_BYTES_MAX + 1} bytes, more than ${KEY_BYTES_MAX}`;
  for (const [path, error] of [
    [`/memory/${longest}n`, tooLong],
    ["/memory//a", "namespace is empty"],
    ["/memory/a%00b", "namespace has a NUL in it"],
    ["/memory/n/", "key is empty"],
    ["/memory/n/a%00b", "key has a NUL in it"],
    [`/memory/n/${"k".repeat(KEY_BYTES_MAX + 1)}`, keyTooLong],
  ] as const) {
    expect(await errorOf(ask(engram.url, { path }))).toEqual([400, error]);
  }
  expect((await ask(engram.url, { path: "/memory/n/%zz" })).status).toBe(400);
});

test("metadata may be as large as the limit says and no larger", async () => {
  const engram = await startTestEngram();
  const metadata = (bytes: number) => ({ m: "x".repeat(bytes - '{"m":""}'.length) });
  expect((await put(engram, "a", {}, metadata(METADATA_BYTES_MAX))).status).toBe(200);
  const tooLarge = put(engram, "a", {}, metadata(METADATA_BYTES_MAX + 1));
  expect((await errorOf(tooLarge))[0]).toBe(400);
  expect(await errorOf(put(engram, "a", {}, [1]))).toEqual([400, "metadata must be an object"]);
});

test("a body may be as large as the limit says and no larger, and comes back whole", async () => {
  const engram = await startTestEngram();
  const body = (bytes: number) => `{"key":"a","data":"${"x".repeat(bytes - '{"key":"a","data":""}'.length)}"}`;
  const store = (bytes: number) => ask(engram.url, { method: "POST", path: "/memory/n", body: body(bytes) });
  expect((await store(BODY_BYTES_MAX)).status).toBe(200);
  const { text } = await ask(engram.url, { path: "/memory/n/a" });
  expect(text.length).toBeGreaterThan(BODY_BYTES_MAX);
  expect(await errorOf(store(BODY_BYTES_MAX + 1))).toEqual([413, `the body has more than ${BODY_BYTES_MAX} bytes`]);
  expect(await keysOf(engram, "/memory/n/search?query=xXx")).toEqual(["a"]);
});

test.each([
  ["no JSON", "nope", "the body must be a JSON object"],
  ["nothing", "", "the body must be a JSON object"],
  ["an array", "[]", "the body must be a JSON object"],
  ["without data", '{"key":"a"}', "data is missing"],
])("a body that is %s is refused", async (_, body, error) => {
  const engram = await startTestEngram();
  expect(await errorOf(ask(engram.url, { method: "POST", path: "/memory/n", body }))).toEqual([400, error]);
});

test("a body needs no content type, and may come in chunks", async () => {
  const engram = await startTestEngram();
  const body = { key: "a", data: 1 };
  for (const headers of [{}, { "content-type": "text/plain" }, { "transfer-encoding": "chunked" }]) {
    const { status } = await ask(engram.url, { method: "POST", path: "/memory/n", body, headers });
    expect(status).toBe(200);
  }
});

test("a listing is in the order of the keys' code points, and as long as it was asked to be", async () => {
  const engram = await startTestEngram();
  const keys = [
    "\ufffd",
    "😀",
    "z",
    "a",
    "B",
    "aa",
    ...Array.from({ length: LIST_MEMORIES_DEFAULT }, (_, n) => `n${n}`),
  ];
  await Promise.all(keys.map((key, place) => put(engram, key, { place }, { place, even: place % 2 === 0 })));
  const points = (key: string) => [...key].map((point) => String(point.codePointAt(0)).padStart(7, "0")).join();
  const sorted = [...keys].sort((one, other) => (points(one) < points(other) ? -1 : 1));
  const list = (query: string) => keysOf(engram, `/memory/rhetor_sockets?${query}`);
  expect(await list("limit=1000")).toEqual(sorted);
  expect(await list(`limit=${LIST_MEMORIES_MAX}`)).toEqual(sorted);
  expect(await list("")).toEqual(sorted.slice(0, LIST_MEMORIES_DEFAULT));
  expect(await list("limit=0")).toEqual([]);
  expect(await list("limit=3")).toEqual(["B", "a", "aa"]);
  // The limit is one of what is found, not of what is looked at.
  expect(await list(`limit=1&metadata=${encodeURIComponent('{"place":105}')}`)).toEqual(["n99"]);
  expect(await list(`limit=1000&metadata=${encodeURIComponent('{"even":true}')}`)).toHaveLength(53);
  expect(await keysOf(engram, "/memory/rhetor_sockets/search?query=*")).toEqual(sorted.slice(0, 10));
});

test.each(["-1", "x", "1.5", "", String(LIST_MEMORIES_MAX + 1)])("the limit %j is refused", async (limit) => {
  const engram = await startTestEngram();
  const error = [400, `limit must be a whole number from 0 to ${LIST_MEMORIES_MAX}`];
  expect(await errorOf(ask(engram.url, { path: `/memory/n?limit=${limit}` }))).toEqual(error);
  expect(await errorOf(ask(engram.url, { path: `/memory/n/search?query=x&limit=${limit}` }))).toEqual(error);
});

test("metadata are compared as a whole, at every depth", async () => {
  const engram = await startTestEngram();
  await put(engram, "a", {}, { at: { x: [1, { y: null }] }, n: 1 });
  const filtered = (filter: string) => keysOf(engram, `/memory/rhetor_sockets?metadata=${encodeURIComponent(filter)}`);
  for (const filter of ["{}", '{"n":1}', '{"at":{"x":[1,{"y":null}]}}']) expect(await filtered(filter)).toEqual(["a"]);
  for (const filter of ['{"n":"1"}', '{"at":{}}', '{"m":null}']) expect(await filtered(filter)).toEqual([]);
  for (const metadata of ["[]", "x", "1"]) {
    const error = [400, "metadata must be a JSON object"];
    expect(await errorOf(ask(engram.url, { path: `/memory/n?metadata=${metadata}` }))).toEqual(error);
  }
});

test("a listing reads no data, and a search reads large ones one by one", async () => {
  const store = await Store.open(tempDir(), createLog("silent", false));
  onTestFinished(() => store.close());
  const memories = new Memories(store);
  const data = JSON.stringify("x".repeat(1024 * 1024));
  await Promise.all(Array.from({ length: 8 }, (_, n) => memories.put("n", `k${n}`, data, "{}")));
  const ranges: Range[] = [];
  const steps: number[] = [];
  const watched: Rows = Object.assign(Object.create(store), {
    get: (keys: Buffer[]) => store.get(keys),
    async *rows(range: Range) {
      ranges.push(range);
      for await (const step of store.rows(range)) {
        steps.push(step.reduce((bytes, [, value]) => bytes + value.length, 0));
        yield step;
      }
    },
  });
  const found = async (rows: AsyncIterable<readonly object[]>) => {
    let count = 0;
    for await (const step of rows) count += step.length;
    return count;
  };
  const wanted = { limit: 1_000, metadata: {} };
  expect(await found(new Memories(watched).list("n", wanted))).toBe(8);
  expect(await found(new Memories(watched).search("n", "*", wanted))).toBe(8);
  expect(Math.max(...steps)).toBeLessThan(1_000);
  expect(await found(new Memories(watched).search("n", "XX", wanted))).toBe(8);
  expect(Math.max(...steps)).toBeLessThan(2 * data.length);
  expect(ranges).toHaveLength(3);
});

test("a method that a path does not have is 405, and a path that is not there is 404", async () => {
  const engram = await startTestEngram();
  for (const [method, path] of [
    ["PUT", "/memory/n/a"],
    ["DELETE", "/memory/n"],
    ["POST", "/memory/n/search"],
    ["POST", "/health"],
  ] as const) {
    expect(await errorOf(ask(engram.url, { method, path }))).toEqual([405, "Method Not Allowed"]);
  }
  for (const path of ["/memory", "/memory/n/a/b", "/api/v1/memory", "/nope"]) {
    expect(await errorOf(ask(engram.url, { path }))).toEqual([404, "Not Found"]);
  }
});

test("with a token, whoever does not show it is refused, but for health and readiness", async () => {
  const token = "s3cret-Token";
  const engram = await startTestEngram({ token });
  const asWhom = (authorization?: string) => ({
    ...clientHeaders,
    ...(authorization === undefined ? {} : { authorization }),
  });
  const list = (authorization?: string) => ask(engram.url, { path: "/memory/n", headers: asWhom(authorization) });
  for (const right of [`Bearer ${token}`, `bearer ${token}`]) expect((await list(right)).status).toBe(200);
  for (const wrong of [undefined, "Bearer", `Bearer ${token}x`, "Bearer s3cret", `Basic ${token}`, token]) {
    const refused = await list(wrong);
    expect(refused.headers["www-authenticate"]).toBe("Bearer");
    expect([refused.status, refused.json()]).toEqual([401, { detail: "the bearer token is missing or wrong" }]);
  }
  const store = { method: "POST", path: "/memory/n", body: { key: "a", data: 1 } };
  expect((await ask(engram.url, store)).status).toBe(401);
  for (const path of ["/", "/nope", "/openapi.json"]) expect((await ask(engram.url, { path })).status).toBe(401);
  for (const path of ["/health", "/ready"]) expect((await ask(engram.url, { path })).status).toBe(200);
  expect((await list(`Bearer ${token}`)).json()).toEqual({ memories: [] });
});
