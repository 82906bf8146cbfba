/** The ways in which the service can be told to fail: each does what it promises, and is over when it is switched off. */
import { connect } from "node:net";
import { expect, test } from "vitest";
import { type Fault, type FaultName, faults } from "../src/engram/faults.js";
import { DELAY_MS_MAX } from "../src/engram/limits.js";
import { startTestEngram, type TestEngram } from "./support/engram.js";
import { type Answered, ask } from "./support/engram-http.js";

const get = (engram: TestEngram, key: string) => ask(engram.url, { path: `/memory/n/${key}` });
const remove = (engram: TestEngram, key: string) => ask(engram.url, { method: "DELETE", path: `/memory/n/${key}` });
const put = (engram: TestEngram, key: string, data: unknown = key) =>
  ask(engram.url, { method: "POST", path: "/memory/n", body: { key, data } });
const add = (engram: TestEngram, content: string) =>
  ask(engram.url, { method: "POST", path: "/api/v1/memory", body: { content } });

async function keys(engram: TestEngram, path = "/memory/n?limit=1000"): Promise<string[]> {
  const answer = (await ask(engram.url, { path })).json();
  return ((answer["memories"] ?? answer["results"]) as { key: string }[]).map(({ key }) => key);
}

async function contents(engram: TestEngram): Promise<string[]> {
  const body = { query: "entry", limit: 1000 };
  const answer = (await ask(engram.url, { method: "POST", path: "/api/v1/search", body })).json();
  return (answer["results"] as { content: string }[]).map(({ content }) => content);
}

async function uptime(engram: TestEngram): Promise<number> {
  return Number((await ask(engram.url, { path: "/ready" })).json()["initializationTime"]);
}

/** An Engram with a memory, that has the fault until `works` switches it off. */
async function faulty(fault: Fault) {
  const engram = await startTestEngram();
  await put(engram, "before", { of: "before" });
  await engram.fault(fault);
  return {
    engram,
    /** After the fault what was stored before is there, and everything works. */
    async works(): Promise<void> {
      await engram.clearFault();
      expect((await put(engram, "after")).status).toBe(200);
      expect((await get(engram, "before")).json()).toMatchObject({ data: { of: "before" } });
      expect((await remove(engram, "after")).status).toBe(200);
      expect((await get(engram, "after")).status).toBe(404);
      proven.add(fault.fault);
    },
  };
}

/** The faults that a test has seen begin and end. */
const proven = new Set<FaultName>();

test("down: connections are refused and cut, and the port is the same afterwards", async () => {
  const engram = await startTestEngram();
  const open = connect(Number(new URL(engram.url).port), "127.0.0.1");
  const cut = new Promise((resolve) => void open.on("close", resolve).on("error", () => {}));
  await new Promise((resolve) => void open.on("connect", resolve));
  const { url } = engram;
  await engram.fault({ fault: "down" });
  await cut;
  await expect(get(engram, "a")).rejects.toMatchObject({ code: "ECONNREFUSED" });
  // Down again is down, and another fault comes up.
  await engram.fault({ fault: "down" });
  await expect(get(engram, "a")).rejects.toMatchObject({ code: "ECONNREFUSED" });
  await engram.fault({ fault: "html" });
  expect((await get(engram, "a")).type).toContain("text/html");
  await engram.clearFault();
  expect(engram.url).toBe(url);
  expect((await put(engram, "a")).status).toBe(200);
  proven.add("down");
});

test("hang: requests are taken and not answered, and cut in the end", async () => {
  const { engram, works } = await faulty({ fault: "hang" });
  let answered = 0;
  const hung = [get(engram, "before"), put(engram, "during"), ask(engram.url, { path: "/health" })];
  const ends = Promise.allSettled(hung.map((asked) => asked.finally(() => answered++)));
  await expect.poll(async () => (await engram.stats()).requests.total).toBe(4);
  expect(answered).toBe(0);
  await works();
  for (const end of await ends) expect(end).toMatchObject({ reason: { code: "ECONNRESET" } });
  expect(await keys(engram)).toEqual(["before"]);
});

test("hang: the service stops all the same", async () => {
  const { engram } = await faulty({ fault: "hang" });
  const hung = expect(get(engram, "before")).rejects.toMatchObject({ code: "ECONNRESET" });
  await expect.poll(async () => (await engram.stats()).requests.total).toBe(2);
  await engram.stop();
  await hung;
});

test("slow: every request takes as long as it was said, and is done", async () => {
  const { engram, works } = await faulty({ fault: "slow", delayMs: 150 });
  for (const asked of [
    () => put(engram, "during"),
    () => get(engram, "during"),
    () => ask(engram.url, { path: "/ready" }),
  ]) {
    const start = performance.now();
    expect((await asked()).status).toBe(200);
    expect(performance.now() - start).toBeGreaterThan(140);
  }
  await works();
});

test("slow: when it ends, nobody waits for the rest", async () => {
  const { engram, works } = await faulty({ fault: "slow", delayMs: DELAY_MS_MAX });
  const asked = get(engram, "before");
  await expect.poll(async () => (await engram.stats()).requests.total).toBe(2);
  await works();
  expect((await asked).status).toBe(200);
});

test.each([404, 405, 500, 503] as const)("status %i: everything answers it, and nothing is done", async (status) => {
  const { engram, works } = await faulty({ fault: "status", status });
  const health = ask(engram.url, { path: "/health" });
  for (const asked of [put(engram, "during"), get(engram, "before"), remove(engram, "before"), health]) {
    expect(await asked).toMatchObject({ status, type: expect.stringContaining("application/json") });
    expect((await asked).json()).toEqual({ detail: expect.any(String) });
  }
  await works();
  expect((await get(engram, "during")).status).toBe(404);
});

test.each([201, 204] as const)("status %i: everything answers it, and is done", async (status) => {
  const { engram, works } = await faulty({ fault: "status", status });
  const answers: Answered[] = [];
  for (const asked of [put, get, remove, put]) answers.push(await asked(engram, "during"));
  for (const answer of answers) {
    expect(answer.status).toBe(status);
    if (status === 204) expect(answer.text).toBe("");
    else expect(answer.json()).toMatchObject({ key: "during" });
  }
  await works();
  expect((await get(engram, "during")).status).toBe(200);
});

test.each([
  ["success-false", (answer: Answered) => expect(answer.json()).toEqual({ success: false })],
  [
    "html",
    (answer: Answered) => expect([answer.type, answer.text]).toEqual(["text/html", expect.stringMatching(/^<html>/)]),
  ],
] as const)("%s: everything is answered with 200, and nothing is done", async (fault, isIt) => {
  const { engram, works } = await faulty({ fault });
  for (const asked of [put(engram, "during"), get(engram, "before"), remove(engram, "before")]) {
    expect((await asked).status).toBe(200);
    isIt(await asked);
  }
  await works();
  expect((await get(engram, "during")).status).toBe(404);
});

test("truncated-json: what is asked for is done, and the answer is no JSON", async () => {
  const { engram, works } = await faulty({ fault: "truncated-json" });
  for (const asked of [
    () => put(engram, "during"),
    () => get(engram, "before"),
    () => ask(engram.url, { path: "/memory/n" }),
  ]) {
    const answer = await asked();
    expect([answer.status, answer.text]).toEqual([200, expect.stringMatching(/^\{"/)]);
    expect(() => answer.json()).toThrow(SyntaxError);
  }
  await works();
  expect((await get(engram, "during")).status).toBe(200);
});

test("reset-mid-body: what is asked for is done, and the connection ends before the answer does", async () => {
  const { engram, works } = await faulty({ fault: "reset-mid-body" });
  const asked = [put(engram, "during"), get(engram, "before"), ask(engram.url, { path: "/memory/n" })];
  for (const end of await Promise.allSettled(asked)) expect(end).toMatchObject({ reason: { code: "ECONNRESET" } });
  await works();
  expect((await get(engram, "during")).status).toBe(200);
});

test("loss: everything is gone and the uptime begins anew, and then it works and stays", async () => {
  const engram = await startTestEngram();
  await Promise.all(["a", "b", "c"].map((key) => put(engram, key)));
  await engram.become("mid");
  await add(engram, "entry");
  await engram.become("head");
  const body = { content: "in RAM" };
  const stored = (await ask(engram.url, { method: "POST", path: "/api/esr/store", body })).json();
  const before = await uptime(engram);
  await engram.fault({ fault: "loss" });
  expect((await ask(engram.url, { path: `/api/esr/recall/${stored["memory_id"]}` })).status).toBe(404);
  await engram.become("mid");
  expect(await contents(engram)).toEqual([]);
  await engram.become("kv");
  expect(await keys(engram)).toEqual([]);
  expect((await get(engram, "a")).status).toBe(404);
  const lowest = await uptime(engram);
  expect(lowest).toBeLessThan(before + 1);
  await put(engram, "d");
  await engram.restart("kill");
  expect(await keys(engram)).toEqual(["d"]);
  proven.add("loss");
});

test("torn: half of what is stored is gone, and the rest whole", async () => {
  const engram = await startTestEngram();
  const all = Array.from({ length: 20 }, (_, n) => `entry ${n + 10}`);
  await Promise.all(all.map((key) => put(engram, key)));
  await engram.become("mid");
  for (const content of all) await add(engram, content);
  await engram.fault({ fault: "torn" });
  expect(await contents(engram)).toHaveLength(10);
  await engram.become("kv");
  const left = await keys(engram);
  expect(left).toHaveLength(10);
  for (const key of all) {
    const { status, json } = await get(engram, encodeURIComponent(key));
    expect(status).toBe(left.includes(key) ? 200 : 404);
    if (status === 200) expect(json()["data"]).toBe(key);
  }
  await engram.restart("kill");
  expect(await keys(engram)).toEqual(left);
  proven.add("torn");
});

test("stale-reads: what is read is what was stored when it began", async () => {
  const { engram, works } = await faulty({ fault: "stale-reads" });
  expect((await put(engram, "during")).status).toBe(200);
  expect((await put(engram, "before", { of: "during" })).status).toBe(200);
  expect((await get(engram, "during")).status).toBe(404);
  expect((await get(engram, "before")).json()).toMatchObject({ data: { of: "before" } });
  for (const path of ["/memory/n", "/memory/n/search?query=before"])
    expect(await keys(engram, path)).toEqual(["before"]);
  await put(engram, "before", { of: "before" });
  await works();
  expect(await keys(engram)).toEqual(["before", "during"]);
  expect((await get(engram, "during")).status).toBe(200);
});

test("lie-on-delete: a deletion is answered with 200, and the memory is still there", async () => {
  const { engram, works } = await faulty({ fault: "lie-on-delete" });
  expect((await remove(engram, "before")).json()).toMatchObject({ success: true });
  expect((await remove(engram, "never")).status).toBe(404);
  expect((await get(engram, "before")).status).toBe(200);
  await put(engram, "during");
  expect(await keys(engram)).toEqual(["before", "during"]);
  await works();
});

test("lie-on-store: a memory is answered with 200, and absent", async () => {
  const { engram, works } = await faulty({ fault: "lie-on-store" });
  expect((await put(engram, "during")).json()).toMatchObject({ success: true });
  expect((await get(engram, "during")).status).toBe(404);
  await put(engram, "before", { of: "during" });
  expect(await keys(engram)).toEqual(["before"]);
  await engram.become("mid");
  expect((await add(engram, "entry")).json()).toEqual({ id: true, status: "success" });
  expect(await contents(engram)).toEqual([]);
  await engram.become("kv");
  await works();
});

test("list-omits: half of what is stored is not listed, and can be read", async () => {
  const { engram, works } = await faulty({ fault: "list-omits" });
  expect(await keys(engram)).toEqual([]);
  for (const key of ["1", "2", "3"]) await put(engram, key, "x");
  expect(await keys(engram)).toEqual(["2", "before"]);
  expect(await keys(engram, "/memory/n/search?query=x")).toEqual(["2"]);
  for (const key of ["1", "2", "3", "before"]) expect((await get(engram, key)).status).toBe(200);
  await engram.become("mid");
  for (const content of ["entry 1", "entry 2"]) await add(engram, content);
  expect(await contents(engram)).toEqual(["entry 1"]);
  await engram.become("kv");
  await works();
  expect(await keys(engram)).toEqual(["1", "2", "3", "before"]);
});

test("every fault has a test", () => {
  expect([...proven, "none"].sort()).toEqual(Object.keys(faults).sort());
});

test("a restart ends a fault", async () => {
  const { engram, works } = await faulty({ fault: "status", status: 503 });
  await engram.restart();
  expect((await get(engram, "before")).status).toBe(200);
  await works();
});

test("a fault breaks every personality, and whoever has no token", async () => {
  const engram = await startTestEngram({ personality: "mid", token: "t" });
  expect((await add(engram, "entry")).status).toBe(401);
  await engram.fault({ fault: "status", status: 503 });
  expect((await add(engram, "entry")).status).toBe(503);
});

test("what was asked is counted by route, also what a fault answered, until the counts are reset", async () => {
  const engram = await startTestEngram();
  await put(engram, "a", "x".repeat(1000));
  for (const key of ["a", "b", "c"]) await get(engram, key);
  await ask(engram.url, { path: "/nope" });
  await engram.fault({ fault: "status", status: 500 });
  await get(engram, "a");
  const { requests, bytesReceived } = await engram.stats();
  const byRoute = { "POST /memory/{namespace}": 1, "GET /memory/{namespace}/{key}": 4, other: 1 };
  expect(requests).toEqual({ total: 6, byRoute });
  expect(bytesReceived).toBe(JSON.stringify({ key: "a", data: "x".repeat(1000) }).length);
  await engram.resetStats();
  expect(await engram.stats()).toEqual({ requests: { total: 0, byRoute: {} }, bytesReceived: 0 });
});

test("the switches are also where the service is, whatever fault is on", async () => {
  const engram = await startTestEngram();
  const fault = (body: unknown) => ask(engram.url, { method: "PUT", path: "/_fault", body });
  for (const on of [
    { fault: "hang" },
    { fault: "status", status: 500 },
    { fault: "slow", delayMs: 5 },
    { fault: "none" },
  ]) {
    const { status, json } = await fault(on);
    expect([status, json()]).toEqual([200, on]);
    expect((await ask(engram.switchesUrl, { path: "/_fault" })).json()).toEqual(on);
  }
  expect((await ask(engram.url, { path: "/_personality" })).json()).toEqual({ personality: "kv" });
  expect((await ask(engram.switchesUrl, { path: "/health" })).status).toBe(404);
});

test.each([
  [{ fault: "nope" }, "fault must be one of none, down"],
  [{}, "fault must be one of"],
  [{ fault: "toString" }, "fault must be one of"],
  ["no json", "the body must be a JSON object"],
  [{ fault: "slow" }, "delayMs must be a whole number"],
  [{ fault: "slow", delayMs: DELAY_MS_MAX + 1 }, "delayMs must be a whole number"],
  [{ fault: "slow", delayMs: -1 }, "delayMs must be a whole number"],
  [{ fault: "status" }, "status must be one of 201, 204, 404, 405, 500, 503"],
  [{ fault: "status", status: 200 }, "status must be one of"],
])("the fault %j is refused, and the one before stays on", async (body, error) => {
  const engram = await startTestEngram();
  await engram.fault({ fault: "html" });
  const { status, json } = await ask(engram.url, { method: "PUT", path: "/_fault", body });
  expect([status, json()]).toEqual([400, { detail: expect.stringContaining(error) }]);
  expect((await get(engram, "a")).type).toBe("text/html");
  const unknown = await ask(engram.url, { method: "PUT", path: "/_personality", body });
  expect(unknown.status).toBe(400);
});
