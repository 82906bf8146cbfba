/** The dialect `v1-log`: how records lie in a log that only grows, and that nothing a peer finds or loses spoils them. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { Peer, type PeerAnswer } from "../src/replication/peer.js";
import { PeerError } from "../src/replication/peer-error.js";
import { v1LogDialect } from "../src/replication/v1-log.js";
import { entryText, parseEntry, parseSeal, sealText } from "../src/replication/v1-log-entry.js";
import { clientOf } from "../src/replication/v1-log-wire.js";
import { startTestEngram, type TestEngram } from "./support/engram.js";
import { addAt, never, peerAt, record, textsAt } from "./support/peer.js";

const N = "rhetor_sockets";
/** So many entries make a generation end that has few records. */
const FULL = 101;

async function start(maxResponseBytes?: number) {
  const engram = await startTestEngram({ personality: "mid" });
  const peer = peerAt(engram.url, maxResponseBytes === undefined ? {} : { maxResponseBytes });
  return { engram, peer, dialect: v1LogDialect(peer) };
}

type Log = Awaited<ReturnType<typeof start>>["dialect"];

const keysOf = async (dialect: Log): Promise<string[]> => (await dialect.list(N, never)).map(({ key }) => key).sort();

/** Puts a record until so many revisions of it are there; the last has the number of it as its data. */
async function fill(dialect: Log, key: string, count: number): Promise<void> {
  for (let n = 1; n <= count; n++) await dialect.put(N, record(key, { n }), never);
}

const texts = (engram: TestEngram, generation: number) => textsAt(engram.url, clientOf(N, generation));
const entries = async (engram: TestEngram, generation: number) =>
  (await texts(engram, generation)).flatMap((text) => parseEntry(text, N) ?? []);
const sealsOf = async (engram: TestEngram, generation: number) =>
  (await texts(engram, generation)).flatMap((text) => parseSeal(text, N) ?? []);

test("an entry is one line of ASCII with its fields in one order", async () => {
  const { engram, dialect } = await start();
  await dialect.put(N, { key: "é☃", data: { socket_id: "é", n: "\ud800😀\u007f" }, metadata: { m: 1 } }, never);
  await dialect.delete(N, "é☃", never);
  const [deletion = "", text = ""] = await texts(engram, 1);
  expect(text).toMatch(
    /^\{"ns":"rhetor_sockets","k":"\\u00e9\\u2603","rev":1,"inst":"[0-9a-f-]{36}","del":false,"sum":"[0-9a-f]{64}","data":\{"socket_id":"\\u00e9","n":"\\ud800\\ud83d\\ude00\\u007f"\},"meta":\{"m":1\}\}$/,
  );
  expect(deletion).toMatch(/"rev":2,.*"del":true,"sum":"[0-9a-f]{64}","data":\{\},"meta":\{\}\}$/);
  expect([text, deletion].join()).toMatch(/^[\x20-\x7e]+$/);
});

test("an entry is read as it was written, and not at all when a letter of it changed", () => {
  const json = fc.dictionary(fc.string({ unit: "binary" }), fc.jsonValue(), { maxKeys: 3 });
  const entry = fc.record({
    key: fc.string({ unit: "binary", minLength: 1 }),
    revision: fc.integer({ min: 1 }),
    writer: fc.string(),
    isDeleted: fc.boolean(),
    data: json,
    metadata: json,
  });
  fc.assert(
    fc.property(entry, fc.string({ unit: "binary" }), fc.nat(), (entry, namespace, seed) => {
      const text = entryText(namespace, entry);
      const plain = JSON.parse(JSON.stringify(entry));
      expect(JSON.parse(JSON.stringify(parseEntry(text, namespace)))).toEqual({ ...plain, content: text });
      expect(parseEntry(text, `${namespace}!`)).toBeUndefined();
      expect(parseSeal(text, namespace)).toBeUndefined();
      const at = seed % text.length;
      const changed = text.slice(0, at) + (text[at] === "x" ? "y" : "x") + text.slice(at + 1);
      expect(parseEntry(changed, namespace)).toBeUndefined();
    }),
  );
  expect(parseSeal(sealText(N, 3, "w"), N)).toBe(3);
  expect(parseEntry(sealText(N, 3, "w"), N)).toBeUndefined();
});

test("client ids are safe as names of files, and no two logs have one", () => {
  const names = [
    N,
    `${N}.log`,
    `${N}_log`,
    `${N}-g2`,
    "default",
    "a/../b",
    "é",
    "x".repeat(40),
    "x".repeat(41),
    "x".repeat(42),
  ];
  const ids = names.flatMap((name) => [1, 2, 10, 12_345].map((generation) => clientOf(name, generation)));
  for (const id of ids) expect(id).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
  expect(new Set(ids).size).toBe(ids.length);
  expect(clientOf(N, 1)).toBe(N);
  expect(clientOf(N, 2)).toBe(`${N}-g2`);
});

test("revisions go on above those that the peer has, whoever wrote them", async () => {
  const { engram, peer, dialect } = await start();
  await fill(dialect, "a", 3);
  await dialect.delete(N, "b", never);
  await engram.restart("kill");
  const next = v1LogDialect(peer);
  await next.put(N, record("a", { n: 4 }), never);
  await next.put(N, record("b"), never);
  expect((await entries(engram, 1)).map(({ key, revision }) => `${key}${revision}`)).toEqual([
    "b2",
    "a4",
    "b1",
    "a3",
    "a2",
    "a1",
  ]);
  // One that did not write it sees it all the same, and writes above it.
  expect(await dialect.get(N, "a", never)).toEqual(record("a", { n: 4 }));
  await dialect.put(N, record("a", { n: 5 }), never);
  expect(await next.get(N, "a", never)).toEqual(record("a", { n: 5 }));
});

test("a call that failed may have stored it: its revision is not used again", async () => {
  const { engram, dialect } = await start();
  await dialect.put(N, record("a"), never);
  await engram.fault({ fault: "reset-mid-body" });
  await expect(dialect.put(N, record("a", { cut: true }), never)).rejects.toMatchObject({ fault: "UNREACHABLE" });
  await engram.clearFault();
  expect(await dialect.get(N, "a", never)).toEqual(record("a", { cut: true }));
  await dialect.put(N, record("a", { after: true }), never);
  expect(await dialect.get(N, "a", never)).toEqual(record("a", { after: true }));
  expect((await entries(engram, 1)).map(({ revision }) => revision)).toEqual([3, 2, 1]);
});

test("keys that differ in the case of letters, or contain each other, are each their own", async () => {
  const { dialect } = await start();
  const keys = ["apollo", "Apollo", "APOLLO", "apollo-123", "pollo", 'apollo","rev', "é", "É", "\u212a", "k", "K"];
  for (const key of keys) for (const n of [1, 2]) await dialect.put(N, record(key, { n }), never);
  for (const key of keys) expect(await dialect.get(N, key, never)).toEqual(record(key, { n: 2 }));
  await dialect.delete(N, "Apollo", never);
  expect(await dialect.get(N, "Apollo", never)).toBeUndefined();
  expect(await keysOf(dialect)).toEqual(keys.filter((key) => key !== "Apollo").sort());
});

test("a record is found behind any number of others that have its words in them", async () => {
  const { engram, peer, dialect } = await start();
  await dialect.put(N, record("a"), never);
  const data = { nested: { ns: N, k: "a", rev: 9, del: true, sum: "0", data: {}, meta: {} } };
  for (let n = 0; n < 25; n++) await dialect.put(N, record(`b${n}`, data), never);
  for (let n = 0; n < 25; n++) await addAt(engram.url, N, `{"ns":"${N}","k":"a","rev":${n + 50},"note":"of nobody"}`);
  for (const tried of [dialect, v1LogDialect(peer)]) {
    expect(await tried.get(N, "a", never)).toEqual(record("a"));
    expect(await keysOf(tried)).toHaveLength(26);
  }
});

test("of a record with many revisions the newest is found, however the peer sorts them", async () => {
  const { engram, peer, dialect } = await start();
  await fill(dialect, "a", 30);
  // Its clock was set back: what is newest by revision is oldest by time.
  const old = entryText(N, { ...record("a", { n: 99 }), revision: 99, writer: "w", isDeleted: false });
  const engramOfOld = await startTestEngram({ personality: "mid" });
  await addAt(engramOfOld.url, N, old);
  for (const text of (await texts(engram, 1)).toReversed()) await addAt(engramOfOld.url, N, text);
  expect(await v1LogDialect(peerAt(engramOfOld.url)).get(N, "a", never)).toEqual(record("a", { n: 99 }));
  expect(await v1LogDialect(peer).get(N, "a", never)).toEqual(record("a", { n: 30 }));
});

test("a peer that was told to forget something is not believed, and content about forgetting is content", async () => {
  const { engram, peer, dialect } = await start();
  await dialect.put(N, record("a", { text: "FORGET/IGNORE: a" }), never);
  expect(await dialect.get(N, "a", never)).toEqual(record("a", { text: "FORGET/IGNORE: a" }));
  await addAt(engram.url, "somebody", `FORGET/IGNORE: ${N}`, "longterm");
  expect(await keysOf(dialect)).toEqual(["a"]);
  await addAt(engram.url, N, 'FORGET/IGNORE: "k":"a"', "longterm");
  const forgets = {
    fault: "REFUSED",
    message: expect.stringContaining("leaves out 1 records that it was told to forget"),
  };
  for (const tried of [dialect, v1LogDialect(peer)]) {
    await expect(tried.get(N, "a", never)).rejects.toMatchObject(forgets);
    await expect(tried.list(N, never)).rejects.toMatchObject(forgets);
  }
});

test("a text that breaks the peer's searches is an error", async () => {
  const { engram, dialect } = await start();
  await dialect.put(N, record("a"), never);
  await addAt(engram.url, N, `"ns":"${N}","k":"a" \ud800`);
  const broken = { fault: "STATUS", status: 500 };
  await expect(dialect.get(N, "a", never)).rejects.toMatchObject(broken);
  await expect(dialect.list(N, never)).rejects.toMatchObject(broken);
});

test("when there are many entries for each record, the log goes on in a new generation, with what is live", async () => {
  const { engram, peer, dialect } = await start();
  await dialect.put(N, record("kept"), never);
  await dialect.put(N, record("gone"), never);
  await dialect.delete(N, "gone", never);
  await fill(dialect, "a", FULL);
  const copied = (await entries(engram, 2)).map(({ key, revision }) => `${key}${revision}`);
  expect(copied.sort()).toEqual(["a100", "a101", "a97", "a98", "a99", "kept1"]);
  expect([await sealsOf(engram, 1), await sealsOf(engram, 2)]).toEqual([[2], [2]]);
  for (const tried of [dialect, v1LogDialect(peer)]) {
    expect(await keysOf(tried)).toEqual(["a", "kept"]);
    expect(await tried.get(N, "a", never)).toEqual(record("a", { n: FULL }));
    expect(await tried.get(N, "gone", never)).toBeUndefined();
  }
  // What is deleted there is not found in the one before.
  await dialect.delete(N, "kept", never);
  expect(await v1LogDialect(peer).get(N, "kept", never)).toBeUndefined();
});

test("the newest generation is found among many, and behind some that lost their seals", async () => {
  const { engram, peer, dialect } = await start();
  await dialect.put(N, record("a"), never);
  const lost = new Set([4, 8, 9, 11]);
  for (let generation = 2; generation <= 13; generation++) {
    if (!lost.has(generation)) await addAt(engram.url, clientOf(N, generation), sealText(N, generation, "w"));
  }
  await addAt(
    engram.url,
    clientOf(N, 13),
    entryText(N, { ...record("b"), revision: 1, writer: "w", isDeleted: false }),
  );
  expect(await keysOf(v1LogDialect(peer))).toEqual(["b"]);
});

/** A peer that breaks down at an addition of the second generation: before it is made, or after. */
class BreakingPeer extends Peer {
  #left = Number.POSITIVE_INFINITY;
  #when: "before" | "after" = "before";
  additions = 0;

  breakAt(addition: number, when: "before" | "after"): void {
    this.#left = addition;
    this.#when = when;
  }

  override async request(...[method, path, call]: Parameters<Peer["request"]>): Promise<PeerAnswer> {
    const isBegun = this.additions > 0 || call.headers?.["x-client-id"] === clientOf(N, 2);
    const isBreaking = path === "/api/v1/memory" && isBegun && ++this.additions > this.#left;
    if (isBreaking && this.#when === "before") throw new PeerError("UNREACHABLE", "broken");
    const answer = await super.request(method, path, call);
    if (isBreaking) throw new PeerError("UNREACHABLE", "broken");
    return answer;
  }
}

/** Three copies, a seal in either generation, and the record that was too much for the one before. */
const ADDITIONS = 6;

test.each(
  Array.from({ length: ADDITIONS }, (_, n) => [n, "before"] as const).flatMap((row) => [
    row,
    [row[0], "after"] as const,
  ]),
)(
  "a copy that is cut off at addition %i, %s it is made, loses nothing, for us and for whoever comes next",
  async (addition, when) => {
    const engram = await startTestEngram({ personality: "mid" });
    const peer = new BreakingPeer({ url: engram.url, callTimeoutMs: 4_000, maxResponseBytes: 16 * 1024 * 1024 });
    const dialect = v1LogDialect(peer);
    for (const key of ["x", "y", "z"]) await dialect.put(N, record(key), never);
    await dialect.delete(N, "z", never);
    await fill(dialect, "a", FULL - 5);
    peer.breakAt(addition, when);
    await expect(dialect.put(N, record("a", { n: "new" }), never)).rejects.toMatchObject({ fault: "UNREACHABLE" });
    expect(peer.additions).toBe(addition + 1);
    peer.breakAt(Number.POSITIVE_INFINITY, when);
    // The last may have arrived although it was not answered.
    const isThere = addition === ADDITIONS - 1 && when === "after";
    const next = v1LogDialect(peerAt(engram.url));
    for (const tried of [next, dialect]) {
      expect(await keysOf(tried)).toEqual(["a", "x", "y"]);
      expect((await tried.get(N, "a", never))?.data).toEqual({ n: isThere ? "new" : FULL - 5 });
      expect(await tried.get(N, "x", never)).toEqual(record("x"));
      expect(await tried.get(N, "z", never)).toBeUndefined();
    }
    await next.put(N, record("a", { n: "last" }), never);
    await next.delete(N, "x", never);
    await next.put(N, record("z", { again: true }), never);
    for (const tried of [next, v1LogDialect(peerAt(engram.url))]) {
      expect(await keysOf(tried)).toEqual(["a", "y", "z"]);
      expect(await tried.get(N, "a", never)).toEqual(record("a", { n: "last" }));
      expect(await tried.get(N, "x", never)).toBeUndefined();
      expect(await tried.get(N, "z", never)).toEqual(record("z", { again: true }));
    }
  },
);

test("a generation without a seal counts together with the one before, and the next change completes it", async () => {
  const { engram, peer, dialect } = await start();
  await dialect.put(N, record("a", { n: 1 }), never);
  await dialect.put(N, record("b", { n: 1 }), never);
  await dialect.put(N, record("c", { n: 1 }), never);
  const entry = { writer: "w", isDeleted: false };
  // Of the one that was begun, one is newer, one is as it was copied, and one was deleted since.
  const begun = clientOf(N, 2);
  await addAt(engram.url, begun, entryText(N, { ...entry, ...record("a", { n: 5 }), revision: 5 }));
  await addAt(engram.url, begun, entryText(N, { ...entry, ...record("d", { n: 1 }), revision: 1 }));
  await dialect.delete(N, "d", never);
  await dialect.put(N, record("d", { n: 3 }), never);
  await dialect.delete(N, "d", never);
  const next = v1LogDialect(peer);
  expect(await keysOf(next)).toEqual(["a", "b", "c"]);
  expect(await next.get(N, "a", never)).toEqual(record("a", { n: 5 }));
  expect(await next.get(N, "d", never)).toBeUndefined();
  expect(await sealsOf(engram, 2)).toEqual([]);
  await next.put(N, record("c", { n: 2 }), never);
  expect(await sealsOf(engram, 2)).toEqual([2]);
  const last = v1LogDialect(peer);
  expect(await keysOf(last)).toEqual(["a", "b", "c"]);
  expect(await last.get(N, "a", never)).toEqual(record("a", { n: 5 }));
  expect(await last.get(N, "c", never)).toEqual(record("c", { n: 2 }));
  expect(await last.get(N, "d", never)).toBeUndefined();
});

test("a peer that lies while a generation is copied is not believed", async () => {
  const { engram, peer, dialect } = await start();
  await dialect.put(N, record("kept"), never);
  await fill(dialect, "a", FULL - 2);
  await engram.fault({ fault: "lie-on-store" });
  await expect(dialect.put(N, record("a", { n: "lost" }), never)).rejects.toMatchObject({ fault: "NOT_KEPT" });
  expect(await dialect.get(N, "kept", never)).toEqual(record("kept"));
  await engram.clearFault();
  await dialect.put(N, record("a", { n: "there" }), never);
  for (const tried of [dialect, v1LogDialect(peer)]) {
    expect(await keysOf(tried)).toEqual(["a", "kept"]);
    expect(await tried.get(N, "a", never)).toEqual(record("a", { n: "there" }));
  }
});

test.each(["loss", "torn"] as const)(
  "after generations and a %s, what is put again is found by whoever comes next",
  async (fault) => {
    const { engram, peer, dialect } = await start();
    await fill(dialect, "a", 2 * FULL + 10);
    for (const key of ["b", "c", "d"]) await dialect.put(N, record(key), never);
    await engram.fault({ fault });
    await engram.clearFault();
    const lost = await keysOf(dialect);
    expect(lost.length).toBeLessThan(fault === "loss" ? 1 : 5);
    for (const key of ["a", "b", "c", "d"]) await dialect.put(N, record(key, { again: true }), never);
    await dialect.delete(N, "d", never);
    for (const tried of [dialect, v1LogDialect(peer)]) {
      expect(await keysOf(tried)).toEqual(["a", "b", "c"]);
      for (const key of ["a", "b", "c"]) expect(await tried.get(N, key, never)).toEqual(record(key, { again: true }));
    }
  },
);

test("what is live fits into an answer: the log begins anew in time, and refuses what would be too much", async () => {
  const { engram, peer, dialect } = await start(64 * 1024);
  const large = (n: number) => ({ n, text: "x".repeat(10_000) });
  for (let n = 1; n <= 20; n++) await dialect.put(N, record(n % 2 === 0 ? "a" : "b", large(n)), never);
  expect(await sealsOf(engram, 2)).toEqual([2]);
  await dialect.put(N, record("c", large(21)), never);
  await expect(dialect.put(N, record("d", large(22)), never)).rejects.toMatchObject({
    fault: "TOO_LARGE",
    message: `with d the records of ${N} would have more than 32768 bytes`,
  });
  expect(await keysOf(v1LogDialect(peer))).toEqual(["a", "b", "c"]);
  await dialect.delete(N, "c", never);
  await dialect.put(N, record("d", large(22)), never);
  expect(await keysOf(v1LogDialect(peer))).toEqual(["a", "b", "d"]);
});

test("calls at the same time are all done, on different keys and over the end of a generation", async () => {
  const { peer, dialect } = await start();
  const keys = Array.from({ length: 8 }, (_, n) => `k${n}`);
  for (let round = 0; round < 20; round++) {
    await Promise.all(keys.map((key) => dialect.put(N, record(key, { round }), never)));
    await Promise.all(
      keys.map(async (key) => expect(await dialect.get(N, key, never)).toEqual(record(key, { round }))),
    );
  }
  for (const tried of [dialect, v1LogDialect(peer)]) {
    expect(await keysOf(tried)).toEqual(keys);
    for (const key of keys) expect(await tried.get(N, key, never)).toEqual(record(key, { round: 19 }));
  }
});

test("a call that waits for its turn ends when its signal does, and the others go on", async () => {
  const { dialect } = await start();
  const controller = new AbortController();
  const reason = new Error("enough");
  const first = dialect.put(N, record("a"), never);
  const second = expect(dialect.put(N, record("b"), controller.signal)).rejects.toBe(reason);
  const third = dialect.put(N, record("c"), never);
  controller.abort(reason);
  await Promise.all([first, second, third]);
  expect(await keysOf(dialect)).toEqual(["a", "c"]);
});
