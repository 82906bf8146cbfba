/** Readers that share a queue, AUTO and EXPLICIT ones: rule 6 of the contract. */
import { expect, test } from "vitest";
import { refusalIn } from "./support/client.js";
import { attemptsOf, type Inbox, startInbox } from "./support/inbox.js";

const hour = 3_600_000;
/** Of all messages every third is given back once. */
const nackEvery = 3;

test("AUTO and EXPLICIT ones get each message once between them", async () => {
  const inbox = await startInbox({ maxFrameMessages: 1 });
  const seen: string[] = [];
  const auto = inbox.service.read({ socketId: "x" });
  const explicit = inbox.read();
  const total = 60;
  const follow = async (reading: typeof auto, acks: boolean) => {
    for (;;) {
      const frame = await reading.frame().catch(() => undefined);
      if (frame === undefined) return;
      for (const { content, sequence } of frame.messages) {
        seen.push(content);
        if (acks) await inbox.ack(sequence);
      }
      if (seen.length === total) await inbox.service.delete({ socketId: "x" });
    }
  };
  const contents = Array.from({ length: total }, (_, index) => `m${index}`);
  await Promise.all([inbox.write(...contents), follow(auto, false), follow(explicit, true)]);
  expect(seen.sort()).toEqual(contents.sort());
});

test("an AUTO reader takes what comes back, as the attempt that it is, and settles it", async () => {
  const inbox = await startInbox({ returnGraceMs: 0 });
  await inbox.write("one", "two", "three");
  await inbox.take({ maxOutstanding: 2 });
  await inbox.nack(2);
  expect(attemptsOf(await inbox.service.drain("x"))).toEqual([
    ["two", 2],
    ["three", 1],
  ]);
  expect(await inbox.counts()).toEqual({ queue: 1, inFlight: 1, parked: 0 });
  expect(await inbox.ack(2)).toEqual({ count: 0, stale: [2] });
  await inbox.nack(1);
  expect(attemptsOf(await inbox.service.drain("x"))).toEqual([["one", 2]]);
  expect(await inbox.counts()).toEqual({ queue: 0, inFlight: 0, parked: 0 });
});

test("an AUTO reader passes what waits for a delay", async () => {
  const inbox = await startInbox();
  await inbox.write("one", "two");
  await inbox.take();
  await inbox.nackFor(hour, 1);
  expect(await inbox.service.contents("x")).toEqual(["two"]);
  expect(await inbox.peek()).toEqual(["one"]);
});

test("EXPLICIT ones settle every message once, whatever they give back", async () => {
  const inbox = await startInbox();
  const contents = Array.from({ length: 40 }, (_, index) => `m${index}`);
  const settled: string[] = [];
  const work = async (reading: ReturnType<Inbox["read"]>) => {
    for (;;) {
      const message = await reading.message().catch((error: unknown) => refusalIn(error).reason);
      if (typeof message === "string") return expect(message).toBe("SOCKET_DELETED");
      const { sequence, deliveryAttempt, content } = message;
      if (Number(sequence) % nackEvery === 0 && deliveryAttempt === 1) {
        await inbox.nack(sequence);
        continue;
      }
      expect(deliveryAttempt).toBe(Number(sequence) % nackEvery === 0 ? 2 : 1);
      if ((await inbox.ack(sequence)).count === 1) settled.push(content);
      if (settled.length === contents.length) await inbox.service.delete({ socketId: "x" });
    }
  };
  const workers = [1, 1, 3, 10].map((maxOutstanding) => work(inbox.read({ maxOutstanding })));
  await Promise.all([inbox.write(...contents), ...workers]);
  expect(settled.sort()).toEqual(contents.sort());
});

test("of two that acknowledge the same at once one has settled it", async () => {
  const inbox = await startInbox();
  await inbox.write("one", "two", "three");
  await inbox.takeAll();
  const answers = await Promise.all([inbox.ack(1, 2, 3), inbox.ackThrough(3), inbox.ack(3, 2, 1), inbox.nack(1, 2, 3)]);
  expect(answers.map(({ count }) => count)).toEqual([3, 0, 0, 0]);
  expect(await inbox.counts()).toEqual({ queue: 0, inFlight: 0, parked: 0 });
});
