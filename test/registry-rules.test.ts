/** The sharper corners of the registry's rules, on the storage in memory: what is pending, what races, what fails. */
import { expect, test } from "vitest";
import { storageUnavailable } from "../src/registry/errors.js";
import type { MemoryQueue } from "./support/memory-queue.js";
import { isSettled, Rules, reasonOf } from "./support/rules.js";

const team = "team-chat-all";
const dropOldest = { config: { maxQueueSize: 2, overflowPolicy: "DROP_OLDEST" } } as const;

// What is not durable

test("a refusal that stands on a pending change waits for it", async () => {
  const rules = new Rules();
  await rules.create("x");
  await rules.create("gone");
  const release = rules.memory.holdCommits();
  const calls = [
    rules.registry.delete({ socketId: "gone", etag: "", allowMissing: false }),
    rules.create("new"),
    rules.registry.mark("x", "INACTIVE", ""),
  ];
  const refusals = {
    write: rules.write("gone", "lost"),
    info: rules.registry.info("gone"),
    read: rules.read("gone").next(),
    peek: rules.registry.peek({ socketId: "gone", pageSize: 0, pageToken: "", parked: false, consumer: "" }),
    remove: rules.registry.delete({ socketId: "gone", etag: "", allowMissing: false }),
    create: rules.create("new"),
    inactive: rules.write("x", "refused"),
    etag: rules.registry.reset({ socketId: "x", scope: "ALL", etag: "old" }),
  };
  for (const [name, refusal] of Object.entries(refusals))
    expect([name, await isSettled(refusal)]).toEqual([name, false]);
  release();
  await Promise.all(calls);
  expect(await Promise.all(Object.values(refusals).map(reasonOf))).toEqual([
    ...Array(5).fill("SOCKET_NOT_FOUND"),
    "SOCKET_EXISTS",
    "SOCKET_INACTIVE",
    "ETAG_MISMATCH",
  ]);
});

test("a position in what is pending is no position until it is durable", async () => {
  const rules = new Rules();
  await rules.create("x");
  const release = rules.memory.holdCommits();
  const write = rules.write("x", "one");
  const start = rules.read("x", { ackMode: "NONE", after: { epoch: "", sequence: 1 }, heartbeatMs: 1_000 }).next();
  const lost = rules.read("x", { ackMode: "NONE", after: { epoch: "", sequence: 2 } }).next();
  expect(await isSettled(start)).toBe(false);
  expect(await isSettled(lost)).toBe(false);
  release();
  await write;
  expect(await start).toMatchObject({ event: "STARTED", position: { sequence: 1 } });
  expect(await reasonOf(lost)).toBe("POSITION_LOST");
});

test("a Read that begins waits for what is pending", async () => {
  const rules = new Rules();
  await rules.create("x");
  await rules.writeAll("x", "one", "two", "three");
  const reading = rules.read("x", { maxMessages: 2 });
  const release = rules.memory.holdCommits();
  const write = rules.write("x", "four");
  const opened = reading.next();
  expect(await isSettled(opened)).toBe(false);
  release();
  await write;
  expect(await opened).toMatchObject({ backlogCount: 2 });
});

test("an open Read counts a backlog without what is pending", async () => {
  const rules = new Rules({ maxFrameMessages: 1 });
  await rules.create("x");
  await rules.writeAll("x", "one", "two", "three");
  const reading = rules.read("x");
  expect(await reading.next()).toMatchObject({ backlogCount: 2 });
  const release = rules.memory.holdCommits();
  const write = rules.write("x", "four");
  expect(await reading.next()).toMatchObject({ backlogCount: 1 });
  release();
  await write;
  expect(await reading.next()).toMatchObject({ backlogCount: 1 });
});

test("a reset and a drop are told when they are durable", async () => {
  const rules = new Rules();
  await rules.create("x", dropOldest);
  await rules.writeAll("x", "one", "two");
  const reading = rules.read("x");
  const waiting = rules.read(team);
  expect(await reading.told()).toEqual(["one", "two"]);
  const held = waiting.next();
  const release = rules.memory.holdCommits();
  const write = rules.writeAll("x", "three", "four", "five");
  const gap = reading.told();
  const reset = rules.registry.reset({ socketId: team, scope: "ALL", etag: "" });
  expect(await isSettled(gap)).toBe(false);
  expect(await isSettled(held)).toBe(false);
  release();
  await Promise.all([write, reset]);
  expect(await gap).toBe("OVERFLOW 3");
  expect(await held).toMatchObject({ event: "RESET" });
});

// Storage that fails

test("when a commit fails, whatever stood on it is refused, and no Read is left open", async () => {
  const failure = storageUnavailable(new Error("the disk is gone"));
  const rules = new Rules({}, () => ({ durable: () => Promise.reject(failure) }));
  const { registry } = rules;
  const calls = [
    rules.create("x"),
    rules.write("x", "one"),
    rules.write("nobody", "one"),
    registry.info("x"),
    registry.info("nobody"),
    registry.list({ pageSize: 0, pageToken: "", states: [], labels: {}, model: "" }),
    registry.peek({ socketId: "x", pageSize: 0, pageToken: "", parked: false, consumer: "" }),
    registry.status(),
    registry.mark("x", "INACTIVE", ""),
    registry.reset({ socketId: "x", scope: "ALL", etag: "" }),
    rules.read("x").next(),
    rules.read("nobody").next(),
    registry.delete({ socketId: "x", etag: "", allowMissing: false }),
  ];
  const reasons = await Promise.all(calls.map(reasonOf));
  expect(new Set(reasons)).toEqual(new Set(["STORAGE_UNAVAILABLE"]));
});

test("a Read that could not begin is not counted", async () => {
  let isFailing = false;
  const failure = storageUnavailable(new Error("the disk is gone"));
  const rules = new Rules({}, (memory) => ({
    durable: () => (isFailing ? Promise.reject(failure) : memory.durable()),
  }));
  await rules.create("x");
  isFailing = true;
  expect(await reasonOf(rules.read("x").next())).toBe("STORAGE_UNAVAILABLE");
  isFailing = false;
  expect(await rules.counts("x")).toEqual({ queueSize: 0, inFlightCount: 0, readerCount: 0 });
});

test("messages whose settlement the store forgot wait again, though a reader of that time is still there", async () => {
  let generation = 0;
  const rules = new Rules({ maxFrameMessages: 1 }, () => ({
    get generation() {
      return generation;
    },
  }));
  await rules.create("x");
  await rules.writeAll("x", "one", "two", "three");
  const slow = rules.read("x");
  const quick = rules.read("x");
  expect(await slow.told()).toEqual(["one"]);
  expect(await quick.told()).toEqual(["two"]);
  expect(await quick.told()).toEqual(["three"]);
  // The store goes back to a disk that does not know of the second one.
  Object.assign((rules.memory.queue(2) as MemoryQueue).copies[1] ?? {}, { settled: false });
  generation++;
  // The second is handed out again; the first is not, for the slow reader has it.
  expect(await quick.told()).toEqual(["two"]);
  expect(await isSettled(quick.next())).toBe(false);
  expect(await rules.counts("x")).toMatchObject({ queueSize: 1, inFlightCount: 1 });
});

// Readers that share a queue

test("what one reader gives back wakes another", async () => {
  const rules = new Rules();
  await rules.create("x");
  await rules.writeAll("x", "one", "two");
  const broken = rules.read("x");
  expect(await broken.told()).toEqual(["one", "two"]);
  const other = rules.read("x");
  const next = other.told();
  expect(await isSettled(next)).toBe(false);
  await broken.frames.return();
  expect(await next).toEqual(["one", "two"]);
});

test("what was given back goes first", async () => {
  const rules = new Rules({ maxFrameMessages: 2 });
  await rules.create("x");
  await rules.writeAll("x", "one", "two", "three", "four", "five");
  const [first, second] = [rules.read("x"), rules.read("x")];
  expect(await first.told()).toEqual(["one", "two"]);
  expect(await second.told()).toEqual(["three", "four"]);
  await first.frames.return();
  expect(await second.told()).toEqual(["one", "two"]);
  expect(await second.told()).toEqual(["five"]);
});

test("a message that becomes durable between an empty look and the wait is not missed", async () => {
  const writes: Promise<unknown>[] = [];
  const rules = new Rules({}, (memory) => ({
    waitAfter(number, after, signal, timeoutMs) {
      if (writes.length === 0) {
        const release = memory.holdCommits();
        writes.push(rules.write("x", "one"));
        release();
      }
      return memory.waitAfter(number, after, signal, timeoutMs);
    },
  }));
  await rules.create("x");
  const reading = rules.read("x");
  expect(await reading.told()).toEqual(["one"]);
  const next = reading.told();
  expect(await isSettled(next)).toBe(false);
  await rules.write("x", "two");
  expect(await next).toEqual(["two"]);
});

test("the readers of a socket are limited, and each that leaves makes room", async () => {
  const rules = new Rules({ maxReadersPerSocket: 2 });
  await rules.create("x");
  const first = rules.read("x", { heartbeatMs: 1_000 });
  const second = rules.read("x", { heartbeatMs: 1_000, ackMode: "NONE" });
  expect([await first.told(), await second.told()]).toEqual(["STARTED", "STARTED"]);
  expect(await reasonOf(rules.read("x", { heartbeatMs: 1_000 }).next())).toBe("READER_LIMIT");
  await second.frames.return();
  expect(await rules.read("x", { heartbeatMs: 1_000 }).told()).toBe("STARTED");
});
