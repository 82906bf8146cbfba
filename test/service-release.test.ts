/** Acknowledge with release_reader: how a client stops reading in good order, so that nothing of what it had is held up. */
import { expect, test } from "vitest";
import { AckMode } from "../gen/ts/socketregistry/v1/socket_registry.js";
import { refusal } from "./support/client.js";
import { attemptsOf, startInbox } from "./support/inbox.js";

const reader = "reader-1";
const explicit = { ackMode: AckMode.ACK_MODE_EXPLICIT };

test("what an open stream has in flight waits again at once, as the same attempt, and the stream ends with OK", async () => {
  const inbox = await startInbox();
  await inbox.write("one", "two", "three");
  const reading = inbox.read({ reader, maxOutstanding: 2 });
  await reading.messages(2);
  expect(await inbox.release(reader)).toBe(2);
  expect(await reading.rest()).toEqual([]);
  expect(attemptsOf(await inbox.take({ maxOutstanding: 3 }))).toEqual([
    ["one", 1],
    ["two", 1],
    ["three", 1],
  ]);
});

test("what a cancelled stream had does not wait for its grace", async () => {
  const inbox = await startInbox({ returnGraceMs: 3_600_000 });
  await inbox.write("one", "two");
  const reading = inbox.read({ reader });
  await reading.message();
  reading.cancel();
  await expect.poll(async () => (await inbox.service.socket("x")).readerCount).toBe(0);
  expect(await inbox.take()).toEqual([]);
  expect(await inbox.release(reader)).toBe(1);
  expect(attemptsOf(await inbox.take())).toEqual([["one", 1]]);
});

test("what the same call settles or gives back is not released", async () => {
  const inbox = await startInbox();
  await inbox.write("one", "two", "three");
  const reading = inbox.read({ reader, maxOutstanding: 3 });
  await reading.messages(3);
  expect(await inbox.release(reader, { sequences: [1n], nackSequences: [2n] })).toBe(1);
  expect(attemptsOf(await inbox.take({ maxOutstanding: 3 }))).toEqual([
    ["two", 2],
    ["three", 1],
  ]);
});

test("a message that was released can still be settled: its work may have been done", async () => {
  const inbox = await startInbox();
  await inbox.write("one");
  await inbox.read({ reader }).message();
  await inbox.release(reader);
  expect(await inbox.ack(1)).toMatchObject({ count: 1 });
  expect(await inbox.take()).toEqual([]);
});

test("other readers keep what they have, and a name that nobody has is no error", async () => {
  const inbox = await startInbox();
  await inbox.write("one", "two", "three");
  const other = inbox.read({ reader: "reader-2" });
  await other.message();
  const unnamed = inbox.read();
  await unnamed.message();
  expect(await inbox.release(reader)).toBe(0);
  expect(await inbox.release("")).toBe(0);
  expect(await inbox.counts()).toMatchObject({ inFlight: 2 });
  expect((await inbox.service.socket("x")).readerCount).toBe(2);
});

test("several streams of one name are released together", async () => {
  const inbox = await startInbox();
  await inbox.write("one", "two");
  const readings = [inbox.read({ reader }), inbox.read({ reader })];
  for (const reading of readings) await reading.message();
  expect(await inbox.release(reader)).toBe(2);
  for (const reading of readings) expect(await reading.rest()).toEqual([]);
  expect(await inbox.counts()).toMatchObject({ queue: 2, inFlight: 0 });
});

test("what was released goes to the next reader in order, who takes nothing newer first", async () => {
  const inbox = await startInbox();
  await inbox.write("one", "two");
  await inbox.read({ reader }).message();
  const next = inbox.read();
  await inbox.release(reader);
  expect(await next.message()).toMatchObject({ content: "one", deliveryAttempt: 1 });
});

test("a name of 256 bytes is taken, and one of 257 is refused by its field", async () => {
  const inbox = await startInbox();
  const [longest, tooLong] = ["n".repeat(256), "n".repeat(257)];
  expect(await inbox.take({ reader: longest })).toEqual([]);
  expect(await inbox.release(longest)).toBe(0);
  const refused = (field: string) => ({ reason: "INVALID_FIELD", metadata: { field } });
  const read = inbox.service.drain("x", { ...explicit, reader: tooLong });
  expect(await refusal(read)).toMatchObject(refused("reader"));
  const release = inbox.release(tooLong);
  expect(await refusal(release)).toMatchObject(refused("release_reader"));
});
