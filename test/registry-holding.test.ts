/** When a message may leave in EXPLICIT mode, on the storage in memory, which says when something is durable. */
import { expect, test } from "vitest";
import { isSettled, Rules } from "./support/rules.js";

test("a message leaves when what was decided up to its delivery is durable, and not before", async () => {
  const rules = new Rules();
  await rules.create("x");
  await rules.write("x", "one");
  const reading = rules.read("x", { ackMode: "EXPLICIT", heartbeatMs: 1_000 });
  expect(await reading.next()).toMatchObject({ event: "STARTED" });
  const release = rules.memory.holdCommits();
  const pending = rules.create("y");
  const next = reading.next();
  expect(await isSettled(next)).toBe(false);
  release();
  await pending;
  expect(await next).toMatchObject({ messages: [{ sequence: 1 }] });
});
