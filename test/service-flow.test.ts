/** How much a reader is given at a time, and what readers that lag cost and miss: rules 6, 8 and 12 of the contract. */
import { status } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { AckMode, GapReason, OverflowPolicy, ReadEvent } from "../gen/ts/socketregistry/v1/socket_registry.js";
import { contentsOf, refusal } from "./support/client.js";
import { attemptsOf, ms, startInbox } from "./support/inbox.js";
import { STUCK_BYTES, StuckRead } from "./support/stuck-read.js";

const auto = { ackMode: AckMode.ACK_MODE_AUTO };
const explicit = { ackMode: AckMode.ACK_MODE_EXPLICIT };
const looking = { ackMode: AckMode.ACK_MODE_NONE };
const events = { heartbeatInterval: ms(100) };
const dropOldest = { overflowPolicy: OverflowPolicy.OVERFLOW_POLICY_DROP_OLDEST };
const overflow = { event: ReadEvent.READ_EVENT_GAP, gapReason: GapReason.GAP_REASON_OVERFLOW };
const expired = { event: ReadEvent.READ_EVENT_GAP, gapReason: GapReason.GAP_REASON_EXPIRED };

describe("max_outstanding", () => {
  test("is how many messages are in flight to a stream, and every answer makes room for one more", async () => {
    const inbox = await startInbox();
    await inbox.write("m1", "m2", "m3", "m4", "m5", "m6", "m7");
    const reading = inbox.read({ maxOutstanding: 3 });
    expect(contentsOf(await reading.messages(3))).toEqual(["m1", "m2", "m3"]);
    expect(await inbox.counts()).toEqual({ queue: 7, inFlight: 3, parked: 0 });
    await inbox.ack(2);
    expect(contentsOf(await reading.messages(1))).toEqual(["m4"]);
    expect(await inbox.counts()).toEqual({ queue: 6, inFlight: 3, parked: 0 });
    // What is given back takes its place again before anything newer.
    await inbox.nack(1);
    expect(attemptsOf(await reading.messages(1))).toEqual([["m1", 2]]);
    await inbox.ackThrough(4);
    expect(contentsOf(await reading.messages(3))).toEqual(["m5", "m6", "m7"]);
  });

  test("counts what is in flight to that stream, and not to others", async () => {
    const inbox = await startInbox();
    await inbox.write("m1", "m2", "m3", "m4", "m5");
    const first = inbox.read({ maxOutstanding: 2 });
    expect(contentsOf(await first.messages(2))).toEqual(["m1", "m2"]);
    const second = inbox.read({ maxOutstanding: 2 });
    expect(contentsOf(await second.messages(2))).toEqual(["m3", "m4"]);
    await inbox.ack(3);
    expect(contentsOf(await second.messages(1))).toEqual(["m5"]);
  });

  test("is bounded", async () => {
    const inbox = await startInbox({ maxOutstanding: 20 });
    await inbox.write("one");
    expect(await refusal(inbox.take({ maxOutstanding: 21 }))).toMatchObject({
      code: status.INVALID_ARGUMENT,
      reason: "INVALID_FIELD",
      field: "max_outstanding",
      metadata: { limit: "20" },
    });
    expect(contentsOf(await inbox.take({ maxOutstanding: 20 }))).toEqual(["one"]);
    expect((await refusal(inbox.take({ maxOutstanding: 4_294_967_295 }))).field).toBe("max_outstanding");
  });

  test("means nothing where nothing is acknowledged", async () => {
    const inbox = await startInbox();
    await inbox.write("one", "two", "three");
    const few = { maxOutstanding: 1, maxOutstandingBytes: 1 };
    expect(await inbox.service.contents("x", { ...looking, ...few })).toEqual(["one", "two", "three"]);
    expect(await inbox.service.contents("x", few)).toEqual(["one", "two", "three"]);
  });

  test("fills frames as large as any other, and no larger", async () => {
    const inbox = await startInbox({ maxFrameMessages: 2 });
    await inbox.write("m1", "m2", "m3", "m4", "m5");
    const frames = await inbox.read({ maxOutstanding: 9, noWait: true }).frames();
    expect(frames.map(({ messages }) => contentsOf(messages).join(" "))).toEqual(["m1 m2", "m3 m4", "m5"]);
    expect(frames.map(({ backlogCount }) => backlogCount)).toEqual([3, 1, 0]);
    expect(frames.map(({ position }) => position?.sequence)).toEqual([2n, 4n, 5n]);
  });
});

describe("max_outstanding_bytes", () => {
  const large = (letter: string) => letter.repeat(1_000);

  test("is how many bytes are in flight to a stream", async () => {
    const inbox = await startInbox();
    await inbox.write(...Array.from("abcd", large));
    const reading = inbox.read({ maxOutstanding: 9, maxOutstandingBytes: 2_500 });
    const letters = async (count: number) => contentsOf(await reading.messages(count)).map((content) => content[0]);
    expect(await letters(2)).toEqual(["a", "b"]);
    expect(await inbox.counts()).toEqual({ queue: 4, inFlight: 2, parked: 0 });
    await inbox.ack(1);
    expect(await letters(1)).toEqual(["c"]);
    expect(await inbox.counts()).toEqual({ queue: 3, inFlight: 2, parked: 0 });
    await inbox.ack(2, 3);
    expect(await letters(1)).toEqual(["d"]);
  });

  test("lets one message through, whatever its size, and none beside it", async () => {
    const inbox = await startInbox();
    await inbox.write(large("a"), "b", large("c"));
    const reading = inbox.read({ maxOutstanding: 9, maxOutstandingBytes: 1 });
    for (const [place, letter] of ["a", "b", "c"].entries()) {
      const frame = await reading.frame();
      expect(contentsOf(frame.messages).map((content) => content[0])).toEqual([letter]);
      expect(await inbox.counts()).toMatchObject({ inFlight: 1 });
      await inbox.ack(place + 1);
    }
  });

  test("does not let a small message overtake a large one that has no room", async () => {
    const inbox = await startInbox();
    await inbox.write(large("a"), large("b"), "c");
    const taken = await inbox.take({ maxOutstanding: 9, maxOutstandingBytes: 1_500 });
    expect(contentsOf(taken).map((content) => content[0])).toEqual(["a"]);
  });

  test("leaves max_outstanding at its default", async () => {
    const inbox = await startInbox();
    await inbox.write("one", "two");
    expect(contentsOf(await inbox.take({ maxOutstandingBytes: 1_000_000 }))).toEqual(["one"]);
  });

  test("is refused where it is no number", async () => {
    const inbox = await startInbox();
    expect(await refusal(inbox.take({ maxOutstandingBytes: 9_007_199_254_740_992n }))).toMatchObject({
      code: status.INVALID_ARGUMENT,
      reason: "INVALID_FIELD",
      field: "max_outstanding_bytes",
    });
  });
});

describe("a reader that lags", () => {
  test.each([
    ["AUTO", auto],
    ["EXPLICIT", { ...explicit, maxOutstanding: 100 }],
  ])("holds one frame on its way, and leaves the rest to others: %s", async (_, mode) => {
    const inbox = await startInbox({ maxFrameMessages: 2 });
    const stuck = new StuckRead(inbox.server.address, { socketId: "x", ...mode });
    await expect.poll(async () => (await inbox.service.socket("x")).readerCount).toBe(1);
    const contents = Array.from({ length: 20 }, (_, index) => `${index}`.padEnd(STUCK_BYTES / 4));
    await inbox.write(...contents);
    const { inFlight } = await inbox.counts();
    // What fits into its window, and a frame.
    expect(inFlight).toBeLessThanOrEqual(4);
    const rest = await inbox.service.drain("x");
    expect(rest.length).toBeGreaterThanOrEqual(16);
    stuck.readOn();
    await expect.poll(() => stuck.contents.length + rest.length).toBe(20);
    expect([...stuck.contents, ...contentsOf(rest)]).toEqual(contents);
  });

  test("comes back to thousands of messages and gets them all, in order", async () => {
    const inbox = await startInbox();
    const total = 3_000;
    const contents = Array.from({ length: total }, (_, index) => `m${index}`);
    for (let place = 0; place < total; place += 500) {
      // Of one connection's calls the order is kept.
      const some = contents.slice(place, place + 500);
      await Promise.all(some.map((message) => inbox.service.write({ socketId: "x", message })));
    }
    const reading = inbox.read({ maxOutstanding: 1_000, ...events });
    const seen: string[] = [];
    while (seen.length < total) {
      const { messages } = await reading.frame();
      seen.push(...contentsOf(messages));
      if (messages.length > 0) await inbox.ackThrough(messages.at(-1)?.sequence ?? 0);
    }
    expect(seen).toEqual(contents);
    expect(await inbox.counts()).toEqual({ queue: 0, inFlight: 0, parked: 0 });
  });

  test("hears of a Reset when it reads on, and has nothing of before", async () => {
    const inbox = await startInbox();
    await inbox.write("m".repeat(STUCK_BYTES), "old");
    const stuck = new StuckRead(inbox.server.address, { socketId: "x", ...explicit });
    await expect.poll(() => inbox.counts()).toEqual({ queue: 2, inFlight: 1, parked: 0 });
    await inbox.service.reset({ socketId: "x" });
    await inbox.write("new");
    expect(await inbox.counts()).toEqual({ queue: 1, inFlight: 0, parked: 0 });
    stuck.readOn();
    await expect.poll(() => stuck.contents.at(-1)).toBe("new");
    expect(stuck.contents).toHaveLength(2);
    expect(await inbox.ack(1)).toEqual({ count: 1, stale: [] });
  });

  test("hears that its socket was deleted when it reads on", async () => {
    const inbox = await startInbox();
    await inbox.write("m".repeat(STUCK_BYTES));
    const stuck = new StuckRead(inbox.server.address, { socketId: "x", ...explicit });
    await expect.poll(() => inbox.counts()).toMatchObject({ inFlight: 1 });
    await inbox.service.delete({ socketId: "x" });
    stuck.readOn();
    await expect.poll(() => stuck.status).toBe(status.NOT_FOUND);
  });
});

test("CAUGHT_UP comes when all that waited has been handed out, and not while answers are wanted", async () => {
  const inbox = await startInbox();
  await inbox.write("m1", "m2", "m3");
  const reading = inbox.read({ heartbeatInterval: { seconds: 3_600 } });
  expect((await reading.event()).event).toBe(ReadEvent.READ_EVENT_STARTED);
  expect(await reading.message()).toMatchObject({ content: "m1" });
  // This one came later, and is not waited for.
  await inbox.write("m4");
  await inbox.ack(1);
  expect(contentsOf((await reading.frame()).messages)).toEqual(["m2"]);
  await inbox.ack(2);
  expect(contentsOf((await reading.frame()).messages)).toEqual(["m3"]);
  expect(await reading.frame()).toMatchObject({
    event: ReadEvent.READ_EVENT_CAUGHT_UP,
    position: { sequence: 3n },
    backlogCount: 1,
  });
  await inbox.ack(3);
  expect(contentsOf((await reading.frame()).messages)).toEqual(["m4"]);
});

test("what is in flight counts towards the limit of the queue", async () => {
  const inbox = await startInbox({}, { maxQueueSize: 2 });
  await inbox.write("m1", "m2");
  await inbox.takeAll();
  expect((await refusal(inbox.write("too many"))).reason).toBe("QUEUE_FULL");
  await inbox.ack(2);
  await inbox.write("m3");
});

describe("a full queue that drops its oldest", () => {
  test("drops what nobody has, and tells EXPLICIT readers", async () => {
    const inbox = await startInbox({}, { maxQueueSize: 3, ...dropOldest });
    await inbox.write("held");
    const reading = inbox.read();
    await reading.message();
    await inbox.write("m2", "m3", "m4", "m5");
    expect(await reading.event()).toMatchObject({ ...overflow, droppedCount: expect.any(BigInt), messages: [] });
    await expect.poll(() => inbox.service.socket("x")).toMatchObject({ queueSize: 3, droppedCount: 2n });
    expect(await inbox.ack(1)).toEqual({ count: 1, stale: [] });
    expect(await reading.message()).toMatchObject({ content: "m4", sequence: 4n, deliveryAttempt: 1 });
  });

  test("drops what waits to be delivered again before anything newer", async () => {
    const inbox = await startInbox({}, { maxQueueSize: 2, ...dropOldest });
    await inbox.write("delayed", "held");
    await inbox.take({ maxOutstanding: 2 });
    await inbox.nackFor(3_600_000, 1);
    await inbox.write("new");
    expect(await inbox.peek()).toEqual(["held", "new"]);
    expect(await inbox.ack(1)).toEqual({ count: 0, stale: [1] });
    expect(await inbox.read({ noWait: true }).frames()).toMatchObject([
      { ...overflow, droppedCount: 1n },
      { messages: [{ content: "new" }] },
    ]);
  });

  test("drops what readers have when they have it all, and they go on", async () => {
    const inbox = await startInbox({}, { maxQueueSize: 2, ...dropOldest });
    await inbox.write("m1", "m2");
    const reading = inbox.read({ maxOutstanding: 2 });
    await reading.messages(2);
    await inbox.write("m3");
    expect(await reading.event()).toMatchObject({ ...overflow, droppedCount: 1n });
    expect((await reading.message()).content).toBe("m3");
    expect(await inbox.acknowledge({ sequences: [1], nackSequences: [1], extendSequences: [1] })).toEqual({
      count: 0,
      stale: [1, 1, 1],
    });
    expect(await inbox.counts()).toEqual({ queue: 2, inFlight: 2, parked: 0 });
    expect(await inbox.ackThrough(3)).toEqual({ count: 2, stale: [] });
  });
});

describe("messages that outlive their time", () => {
  test("go unless somebody has them, and EXPLICIT readers are told", async () => {
    const inbox = await startInbox({ upkeepIntervalMs: 10 }, { messageTtl: ms(400) });
    await inbox.write("held", "m2", "m3");
    const reading = inbox.read();
    expect((await reading.message()).content).toBe("held");
    expect(await reading.event()).toMatchObject(expired);
    await expect
      .poll(() => inbox.service.socket("x"))
      .toMatchObject({
        queueSize: 1,
        inFlightCount: 1,
        droppedCount: 2n,
      });
    expect(await inbox.ack(1)).toEqual({ count: 1, stale: [] });
    await inbox.write("fresh");
    expect(await reading.message()).toMatchObject({ content: "fresh", sequence: 4n });
  });

  test("go also when they wait to be delivered again, and let a reader in order go on", async () => {
    const inbox = await startInbox({ upkeepIntervalMs: 10 }, { messageTtl: ms(400) });
    await inbox.write("delayed");
    const reading = inbox.read();
    await reading.message();
    await inbox.nackFor(3_600_000, 1);
    expect(await reading.event()).toMatchObject({ ...expired, droppedCount: 1n });
    await inbox.write("fresh");
    expect(await reading.message()).toMatchObject({ content: "fresh", deliveryAttempt: 1 });
    expect(await inbox.ack(1)).toEqual({ count: 0, stale: [1] });
  });

  test("do not go when they are parked", async () => {
    const inbox = await startInbox({ upkeepIntervalMs: 10 }, { messageTtl: ms(400), maxDeliveryAttempts: 1 });
    await inbox.write("bad", "waits");
    await inbox.park(1);
    await expect.poll(() => inbox.counts()).toEqual({ queue: 0, inFlight: 0, parked: 1 });
    expect(await inbox.parked()).toEqual(["bad"]);
  });
});

describe("a heartbeat's position", () => {
  test.each([
    ["AUTO", auto],
    ["EXPLICIT", explicit],
  ])("follows what others settle, so that retention never overtakes it unnoticed: %s", async (_, mode) => {
    const inbox = await startInbox({ retainedMessages: 0, upkeepIntervalMs: 10 });
    for (const message of ["m1", "m2", "m3"]) await inbox.service.write({ socketId: "x", sender: "s", message });
    await inbox.takeAll();
    const reading = inbox.read({ ...mode, ...events });
    expect(await reading.event()).toMatchObject({ event: ReadEvent.READ_EVENT_STARTED, position: { sequence: 0n } });
    expect((await reading.event()).event).toBe(ReadEvent.READ_EVENT_CAUGHT_UP);
    await inbox.ackThrough(3);
    await expect
      .poll(() => refusal(inbox.service.drain("x", { ...looking, after: { sequence: 9 } })))
      .toMatchObject({ metadata: { oldest_sequence: "4" } });
    await expect.poll(async () => (await reading.frame()).position?.sequence).toBe(3n);
    const { position } = await reading.frame();
    expect(await inbox.service.contents("x", { ...looking, after: position })).toEqual([]);
    await inbox.write("m4");
    expect(await reading.message()).toMatchObject({ content: "m4", sequence: 4n });
  });

  test("does not pass what a reader has that may give it back", async () => {
    const inbox = await startInbox();
    await inbox.write("m1", "m2", "m3");
    await inbox.takeAll();
    await inbox.ack(1, 3);
    const reading = inbox.service.read({ socketId: "x", ...events });
    const positions = [await reading.event(), await reading.event(), await reading.event()];
    expect(positions.map(({ position }) => position?.sequence)).toEqual([1n, 1n, 1n]);
    await inbox.nack(2);
    expect(await reading.message()).toMatchObject({ content: "m2", deliveryAttempt: 2 });
  });

  test("of one that looks moves past what retention let go of", async () => {
    const inbox = await startInbox({ retainedMessages: 0, upkeepIntervalMs: 10 });
    for (const message of ["m1", "m2"]) await inbox.service.write({ socketId: "x", sender: "s", message });
    const reading = inbox.read({ ...looking, ...events });
    expect(contentsOf(await reading.messages(2))).toEqual(["m1", "m2"]);
    expect(await inbox.service.drain("x")).toHaveLength(2);
    const { position } = await reading.frame();
    expect(position?.sequence).toBe(2n);
    expect(await inbox.service.contents("x", { ...looking, after: position })).toEqual([]);
  });
});
