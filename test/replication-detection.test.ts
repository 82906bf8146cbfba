/** Which dialect an Engram is found to speak, and why none: by what it does, whatever it says. */
import { expect, test } from "vitest";
import type { Fault } from "../src/engram/faults.js";
import type { PersonalityName } from "../src/engram/route.js";
import { detect } from "../src/replication/detect.js";
import { startTestEngram } from "./support/engram.js";
import { answering, never, peerAt, record, type Told, textsAt } from "./support/peer.js";

const HEALTH = { status: "healthy", component: "engram", version: "0.1.0" };
const KV_PATHS = { "/memory/{ns}": { post: {}, get: {} }, "/memory/{ns}/{k}": { get: {}, delete: {} } };
const V1_PATHS = { "/api/v1/memory": { post: {} }, "/api/v1/search": { post: {} } };

/** A server that is well, and answers these calls as it is told. A call is found by its beginning. */
function serving(told: Readonly<Record<string, Told>>) {
  return answering(({ method, url }) => {
    const call = `${method} ${url}`;
    if (call === "GET /health") return told[call] ?? { body: HEALTH };
    const name = Object.keys(told).find((start) => call.startsWith(start));
    return (name === undefined ? undefined : told[name]) ?? { status: 404, body: { detail: "Not Found" } };
  });
}

const incompatible = (reason: string) => ({
  name: "PeerError",
  fault: "INCOMPATIBLE",
  message: expect.stringContaining(reason),
});

test.each([
  ["kv", "kv"],
  ["mid", "v1-log"],
  ["aug", "v1-log"],
] as const)("%s is found to speak %s, and works", async (personality, name) => {
  const engram = await startTestEngram({ personality });
  const dialect = await detect(peerAt(engram.url), "rhetor_sockets", never);
  expect(dialect.name).toBe(name);
  expect(await dialect.list("rhetor_sockets", never)).toEqual([]);
  await dialect.put("rhetor_sockets", record("a"), never);
  expect(await dialect.get("rhetor_sockets", "a", never)).toEqual(record("a"));
});

test("it says who it found where a token is needed, and why not where it is wrong", async () => {
  const engram = await startTestEngram({ token: "secret" });
  expect((await detect(peerAt(engram.url, { token: "secret" }), "n", never)).name).toBe("kv");
  for (const token of ["wrong", ""]) {
    const refused = detect(peerAt(engram.url, { token }), "n", never);
    await expect(refused).rejects.toMatchObject(incompatible("does not take our token"));
  }
});

test.each([
  ["mid-faiss", "v1-log: POST /api/v1/memory answers 200 and id:false: nothing was stored"],
  ["head", "v1-log: POST /api/v1/search answers 500: Error searching memory"],
  ["head", "its ESR API keeps records in RAM only"],
] as const satisfies readonly (readonly [PersonalityName, string])[])(
  "%s is incompatible: %s",
  async (personality, reason) => {
    const engram = await startTestEngram({ personality });
    await expect(detect(peerAt(engram.url), "n", never)).rejects.toMatchObject(incompatible(reason));
  },
);

test.each([
  ["kv", { fault: "lie-on-store" }, "POST says that a record was stored, and it is not there"],
  ["kv", { fault: "stale-reads" }, "POST says that a record was stored, and it is not there"],
  ["kv", { fault: "lie-on-delete" }, "DELETE answers 200 and does nothing"],
  ["mid", { fault: "lie-on-store" }, "POST answers id:true, and the record is not found"],
  ["mid", { fault: "list-omits" }, "POST answers id:true, and the record is not found"],
  ["mid", { fault: "stale-reads" }, "POST answers id:true, and the record is not found"],
] as const satisfies readonly (readonly [PersonalityName, Fault, string])[])(
  "%s with %j is incompatible: %s",
  async (personality, fault, reason) => {
    const engram = await startTestEngram({ personality });
    await engram.fault(fault);
    await expect(detect(peerAt(engram.url), "n", never)).rejects.toMatchObject(incompatible(reason));
    await engram.clearFault();
    const dialect = await detect(peerAt(engram.url), "n", never);
    expect(await dialect.list("n", never)).toEqual([]);
  },
);

test.each([
  [{ fault: "down" }, "UNREACHABLE", "ECONNREFUSED"],
  [{ fault: "hang" }, "TIMEOUT", "within 200 ms"],
  [{ fault: "slow", delayMs: 5_000 }, "TIMEOUT", "within 200 ms"],
  [{ fault: "status", status: 503 }, "UNREACHABLE", "GET /health answers 503"],
  [{ fault: "status", status: 404 }, "UNREACHABLE", "GET /health answers 404"],
  [{ fault: "status", status: 204 }, "UNREACHABLE", "GET /health answers 204"],
  [{ fault: "status", status: 201 }, "UNREACHABLE", "GET /health answers 201"],
  [{ fault: "success-false" }, "UNREACHABLE", "GET /health answers 200 and success:false"],
  [{ fault: "html" }, "UNREACHABLE", "with text/html, not with JSON"],
  [{ fault: "truncated-json" }, "UNREACHABLE", "JSON that is none"],
  [{ fault: "reset-mid-body" }, "UNREACHABLE", "GET /health: "],
] as const satisfies readonly (readonly [Fault, string, string])[])(
  "with %j it is down: %s",
  async (fault, kind, text) => {
    const engram = await startTestEngram();
    await engram.fault(fault);
    const asked = detect(peerAt(engram.url, { callTimeoutMs: 200 }), "n", never);
    await expect(asked).rejects.toMatchObject({ fault: kind, message: expect.stringContaining(text) });
  },
);

test("without a document an Engram that lists is tried as kv", async () => {
  const listing = { "GET /memory/n?limit=1": { body: { memories: [] } }, "POST /memory/n": { status: 507 } };
  const { url, asked } = await serving(listing);
  await expect(detect(peerAt(url), "n", never)).rejects.toMatchObject(incompatible("kv: POST /memory/n answers 507"));
  expect(asked.map(({ call }) => call).slice(0, 4)).toEqual([
    "GET /health",
    "GET /api/v1/openapi.json",
    "GET /openapi.json",
    "GET /memory/n?limit=1",
  ]);
});

test("both dialects are tried where both are described, and both reasons are told", async () => {
  const { url } = await serving({
    "GET /openapi.json": { body: { paths: { ...KV_PATHS, ...V1_PATHS } } },
    "POST /memory/n": { body: { success: false, error: "no\nspace" } },
    "POST /api/v1/search": { status: 500, headers: { "content-type": "text/plain" }, body: "Internal Server Error" },
  });
  await expect(detect(peerAt(url), "n", never)).rejects.toMatchObject(
    incompatible(
      "this Engram cannot hold state: kv: POST /memory/n answers 200 and success:false: no space; v1-log: POST /api/v1/search answers 500",
    ),
  );
});

test.each([429, 502, 503, 504])("a dialect whose calls answer %i is down for the moment", async (status) => {
  const { url } = await serving({
    "GET /openapi.json": { body: { paths: KV_PATHS } },
    "POST /memory/n": { status, body: {} },
  });
  await expect(detect(peerAt(url), "n", never)).rejects.toMatchObject({ fault: "UNREACHABLE", status });
});

test("a record that comes back changed is a reason, and is deleted all the same", async () => {
  const deleted: string[] = [];
  const { url } = await answering(({ method, url: path = "" }) => {
    if (path === "/openapi.json") return { body: { paths: KV_PATHS } };
    if (path === "/health") return { body: HEALTH };
    if (method === "DELETE") deleted.push(path);
    if (method === "GET" && path.startsWith("/memory/n/")) return { body: { data: { text: "?" }, metadata: {} } };
    return method === "GET" ? { status: 404, body: {} } : { body: { success: true } };
  });
  await expect(detect(peerAt(url), "n", never)).rejects.toMatchObject(
    incompatible("kv: a record does not come back as it was stored"),
  );
  expect(deleted).toEqual([expect.stringMatching(/^\/memory\/n\/__canary__[0-9a-f-]{36}$/)]);
});

test.each([
  ["no document and no list", {}],
  ["a document of something else", { "GET /openapi.json": { body: { paths: { "/memory": { post: {} } } } } }],
  ["kv without DELETE", { "GET /openapi.json": { body: { paths: { ...KV_PATHS, "/memory/{ns}/{k}": { get: {} } } } } }],
  ["v1 without search", { "GET /openapi.json": { body: { paths: { "/api/v1/memory": { post: {} } } } } }],
])("an Engram with %s is incompatible", async (_, told) => {
  const { url } = await serving(told);
  await expect(detect(peerAt(url), "n", never)).rejects.toMatchObject(incompatible("it has no API that we know"));
});

test("a signal that aborts ends it with its reason", async () => {
  const engram = await startTestEngram();
  await engram.fault({ fault: "hang" });
  const controller = new AbortController();
  const reason = new Error("enough");
  const asked = expect(detect(peerAt(engram.url), "n", controller.signal)).rejects.toBe(reason);
  await expect.poll(async () => (await engram.stats()).requests.total).toBe(1);
  controller.abort(reason);
  await asked;
});

test("at mid it leaves two texts in the namespace's own client and no compartment", async () => {
  const engram = await startTestEngram({ personality: "mid" });
  await detect(peerAt(engram.url), "rhetor_sockets.log", never);
  const client = expect.stringMatching(/^rhetor_sockets_log-[0-9a-f]{8}$/);
  const { clientOf } = await import("../src/replication/v1-log-wire.js");
  expect(clientOf("rhetor_sockets.log", 1)).toEqual(client);
  expect(await textsAt(engram.url, clientOf("rhetor_sockets.log", 1))).toHaveLength(2);
});
