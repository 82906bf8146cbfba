/** EXPLICIT reads and Acknowledge: rules 6 and 7 of the contract. */
import { status } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { AckMode, ConflictPolicy, ReadEvent, ResetScope } from "../gen/ts/socketregistry/v1/socket_registry.js";
import { contentsOf, refusal, refusalIn } from "./support/client.js";
import { acknowledge, attemptsOf, Inbox, ms, startInbox } from "./support/inbox.js";
import { STUCK_BYTES, StuckRead } from "./support/stuck-read.js";

const absurd = 18_446_744_073_709_551_615n;

test("a delivered message stays in flight until it is acknowledged, and the socket tells so at each step", async () => {
  const inbox = await startInbox();
  const { service } = inbox;
  await inbox.write("one", "two");
  const [one, two] = (await service.peek({ socketId: "x" })).messages;
  expect(await service.socket("x")).toMatchObject({
    queueSize: 2,
    inFlightCount: 0,
    parkedCount: 0,
    oldestUnsettledTime: one?.timestamp,
  });
  const reading = inbox.read();
  expect(await reading.message()).toMatchObject({ content: "one", sequence: 1n, deliveryAttempt: 1 });
  expect(await service.socket("x")).toMatchObject({
    queueSize: 2,
    inFlightCount: 1,
    readerCount: 1,
    oldestUnsettledTime: one?.timestamp,
  });
  expect(await inbox.ack(1)).toEqual({ count: 1, stale: [] });
  expect(await reading.message()).toMatchObject({ content: "two", sequence: 2n, deliveryAttempt: 1 });
  expect(await service.socket("x")).toMatchObject({
    queueSize: 1,
    inFlightCount: 1,
    oldestUnsettledTime: two?.timestamp,
  });
  expect(await inbox.ack(2)).toEqual({ count: 1, stale: [] });
  const settled = await service.socket("x");
  expect(settled).toMatchObject({ queueSize: 0, inFlightCount: 0, parkedCount: 0, droppedCount: 0n });
  expect(settled.oldestUnsettledTime).toBeUndefined();
});

test("nothing newer is delivered before an answer, as long as max_outstanding is 1", async () => {
  const inbox = await startInbox();
  await inbox.write("one", "two", "three");
  const reading = inbox.read();
  const order: string[] = [];
  for (let sequence = 1; sequence <= 3; sequence++) {
    const frame = await reading.frame();
    expect(frame.messages).toHaveLength(1);
    expect(await inbox.counts()).toMatchObject({ inFlight: 1 });
    order.push(...contentsOf(frame.messages));
    await inbox.ack(sequence);
  }
  expect(order).toEqual(["one", "two", "three"]);
});

test("what is in flight is handed to nobody else, and can be peeked at", async () => {
  const inbox = await startInbox();
  await inbox.write("one", "two");
  const reading = inbox.read();
  await reading.message();
  expect(await inbox.service.contents("x")).toEqual(["two"]);
  expect(await inbox.takeAll()).toEqual([]);
  expect(await inbox.peek()).toEqual(["one"]);
  expect(await inbox.service.contents("x", { ackMode: AckMode.ACK_MODE_NONE })).toEqual(["one", "two"]);
});

test("acks need no open stream, and no socket that takes messages", async () => {
  const inbox = await startInbox();
  await inbox.write("one", "two");
  expect(await inbox.takeAll()).toEqual(["one", "two"]);
  expect(await inbox.counts()).toEqual({ queue: 2, inFlight: 2, parked: 0 });
  await inbox.service.markUnresponsive({ socketId: "x" });
  expect(await inbox.ack(2, 1)).toEqual({ count: 2, stale: [] });
  expect(await inbox.counts()).toEqual({ queue: 0, inFlight: 0, parked: 0 });
});

test("acks may come in any order, and each settles its own message alone", async () => {
  const inbox = await startInbox();
  await inbox.write("one", "two", "three");
  await inbox.takeAll();
  expect(await inbox.ack(2)).toEqual({ count: 1, stale: [] });
  expect(await inbox.peek()).toEqual(["one", "three"]);
  expect(await inbox.nack(1, 3)).toEqual({ count: 2, stale: [] });
  expect(attemptsOf(await inbox.take({ maxOutstanding: 9 }))).toEqual([
    ["one", 2],
    ["three", 2],
  ]);
});

describe("an ack of a sequence that is not in flight is stale, and no error", () => {
  test("one that was never delivered, and one that nothing has", async () => {
    const inbox = await startInbox();
    await inbox.write("one", "two");
    await inbox.take();
    expect(await inbox.ack(0, 2, 3, 9_007_199_254_740_991n)).toEqual({
      count: 0,
      stale: [0, 2, 3, Number.MAX_SAFE_INTEGER],
    });
    expect(await inbox.nack(2, 3)).toEqual({ count: 0, stale: [2, 3] });
    expect(await inbox.extend(1_000, 2, 3)).toEqual({ count: 0, stale: [2, 3] });
    expect(await inbox.counts()).toEqual({ queue: 2, inFlight: 1, parked: 0 });
  });

  test("one of a queue from which nothing was ever read", async () => {
    const inbox = await startInbox();
    await inbox.write("one");
    expect(await inbox.acknowledge({ sequences: [1], nackSequences: [2], extendSequences: [3] })).toEqual({
      count: 0,
      stale: [1, 2, 3],
    });
    expect(await inbox.ackThrough(9)).toEqual({ count: 0, stale: [] });
    expect(await inbox.service.contents("x")).toEqual(["one"]);
  });

  test("one that was settled before", async () => {
    const inbox = await startInbox();
    await inbox.write("one");
    await inbox.take();
    await inbox.ack(1);
    expect(await inbox.ack(1)).toEqual({ count: 0, stale: [1] });
    expect(await inbox.nack(1)).toEqual({ count: 0, stale: [1] });
    expect(await inbox.extend(undefined, 1)).toEqual({ count: 0, stale: [1] });
    expect(await inbox.takeAll()).toEqual([]);
  });

  test("one of another socket", async () => {
    const inbox = await startInbox();
    await inbox.service.createAll("y");
    const other = new Inbox(inbox.service, "y");
    await inbox.write("x1");
    await other.write("y1", "y2");
    await inbox.take();
    await other.takeAll();
    expect(await inbox.ack(1, 2)).toEqual({ count: 1, stale: [2] });
    expect(await other.counts()).toEqual({ queue: 2, inFlight: 2, parked: 0 });
  });

  test("one that an AUTO reader took, handed over or not", async () => {
    const inbox = await startInbox({ maxFrameMessages: 1 });
    await inbox.write("small", "m".repeat(STUCK_BYTES));
    const stuck = new StuckRead(inbox.server.address, { socketId: "x" });
    await expect.poll(() => inbox.counts()).toEqual({ queue: 1, inFlight: 1, parked: 0 });
    expect(await inbox.acknowledge({ sequences: [1, 2], throughSequence: 9 })).toEqual({ count: 0, stale: [1, 2] });
    expect(await inbox.nack(2)).toEqual({ count: 0, stale: [2] });
    stuck.close();
    await expect.poll(() => inbox.counts()).toEqual({ queue: 1, inFlight: 0, parked: 0 });
    expect(await inbox.service.drain("x")).toHaveLength(1);
  });

  test("one that is named twice: the first counts", async () => {
    const inbox = await startInbox();
    await inbox.write("one", "two", "three", "four");
    await inbox.takeAll();
    expect(await inbox.ack(1, 1)).toMatchObject({ count: 1 });
    expect(
      await inbox.acknowledge({ sequences: [2], nackSequences: [2, 3], extendSequences: [2, 3, 4] }),
    ).toMatchObject({ count: 3 });
    expect(attemptsOf(await inbox.take({ maxOutstanding: 9 }))).toEqual([["three", 2]]);
    expect(await inbox.peek()).toEqual(["three", "four"]);
  });
});

test("a wrong epoch makes everything that is named stale, and nothing of it happens", async () => {
  const inbox = await startInbox();
  await inbox.write("one", "two", "three");
  await inbox.takeAll();
  const request = { sequences: [1], nackSequences: [2], extendSequences: [3], throughSequence: 3 };
  for (const epoch of ["another", `${await inbox.epoch()}0`]) {
    expect(await inbox.acknowledge({ ...request, epoch })).toEqual({ count: 0, stale: [1, 2, 3] });
  }
  expect(await inbox.counts()).toEqual({ queue: 3, inFlight: 3, parked: 0 });
  expect(await inbox.acknowledge({ ...request, epoch: await inbox.epoch() })).toMatchObject({
    count: expect.any(Number),
  });
  expect(await inbox.counts()).toEqual({ queue: 0, inFlight: 0, parked: 0 });
});

describe("an ack that comes late settles, because the work was done", () => {
  test("when the message waits to be delivered again", async () => {
    const inbox = await startInbox();
    await inbox.write("one");
    await inbox.take();
    await inbox.nackFor(3_600_000, 1);
    expect(await inbox.counts()).toEqual({ queue: 1, inFlight: 0, parked: 0 });
    expect(await inbox.ack(1)).toEqual({ count: 1, stale: [] });
    expect(await inbox.counts()).toEqual({ queue: 0, inFlight: 0, parked: 0 });
  });

  test("when it is with somebody else by now, whose own ack is stale then", async () => {
    const inbox = await startInbox();
    await inbox.write("one", "two");
    await inbox.take();
    await inbox.nack(1);
    const reading = inbox.read();
    expect(await reading.message()).toMatchObject({ content: "one", deliveryAttempt: 2 });
    expect(await inbox.ack(1)).toEqual({ count: 1, stale: [] });
    // What it took of the second reader's share is free again.
    expect((await reading.message()).content).toBe("two");
    expect(await inbox.ack(1)).toEqual({ count: 0, stale: [1] });
  });

  test("when it is parked", async () => {
    const inbox = await startInbox({ maxDeliveryAttempts: 1 });
    await inbox.write("one");
    await inbox.park(1);
    expect(await inbox.counts()).toEqual({ queue: 0, inFlight: 0, parked: 1 });
    expect(await inbox.ack(1)).toEqual({ count: 1, stale: [] });
    expect(await inbox.counts()).toEqual({ queue: 0, inFlight: 0, parked: 0 });
    expect(await inbox.requeue()).toBe(0);
  });
});

describe("a cumulative ack", () => {
  test("settles what was delivered up to a sequence, and nothing that was not", async () => {
    const inbox = await startInbox();
    await inbox.write("one", "two", "three", "four", "five", "six");
    await inbox.take({ maxOutstanding: 4 });
    await inbox.ack(2);
    expect(await inbox.ackThrough(3)).toEqual({ count: 2, stale: [] });
    expect(await inbox.peek()).toEqual(["four", "five", "six"]);
    expect(await inbox.ackThrough(6)).toEqual({ count: 1, stale: [] });
    expect(await inbox.takeAll()).toEqual(["five", "six"]);
  });

  test("settles what came back and waits, and leaves what is parked", async () => {
    const inbox = await startInbox({}, { maxDeliveryAttempts: 2 });
    await inbox.write("parked", "returned", "held", "waiting");
    await inbox.park(2);
    await inbox.take({ maxOutstanding: 2 });
    await inbox.nackFor(3_600_000, 2);
    expect(await inbox.counts()).toEqual({ queue: 3, inFlight: 1, parked: 1 });
    expect(await inbox.ackThrough(absurd)).toEqual({ count: 2, stale: [] });
    expect(await inbox.counts()).toEqual({ queue: 1, inFlight: 0, parked: 1 });
    expect(await inbox.peek()).toEqual(["waiting"]);
    expect(await inbox.parked()).toEqual(["parked"]);
  });

  test("of nothing settles nothing", async () => {
    const inbox = await startInbox();
    await inbox.write("one");
    await inbox.take();
    expect(await inbox.acknowledge({})).toEqual({ count: 0, stale: [] });
    expect(await inbox.counts()).toEqual({ queue: 1, inFlight: 1, parked: 0 });
  });
});

describe("what Acknowledge refuses", () => {
  test.each([
    ["a negative deadline", { ackDeadline: { seconds: -1 } }, "ack_deadline"],
    ["a deadline of less than nothing", { ackDeadline: { nanos: -1 } }, "ack_deadline"],
    ["a deadline of nothing", { ackDeadline: ms(0) }, "ack_deadline"],
    ["a deadline past 7 days", { ackDeadline: { seconds: 7 * 86_400, nanos: 1 } }, "ack_deadline"],
    ["a deadline beyond all time", { ackDeadline: { seconds: 9_223_372_036_854_775_807n } }, "ack_deadline"],
    ["a deadline whose nanos are more than a second", { ackDeadline: { nanos: 1_000_000_000 } }, "ack_deadline"],
    ["a negative delay", { retryDelay: { seconds: -1 } }, "retry_delay"],
    ["a delay past 7 days", { retryDelay: { seconds: 7 * 86_400, nanos: 1 } }, "retry_delay"],
    ["a sequence that no number is", { sequences: [9_007_199_254_740_992n] }, "sequences"],
    ["such a sequence to give back", { nackSequences: [absurd] }, "nack_sequences"],
    ["such a sequence to extend", { extendSequences: [absurd] }, "extend_sequences"],
    ["too many sequences", { sequences: Array(10_001).fill(7) }, "sequences"],
    ["too many in two lists", { sequences: Array(9_999).fill(7), nackSequences: [1, 2] }, "nack_sequences"],
    [
      "too many in three lists",
      { sequences: Array(5_000).fill(7), nackSequences: Array(5_000).fill(8), extendSequences: [1] },
      "extend_sequences",
    ],
    ["too long an epoch", { epoch: "e".repeat(257) }, "epoch"],
  ])("%s, and does nothing of the rest", async (_, request, field) => {
    const inbox = await startInbox();
    await inbox.write("one");
    await inbox.take();
    expect(await refusal(inbox.acknowledge({ throughSequence: 1, ...request }))).toMatchObject({
      code: status.INVALID_ARGUMENT,
      reason: "INVALID_FIELD",
      field,
    });
    expect(await inbox.counts()).toEqual({ queue: 1, inFlight: 1, parked: 0 });
  });

  test("a socket that is not there, an id that is none, and a consumer that no socket has", async () => {
    const inbox = await startInbox();
    const { service } = inbox;
    expect(await refusal(acknowledge(service, { socketId: "nobody", sequences: [1] }))).toMatchObject({
      code: status.NOT_FOUND,
      reason: "SOCKET_NOT_FOUND",
      metadata: { socket_id: "nobody" },
    });
    expect((await refusal(acknowledge(service, { socketId: "" }))).reason).toBe("INVALID_SOCKET_ID");
    expect(await refusal(acknowledge(service, { socketId: "x", consumer: "c" }))).toMatchObject({
      code: status.INVALID_ARGUMENT,
      reason: "CONSUMER_NOT_ALLOWED",
      field: "consumer",
    });
  });
});

test("durations and lists are taken up to their limits", async () => {
  const inbox = await startInbox();
  await inbox.write("one", "two");
  await inbox.takeAll();
  const week = { seconds: 7 * 86_400 };
  expect(await inbox.acknowledge({ extendSequences: [1], ackDeadline: week })).toEqual({ count: 1, stale: [] });
  expect(await inbox.acknowledge({ nackSequences: [2], retryDelay: week })).toEqual({ count: 1, stale: [] });
  const many = Array.from({ length: 9_999 }, (_, index) => index + 2);
  expect(await inbox.acknowledge({ sequences: [1], nackSequences: many })).toEqual({ count: 1, stale: many });
});

describe("when the queue is cleared or goes while messages are in flight", () => {
  test("a Reset tells the stream, and makes the acks of before stale", async () => {
    const inbox = await startInbox();
    const { service } = inbox;
    await inbox.write("one", "two", "three");
    const reading = inbox.read();
    const old = await reading.message();
    expect((await service.reset({ socketId: "x" })).droppedCount).toBe(3);
    const epoch = await inbox.epoch();
    expect(await reading.event()).toMatchObject({
      event: ReadEvent.READ_EVENT_RESET,
      position: { epoch, sequence: 0n },
    });
    expect(epoch).not.toBe(old.epoch);
    expect(await inbox.ack(1)).toEqual({ count: 0, stale: [1] });
    await inbox.write("new one", "new two");
    expect(await reading.message()).toMatchObject({ content: "new one", sequence: 1n, epoch, deliveryAttempt: 1 });
    const late = { epoch: old.epoch, sequences: [1], nackSequences: [1], extendSequences: [1], throughSequence: 9 };
    expect(await inbox.acknowledge(late)).toEqual({ count: 0, stale: [1, 1, 1] });
    expect(await inbox.counts()).toEqual({ queue: 2, inFlight: 1, parked: 0 });
    expect(await inbox.acknowledge({ epoch, sequences: [1] })).toEqual({ count: 1, stale: [] });
    expect(await reading.message()).toMatchObject({ content: "new two", sequence: 2n, deliveryAttempt: 1 });
  });

  test("a Reset takes what waits and what is parked along", async () => {
    const inbox = await startInbox({ maxDeliveryAttempts: 1 });
    await inbox.write("parked", "delayed", "held", "fresh");
    await inbox.park(1);
    await inbox.take({ maxOutstanding: 2 });
    await inbox.service.reset({ socketId: "x" });
    expect(await inbox.counts()).toEqual({ queue: 0, inFlight: 0, parked: 0 });
    expect((await inbox.service.socket("x")).oldestUnsettledTime).toBeUndefined();
    expect(await inbox.requeue()).toBe(0);
    expect(await inbox.parked()).toEqual([]);
    expect(await inbox.takeAll()).toEqual([]);
  });

  test("a reset of the context alone leaves every delivery as it is", async () => {
    const inbox = await startInbox();
    await inbox.write("one");
    await inbox.take();
    await inbox.service.reset({ socketId: "x", scope: ResetScope.RESET_SCOPE_CONTEXT });
    expect(await inbox.ack(1)).toEqual({ count: 1, stale: [] });
  });

  test("a Delete ends the stream, and an ack has nowhere to go", async () => {
    const inbox = await startInbox();
    await inbox.write("one");
    const reading = inbox.read();
    await reading.message();
    expect(await inbox.service.delete({ socketId: "x" })).toEqual({ droppedCount: 1 });
    expect(refusalIn(await reading.end())).toMatchObject({
      code: status.NOT_FOUND,
      reason: "SOCKET_DELETED",
      metadata: { socket_id: "x" },
    });
    expect((await refusal(inbox.ack(1))).reason).toBe("SOCKET_NOT_FOUND");
    expect((await refusal(inbox.requeue())).reason).toBe("SOCKET_NOT_FOUND");
  });

  test("a Delete ends streams that are only just opening as well", async () => {
    const inbox = await startInbox();
    const { service } = inbox;
    for (let turn = 0; turn < 10; turn++) {
      await inbox.write("one");
      await inbox.take();
      const readings = Array.from({ length: 8 }, () => inbox.read({ heartbeatInterval: { seconds: 3_600 } }));
      const ends = readings.map((reading) => reading.end());
      await service.delete({ socketId: "x" });
      for (const end of ends) {
        expect(["SOCKET_DELETED", "SOCKET_NOT_FOUND"]).toContain(refusalIn(await end).reason);
      }
      await service.createAll("x");
    }
  });

  test.each(["Delete and Create", "REPLACE"])("%s makes a socket that old acks do not touch", async (how) => {
    const inbox = await startInbox();
    const { service } = inbox;
    await inbox.write("old");
    const reading = inbox.read();
    const { epoch } = await reading.message();
    if (how !== "REPLACE") await service.delete({ socketId: "x" });
    await service.create({ socketId: "x", onConflict: ConflictPolicy.CONFLICT_POLICY_REPLACE });
    expect(refusalIn(await reading.end()).reason).toBe("SOCKET_DELETED");
    await inbox.write("new");
    await inbox.take();
    expect(await inbox.acknowledge({ epoch, sequences: [1] })).toEqual({ count: 0, stale: [1] });
    expect(await inbox.counts()).toEqual({ queue: 1, inFlight: 1, parked: 0 });
  });
});
