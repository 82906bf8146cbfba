/** Named consumers of the team feed: rules 3, 6 and 8 of the contract. */
import { status } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { AckMode, GapReason, ReadEvent, type ReadRequest } from "../gen/ts/socketregistry/v1/socket_registry.js";
import type { Config } from "../src/config.js";
import { contentsOf, type Part, refusal, refusalIn, type Service, startService } from "./support/client.js";
import { attemptsOf, Inbox } from "./support/inbox.js";

const team = "team-chat-all";
const looking = { ackMode: AckMode.ACK_MODE_NONE };
const hour = { heartbeatInterval: { seconds: 3_600 } };

/** A team of one, who says "old one" and "old two" before anybody listens. */
async function startTeam(overrides: Partial<Config> = {}) {
  const service = await startService(overrides);
  await service.createAll("a");
  const say = async (...messages: string[]) => {
    for (const message of messages) await service.write({ socketId: team, sender: "a", message });
  };
  await say("old one", "old two");
  /** The consumer's messages in EXPLICIT mode; it is there from now on. */
  const consumer = async (name: string, request: Part<ReadRequest> = {}) => {
    const inbox = new Inbox(service, team, name);
    expect(await inbox.take(request)).toEqual([]);
    return inbox;
  };
  return Object.assign(service, { say, consumer });
}

/** What a consumer is given now in AUTO mode. */
function contents(service: Service, consumer: string, request: Part<ReadRequest> = {}): Promise<string[]> {
  return service.contents(team, { consumer, ...request });
}

describe("a consumer", () => {
  test("starts at the end of the feed, and goes on where it was", async () => {
    const service = await startTeam();
    expect(await contents(service, "c")).toEqual([]);
    await service.say("one", "two", "three");
    expect(contentsOf(await service.read({ socketId: team, consumer: "c", maxMessages: 2 }).rest())).toEqual([
      "one",
      "two",
    ]);
    expect(await contents(service, "c")).toEqual(["three"]);
    expect(await contents(service, "c")).toEqual([]);
  });

  test("starts after a place when it is new and one is given", async () => {
    const service = await startTeam();
    expect(await contents(service, "from the first", { after: { sequence: 1 } })).toEqual(["old two"]);
    expect(await contents(service, "from the start", { after: { sequence: 0 } })).toEqual(["old one", "old two"]);
    const inbox = new Inbox(service, team, "explicit");
    expect(attemptsOf(await inbox.take({ after: { sequence: 1 } }))).toEqual([["old two", 1]]);
    // It is not new any more: what is unsettled counts, whatever the place.
    await inbox.ack(2);
    await service.say("new");
    expect(contentsOf(await inbox.take({ after: { sequence: 0 } }))).toEqual(["new"]);
  });

  test("starts nowhere when its place is lost, and is not there then", async () => {
    const service = await startTeam();
    const after = { epoch: "another", sequence: 1 };
    expect(await refusal(contents(service, "c", { after }))).toMatchObject({
      code: status.OUT_OF_RANGE,
      reason: "POSITION_LOST",
      metadata: { socket_id: team, oldest_sequence: "1", tail_sequence: "2" },
    });
    await service.say("one");
    expect(await contents(service, "c")).toEqual([]);
  });

  test("has a place of its own, beside the others and the feed's own", async () => {
    const service = await startTeam();
    await contents(service, "c");
    await contents(service, "d");
    await service.say("one", "two");
    expect(await contents(service, "c")).toEqual(["one", "two"]);
    expect(await service.contents(team)).toEqual(["old one", "old two", "one", "two"]);
    expect(await contents(service, "d")).toEqual(["one", "two"]);
    expect((await service.socket(team)).queueSize).toBe(0);
  });

  test("has names as long as others, of any letters", async () => {
    const service = await startTeam();
    const names = ["a/b c", "ünïcödé 🙂", "c".repeat(256), "team-chat-all", "\n"];
    for (const name of names) await contents(service, name);
    await service.say("one");
    for (const name of names) expect(await contents(service, name), name).toEqual(["one"]);
    expect(await refusal(contents(service, "c".repeat(257)))).toMatchObject({
      code: status.INVALID_ARGUMENT,
      reason: "INVALID_FIELD",
      field: "consumer",
    });
  });

  test("is looked at by NONE from its place, which stays", async () => {
    const service = await startTeam();
    await contents(service, "c");
    await service.say("one", "two");
    await service.read({ socketId: team, consumer: "c", maxMessages: 1 }).rest();
    for (let look = 0; look < 2; look++) expect(await contents(service, "c", looking)).toEqual(["two"]);
    expect(await contents(service, "c", { ...looking, after: { sequence: 0 } })).toHaveLength(4);
    expect(await contents(service, "c")).toEqual(["two"]);
  });

  test("leaves out as read what a sender wrote", async () => {
    const service = await startTeam();
    await contents(service, "c");
    await service.say("mine");
    await service.write({ socketId: team, sender: "b", message: "yours" });
    expect(await contents(service, "c", { excludeSender: "a" })).toEqual(["yours"]);
    expect(await contents(service, "c")).toEqual([]);
  });

  test("follows, and its Reads count among the feed's readers", async () => {
    const service = await startTeam();
    const reading = service.read({ socketId: team, consumer: "c", ...hour });
    await reading.event();
    const other = service.read({ socketId: team, ...hour });
    await other.event();
    expect((await service.socket(team)).readerCount).toBe(2);
    await service.say("one");
    expect((await reading.message()).content).toBe("one");
    reading.cancel();
    await expect.poll(async () => (await service.socket(team)).readerCount).toBe(1);
  });
});

describe("a consumer in EXPLICIT mode", () => {
  test("has deliveries of its own: acks, attempts, order and what is parked", async () => {
    const service = await startTeam({ maxDeliveryAttempts: 2 });
    const inbox = await service.consumer("c");
    const other = await service.consumer("d");
    await service.say("one", "two");
    const reading = inbox.read();
    const { sequence } = await reading.message();
    expect(sequence).toBe(3n);
    // The same message of another consumer, and of nobody, is another delivery.
    expect(await other.ack(3)).toEqual({ count: 0, stale: [3] });
    expect(await new Inbox(service, team).ack(3)).toEqual({ count: 0, stale: [3] });
    await inbox.nack(3);
    expect(attemptsOf(await reading.messages(1))).toEqual([["one", 2]]);
    await inbox.nack(3);
    expect(attemptsOf(await reading.messages(1))).toEqual([["two", 1]]);
    expect(await inbox.parked()).toEqual(["one"]);
    expect(await inbox.peek()).toEqual(["two"]);
    expect(await other.parked()).toEqual([]);
    expect(await other.peek()).toEqual(["one", "two"]);
    expect(await other.requeue()).toBe(0);
    expect(await inbox.requeue()).toBe(1);
    expect(await inbox.ackThrough(4)).toEqual({ count: 2, stale: [] });
    expect(await inbox.takeAll()).toEqual([]);
    expect(await other.takeAll()).toEqual(["one", "two"]);
    expect(await service.contents(team)).toEqual(["old one", "old two", "one", "two"]);
  });

  test("has what a broken stream left come back, and what ended as asked stay", async () => {
    const service = await startTeam({ returnGraceMs: 0 });
    const inbox = await service.consumer("c");
    await service.say("one", "two");
    expect(attemptsOf(await inbox.take())).toEqual([["one", 1]]);
    await inbox.breakAfter();
    expect(attemptsOf(await inbox.read().messages(1))).toEqual([["two", 1]]);
    expect(await inbox.ack(3)).toEqual({ count: 1, stale: [] });
  });

  test("keeps a message that the feed's own readers have settled", async () => {
    const service = await startTeam();
    const inbox = await service.consumer("c");
    await service.say("one");
    expect(await service.contents(team)).toHaveLength(3);
    expect(await inbox.takeAll()).toEqual(["one"]);
    expect(await inbox.ack(3)).toEqual({ count: 1, stale: [] });
  });

  test("that is not there has nothing, and nothing of it is an error", async () => {
    const service = await startTeam();
    const nobody = new Inbox(service, team, "nobody");
    expect(await nobody.acknowledge({ sequences: [1], nackSequences: [2], throughSequence: 2 })).toEqual({
      count: 0,
      stale: [1, 2],
    });
    expect(await nobody.requeue()).toBe(0);
    expect(await nobody.peek()).toEqual([]);
    expect(await nobody.parked()).toEqual([]);
    await service.say("one");
    // None of this has made it.
    expect(await nobody.takeAll()).toEqual([]);
  });
});

test("consumers share their messages between the Reads of one name, and an exclusive one takes over that name", async () => {
  const service = await startTeam();
  const inbox = await service.consumer("c");
  const first = inbox.read(hour);
  const same = service.read({ socketId: team, consumer: "c", ...hour });
  const looker = service.read({ socketId: team, consumer: "c", ...looking, ...hour });
  const other = service.read({ socketId: team, consumer: "d", ...hour });
  const unnamed = service.read({ socketId: team, ...looking, ...hour });
  const others = [looker, other, unnamed];
  for (const reading of [first, same, ...others]) await reading.event();
  const exclusive = inbox.read({ exclusive: true, ...hour });
  await exclusive.event();
  for (const reading of [first, same]) {
    expect(refusalIn(await reading.end())).toMatchObject({ code: status.ABORTED, reason: "READER_SUPERSEDED" });
  }
  expect((await refusal(inbox.take())).reason).toBe("READER_SUPERSEDED");
  await service.say("one");
  expect((await exclusive.message()).content).toBe("one");
  expect(contentsOf(await looker.messages(1))).toEqual(["one"]);
  expect(contentsOf(await other.messages(1))).toEqual(["one"]);
  expect(contentsOf(await unnamed.messages(3))).toEqual(["old one", "old two", "one"]);
});

test("a Reset of the feed begins every consumer anew", async () => {
  const service = await startTeam({ maxDeliveryAttempts: 1 });
  const inbox = await service.consumer("c");
  await service.say("parked", "held", "unread");
  await inbox.park(1);
  const reading = inbox.read();
  const held = await reading.message();
  await contents(service, "away");
  await service.reset({ socketId: team });
  expect(await reading.event()).toMatchObject({ event: ReadEvent.READ_EVENT_RESET, position: { sequence: 0n } });
  await service.say("new");
  expect(await reading.message()).toMatchObject({ content: "new", sequence: 1n, deliveryAttempt: 1 });
  expect(await inbox.acknowledge({ epoch: held.epoch, sequences: [held.sequence, 1] })).toMatchObject({ count: 0 });
  expect(await inbox.parked()).toEqual([]);
  expect(await inbox.ack(1)).toEqual({ count: 1, stale: [] });
  expect(await contents(service, "away")).toEqual(["new"]);
});

describe("a consumer holds nothing back", () => {
  test("a feed that is full lets go of its oldest, and the consumer is told how many it missed", async () => {
    const service = await startTeam({ maxQueueMessages: 3, retainedMessages: 0, upkeepIntervalMs: 10 });
    await contents(service, "c");
    await service.say("m1", "m2", "m3", "m4", "m5", "m6");
    await expect.poll(() => contents(service, "c", looking)).toEqual(["m4", "m5", "m6"]);
    const frames = await service.read({ socketId: team, consumer: "c", noWait: true }).frames();
    expect(frames).toMatchObject([
      { event: ReadEvent.READ_EVENT_GAP, droppedCount: 3n },
      { messages: [{ content: "m4" }, { content: "m5" }, { content: "m6" }] },
    ]);
    expect([GapReason.GAP_REASON_OVERFLOW, GapReason.GAP_REASON_RETENTION]).toContain(frames[0]?.gapReason);
    expect(await service.read({ socketId: team, consumer: "c", noWait: true }).frames()).toEqual([]);
  });

  test("not even what it has in flight, whose acks are stale then, and it goes on", async () => {
    const service = await startTeam({ maxQueueMessages: 3, retainedMessages: 0, upkeepIntervalMs: 10 });
    const inbox = await service.consumer("c");
    await service.say("m1", "m2", "m3");
    const reading = inbox.read();
    expect(await reading.message()).toMatchObject({ content: "m1", sequence: 3n });
    await service.say("m4", "m5", "m6");
    await expect.poll(() => inbox.peek()).toEqual(["m4", "m5", "m6"]);
    expect(await inbox.ack(3)).toEqual({ count: 0, stale: [3] });
    // Retention may have been between the first and the others.
    let message = await reading.message();
    for (; message.sequence < 6n; message = await reading.message()) await inbox.ack(message.sequence);
    expect(message).toMatchObject({ content: "m4", sequence: 6n });
    expect(await inbox.ack(6)).toEqual({ count: 1, stale: [] });
    expect((await reading.message()).content).toBe("m5");
  });
});

describe("how many there may be, and for how long", () => {
  test("a new one is refused above the limit, and those that are there go on", async () => {
    const service = await startTeam({ maxConsumers: 2 });
    await contents(service, "c");
    await contents(service, "d");
    expect(await refusal(contents(service, "e"))).toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
      reason: "READER_LIMIT",
      metadata: { limit: "2" },
    });
    await service.say("one");
    expect(await contents(service, "c")).toEqual(["one"]);
    expect(await contents(service, "d")).toEqual(["one"]);
  });

  test("each has as many Reads as a socket, and they are not those of the feed", async () => {
    const service = await startTeam({ maxReadersPerSocket: 1 });
    await service.read({ socketId: team, consumer: "c", ...hour }).event();
    expect((await refusal(contents(service, "c"))).reason).toBe("READER_LIMIT");
    expect(await contents(service, "d")).toEqual([]);
    expect(await service.contents(team)).toEqual(["old one", "old two"]);
  });

  test("one that nobody uses goes, and makes room, and one that is read stays", async () => {
    const service = await startTeam({ consumerIdleMs: 1_000, upkeepIntervalMs: 20, maxConsumers: 2 });
    const idle = await service.consumer("idle");
    const read = service.read({ socketId: team, consumer: "read", ...hour });
    await read.event();
    await service.say("one");
    expect(await idle.peek()).toEqual(["one"]);
    await expect.poll(() => idle.peek(), { timeout: 10_000 }).toEqual([]);
    expect(await contents(service, "next")).toEqual([]);
    expect((await read.message()).content).toBe("one");
    await service.say("two");
    expect((await read.message()).content).toBe("two");
  });

  test("the time of one that was read counts from the end of its last Read", async () => {
    const service = await startTeam({ consumerIdleMs: 2_000, upkeepIntervalMs: 20 });
    const beats = { heartbeatInterval: { nanos: 100_000_000 } };
    const reading = service.read({ socketId: team, consumer: "c", ...beats });
    const openedMs = performance.now();
    while (performance.now() - openedMs < 2_100) await reading.frame();
    await service.say("one");
    expect((await reading.message()).content).toBe("one");
    reading.cancel();
    await expect.poll(async () => (await service.socket(team)).readerCount).toBe(0);
    await service.say("two");
    const other = service.read({ socketId: team, ...looking, ...beats });
    for (let frame = 0; frame < 6; frame++) await other.frame();
    expect(await contents(service, "c")).toEqual(["two"]);
  });
});

test("only the feed has consumers", async () => {
  const service = await startTeam();
  const refused = { code: status.INVALID_ARGUMENT, reason: "CONSUMER_NOT_ALLOWED", field: "consumer" };
  const inbox = new Inbox(service, "a", "c");
  expect(await refusal(service.contents("a", { consumer: "c" }))).toMatchObject(refused);
  expect(await refusal(inbox.take())).toMatchObject(refused);
  expect(await refusal(inbox.ack(1))).toMatchObject(refused);
  expect(await refusal(inbox.requeue())).toMatchObject(refused);
  expect(await refusal(inbox.peek())).toMatchObject(refused);
});

test("after goes with EXPLICIT for a consumer alone", async () => {
  const service = await startTeam();
  const unnamed = new Inbox(service, team);
  const refused = { code: status.INVALID_ARGUMENT, reason: "AFTER_NOT_ALLOWED", field: "after" };
  expect(await refusal(unnamed.take({ after: { sequence: 0 } }))).toMatchObject(refused);
  expect(await refusal(new Inbox(service, "a").take({ after: { sequence: 0 } }))).toMatchObject(refused);
});

test("the feed's own EXPLICIT readers share what nobody named takes", async () => {
  const service = await startTeam();
  const inbox = new Inbox(service, team);
  expect(attemptsOf(await inbox.take({ maxOutstanding: 9 }))).toEqual([
    ["old one", 1],
    ["old two", 1],
  ]);
  expect(await service.contents(team)).toEqual([]);
  expect(await inbox.counts()).toEqual({ queue: 2, inFlight: 2, parked: 0 });
  expect(await inbox.ack(1, 2)).toEqual({ count: 2, stale: [] });
});
