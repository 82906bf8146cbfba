/** What was delivered in vain too often is parked, and can be looked at and put back: rule 6 of the contract. */
import { status } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import {
  GapReason,
  OverflowPolicy,
  ReadEvent,
  type SocketConfig,
} from "../gen/ts/socketregistry/v1/socket_registry.js";
import { contentsOf, type Part, refusal } from "./support/client.js";
import { attemptsOf, ms, requeue, startInbox } from "./support/inbox.js";

const dropOldest = { overflowPolicy: OverflowPolicy.OVERFLOW_POLICY_DROP_OLDEST };

/** An inbox of which the first `parked` messages m1, m2, ... are parked, each after one attempt. */
async function startParked(parked: number, waiting = 0, config: Part<SocketConfig> = {}) {
  const inbox = await startInbox({}, { maxDeliveryAttempts: 1, ...config });
  for (let turn = 1; turn <= parked + waiting; turn++) await inbox.write(`m${turn}`);
  for (let turn = 1; turn <= parked; turn++) expect(await inbox.park(1)).toBe(turn);
  return inbox;
}

describe("a message is parked", () => {
  test("when it has been given back as often as it may be delivered, and the next one goes on", async () => {
    const inbox = await startInbox({}, { maxDeliveryAttempts: 3 });
    const { service } = inbox;
    await inbox.write("bad", "good");
    const [, good] = (await service.peek({ socketId: "x" })).messages;
    const reading = inbox.read();
    for (let attempt = 1; attempt <= 3; attempt++) {
      expect(attemptsOf(await reading.messages(1))).toEqual([["bad", attempt]]);
      expect(await inbox.nack(1)).toEqual({ count: 1, stale: [] });
    }
    expect(await reading.message()).toMatchObject({ content: "good", deliveryAttempt: 1 });
    expect(await service.socket("x")).toMatchObject({
      queueSize: 1,
      inFlightCount: 1,
      parkedCount: 1,
      droppedCount: 0n,
      oldestUnsettledTime: good?.timestamp,
    });
    expect(await inbox.parked()).toEqual(["bad"]);
    expect(await inbox.peek()).toEqual(["good"]);
  });

  test("when as many deadlines have passed", async () => {
    const inbox = await startInbox({}, { maxDeliveryAttempts: 2, ackDeadline: ms(50) });
    await inbox.write("bad");
    expect(attemptsOf(await inbox.read().messages(2))).toEqual([
      ["bad", 1],
      ["bad", 2],
    ]);
    await expect.poll(() => inbox.counts()).toEqual({ queue: 0, inFlight: 0, parked: 1 });
  });

  test("whatever delay it was given back with", async () => {
    const inbox = await startParked(0, 1);
    await inbox.take();
    await inbox.nackFor(3_600_000, 1);
    expect(await inbox.parked()).toEqual(["m1"]);
  });

  test("after ten attempts, unless the server or the socket says otherwise", async () => {
    const inbox = await startInbox();
    const { service } = inbox;
    await inbox.write("bad");
    await inbox.park(9);
    expect(await inbox.counts()).toEqual({ queue: 1, inFlight: 0, parked: 0 });
    await inbox.park(1);
    expect(await inbox.counts()).toEqual({ queue: 0, inFlight: 0, parked: 1 });
    expect((await service.info()).limits["max_delivery_attempts"]).toBe(10n);
  });

  test("never when the limit is zero", async () => {
    const inbox = await startInbox({ maxDeliveryAttempts: 1 }, { maxDeliveryAttempts: 0 });
    await inbox.write("stubborn");
    await inbox.park(12);
    expect(attemptsOf(await inbox.take())).toEqual([["stubborn", 13]]);
    expect(await inbox.counts()).toEqual({ queue: 1, inFlight: 1, parked: 0 });
  });

  test("not because streams break", async () => {
    const inbox = await startInbox({ returnGraceMs: 0 }, { maxDeliveryAttempts: 1 });
    await inbox.write("one");
    for (let turn = 0; turn < 3; turn++) await inbox.breakAfter();
    expect(attemptsOf(await inbox.read().messages(1))).toEqual([["one", 1]]);
    expect(await inbox.counts()).toMatchObject({ parked: 0 });
  });
});

test("what is parked is delivered to nobody, and its acks to give back or extend are stale", async () => {
  const inbox = await startParked(1, 1);
  expect(await inbox.nack(1)).toEqual({ count: 0, stale: [1] });
  expect(await inbox.extend(1_000, 1)).toEqual({ count: 0, stale: [1] });
  expect(await inbox.takeAll()).toEqual(["m2"]);
  await inbox.ack(2);
  expect(await inbox.service.contents("x")).toEqual([]);
  expect(await inbox.counts()).toEqual({ queue: 0, inFlight: 0, parked: 1 });
  expect((await inbox.service.socket("x")).oldestUnsettledTime).toBeUndefined();
});

describe("parked messages count towards the limits of the queue", () => {
  test("in messages", async () => {
    const inbox = await startParked(2, 1, { maxQueueSize: 3 });
    expect(await refusal(inbox.write("too many"))).toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
      reason: "QUEUE_FULL",
    });
    await inbox.ack(1);
    await inbox.write("fits");
    expect(await inbox.peek()).toEqual(["m3", "fits"]);
  });

  test("in bytes", async () => {
    const inbox = await startInbox({}, { maxDeliveryAttempts: 1, maxQueueBytes: 1_000n });
    await inbox.write("m".repeat(600));
    await inbox.park(1);
    expect((await refusal(inbox.write("m".repeat(600)))).reason).toBe("QUEUE_FULL");
    await inbox.ack(1);
    await inbox.write("m".repeat(600));
  });

  test("but a queue that drops its oldest drops what waits first, and what is parked last", async () => {
    const inbox = await startParked(2, 2, { maxQueueSize: 4, ...dropOldest });
    await inbox.write("m5", "m6");
    expect(await inbox.peek()).toEqual(["m5", "m6"]);
    expect(await inbox.parked()).toEqual(["m1", "m2"]);
    expect(await inbox.service.socket("x")).toMatchObject({ droppedCount: 2n, queueSize: 2, parkedCount: 2 });
  });

  test("and when there is nothing else, the oldest of them goes", async () => {
    const inbox = await startParked(2, 0, { maxQueueSize: 2, ...dropOldest });
    await inbox.write("m3");
    expect(await inbox.parked()).toEqual(["m2"]);
    expect(await inbox.peek()).toEqual(["m3"]);
    expect(await inbox.service.read({ socketId: "x", noWait: true }).frames()).toMatchObject([
      { event: ReadEvent.READ_EVENT_GAP, gapReason: GapReason.GAP_REASON_OVERFLOW, droppedCount: 1n },
      { messages: [{ content: "m3" }] },
    ]);
  });
});

describe("Peek of parked messages", () => {
  test("lists them page by page, oldest first, and changes nothing", async () => {
    const inbox = await startParked(5, 2);
    const { service } = inbox;
    const page = async (pageToken: string) => {
      const { messages, nextPageToken } = await service.peek({ socketId: "x", parked: true, pageSize: 2, pageToken });
      return { contents: contentsOf(messages), attempts: messages.map((m) => m.deliveryAttempt), nextPageToken };
    };
    const first = await page("");
    expect(first).toMatchObject({ contents: ["m1", "m2"], attempts: [0, 0] });
    const second = await page(first.nextPageToken);
    expect(second.contents).toEqual(["m3", "m4"]);
    expect(await page(second.nextPageToken)).toEqual({ contents: ["m5"], attempts: [0], nextPageToken: "" });
    expect(await page(first.nextPageToken)).toEqual(second);
    expect(await inbox.peek()).toEqual(["m6", "m7"]);
    expect(await inbox.counts()).toEqual({ queue: 2, inFlight: 0, parked: 5 });
  });

  test("goes on from its place when what it showed has been settled or put back", async () => {
    const inbox = await startParked(4);
    const request = { socketId: "x", parked: true, pageSize: 2 };
    const { nextPageToken } = await inbox.service.peek(request);
    await inbox.ack(2);
    await inbox.requeue(1, 3);
    expect(await inbox.peek({ ...request, pageToken: nextPageToken })).toEqual(["m4"]);
  });

  test("takes no token of another question, nor of another epoch", async () => {
    const inbox = await startParked(2, 2);
    const { nextPageToken } = await inbox.service.peek({ socketId: "x", parked: true, pageSize: 1 });
    const other = await inbox.service.peek({ socketId: "x", pageSize: 1 });
    expect(await refusal(inbox.peek({ pageToken: nextPageToken }))).toMatchObject({
      code: status.INVALID_ARGUMENT,
      reason: "INVALID_FIELD",
      field: "page_token",
    });
    expect((await refusal(inbox.peek({ parked: true, pageToken: other.nextPageToken }))).field).toBe("page_token");
    await inbox.service.reset({ socketId: "x" });
    expect(await refusal(inbox.peek({ parked: true, pageToken: nextPageToken }))).toMatchObject({
      code: status.OUT_OF_RANGE,
      reason: "POSITION_LOST",
      metadata: { epoch: await inbox.epoch() },
    });
  });
});

describe("Requeue", () => {
  test("puts all that is parked back, in the places that it had, with all attempts before it", async () => {
    const inbox = await startInbox({}, { maxDeliveryAttempts: 2 });
    await inbox.write("m1", "m2", "m3");
    await inbox.park(2);
    await inbox.park(2);
    expect(await inbox.requeue()).toBe(2);
    expect(await inbox.counts()).toEqual({ queue: 3, inFlight: 0, parked: 0 });
    const reading = inbox.read();
    expect(attemptsOf(await reading.messages(1))).toEqual([["m1", 1]]);
    await inbox.nack(1);
    expect(attemptsOf(await reading.messages(1))).toEqual([["m1", 2]]);
    await inbox.ack(1);
    expect(attemptsOf(await reading.messages(1))).toEqual([["m2", 1]]);
    await inbox.ack(2);
    expect(attemptsOf(await reading.messages(1))).toEqual([["m3", 1]]);
  });

  test("puts some back, and passes over what is not parked", async () => {
    const inbox = await startParked(3, 2);
    await inbox.take();
    expect(await inbox.requeue(2, 4, 5, 99, 0)).toBe(1);
    expect(await inbox.parked()).toEqual(["m1", "m3"]);
    expect(await inbox.peek()).toEqual(["m2", "m4", "m5"]);
    expect(await inbox.requeue(2)).toBe(0);
    expect(await inbox.requeue(3, 3)).toBe(1);
  });

  test("finds nothing where nothing is parked", async () => {
    const inbox = await startParked(0, 1);
    expect(await inbox.requeue()).toBe(0);
    expect(await inbox.requeue(1)).toBe(0);
    expect(await inbox.takeAll()).toEqual(["m1"]);
  });

  test("wakes a reader that waits, and goes before what is newer", async () => {
    const inbox = await startParked(1);
    const reading = inbox.read({ heartbeatInterval: { seconds: 3_600 } });
    await reading.event();
    await reading.event();
    await inbox.requeue();
    expect(await reading.message()).toMatchObject({ content: "m1", sequence: 1n, deliveryAttempt: 1 });
    await inbox.write("m2");
    await inbox.nack(1);
    expect((await reading.message()).content).toBe("m2");
    expect(await inbox.parked()).toEqual(["m1"]);
  });

  test("hands messages to AUTO readers as well", async () => {
    const inbox = await startParked(2, 1);
    await inbox.requeue(2);
    expect(attemptsOf(await inbox.service.drain("x"))).toEqual([
      ["m2", 1],
      ["m3", 1],
    ]);
    expect(await inbox.counts()).toEqual({ queue: 0, inFlight: 0, parked: 1 });
  });

  test("does not ask whether the queue has room", async () => {
    const inbox = await startParked(2, 0, { maxQueueSize: 2 });
    expect(await inbox.requeue()).toBe(2);
    expect((await refusal(inbox.write("too many"))).reason).toBe("QUEUE_FULL");
    expect(await inbox.service.contents("x")).toEqual(["m1", "m2"]);
  });

  test("refuses what is no place, too many of them, and what is not there", async () => {
    const inbox = await startParked(1);
    const { service } = inbox;
    const invalid = { code: status.INVALID_ARGUMENT, reason: "INVALID_FIELD", field: "sequences" };
    expect(await refusal(inbox.requeue(9_007_199_254_740_992n))).toMatchObject(invalid);
    expect(await refusal(inbox.requeue(...Array(10_001).fill(1)))).toMatchObject(invalid);
    expect(await refusal(requeue(service, { socketId: "nobody" }))).toMatchObject({
      code: status.NOT_FOUND,
      reason: "SOCKET_NOT_FOUND",
    });
    expect((await refusal(requeue(service, { socketId: "x", consumer: "c" }))).reason).toBe("CONSUMER_NOT_ALLOWED");
    expect(await inbox.requeue(...Array(10_000).fill(1))).toBe(1);
  });
});
