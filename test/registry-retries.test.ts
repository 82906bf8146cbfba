/** Retries while the first request is under way, on the storage in memory, which says when something is durable. */
import { expect, test } from "vitest";
import { isSettled, Rules, reasonOf } from "./support/rules.js";

const retry = { key: "k".repeat(16), fingerprint: "f".repeat(16) };

function write({ registry }: Rules, fingerprint = retry.fingerprint) {
  return registry.write({
    ...{ socketId: "x", sender: "someone", includeSender: false, body: Buffer.from("once") },
    ...{ matchLabels: {}, replyTo: "", isQuestion: false, retry: { ...retry, fingerprint } },
  });
}

test("a Write that comes again before the first is durable is answered when that is, with its answer", async () => {
  const rules = new Rules();
  await rules.create("x");
  const release = rules.memory.holdCommits();
  const calls = [write(rules), write(rules), write(rules)];
  for (const call of calls) expect(await isSettled(call)).toBe(false);
  release();
  const [first, ...again] = await Promise.all(calls);
  expect(first?.duplicate).toBe(false);
  for (const answer of again) expect(answer).toMatchObject({ messageId: first?.messageId, duplicate: true });
  expect(await rules.drain("x")).toEqual(["once"]);
});

test("another request of the same key is refused when the first is durable, and not before", async () => {
  const rules = new Rules();
  await rules.create("x");
  const release = rules.memory.holdCommits();
  const first = write(rules);
  const other = write(rules, "g".repeat(16));
  expect(await isSettled(other)).toBe(false);
  release();
  await first;
  expect(await reasonOf(other)).toBe("REQUEST_ID_REUSED");
});

test("a Create that comes again before the first is durable is answered when that is", async () => {
  const rules = new Rules();
  const release = rules.memory.holdCommits();
  const calls = [rules.create("x", { retry }), rules.create("x", { retry })];
  for (const call of calls) expect(await isSettled(call)).toBe(false);
  release();
  expect((await Promise.all(calls)).map(({ duplicate }) => duplicate)).toEqual([false, true]);
});
