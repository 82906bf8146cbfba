/** Who may write to a namespace: claims of several processes at one real Engram, with a clock of the test's own. */
import { expect, test } from "vitest";
import { CLAIM_KEY, type Claim, claimOf, type Holder, NamespaceClaim } from "../src/replication/claim.js";
import { detect } from "../src/replication/detect.js";
import type { Dialect } from "../src/replication/dialect.js";
import { startTestEngram } from "./support/engram.js";
import { peerAt, never as signal } from "./support/peer.js";

const NAMESPACE = "team.log";

const one: Holder = { instance: "history", process: "one", host: "here", pid: 11 };
const two: Holder = { ...one, process: "two", pid: 22 };

/** Claims at one Engram, and a clock that goes on while somebody waits. */
async function space() {
  const engram = await startTestEngram();
  const dialect: Dialect = await detect(peerAt(engram.url), NAMESPACE, signal);
  let nowMs = 0;
  const waitedFor: string[] = [];
  const alive = new Set([11, 22, 33]);
  const meanwhile = { act: async (): Promise<unknown> => undefined };
  const around = {
    isAlive: (pid: number) => alive.has(pid),
    elapsedMs: () => nowMs,
    waiting: (holder: Holder) => void waitedFor.push(holder.process),
    async pause(ms: number) {
      nowMs += ms;
      await meanwhile.act();
    },
  };
  return {
    dialect,
    alive,
    meanwhile,
    waited: () => nowMs,
    waitedFor,
    claim: (holder: Holder) => new NamespaceClaim(NAMESPACE, holder, around),
    async found(): Promise<Claim | undefined> {
      return claimOf(await dialect.get(NAMESPACE, CLAIM_KEY, signal));
    },
  };
}

test("a free namespace is taken, and the holder says that it is alive", async () => {
  const { claim, dialect, found } = await space();
  const first = claim(one);
  await first.take(dialect, 7, signal);
  expect(await found()).toEqual({ ...one, term: 1, beat: 1, released: false, revision: 7 });
  await first.beat(dialect, 9, signal);
  expect(await found()).toMatchObject({ term: 1, beat: 2, revision: 9 });
});

test("a released namespace is taken at once, with a higher term", async () => {
  const { claim, dialect, found, waited } = await space();
  const first = claim(one);
  await first.take(dialect, 0, signal);
  await first.release(dialect, 5, signal);
  expect(await found()).toMatchObject({ released: true, revision: 5 });
  await claim(two).take(dialect, 5, signal);
  expect(await found()).toMatchObject({ process: "two", term: 2, released: false });
  expect(waited()).toBe(0);
});

test("a holder whose process on this machine is dead is gone at once", async () => {
  const { claim, dialect, found, alive, waited } = await space();
  await claim(one).take(dialect, 0, signal);
  alive.delete(one.pid);
  await claim(two).take(dialect, 0, signal);
  expect([(await found())?.process, waited()]).toEqual(["two", 0]);
});

test("a holder with our own number on our own machine is a life before ours", async () => {
  const { claim, dialect, found, waited } = await space();
  await claim(one).take(dialect, 0, signal);
  await claim({ ...two, pid: one.pid }).take(dialect, 0, signal);
  expect([(await found())?.process, waited()]).toEqual(["two", 0]);
});

test.each([
  ["of another machine", { ...one, host: "there" }],
  ["that is unknown", { ...one, pid: 0 }],
])("a holder %s counts as gone after 30 seconds of silence, and not before", async (_, holder) => {
  const { claim, dialect, found, waited, waitedFor } = await space();
  await claim(holder).take(dialect, 0, signal);
  await claim({ ...two, pid: holder.pid === 0 ? 0 : 22 }).take(dialect, 0, signal);
  expect(await found()).toMatchObject({ process: "two", term: 2 });
  expect([waited(), waitedFor]).toEqual([30_000, ["one"]]);
});

test("a holder that gives a sign of life keeps everybody else out, who are told whom they met", async () => {
  const { claim, dialect, found, meanwhile } = await space();
  const first = claim({ ...one, host: "there" });
  await first.take(dialect, 0, signal);
  let pauses = 0;
  meanwhile.act = async () => ++pauses === 3 && (await first.beat(dialect, 1, signal));
  const refused = claim(two).take(dialect, 0, signal);
  await expect(refused).rejects.toMatchObject({ fault: "INCOMPATIBLE", message: expect.stringMatching(/11 on there/) });
  expect((await found())?.process).toBe("one");
});

test("a holder that comes back after somebody took over finds that out before it writes", async () => {
  const { claim, dialect, found } = await space();
  const first = claim({ ...one, host: "there" });
  await first.take(dialect, 0, signal);
  await claim(two).take(dialect, 0, signal);
  await expect(first.beat(dialect, 9, signal)).rejects.toMatchObject({ fault: "INCOMPATIBLE" });
  expect(await found()).toMatchObject({ process: "two", revision: 0 });
});

test("the holder of the higher term goes on when an older one wrote late", async () => {
  const { claim, dialect, found } = await space();
  const second = claim(two);
  await claim({ ...one, host: "there" }).take(dialect, 0, signal);
  await second.take(dialect, 0, signal);
  const late = { ...one, term: 1, beat: 9, released: false, revision: 0 };
  await dialect.put(NAMESPACE, { key: CLAIM_KEY, data: late, metadata: {} }, signal);
  await second.beat(dialect, 3, signal);
  expect(await found()).toMatchObject({ process: "two", term: 2, revision: 3 });
});

test("a namespace with another history is refused, whether its holder lives or not", async () => {
  const { claim, dialect, found } = await space();
  const first = claim(one);
  await first.take(dialect, 0, signal);
  await first.release(dialect, 0, signal);
  const refused = claim({ ...two, instance: "another" }).take(dialect, 0, signal);
  await expect(refused).rejects.toMatchObject({ fault: "INCOMPATIBLE", message: expect.stringMatching(/history/) });
  expect((await found())?.process).toBe("one");
});

test("a record that is no claim keeps nobody out", async () => {
  const { claim, dialect, found } = await space();
  await dialect.put(NAMESPACE, { key: CLAIM_KEY, data: { instance: 7 }, metadata: {} }, signal);
  await claim(one).take(dialect, 0, signal);
  expect((await found())?.process).toBe("one");
});

test("who waits for a namespace stops waiting when told to", async () => {
  const { claim, dialect, meanwhile } = await space();
  await claim({ ...one, host: "there" }).take(dialect, 0, signal);
  const waiting = new AbortController();
  meanwhile.act = async () => waiting.abort(new Error("enough"));
  await expect(claim(two).take(dialect, 0, waiting.signal)).rejects.toThrow("enough");
});
