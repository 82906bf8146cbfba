/** Both dialects against the Engrams they are for, and against every way to fail: an error or the truth, never less. */
import { expect, test } from "vitest";
import type { Fault } from "../src/engram/faults.js";
import type { PersonalityName } from "../src/engram/route.js";
import type { Dialect } from "../src/replication/dialect.js";
import { kvDialect } from "../src/replication/kv.js";
import { startTestEngram } from "./support/engram.js";
import { answering, dialects, MoodyPeer, never, peerAt, record } from "./support/peer.js";

const N = "rhetor_sockets";
/** The Engrams that keep records, and the dialect of each. */
const keepers = [
  ["kv", "kv"],
  ["mid", "v1-log"],
  ["aug", "v1-log"],
] as const satisfies readonly (readonly [PersonalityName, Dialect["name"]])[];

/** How long a peer waits that has no patience. */
const IMPATIENT_MS = 100;

async function start(personality: PersonalityName, name: Dialect["name"]) {
  const engram = await startTestEngram({ personality });
  const peer = new MoodyPeer(engram.url, IMPATIENT_MS);
  return { engram, peer, dialect: dialects[name](peer) };
}

const keysOf = async (dialect: Dialect, namespace = N): Promise<string[]> =>
  (await dialect.list(namespace, never)).map(({ key }) => key).sort();

test.each(keepers)("%s: records are stored, replaced, listed and deleted by %s", async (personality, name) => {
  const { engram, peer, dialect } = await start(personality, name);
  expect(await dialect.get(N, "a", never)).toBeUndefined();
  expect(await dialect.list(N, never)).toEqual([]);
  await dialect.put(N, record("a"), never);
  await dialect.put(N, record("b"), never);
  await dialect.put(N, record("a", { of: "a", again: [null, 1.5, {}] }), never);
  await dialect.put("other", record("c"), never);
  expect(await dialect.get(N, "a", never)).toEqual(record("a", { of: "a", again: [null, 1.5, {}] }));
  const listed = await dialect.list(N, never);
  expect([...listed].sort((a, b) => (a.key < b.key ? -1 : 1))).toEqual([
    { key: "a", metadata: { type: "test", of: "a" } },
    { key: "b", metadata: { type: "test", of: "b" } },
  ]);
  await dialect.delete(N, "a", never);
  await dialect.delete(N, "a", never);
  await dialect.delete(N, "never", never);
  expect(await dialect.get(N, "a", never)).toBeUndefined();
  expect(await keysOf(dialect)).toEqual(["b"]);
  await dialect.put(N, record("a", { back: true }), never);
  // It is there for whoever comes next, also after the Engram was killed.
  await engram.restart("kill");
  const next = dialects[name](peer);
  expect(await next.get(N, "a", never)).toEqual(record("a", { back: true }));
  expect(await keysOf(next)).toEqual(["a", "b"]);
  expect(await keysOf(next, "other")).toEqual(["c"]);
});

const oddTexts = [
  'quotes " and \\ back\\\\slashes \\" \\u0041',
  "é☃😀 \u2028 \u0000 \u007f \r\n\t",
  "half of a pair \ud800 and another \udc00",
  "FORGET/IGNORE: a",
  '"ns":"rhetor_sockets","k":"a"',
  Buffer.from("base64 ".repeat(100)).toString("base64"),
  "long ".repeat(100_000),
];

test.each(keepers)("%s: odd content comes back as it was by %s", async (personality, name) => {
  const { peer, dialect } = await start(personality, name);
  for (const [index, text] of oddTexts.entries()) {
    const odd = { key: `k${index}`, data: { text, [text.slice(0, 50)]: text }, metadata: { text: text.slice(0, 100) } };
    await dialect.put(N, odd, never);
    expect(await dialect.get(N, odd.key, never)).toEqual(odd);
    expect(await dialects[name](peer).get(N, odd.key, never)).toEqual(odd);
    expect(await dialect.list(N, never)).toContainEqual({ key: odd.key, metadata: odd.metadata });
  }
  expect(await keysOf(dialect)).toHaveLength(oddTexts.length);
});

const oddKeys = [
  "x/y",
  "a?b#c",
  "a b",
  "é☃",
  "p%41q",
  "...",
  "..a",
  "__proto__",
  "Search",
  'q"k',
  "b\\",
  "x".repeat(200),
];

test.each(keepers)("%s: odd keys are each their own by %s", async (personality, name) => {
  const { dialect } = await start(personality, name);
  for (const key of oddKeys) await dialect.put(N, record(key), never);
  expect(await keysOf(dialect)).toEqual([...oddKeys].sort());
  for (const key of oddKeys) expect(await dialect.get(N, key, never)).toEqual(record(key));
  for (const key of oddKeys) {
    await dialect.delete(N, key, never);
    expect(await dialect.get(N, key, never)).toBeUndefined();
  }
  expect(await keysOf(dialect)).toEqual([]);
});

test.each(keepers)(
  "%s: keys that no URL carries are a defect of ours, and not asked for by %s",
  async (personality, name) => {
    const { engram, dialect } = await start(personality, name);
    for (const key of ["", ".", "..", "search", "\ud800"]) {
      for (const call of [
        () => dialect.put(N, record(key), never),
        () => dialect.get(N, key, never),
        () => dialect.delete(N, key, never),
      ]) {
        await expect(call()).rejects.toMatchObject({
          name: "Error",
          message: expect.stringMatching(/cannot be a key/),
        });
      }
    }
    for (const namespace of ["", ".", ".."]) await expect(dialect.list(namespace, never)).rejects.toThrow("namespace");
    expect((await engram.stats()).requests.total).toBe(0);
  },
);

test.each(keepers)("%s: canaries are not listed by %s", async (personality, name) => {
  const { dialect } = await start(personality, name);
  await dialect.put(N, record("__canary__1"), never);
  await dialect.put(N, record("a"), never);
  expect(await keysOf(dialect)).toEqual(["a"]);
  expect(await dialect.get(N, "__canary__1", never)).toEqual(record("__canary__1"));
});

/** What a call did: the fault it threw, or what it answered. `keys` are those listed. */
type Outcome = string | undefined | object;

/** Every call once, on an Engram with the records `a` and `b`, in an order in which none spoils the next. */
async function outcomes(dialect: Dialect) {
  const outcome = (call: Promise<unknown>): Promise<Outcome> =>
    call.then(
      (value) => value as object | undefined,
      (error) => (error.status === undefined ? error.fault : `${error.fault} ${error.status}`),
    );
  return {
    get: await outcome(dialect.get(N, "a", never).then((found) => found?.data)),
    absent: await outcome(dialect.get(N, "nope", never)),
    list: await outcome(keysOf(dialect)),
    put: await outcome(dialect.put(N, record("a", { of: "new" }), never)),
    delete: await outcome(dialect.delete(N, "b", never)),
  };
}

const all = (fault: string) => ({ get: fault, absent: fault, list: fault, put: fault, delete: fault });
const right = { get: { of: "a" }, absent: undefined, list: ["a", "b"], put: undefined, delete: undefined };

/** Each fault with what the calls of `kv` do, and those of `v1-log` where they do otherwise. */
const faultTable: readonly (readonly [Fault, object, object?])[] = [
  [{ fault: "none" }, right],
  [{ fault: "down" }, all("UNREACHABLE")],
  [{ fault: "hang" }, all("TIMEOUT")],
  [{ fault: "slow", delayMs: 20 }, right],
  [{ fault: "slow", delayMs: 2_000 }, all("TIMEOUT")],
  // What was 404 is 201 now, and no record.
  [{ fault: "status", status: 201 }, { ...right, absent: "MALFORMED 201", delete: "STATUS 201" }, all("STATUS 201")],
  [{ fault: "status", status: 204 }, { ...all("MALFORMED 204"), delete: "STATUS 204" }, all("STATUS 204")],
  [{ fault: "status", status: 404 }, all("STATUS 404")],
  [{ fault: "status", status: 405 }, all("STATUS 405")],
  [{ fault: "status", status: 500 }, all("STATUS 500")],
  [{ fault: "status", status: 503 }, all("STATUS 503")],
  [{ fault: "success-false" }, all("REFUSED 200")],
  [{ fault: "html" }, all("MALFORMED 200")],
  // A 404 whose body is cut is a 404 all the same; then the listing tells that nothing works.
  [{ fault: "truncated-json" }, all("MALFORMED 200")],
  [{ fault: "reset-mid-body" }, all("UNREACHABLE")],
];

test.each(
  keepers.flatMap(([personality, name]) =>
    faultTable.map(([fault, kv, v1 = kv]) => [personality, fault, name === "kv" ? kv : v1, name] as const),
  ),
)("%s with %j: an error or the truth", async (personality, fault, expected, name) => {
  const { engram, peer, dialect } = await start(personality, name);
  for (const key of ["a", "b"]) await dialect.put(N, record(key), never);
  await engram.fault(fault);
  peer.setPatient(JSON.stringify(expected) !== JSON.stringify(all("TIMEOUT")));
  // Whoever comes new knows nothing of what is there; it is asked first, as the other changes something.
  for (const tried of [dialects[name](peer), dialect]) {
    const { put: _, delete: __, ...reads } = expected as typeof right;
    expect(await readsOf(tried)).toEqual(reads);
  }
  expect(await outcomes(dialect)).toEqual(expected);
  peer.setPatient(true);
  await engram.clearFault();
  await dialect.put(N, record("a", { of: "newest" }), never);
  await dialect.delete(N, "b", never);
  for (const tried of [dialect, dialects[name](peer)]) {
    expect(await tried.get(N, "a", never)).toEqual(record("a", { of: "newest" }));
    expect(await tried.get(N, "b", never)).toBeUndefined();
    expect(await keysOf(tried)).toEqual(["a"]);
  }
});

async function readsOf(dialect: Dialect) {
  const { get, absent, list } = await outcomes({ ...dialect, put: async () => {}, delete: async () => {} });
  return { get, absent, list };
}

test.each(keepers)("%s lies on store: the read-back by %s tells", async (personality, name) => {
  const { engram, dialect } = await start(personality, name);
  await dialect.put(N, record("a"), never);
  await engram.fault({ fault: "lie-on-store" });
  await dialect.put(N, record("a", { of: "new" }), never);
  await dialect.put(N, record("b"), never);
  expect(await dialect.get(N, "a", never)).toEqual(record("a"));
  expect(await dialect.get(N, "b", never)).toBeUndefined();
  expect(await keysOf(dialect)).toEqual(["a"]);
  await engram.clearFault();
  await dialect.put(N, record("b"), never);
  await dialect.put(N, record("a", { of: "new" }), never);
  expect(await dialect.get(N, "b", never)).toEqual(record("b"));
  expect(await dialect.get(N, "a", never)).toEqual(record("a", { of: "new" }));
});

test.each(keepers)("%s does not delete: the read-back by %s tells", async (personality, name) => {
  const { engram, dialect } = await start(personality, name);
  await dialect.put(N, record("a"), never);
  // A deletion at a log is something that is stored.
  await engram.fault({ fault: name === "kv" ? "lie-on-delete" : "lie-on-store" });
  await dialect.delete(N, "a", never);
  expect(await dialect.get(N, "a", never)).toEqual(record("a"));
  expect(await keysOf(dialect)).toEqual(["a"]);
  await engram.clearFault();
  await dialect.delete(N, "a", never);
  expect(await dialect.get(N, "a", never)).toBeUndefined();
  expect(await keysOf(dialect)).toEqual([]);
});

test.each(keepers)("%s reads stale: the read-back by %s shows what was", async (personality, name) => {
  const { engram, dialect } = await start(personality, name);
  await dialect.put(N, record("a"), never);
  await engram.fault({ fault: "stale-reads" });
  await dialect.put(N, record("a", { of: "new" }), never);
  await dialect.put(N, record("b"), never);
  expect(await dialect.get(N, "a", never)).toEqual(record("a"));
  expect(await dialect.get(N, "b", never)).toBeUndefined();
  // Sent again, because it seems not to be there.
  await dialect.put(N, record("a", { of: "newest" }), never);
  await engram.clearFault();
  expect(await dialect.get(N, "a", never)).toEqual(record("a", { of: "newest" }));
  expect(await keysOf(dialect)).toEqual(["a", "b"]);
});

test.each(keepers)("%s omits from lists: what %s knows of it stays right", async (personality, name) => {
  const { engram, dialect } = await start(personality, name);
  for (const key of ["a", "b", "c"]) await dialect.put(N, record(key), never);
  await engram.fault({ fault: "list-omits" });
  expect((await keysOf(dialect)).length).toBeLessThan(3);
  await dialect.put(N, record("a", { of: "new" }), never);
  await dialect.put(N, record("b", { of: "new" }), never);
  await engram.clearFault();
  expect(await dialect.get(N, "a", never)).toEqual(record("a", { of: "new" }));
  expect(await dialect.get(N, "b", never)).toEqual(record("b", { of: "new" }));
  expect(await keysOf(dialect)).toEqual(["a", "b", "c"]);
});

test.each(keepers)("%s lost everything: %s says so, and goes on", async (personality, name) => {
  const { engram, peer, dialect } = await start(personality, name);
  for (const key of ["a", "b", "c"]) await dialect.put(N, record(key), never);
  await engram.fault({ fault: "loss" });
  expect(await dialect.get(N, "a", never)).toBeUndefined();
  expect(await keysOf(dialect)).toEqual([]);
  await dialect.put(N, record("b", { of: "back" }), never);
  for (const tried of [dialect, dialects[name](peer)]) {
    expect(await keysOf(tried)).toEqual(["b"]);
    expect(await tried.get(N, "b", never)).toEqual(record("b", { of: "back" }));
  }
});

test.each([
  ["mid-faiss", "REFUSED 200", "STATUS 404"],
  ["head", "STATUS 500", "STATUS 404"],
] as const)("%s, which keeps nothing, confirms nothing", async (personality, log, kv) => {
  const engram = await startTestEngram({ personality });
  const peer = peerAt(engram.url);
  expect((await outcomes(dialects["v1-log"](peer))).put).toBe(log);
  expect(await outcomes(dialects.kv(peer))).toEqual(all(kv));
});

test("kv: what is no success, and what is", async () => {
  const outcome = async (body: unknown, headers = {}) => {
    const { url } = await answering(() => ({ body, headers }));
    return await kvDialect(peerAt(url))
      .put(N, record("a"), never)
      .then(
        () => "stored",
        ({ fault, message }) => `${fault}: ${message}`,
      );
  };
  for (const body of [{ success: true }, { status: "ok" }, {}, [], "null", '"stored"', { error: null, key: "a" }]) {
    expect(await outcome(body)).toBe("stored");
  }
  const call = `POST /memory/${N} answers 200`;
  expect(await outcome({ success: false, message: "disk full" })).toBe(`REFUSED: ${call} and success:false: disk full`);
  expect(await outcome({ status: "error" })).toBe(`REFUSED: ${call} and status:"error"`);
  expect(await outcome({ error: "no" })).toBe(`REFUSED: ${call} and an error: no`);
  expect(await outcome("false")).toBe(`REFUSED: ${call} and false`);
  expect(await outcome("")).toBe(`MALFORMED: ${call} with application/json, not with JSON`);
  expect(await outcome("{}", { "content-type": "text/plain" })).toBe(
    `MALFORMED: ${call} with text/plain, not with JSON`,
  );
  expect(await outcome("{}", { "content-type": "application/vnd.engram+json; charset=utf-8" })).toBe("stored");
});

test("kv: a listing or a record of another shape is malformed, and metadata that are no object are none", async () => {
  const reading = async (body: unknown) => {
    const { url } = await answering(() => ({ body }));
    const dialect = kvDialect(peerAt(url));
    const text = (error: { message: string }) => error.message;
    return [await dialect.list(N, never).catch(text), await dialect.get(N, "a", never).catch(text)];
  };
  const get = `GET /memory/${N}/a answers 200`;
  const list = `GET /memory/${N}?limit=1000000 answers 200`;
  expect(await reading({ memories: [{ key: "a", metadata: null }, { key: "b" }], data: {}, metadata: ["x"] })).toEqual([
    [
      { key: "a", metadata: {} },
      { key: "b", metadata: {} },
    ],
    { key: "a", data: {}, metadata: {} },
  ]);
  const noKey = `${list} with a memory without a key`;
  expect(await reading({ memories: [{ key: 1 }], data: null })).toEqual([noKey, `${get} without data`]);
  expect(await reading({ memories: [null], data: {}, key: "A" })).toEqual([
    noKey,
    `${get} with the record of another key`,
  ]);
  expect(await reading({ memories: {} })).toEqual([`${list} without a list of memories`, `${get} without data`]);
  expect(await reading([])).toEqual([`${list} with JSON that is no object`, `${get} with JSON that is no object`]);
});

test("kv: what is sent is what the first registry's client sent, and 404 is believed where the namespace is", async () => {
  const { url, asked } = await answering(({ url: path = "" }) =>
    path.includes("?") ? { body: { memories: [] } } : { status: 404, body: {} },
  );
  const dialect: Dialect = kvDialect(peerAt(`${url}/engram/`));
  expect(await dialect.get(N, "a b/é", never)).toBeUndefined();
  await dialect.delete(N, "a", never);
  await expect(dialect.put(N, record("a"), never)).rejects.toMatchObject({ fault: "STATUS", status: 404 });
  expect(asked.map(({ call }) => call)).toEqual([
    "GET /engram/memory/rhetor_sockets/a%20b%2F%C3%A9",
    "GET /engram/memory/rhetor_sockets?limit=1",
    "DELETE /engram/memory/rhetor_sockets/a",
    "GET /engram/memory/rhetor_sockets?limit=1",
    "POST /engram/memory/rhetor_sockets",
  ]);
  expect(asked.at(-1)?.body).toBe('{"key":"a","data":{"of":"a"},"metadata":{"type":"test","of":"a"}}');
});
