/** What counts as kept: only what a real Engram, honest or not, has proven. */
import { expect, test } from "vitest";
import { kvDialect } from "../src/replication/kv.js";
import { Mirror } from "../src/replication/mirror.js";
import { startTestEngram } from "./support/engram.js";
import { peerAt, never as signal } from "./support/peer.js";

const NAMESPACE = "team.log";

/** A mirror of an Engram's namespace that has three records. */
async function mirrored() {
  const engram = await startTestEngram();
  const dialect = kvDialect(peerAt(engram.url));
  const mirror = new Mirror(NAMESPACE);
  const put = (key: string, text: string) =>
    mirror.put(dialect, key, { data: { text }, metadata: { of: key } }, signal);
  for (const key of ["a", "b", "c"]) await put(key, key);
  return { engram, dialect, mirror, put };
}

test("what the peer has already is not sent again, and what changed is", async () => {
  const { engram, dialect, put } = await mirrored();
  await engram.resetStats();
  expect([await put("a", "a"), await put("b", "b")]).toEqual([false, false]);
  expect((await engram.stats()).requests.total).toBe(0);
  expect(await put("a", "new")).toBe(true);
  expect((await dialect.get(NAMESPACE, "a", signal))?.data).toEqual({ text: "new" });
});

test("the first record after a connection is read back, and one in so many", async () => {
  const { engram, mirror, put } = await mirrored();
  await engram.fault({ fault: "lie-on-store" });
  mirror.reconnected();
  await expect(put("a", "lost")).rejects.toMatchObject({ fault: "NOT_KEPT", message: expect.stringMatching(/\ba\b/) });
  expect(mirror.has("a")).toBe(false);
  const puts = Array.from({ length: 64 }, (_, place) => put(`later-${place}`, "lost"));
  const outcomes = await Promise.allSettled(puts);
  expect(outcomes.filter(({ status }) => status === "rejected").length).toBeGreaterThanOrEqual(2);
});

test("a removal is believed when the record is gone", async () => {
  const { engram, dialect, mirror } = await mirrored();
  await engram.fault({ fault: "lie-on-delete" });
  await expect(mirror.remove(dialect, "a", signal)).rejects.toMatchObject({ fault: "NOT_KEPT" });
  expect(mirror.has("a")).toBe(true);
  await engram.clearFault();
  await mirror.remove(dialect, "a", signal);
  expect([mirror.has("a"), await dialect.get(NAMESPACE, "a", signal)]).toEqual([false, undefined]);
});

test("an audit forgets what the peer lost, and what is another record there, and nothing else", async () => {
  const { dialect, mirror, put } = await mirrored();
  await dialect.delete(NAMESPACE, "a", signal);
  await dialect.put(NAMESPACE, { key: "b", data: { text: "theirs" }, metadata: { hash: "another" } }, signal);
  const { listed, missing } = await mirror.audit(dialect, signal);
  expect(missing).toEqual(["a", "b"]);
  expect(listed.map(({ key }) => key)).toEqual(["b", "c"]);
  expect([...mirror.keys()]).toEqual(["c"]);
  expect([await put("a", "a"), await put("b", "b"), await put("c", "c")]).toEqual([true, true, false]);
});

test("a listing that leaves records out has them sent again, and deletes nothing", async () => {
  const { engram, dialect, mirror, put } = await mirrored();
  await engram.fault({ fault: "list-omits" });
  const { missing } = await mirror.audit(dialect, signal);
  expect(missing.length).toBeGreaterThan(0);
  await engram.clearFault();
  for (const key of missing) expect(await put(key, key)).toBe(true);
  expect((await mirror.audit(dialect, signal)).missing).toEqual([]);
});

test("what a peer lists and never confirmed is taken for granted only when it is said to be ours", async () => {
  const { dialect, put } = await mirrored();
  await put("a", "a");
  const later = new Mirror(NAMESPACE);
  await later.audit(dialect, signal);
  expect([...later.keys()]).toEqual([]);
  await later.audit(dialect, signal, ({ metadata }) => metadata["of"] !== "b");
  expect([...later.keys()]).toEqual(["a", "c"]);
  expect(await later.put(dialect, "a", { data: { text: "a" }, metadata: {} }, signal)).toBe(false);
});

test("a record that is another one than its listing says is found by reading it", async () => {
  const { dialect, mirror, put } = await mirrored();
  await mirror.prove(dialect, "a", signal);
  const metadata = (await dialect.get(NAMESPACE, "a", signal))?.metadata ?? {};
  await dialect.put(NAMESPACE, { key: "a", data: { text: "rotten" }, metadata }, signal);
  expect((await mirror.audit(dialect, signal)).missing).toEqual([]);
  await expect(mirror.prove(dialect, "a", signal)).rejects.toMatchObject({ fault: "NOT_KEPT" });
  expect(await put("a", "a")).toBe(true);
});

test("a store whose outcome nobody knows counts as not kept", async () => {
  const { engram, dialect, mirror, put } = await mirrored();
  await engram.fault({ fault: "reset-mid-body" });
  await expect(put("a", "new")).rejects.toMatchObject({ fault: "UNREACHABLE" });
  await engram.clearFault();
  expect(mirror.has("a")).toBe(false);
  expect(await put("a", "new")).toBe(true);
  expect((await dialect.get(NAMESPACE, "a", signal))?.data).toEqual({ text: "new" });
});
