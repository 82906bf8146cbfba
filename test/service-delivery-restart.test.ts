/** What was delivered and what became of it, over a clean restart and over kill -9: rules 6, 7 and 10 of the contract. */
import { randomInt } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { SocketConfig } from "../gen/ts/socketregistry/v1/socket_registry.js";
import type { Config } from "../src/config.js";
import { connect, contentsOf, type Part, startService } from "./support/client.js";
import { attemptsOf, Inbox, ms, startInbox, took } from "./support/inbox.js";
import { compileServer, Program } from "./support/process.js";
import { tempDir } from "./support/temp-dir.js";

const team = "team-chat-all";
const hour = 3_600_000;
const main = `${compileServer()}/src/main.js`;
const kills = process.env["LONG"] === "1" ? 50 : 3;
const seed = Number(process.env["SEED"] ?? randomInt(2 ** 31));

interface Running {
  readonly inbox: Inbox;
  /** Stops the server, and starts another one on what it left. */
  restart(): Promise<Inbox>;
}

/** A server in this process, which stops in good order. */
async function startHere(overrides: Partial<Config> = {}, config: Part<SocketConfig> = {}): Promise<Running> {
  const settings = { dataDir: tempDir(), ...overrides };
  const inbox = await startInbox(settings, config);
  return {
    inbox,
    async restart() {
      await inbox.server.stop();
      return new Inbox(await startService(settings));
    },
  };
}

/** A server in a process of its own, which is killed. */
async function startApart(overrides: Partial<Config> = {}, config: Part<SocketConfig> = {}): Promise<Running> {
  const dataDir = tempDir();
  const flags = Object.entries(overrides).map(
    ([name, value]) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}=${value}`,
  );
  const start = async () => {
    const program = new Program(process.execPath, [main, "--listen=127.0.0.1:0", `--data-dir=${dataDir}`, ...flags]);
    const { address } = await program.line("listening");
    return { program, inbox: new Inbox(connect(String(address))) };
  };
  const { program, inbox } = await start();
  await inbox.service.create({ socketId: "x", config });
  return {
    inbox,
    async restart() {
      program.kill("SIGKILL");
      await program.exit;
      return (await start()).inbox;
    },
  };
}

describe.each([
  ["a clean stop", startHere],
  ["kill -9", startApart],
])("over %s", (_, start) => {
  test("what was settled never comes back, and what was not does, its attempts counted", async () => {
    const { inbox, restart } = await start({ returnGraceMs: 0 });
    await inbox.write("settled", "given back", "lent", "given back twice", "settled too", "held", "unread");
    await inbox.take({ maxOutstanding: 5 });
    await inbox.ack(1, 5);
    await inbox.nack(2, 4);
    await inbox.take({ maxOutstanding: 2 });
    await inbox.nack(4, 2);
    await inbox.take();
    await inbox.nack(2);
    const reading = inbox.read({ maxOutstanding: 3 });
    expect(attemptsOf(await reading.messages(3))).toEqual([
      ["given back", 4],
      ["given back twice", 3],
      ["held", 1],
    ]);
    const again = await restart();
    expect(attemptsOf(await again.read({ maxOutstanding: 9 }).messages(4))).toEqual([
      ["given back", 4],
      ["given back twice", 3],
      ["held", 1],
      ["unread", 1],
    ]);
    expect(await again.counts()).toEqual({ queue: 5, inFlight: 5, parked: 0 });
    // Its stream ended as asked, so it is where it was.
    expect(await again.ack(3)).toEqual({ count: 1, stale: [] });
    expect(await again.ack(1, 5)).toEqual({ count: 0, stale: [1, 5] });
    expect(await again.ackThrough(7)).toEqual({ count: 4, stale: [] });
    expect(await again.counts()).toEqual({ queue: 0, inFlight: 0, parked: 0 });
  });

  test("what an open stream had comes back after the grace, counted from the start", async () => {
    const { inbox, restart } = await start({ returnGraceMs: 500 });
    await inbox.write("one", "two");
    await inbox.take();
    await inbox.nack(1);
    expect(attemptsOf(await inbox.read().messages(1))).toEqual([["one", 2]]);
    const waitedMs = await took(async () => {
      const again = await restart();
      const reading = again.read();
      expect(attemptsOf(await reading.messages(1))).toEqual([["one", 2]]);
      await again.ack(1);
      expect(attemptsOf(await reading.messages(1))).toEqual([["two", 1]]);
    });
    expect(waitedMs).toBeGreaterThanOrEqual(500);
  });

  test("what an open stream had can be settled, extended and given back before that", async () => {
    const { inbox, restart } = await start({ returnGraceMs: hour });
    await inbox.write("one", "two", "three", "four");
    await inbox.read({ maxOutstanding: 3 }).messages(3);
    const epoch = await inbox.epoch();
    const again = await restart();
    expect(await again.counts()).toEqual({ queue: 4, inFlight: 3, parked: 0 });
    expect(contentsOf(await again.take())).toEqual([]);
    expect(await again.acknowledge({ epoch, sequences: [1], extendSequences: [2], nackSequences: [3] })).toEqual({
      count: 3,
      stale: [],
    });
    expect(attemptsOf(await again.take({ maxOutstanding: 9 }))).toEqual([
      ["three", 2],
      ["four", 1],
    ]);
  });

  test("a deadline goes on: what is left of it is left", async () => {
    const { inbox, restart } = await start({ returnGraceMs: 0 }, { ackDeadline: ms(1_500) });
    await inbox.write("one");
    const waitedMs = await took(async () => {
      await inbox.take();
      const again = await restart();
      expect(attemptsOf(await again.read().messages(1))).toEqual([["one", 2]]);
    });
    // It is kept by the wall clock, in whole milliseconds.
    expect(waitedMs).toBeGreaterThanOrEqual(1_490);
  });

  test("a delay goes on, and what waits for it holds up the order", async () => {
    const { inbox, restart } = await start();
    await inbox.write("one", "two");
    await inbox.take();
    await inbox.nackFor(hour, 1);
    const again = await restart();
    expect(await again.counts()).toEqual({ queue: 2, inFlight: 0, parked: 0 });
    expect(contentsOf(await again.take())).toEqual([]);
    expect(contentsOf(await again.take({ maxOutstanding: 2 }))).toEqual(["two"]);
    expect(await again.ack(1)).toEqual({ count: 1, stale: [] });
  });

  test("what is parked stays parked, and what was requeued waits", async () => {
    const { inbox, restart } = await start({}, { maxDeliveryAttempts: 2, maxQueueSize: 4 });
    await inbox.write("m1", "m2", "m3", "m4");
    for (let turn = 0; turn < 3; turn++) await inbox.park(2);
    await inbox.requeue(2);
    const again = await restart();
    expect(await again.counts()).toEqual({ queue: 2, inFlight: 0, parked: 2 });
    expect(await again.parked()).toEqual(["m1", "m3"]);
    expect(await again.peek()).toEqual(["m2", "m4"]);
    await expect(again.write("too many")).rejects.toThrow("full");
    expect(await again.nack(1)).toEqual({ count: 0, stale: [1] });
    expect(await again.requeue()).toBe(2);
    expect(attemptsOf(await again.take({ maxOutstanding: 9 }))).toEqual([
      ["m1", 1],
      ["m2", 1],
      ["m3", 1],
      ["m4", 1],
    ]);
    await again.nack(3);
    expect(attemptsOf(await again.take({ maxOutstanding: 9 }))).toEqual([["m3", 2]]);
  });

  test("what is parked or returned outlives all that retention lets go of around it", async () => {
    const settings = { retainedMessages: 0, upkeepIntervalMs: 10, maxDeliveryAttempts: 2 };
    const { inbox, restart } = await start(settings);
    const { service } = inbox;
    for (const message of ["parked", "back", "m3"]) await service.write({ socketId: "x", sender: "s", message });
    await inbox.park(2);
    await inbox.take();
    expect(await service.contents("x")).toEqual(["m3"]);
    await inbox.nack(2);
    const again = await restart();
    expect(await again.requeue()).toBe(1);
    expect(attemptsOf(await again.take({ maxOutstanding: 9 }))).toEqual([
      ["parked", 1],
      ["back", 2],
    ]);
    expect((await again.service.write({ socketId: "x", message: "m4" })).results[0]?.sequence).toBe(4n);
  });

  test("acks out of order are each remembered, and AUTO readers get the rest", async () => {
    const { inbox, restart } = await start();
    const contents = Array.from({ length: 20 }, (_, index) => `m${index + 1}`);
    await inbox.write(...contents);
    await inbox.take({ maxOutstanding: 15 });
    await inbox.ack(2, 3, 5, 8, 13);
    await inbox.nack(1, 4, 6, 7, 9, 10, 11, 12, 14, 15);
    const again = await restart();
    const settled = ["m2", "m3", "m5", "m8", "m13"];
    const rest = contents.filter((content) => !settled.includes(content));
    expect(await again.peek()).toEqual(rest);
    expect(attemptsOf(await again.service.drain("x"))).toEqual(
      rest.map((content, place) => [content, place < 10 ? 2 : 1]),
    );
    expect(await again.counts()).toEqual({ queue: 0, inFlight: 0, parked: 0 });
  });

  test("consumers keep their places and their deliveries", async () => {
    const { inbox, restart } = await start({ maxDeliveryAttempts: 1 });
    const { service } = inbox;
    const before = new Inbox(service, team, "c");
    await before.take();
    await service.contents(team, { consumer: "d" });
    for (const message of ["m1", "m2", "m3", "m4"]) await service.write({ socketId: team, sender: "x", message });
    await before.park(1);
    await before.take({ maxOutstanding: 2 });
    await before.ack(2);
    const again = await restart();
    const after = new Inbox(again.service, team, "c");
    expect(await after.parked()).toEqual(["m1"]);
    expect(await after.takeAll()).toEqual(["m4"]);
    expect(await after.ack(1, 2, 3)).toEqual({ count: 2, stale: [2] });
    expect(await again.service.contents(team, { consumer: "d" })).toEqual(["m1", "m2", "m3", "m4"]);
    expect(await again.service.contents(team)).toEqual(["m1", "m2", "m3", "m4"]);
  });

  test("a reset is not undone, and acks of before stay stale", async () => {
    const { inbox, restart } = await start({ maxDeliveryAttempts: 1 });
    await inbox.write("parked", "held");
    await inbox.park(1);
    const [held] = await inbox.take();
    await inbox.service.reset({ socketId: "x" });
    await inbox.write("new");
    await inbox.take();
    const again = await restart();
    expect(await again.acknowledge({ epoch: held?.epoch ?? "", sequences: [1, 2] })).toEqual({
      count: 0,
      stale: [1, 2],
    });
    expect(await again.counts()).toEqual({ queue: 1, inFlight: 1, parked: 0 });
    expect(await again.ackThrough(9)).toEqual({ count: 1, stale: [] });
  });
});

test.each(Array.from({ length: kills }, (_, kill) => kill))(
  `kill -9 amid acks loses and revives nothing: seed ${seed}, kill %i`,
  async (kill) => {
    const { inbox, restart } = await startApart({ returnGraceMs: 0, maxDeliveryAttempts: 0 });
    const contents = Array.from({ length: 150 }, (_, index) => `m${index}`);
    await Promise.all(contents.map((message) => inbox.service.write({ socketId: "x", message })));
    /** By sequence: what was answered, and how many times it was given back at least. */
    const settled = new Set<bigint>();
    const doubtful = new Set<bigint>();
    const failures = new Map<bigint, number>();
    let answers = 0;
    const killAt = ((seed + kill * 7_919) % 180) + 10;
    let again: Promise<Inbox> | undefined;
    const work = async (maxOutstanding: number) => {
      const reading = inbox.read({ maxOutstanding });
      for (;;) {
        const message = await reading.message().catch(() => undefined);
        if (message === undefined) return;
        const { sequence, deliveryAttempt } = message;
        const failed = (Number(sequence) * 31 + deliveryAttempt * 17 + seed) % 5 < 2;
        if (!failed) doubtful.add(sequence);
        const answer = await (failed ? inbox.nack(sequence) : inbox.ack(sequence)).catch(() => undefined);
        if (answer === undefined) return;
        if (failed) failures.set(sequence, Math.max(failures.get(sequence) ?? 0, deliveryAttempt));
        else settled.add(sequence);
        if (++answers === killAt) again = restart();
      }
    };
    await Promise.all([1, 2, 5].map(work));
    // There may have been fewer answers than that.
    const after = await (again ?? restart());
    const { queue } = await after.counts();
    const seen = new Set<bigint>();
    const reading = after.read({ maxOutstanding: 200 });
    for (const { sequence, deliveryAttempt } of await reading.messages(queue)) {
      expect(settled.has(sequence), `${sequence} had been settled`).toBe(false);
      expect(seen.has(sequence), `${sequence} came twice`).toBe(false);
      expect(deliveryAttempt).toBeGreaterThan(failures.get(sequence) ?? 0);
      seen.add(sequence);
    }
    const lost = contents.map((_, index) => BigInt(index + 1)).filter((n) => !seen.has(n) && !doubtful.has(n));
    expect(lost).toEqual([]);
    expect(await after.ackThrough(150)).toEqual({ count: queue, stale: [] });
  },
);
