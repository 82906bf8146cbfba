/** message_ttl, and who is dropped when a queue with DROP_OLDEST is full: what a reader has is never let go of. */
import { describe, expect, test } from "vitest";
import {
  GapReason,
  OverflowPolicy,
  ReadEvent,
  type ReadResponse,
  type SocketConfig,
} from "../gen/ts/socketregistry/v1/socket_registry.js";
import { contentsOf, type Part } from "./support/client.js";
import { attemptsOf, Inbox, ms } from "./support/inbox.js";
import { startTimed } from "./support/timed.js";

const team = "team-chat-all";
const ttl = 60_000;
const hour = 3_600_000;
const { GAP_REASON_EXPIRED, GAP_REASON_OVERFLOW } = GapReason;
const { OVERFLOW_POLICY_DROP_OLDEST } = OverflowPolicy;

async function startMortal(config: Part<SocketConfig> = {}) {
  const server = await startTimed({ ackDeadlineMs: 24 * hour, returnGraceMs: hour });
  await server.create({ socketId: "x", config: { messageTtl: ms(ttl), ...config } });
  return Object.assign(new Inbox(server), { server, clock: server.clock });
}
type Mortal = Awaited<ReturnType<typeof startMortal>>;

/** A frame in words: its messages, or its event with what was lost. */
function told({ messages, event, gapReason, droppedCount }: ReadResponse): string | string[] {
  if (messages.length > 0) return contentsOf(messages);
  const reason = Object.entries(GapReason).find(([, value]) => value === gapReason)?.[0];
  return event === ReadEvent.READ_EVENT_GAP
    ? `${reason?.replace("GAP_REASON_", "")} ${droppedCount}`
    : `event ${event}`;
}

/** What a Read that does not wait is told. */
const drained = async ({ service }: Mortal) => (await service.read({ socketId: "x", noWait: true }).frames()).map(told);

/** How many messages the queue holds and has dropped. */
const counts = async ({ service }: Mortal) => {
  const { queueSize, droppedCount } = await service.socket("x");
  return [queueSize, Number(droppedCount)];
};

describe("a message that outlived the message_ttl of its socket", () => {
  test("is let go of at that moment, and a GAP tells readers", async () => {
    const inbox = await startMortal();
    await inbox.write("old");
    inbox.clock.pass(1_000);
    await inbox.write("young");
    inbox.clock.pass(ttl - 1_001);
    await inbox.server.upkeep();
    expect(await counts(inbox)).toEqual([2, 0]);
    inbox.clock.pass(1);
    await inbox.server.upkeep();
    expect(await counts(inbox)).toEqual([1, 1]);
    expect(await inbox.peek()).toEqual(["young"]);
    expect(await drained(inbox)).toEqual(["EXPIRED 1", ["young"]]);
    expect(await drained(inbox), "told once").toEqual([]);
  });

  test("is let go of when a reader comes, without waiting for upkeep", async () => {
    const inbox = await startMortal();
    await inbox.write("one", "two");
    inbox.clock.pass(ttl);
    await inbox.write("young");
    expect(await drained(inbox)).toEqual(["EXPIRED 2", ["young"]]);
    expect(await counts(inbox)).toEqual([0, 2]);
  });

  test("makes room in a full queue", async () => {
    const inbox = await startMortal({ maxQueueSize: 2 });
    await inbox.write("one", "two");
    inbox.clock.pass(ttl);
    await inbox.write("three");
    expect(await drained(inbox)).toEqual(["EXPIRED 2", ["three"]]);
  });

  test("is told of to a reader that is already there", async () => {
    const inbox = await startMortal();
    await inbox.write("held", "one", "two");
    const reading = inbox.read();
    expect((await reading.message()).content).toBe("held");
    inbox.clock.pass(ttl);
    await inbox.server.upkeep();
    expect(await reading.event()).toMatchObject({ droppedCount: 2n, gapReason: GAP_REASON_EXPIRED });
    await inbox.write("young");
    expect(await inbox.ack(1)).toEqual({ count: 1, stale: [] });
    expect(await reading.message()).toMatchObject({ content: "young", sequence: 4n });
  });

  test("goes from its own queue alone", async () => {
    const inbox = await startMortal();
    const { service } = inbox;
    await service.createAll("y");
    await service.write({ socketId: team, message: "to all", sender: "s" });
    inbox.clock.pass(ttl);
    await inbox.server.upkeep();
    expect(await drained(inbox)).toEqual(["EXPIRED 1"]);
    expect(await service.contents("y")).toEqual(["to all"]);
    expect(await service.contents(team)).toEqual(["to all"]);
  });

  test("goes with all the others, however many there are", async () => {
    const inbox = await startMortal();
    await Promise.all(Array.from({ length: 2_001 }, () => inbox.service.write({ socketId: "x", sender: "s" })));
    inbox.clock.pass(ttl);
    await inbox.write("young");
    const frames = await inbox.service.read({ socketId: "x", noWait: true }).frames();
    expect(contentsOf(frames.flatMap(({ messages }) => messages))).toEqual(["young"]);
    expect(frames.reduce((sum, { droppedCount }) => sum + droppedCount, 0n)).toBe(2_001n);
  });

  test("goes over a restart too", async () => {
    const inbox = await startMortal();
    await inbox.write("one");
    inbox.clock.pass(ttl - 1);
    await inbox.server.stop();
    inbox.clock.pass(1);
    const server = await startTimed({ dataDir: inbox.server.dataDir }, inbox.clock);
    await server.upkeep();
    expect(await server.socket("x")).toMatchObject({ queueSize: 0, droppedCount: 1n });
    await server.stop();
    const third = await startTimed({ dataDir: inbox.server.dataDir }, inbox.clock);
    expect((await third.read({ socketId: "x", noWait: true }).frames()).map(told)).toEqual(["EXPIRED 1"]);
  });
});

describe("a message that a reader has", () => {
  test("does not expire, and can be settled", async () => {
    const inbox = await startMortal();
    await inbox.write("held", "waits");
    await inbox.take();
    inbox.clock.pass(2 * ttl);
    await inbox.server.upkeep();
    expect(await counts(inbox)).toEqual([1, 1]);
    expect(await inbox.ack(1)).toEqual({ count: 1, stale: [] });
    expect(await counts(inbox)).toEqual([0, 1]);
  });

  test("does not expire in the grace of its broken stream", async () => {
    const inbox = await startMortal();
    await inbox.write("held");
    await inbox.breakAfter();
    inbox.clock.pass(ttl);
    await inbox.server.upkeep();
    expect(await counts(inbox)).toEqual([1, 0]);
    expect(await inbox.ack(1)).toEqual({ count: 1, stale: [] });
  });

  test("expires when it has been given back", async () => {
    const inbox = await startMortal();
    await inbox.write("held");
    await inbox.take();
    inbox.clock.pass(ttl);
    await inbox.nackFor(hour, 1);
    await inbox.server.upkeep();
    expect(await counts(inbox)).toEqual([0, 1]);
    expect(await inbox.ack(1)).toEqual({ count: 0, stale: [1] });
  });

  test("does not expire while it is parked, and does when it waits again", async () => {
    const inbox = await startMortal({ maxDeliveryAttempts: 1 });
    await inbox.write("parked");
    await inbox.park(1);
    inbox.clock.pass(2 * ttl);
    await inbox.server.upkeep();
    expect(await inbox.parked()).toEqual(["parked"]);
    await inbox.requeue();
    expect(await drained(inbox)).toEqual(["EXPIRED 1"]);
  });
});

describe("message_ttl", () => {
  test("can be had later, changed and given up", async () => {
    const inbox = await startMortal();
    const { service } = inbox;
    await inbox.write("one");
    await service.update({ socketId: "x" }, "config.message_ttl");
    inbox.clock.pass(2 * ttl);
    await inbox.server.upkeep();
    expect(await counts(inbox)).toEqual([1, 0]);
    await service.update({ socketId: "x", config: { messageTtl: ms(3 * ttl) } });
    await inbox.server.upkeep();
    expect(await counts(inbox)).toEqual([1, 0]);
    await service.update({ socketId: "x", config: { messageTtl: { nanos: 1 } } });
    await inbox.server.upkeep();
    expect(await counts(inbox)).toEqual([0, 1]);
  });

  test("of zero is none", async () => {
    const inbox = await startMortal({ messageTtl: ms(0) });
    await inbox.write("one");
    inbox.clock.pass(365 * 24 * hour);
    expect(await drained(inbox)).toEqual([["one"]]);
  });

  test("tells of what a Reset cleared only that it was reset", async () => {
    const inbox = await startMortal();
    await inbox.write("one", "two");
    inbox.clock.pass(ttl);
    await inbox.server.upkeep();
    await inbox.service.reset({ socketId: "x" });
    expect(await drained(inbox)).toEqual([]);
    expect(await counts(inbox)).toEqual([0, 0]);
  });
});

describe("a full queue with DROP_OLDEST", () => {
  const config = { messageTtl: ms(0), maxQueueSize: 3, overflowPolicy: OVERFLOW_POLICY_DROP_OLDEST };

  test("drops the oldest that no reader has, and a GAP tells how many", async () => {
    const inbox = await startMortal(config);
    await inbox.write("held", "two", "three");
    await inbox.take();
    await inbox.write("four", "five");
    expect(await inbox.peek()).toEqual(["held", "four", "five"]);
    expect(await inbox.ack(1)).toEqual({ count: 1, stale: [] });
    expect(await drained(inbox)).toEqual(["OVERFLOW 2", ["four", "five"]]);
  });

  test("drops what was given back before what is newer", async () => {
    const inbox = await startMortal(config);
    await inbox.write("back", "two", "three");
    await inbox.take();
    await inbox.nackFor(hour, 1);
    await inbox.write("four");
    expect(await inbox.peek()).toEqual(["two", "three", "four"]);
    expect(await inbox.ack(1)).toEqual({ count: 0, stale: [1] });
  });

  test("drops the oldest that a reader has when readers have them all, whose ack is stale then", async () => {
    const inbox = await startMortal(config);
    await inbox.write("one", "two", "three");
    expect(await inbox.takeAll()).toEqual(["one", "two", "three"]);
    await inbox.write("four");
    expect(await inbox.peek()).toEqual(["two", "three", "four"]);
    expect(await inbox.ack(1, 2, 3)).toEqual({ count: 2, stale: [1] });
    expect(await drained(inbox)).toEqual(["OVERFLOW 1", ["four"]]);
  });

  test("drops what is parked last", async () => {
    const inbox = await startMortal({ ...config, maxDeliveryAttempts: 1 });
    await inbox.write("parked");
    await inbox.park(1);
    await inbox.write("two", "three", "four");
    expect([await inbox.parked(), await inbox.peek()]).toEqual([["parked"], ["three", "four"]]);
    expect(await inbox.requeue()).toBe(1);
    expect(attemptsOf(await inbox.take({ maxOutstanding: 9 }))).toEqual([
      ["parked", 1],
      ["three", 1],
      ["four", 1],
    ]);
  });

  test("tells a reader in the midst of its work", async () => {
    const inbox = await startMortal(config);
    await inbox.write("one", "two", "three");
    const reading = inbox.read();
    await reading.message();
    await inbox.write("four");
    expect(await reading.event()).toMatchObject({ droppedCount: 1n, gapReason: GAP_REASON_OVERFLOW });
    await inbox.ack(1);
    expect(await reading.message()).toMatchObject({ content: "three", sequence: 3n });
  });

  test("tells what was dropped and what was outlived apart", async () => {
    const inbox = await startMortal({ ...config, messageTtl: ms(ttl) });
    await inbox.write("one", "two", "three", "four");
    inbox.clock.pass(ttl);
    await inbox.write("young");
    expect(await drained(inbox)).toEqual(["OVERFLOW 1", "EXPIRED 3", ["young"]]);
    expect(await counts(inbox)).toEqual([0, 4]);
  });
});
