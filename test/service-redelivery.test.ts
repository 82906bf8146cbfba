/** When a message is delivered again, to whom, as which attempt, and what waits for it: rule 6 of the contract. */
import { describe, expect, test } from "vitest";
import { AckMode, ReadEvent } from "../gen/ts/socketregistry/v1/socket_registry.js";
import { contentsOf, refusal } from "./support/client.js";
import { attemptsOf, ms, startInbox, took } from "./support/inbox.js";
import { STUCK_BYTES, StuckRead } from "./support/stuck-read.js";

const hour = 3_600_000;

describe("a deadline that passes", () => {
  test("is a failed attempt: the message comes again, before anything newer", async () => {
    const inbox = await startInbox({}, { ackDeadline: ms(100) });
    await inbox.write("one", "two");
    const reading = inbox.read();
    expect(attemptsOf(await reading.messages(3))).toEqual([
      ["one", 1],
      ["one", 2],
      ["one", 3],
    ]);
    expect(await inbox.peek()).toEqual(["one", "two"]);
  });

  test("does not pass early, and is the server's unless the socket has its own", async () => {
    const inbox = await startInbox({ ackDeadlineMs: 150 });
    await inbox.write("one");
    const waitedMs = await took(async () => {
      expect(attemptsOf(await inbox.read().messages(3)).at(-1)).toEqual(["one", 3]);
    });
    expect(waitedMs).toBeGreaterThanOrEqual(300);
  });

  test("gives the message to whoever reads", async () => {
    const inbox = await startInbox({}, { ackDeadline: ms(100) });
    await inbox.write("one");
    await inbox.take();
    expect(await inbox.read().message()).toMatchObject({ content: "one", deliveryAttempt: 2 });
  });

  test("never passes when it is zero", async () => {
    const inbox = await startInbox({ ackDeadlineMs: 20 }, { ackDeadline: ms(0) });
    const { service } = inbox;
    await service.createAll("y");
    await inbox.write("one");
    await service.writeAll("y", "other");
    const reading = inbox.read();
    await reading.message();
    // The other socket's deadline passes again and again meanwhile.
    await service.read({ socketId: "y", ackMode: AckMode.ACK_MODE_EXPLICIT }).messages(4);
    expect(await inbox.counts()).toEqual({ queue: 1, inFlight: 1, parked: 0 });
    await inbox.ack(1);
    await inbox.write("two");
    expect(await reading.message()).toMatchObject({ content: "two", deliveryAttempt: 1 });
  });

  test("frees what the message took of its stream's share", async () => {
    const inbox = await startInbox({ maxDeliveryAttempts: 2 }, { ackDeadline: ms(50) });
    await inbox.write("one", "two");
    const reading = inbox.read();
    // The first is parked after its second attempt.
    expect(attemptsOf(await reading.messages(4))).toEqual([
      ["one", 1],
      ["one", 2],
      ["two", 1],
      ["two", 2],
    ]);
  });
});

describe("a message that is given back", () => {
  test("comes again at once, as the next attempt, in its place", async () => {
    const inbox = await startInbox();
    await inbox.write("one", "two");
    const reading = inbox.read();
    await reading.message();
    for (let attempt = 2; attempt <= 5; attempt++) {
      expect(await inbox.nack(1)).toEqual({ count: 1, stale: [] });
      expect(attemptsOf(await reading.messages(1))).toEqual([["one", attempt]]);
    }
    await inbox.ack(1);
    expect(attemptsOf(await reading.messages(1))).toEqual([["two", 1]]);
  });

  test("waits for its delay, and is not in flight meanwhile", async () => {
    const inbox = await startInbox();
    await inbox.write("one");
    const reading = inbox.read();
    await reading.message();
    const waitedMs = await took(async () => {
      await inbox.nackFor(300, 1);
      expect(await reading.message()).toMatchObject({ content: "one", deliveryAttempt: 2 });
    });
    expect(waitedMs).toBeGreaterThanOrEqual(300);
    await inbox.nackFor(hour, 1);
    expect(await inbox.counts()).toEqual({ queue: 1, inFlight: 0, parked: 0 });
    expect(await inbox.takeAll()).toEqual([]);
    expect(await inbox.nack(1)).toEqual({ count: 0, stale: [1] });
    expect(await inbox.extend(hour, 1)).toEqual({ count: 0, stale: [1] });
  });

  test("has to pass its delay also when its stream breaks", async () => {
    const inbox = await startInbox({ returnGraceMs: 0 });
    await inbox.write("one");
    const reading = inbox.read();
    await reading.message();
    await inbox.nackFor(hour, 1);
    reading.cancel();
    await expect.poll(async () => (await inbox.service.socket("x")).readerCount).toBe(0);
    expect(await inbox.takeAll()).toEqual([]);
  });
});

describe("an extension", () => {
  test("sets a new deadline, counted from now, as often as it is asked for", async () => {
    const inbox = await startInbox();
    await inbox.write("one");
    const reading = inbox.read();
    await reading.message();
    for (let attempt = 2; attempt <= 4; attempt++) {
      expect(await inbox.extend(hour, 1)).toEqual({ count: 1, stale: [] });
      const waitedMs = await took(async () => {
        expect(await inbox.extend(150, 1)).toEqual({ count: 1, stale: [] });
        expect(await reading.message()).toMatchObject({ content: "one", deliveryAttempt: attempt });
      });
      expect(waitedMs).toBeGreaterThanOrEqual(150);
    }
  });

  test("without a deadline of its own has the socket's", async () => {
    const inbox = await startInbox({}, { ackDeadline: ms(1_000) });
    await inbox.write("one");
    const reading = inbox.read();
    await reading.message();
    const waitedMs = await took(async () => {
      expect(await inbox.extend(undefined, 1)).toEqual({ count: 1, stale: [] });
      expect(await reading.message()).toMatchObject({ content: "one", deliveryAttempt: 2 });
    });
    expect(waitedMs).toBeGreaterThanOrEqual(1_000);
  });

  test("of what a broken stream left gives it a full deadline again", async () => {
    const inbox = await startInbox({ returnGraceMs: 1_000 });
    await inbox.write("one");
    await inbox.breakAfter();
    const waitedMs = await took(async () => {
      expect(await inbox.extend(1_300, 1)).toEqual({ count: 1, stale: [] });
      // Its passing is a failed attempt, because the worker showed that it lives.
      expect(await inbox.read().message()).toMatchObject({ content: "one", deliveryAttempt: 2 });
    });
    expect(waitedMs).toBeGreaterThanOrEqual(1_300);
  });

  test("lets others pass what a broken stream left", async () => {
    const inbox = await startInbox({ returnGraceMs: hour });
    await inbox.write("one", "two");
    await inbox.breakAfter();
    expect(contentsOf(await inbox.take())).toEqual([]);
    await inbox.extend(undefined, 1);
    expect(contentsOf(await inbox.take())).toEqual(["two"]);
  });
});

describe("a stream that breaks", () => {
  test("has its messages delivered again after the grace, which is no failed attempt", async () => {
    const inbox = await startInbox({ returnGraceMs: 300 });
    await inbox.write("one", "two", "three");
    const reading = inbox.read({ maxOutstanding: 2 });
    await reading.messages(2);
    const waitedMs = await took(async () => {
      reading.cancel();
      expect(attemptsOf(await inbox.read({ maxOutstanding: 3 }).messages(3))).toEqual(
        expect.arrayContaining([
          ["one", 1],
          ["two", 1],
          ["three", 1],
        ]),
      );
    });
    expect(waitedMs).toBeGreaterThanOrEqual(300);
  });

  test("however often it happens", async () => {
    const inbox = await startInbox({ returnGraceMs: 0, maxDeliveryAttempts: 2 });
    await inbox.write("one");
    for (let turn = 0; turn < 4; turn++) {
      const reading = inbox.read();
      expect(await reading.message()).toMatchObject({ content: "one", deliveryAttempt: 1 });
      reading.cancel();
    }
    const reading = inbox.read();
    await reading.message();
    await inbox.nack(1);
    expect(await reading.message()).toMatchObject({ deliveryAttempt: 2 });
    reading.cancel();
    expect(await inbox.read().message()).toMatchObject({ deliveryAttempt: 2 });
  });

  test("leaves no more time than the deadline had left", async () => {
    const inbox = await startInbox({ returnGraceMs: hour }, { ackDeadline: ms(1_000) });
    await inbox.write("one");
    await inbox.breakAfter();
    expect(await inbox.read().message()).toMatchObject({ content: "one", deliveryAttempt: 1 });
  });

  test("leaves what it had to be settled or given back within the grace", async () => {
    const inbox = await startInbox({ returnGraceMs: hour });
    await inbox.write("one", "two", "three");
    await inbox.breakAfter(3);
    expect(await inbox.counts()).toEqual({ queue: 3, inFlight: 3, parked: 0 });
    expect(await inbox.ack(1)).toEqual({ count: 1, stale: [] });
    expect(await inbox.nack(2)).toEqual({ count: 1, stale: [] });
    expect(await inbox.counts()).toEqual({ queue: 2, inFlight: 1, parked: 0 });
    expect(attemptsOf(await inbox.take({ maxOutstanding: 9 }))).toEqual([["two", 2]]);
  });

  test("because its client stopped reading has what it was sent come back the same way", async () => {
    const inbox = await startInbox({ returnGraceMs: 0 });
    await inbox.write("m".repeat(STUCK_BYTES), "two");
    const stuck = new StuckRead(inbox.server.address, { socketId: "x", ackMode: AckMode.ACK_MODE_EXPLICIT });
    await expect.poll(() => inbox.counts()).toEqual({ queue: 2, inFlight: 1, parked: 0 });
    const reading = inbox.read();
    expect((await reading.message()).content).toBe("two");
    stuck.close();
    await inbox.ack(2);
    expect(await reading.message()).toMatchObject({ sequence: 1n, deliveryAttempt: 1 });
  });
});

describe("a stream that ends as asked", () => {
  test.each([
    ["no_wait", { noWait: true }],
    ["max_messages", { maxMessages: 1 }],
  ])("leaves its messages their full deadline: %s", async (_, request) => {
    const inbox = await startInbox({ returnGraceMs: 0 }, { ackDeadline: ms(1_000) });
    await inbox.write("one", "two");
    const waitedMs = await took(async () => {
      expect(contentsOf(await inbox.read(request).rest())).toEqual(["one"]);
      const reading = inbox.read({ maxOutstanding: 9 });
      expect(await reading.message()).toMatchObject({ content: "two", deliveryAttempt: 1 });
      await inbox.ack(2);
      // It has not come back with the end of the stream, but as an attempt that failed.
      expect(await reading.message()).toMatchObject({ content: "one", deliveryAttempt: 2 });
    });
    expect(waitedMs).toBeGreaterThanOrEqual(1_000);
  });

  test("gives as many messages as max_outstanding, and ends though more wait", async () => {
    const inbox = await startInbox();
    await inbox.write("one", "two", "three", "four", "five");
    expect(contentsOf(await inbox.take())).toEqual(["one"]);
    expect(contentsOf(await inbox.take({ maxOutstanding: 2 }))).toEqual(["two", "three"]);
    expect(contentsOf(await inbox.read({ maxOutstanding: 9, maxMessages: 1 }).rest())).toEqual(["four"]);
    expect(await inbox.counts()).toEqual({ queue: 5, inFlight: 4, parked: 0 });
  });

  test("waits with max_messages until they have come, one answer at a time", async () => {
    const inbox = await startInbox();
    const reading = inbox.read({ maxMessages: 2 });
    await inbox.write("one", "two", "three");
    expect((await reading.message()).content).toBe("one");
    await inbox.ack(1);
    expect(contentsOf(await reading.rest())).toEqual(["two"]);
    expect(contentsOf(await inbox.take())).toEqual(["three"]);
  });
});

describe("order", () => {
  test.each([
    ["a delay", takeAndDelay],
    ["the grace of a broken stream", (inbox: Inbox) => inbox.breakAfter()],
  ])("a reader with max_outstanding 1 takes nothing newer during %s, and one with more does", async (_, happen) => {
    const inbox = await startInbox({ returnGraceMs: hour });
    await inbox.write("one", "two");
    await happen(inbox);
    expect(contentsOf(await inbox.take())).toEqual([]);
    expect(contentsOf(await inbox.take({ maxOutstanding: 2 }))).toEqual(["two"]);
    await inbox.ackThrough(2);
    await inbox.write("three");
    expect(contentsOf(await inbox.take())).toEqual(["three"]);
  });

  test("what is with a live stream, or with one that ended as asked, holds up nobody", async () => {
    const inbox = await startInbox();
    await inbox.write("one", "two", "three");
    await inbox.read().message();
    expect(contentsOf(await inbox.take())).toEqual(["two"]);
    expect(contentsOf(await inbox.take())).toEqual(["three"]);
  });

  test("an older message that comes back goes before a newer one", async () => {
    const inbox = await startInbox();
    await inbox.write("one", "two", "three", "four");
    await inbox.take({ maxOutstanding: 3 });
    await inbox.nack(3, 1);
    const reading = inbox.read({ maxOutstanding: 9 });
    expect(attemptsOf(await reading.messages(3))).toEqual([
      ["one", 2],
      ["three", 2],
      ["four", 1],
    ]);
  });

  test.each<[string, (inbox: Inbox) => Promise<unknown>]>([
    ["is acknowledged", (inbox) => inbox.ack(1)],
    ["is acknowledged with others", (inbox) => inbox.ackThrough(1)],
    ["is extended", (inbox) => inbox.extend(hour, 1)],
  ])("a reader in order that waits for a message goes on when that %s", async (_, happen) => {
    const inbox = await startInbox({ returnGraceMs: hour });
    await inbox.write("one", "two");
    await inbox.breakAfter();
    const reading = inbox.read({ heartbeatInterval: ms(100) });
    expect((await reading.event()).event).toBe(ReadEvent.READ_EVENT_STARTED);
    // Idle, and not caught up: there is a message that it may not have yet.
    expect((await reading.event()).event).toBe(ReadEvent.READ_EVENT_HEARTBEAT);
    await happen(inbox);
    expect(await reading.message()).toMatchObject({ content: "two", deliveryAttempt: 1 });
  });
});

test("retention lets go of nothing that is in flight, returned or parked", async () => {
  const inbox = await startInbox({ retainedMessages: 0, upkeepIntervalMs: 10 }, { maxDeliveryAttempts: 2 });
  const { service } = inbox;
  for (const message of ["parked", "held", "m3", "m4"]) await service.write({ socketId: "x", sender: "s", message });
  await inbox.park(2);
  await inbox.take();
  expect(await service.contents("x")).toEqual(["m3", "m4"]);
  const noWhere = { ackMode: AckMode.ACK_MODE_NONE, after: { sequence: 99 } };
  await expect.poll(() => refusal(service.drain("x", noWhere))).toMatchObject({ metadata: { oldest_sequence: "5" } });
  expect(await inbox.peek()).toEqual(["held"]);
  expect(await inbox.parked()).toEqual(["parked"]);
  await inbox.nack(2);
  await inbox.requeue();
  expect(attemptsOf(await inbox.take({ maxOutstanding: 9 }))).toEqual([
    ["parked", 1],
    ["held", 2],
  ]);
  expect(await inbox.ackThrough(4)).toEqual({ count: 2, stale: [] });
});

test("messages that a reader leaves out count as read", async () => {
  const inbox = await startInbox();
  const { service } = inbox;
  await service.write({ socketId: "x", message: "mine", sender: "me" });
  await service.write({ socketId: "x", message: "yours", sender: "you" });
  await service.write({ socketId: "x", message: "mine again", sender: "me" });
  const reading = inbox.read({ excludeSender: "me" });
  expect(await reading.message()).toMatchObject({ content: "yours", sequence: 2n });
  expect(await inbox.ack(1)).toEqual({ count: 0, stale: [1] });
  await inbox.ack(2);
  await expect.poll(() => inbox.counts()).toEqual({ queue: 0, inFlight: 0, parked: 0 });
});

type Inbox = Awaited<ReturnType<typeof startInbox>>;

async function takeAndDelay(inbox: Inbox): Promise<void> {
  await inbox.take();
  await inbox.nackFor(hour, 1);
}
