/** What an open Read does when the world changes under it, on the storage in memory. */
import { afterEach, expect, test, vi } from "vitest";
import type { MemoryStorage } from "./support/memory-storage.js";
import { contentsOf, isSettled, Rules, reasonOf } from "./support/rules.js";

const dropOldest = { config: { maxQueueSize: 2, overflowPolicy: "DROP_OLDEST" } } as const;
const idle = { queueSize: 0, inFlightCount: 0, readerCount: 0 };
const forgetAll = { messages: 0, bytes: 0, ageMs: 0 };

afterEach(() => {
  vi.useRealTimers();
});

/** Does something while the next messages are being read from the storage, once. */
function duringNextRead(memory: MemoryStorage, act: () => unknown) {
  let isDone = false;
  const once = async <T>(read: Promise<T>): Promise<T> => {
    const messages = await read;
    if (!isDone) {
      isDone = true;
      await act();
    }
    return messages;
  };
  return {
    readAt: (...args: Parameters<MemoryStorage["readAt"]>) => once(memory.readAt(...args)),
    readAfter: (...args: Parameters<MemoryStorage["readAfter"]>) => once(memory.readAfter(...args)),
  };
}

// Reset and deletion

test.each(["AUTO", "NONE"] as const)("what was being read when a reset came is not seen: %s", async (ackMode) => {
  const rules: Rules = new Rules({}, (memory) =>
    duringNextRead(memory, () => rules.registry.reset({ socketId: "x", scope: "QUEUE", etag: "" })),
  );
  await rules.create("x");
  await rules.writeAll("x", "old");
  const reading = rules.read("x", { ackMode });
  expect(await reading.told()).toBe("RESET");
  await rules.write("x", "new");
  expect(await reading.next()).toMatchObject({ messages: [{ sequence: 1 }], position: { sequence: 1 } });
  await reading.frames.return();
  expect(await rules.counts("x")).toEqual({ ...idle, queueSize: 1 });
});

test("what was being read when the socket was deleted is not seen", async () => {
  const rules: Rules = new Rules({}, (memory) =>
    duringNextRead(memory, () => rules.registry.delete({ socketId: "x", etag: "", allowMissing: false })),
  );
  await rules.create("x");
  await rules.writeAll("x", "old");
  expect(await reasonOf(rules.read("x").next())).toBe("SOCKET_DELETED");
});

test("what was chosen for a page when a reset came is not shown", async () => {
  const rules: Rules = new Rules({}, (memory) =>
    duringNextRead(memory, () => rules.registry.reset({ socketId: "x", scope: "QUEUE", etag: "" })),
  );
  await rules.create("x");
  await rules.writeAll("x", "old");
  const page = await rules.registry.peek({ socketId: "x", pageSize: 0, pageToken: "", parked: false, consumer: "" });
  expect(page).toMatchObject({ messages: [], nextPageToken: "", socket: (await rules.registry.info("x")).row });
});

test("a reset between a frame and the next one does not settle anything of the new queue", async () => {
  const rules = new Rules();
  await rules.create("x");
  await rules.writeAll("x", "old");
  const reading = rules.read("x");
  expect(await reading.told()).toEqual(["old"]);
  await rules.registry.reset({ socketId: "x", scope: "ALL", etag: "" });
  await rules.writeAll("x", "new");
  expect(await reading.told()).toBe("RESET");
  expect(await rules.counts("x")).toMatchObject({ queueSize: 1, inFlightCount: 0 });
  expect(await reading.told()).toEqual(["new"]);
});

test("two resets at once are one or two events, and the Read goes on in the last queue", async () => {
  const rules = new Rules();
  await rules.create("x");
  const reading = rules.read("x");
  const first = reading.told();
  expect(await isSettled(first)).toBe(false);
  const reset = { socketId: "x", scope: "QUEUE", etag: "" } as const;
  await Promise.all([rules.registry.reset(reset), rules.registry.reset(reset), rules.write("x", "new")]);
  const told = [await first, await reading.told()];
  if (told[1] === "RESET") told[1] = await reading.told();
  expect(told).toEqual(["RESET", ["new"]]);
});

test("deletion ends a Read that waits, one that is about to be told of a loss, and one that has a frame", async () => {
  const rules = new Rules();
  await rules.create("x", dropOldest);
  const waiting = rules.read("x", { ackMode: "NONE" });
  const first = waiting.told();
  expect(await isSettled(first)).toBe(false);
  await rules.write("x", "one");
  expect(await first).toEqual(["one"]);
  const end = waiting.next();
  const holding = rules.read("x");
  expect(await holding.told()).toEqual(["one"]);
  const release = rules.memory.holdCommits();
  const writes = rules.writeAll("x", "two", "three", "four");
  const losing = holding.told();
  const deletion = rules.registry.delete({ socketId: "x", etag: "", allowMissing: false });
  release();
  await Promise.all([writes, deletion]);
  // The loss was news before the deletion was, so it may still be told.
  expect(await losing).toMatch(/^OVERFLOW/);
  expect(await reasonOf(holding.next())).toBe("SOCKET_DELETED");
  expect(await reasonOf(end)).toBe("SOCKET_DELETED");
});

test("a socket that replaces another has none of its readers", async () => {
  const rules = new Rules({ maxReadersPerSocket: 1 });
  await rules.create("x");
  await rules.writeAll("x", "old");
  const reading = rules.read("x");
  expect(await reading.told()).toEqual(["old"]);
  await rules.create("x", { onConflict: "REPLACE" });
  await rules.write("x", "new");
  expect(await rules.counts("x")).toEqual({ ...idle, queueSize: 1 });
  expect(await rules.drain("x")).toEqual(["new"]);
  expect(await reasonOf(reading.next())).toBe("SOCKET_DELETED");
  expect(await rules.counts("x")).toEqual(idle);
});

// Losses

test("messages that a reader has are dropped like others, and are not in flight any more", async () => {
  const rules = new Rules();
  await rules.create("x", dropOldest);
  await rules.writeAll("x", "one", "two");
  const reading = rules.read("x");
  expect(await reading.told()).toEqual(["one", "two"]);
  expect(await rules.counts("x")).toMatchObject({ queueSize: 2, inFlightCount: 2 });
  await rules.write("x", "three");
  expect(await rules.counts("x")).toMatchObject({ queueSize: 2, inFlightCount: 1 });
  expect(await reading.told()).toBe("OVERFLOW 1");
  expect(await reading.next()).toMatchObject({ messages: [{ sequence: 3 }], backlogCount: 0 });
  await reading.frames.return();
  expect(await rules.counts("x")).toEqual({ ...idle, queueSize: 1 });
});

test("messages that were dropped and let go of while they were read are passed over, and others come", async () => {
  let memory: MemoryStorage | undefined;
  const rules: Rules = new Rules({}, (storage) => {
    memory = storage;
    let isDone = false;
    return {
      async readAt(number, sequences) {
        if (!isDone) {
          isDone = true;
          await rules.write("x", "needs the room of both");
          await storage.retain(forgetAll);
        }
        return await storage.readAt(number, sequences);
      },
    };
  });
  await rules.create("x", { config: { maxQueueBytes: 50, overflowPolicy: "DROP_OLDEST" } });
  await rules.writeAll("x", "one", "two");
  const reading = rules.read("x");
  expect(await reading.told()).toBe("OVERFLOW 2");
  expect(await reading.told()).toEqual(["needs the room of both"]);
  await reading.frames.return();
  expect(await rules.counts("x")).toEqual({ ...idle, queueSize: 1 });
  expect(memory?.queue(2).depth).toBe(1);
});

test("a loss is announced once, whoever reads", async () => {
  const rules = new Rules();
  await rules.create("x", dropOldest);
  await rules.writeAll("x", "one", "two", "three", "four");
  const [first, second] = [rules.read("x"), rules.read("x", { noWait: true })];
  expect(await first.told()).toBe("OVERFLOW 2");
  expect(await second.told()).toEqual(["three", "four"]);
  expect(await second.told()).toBe(undefined);
  expect(await isSettled(first.next())).toBe(false);
});

test.each(["AUTO", "EXPLICIT"] as const)(
  "a loss that did not leave is announced by another reader: %s",
  async (ackMode) => {
    const rules = new Rules();
    await rules.create("x", dropOldest);
    await rules.writeAll("x", "one", "two", "three", "four");
    const broken = rules.read("x", { ackMode, maxOutstanding: 2 });
    expect(await broken.told()).toBe("OVERFLOW 2");
    const waiting = rules.read("x", { ackMode, maxOutstanding: 2 });
    expect(await waiting.told()).toEqual(["three", "four"]);
    const told = waiting.told();
    expect(await isSettled(told)).toBe(false);
    await broken.frames.return();
    expect(await told).toBe("OVERFLOW 2");
    const next = waiting.told();
    expect(await isSettled(next)).toBe(false);
    await rules.writeAll("x", "five", "six", "seven");
    expect(await next).toBe(ackMode === "AUTO" ? "OVERFLOW 1" : "OVERFLOW 3");
  },
);

test("a Read that looks is told of all that retention took from under it, before or while it read", async () => {
  let isDone = false;
  const rules: Rules = new Rules({ maxFrameMessages: 2 }, (memory) => ({
    async readAfter(number, after, limits) {
      const messages = await memory.readAfter(number, after, limits);
      // The one in the middle is let go of before it could be read.
      if (isDone || messages.length < 2) return messages;
      isDone = true;
      return messages.slice(1);
    },
  }));
  await rules.create("x");
  await rules.writeAll("x", "one", "two", "three", "four", "five");
  const reading = rules.read("x", { ackMode: "NONE" });
  expect(await reading.told()).toEqual(["two"]);
  expect(await reading.told()).toBe("RETENTION 1");
  await rules.drain("x", { maxMessages: 4 });
  await rules.memory.retain(forgetAll);
  expect(await reading.told()).toBe("RETENTION 2");
  expect(await reading.told()).toEqual(["five"]);
});

test("damaged messages are passed over, settled, and announced once", async () => {
  const damage = new Set([1, 3]);
  const rules = new Rules({}, (memory) => ({
    async readAt(number, sequences) {
      const messages = await memory.readAt(number, sequences);
      return messages.map((message) => ({ ...message, damaged: damage.has(message.sequence) }));
    },
  }));
  await rules.create("x");
  await rules.writeAll("x", "one", "two", "three", "four");
  const reading = rules.read("x", { maxMessages: 2 });
  expect(await reading.told()).toEqual(["two"]);
  expect(await reading.told()).toBe("DAMAGED 1");
  // One message is still asked for, and the third is none.
  expect(await reading.told()).toBe("DAMAGED 1");
  expect(await reading.told()).toEqual(["four"]);
  expect(await reading.told()).toBe(undefined);
  expect(await rules.counts("x")).toEqual(idle);
});

// Positions

test("AUTO with a position replays what is settled and then skips nothing that is not", async () => {
  const rules = new Rules({ maxFrameMessages: 2 });
  await rules.create("x");
  await rules.writeAll("x", "one", "two", "three", "four", "five", "six");
  const slow = rules.read("x", { maxMessages: 2 });
  expect(await slow.told()).toEqual(["one", "two"]);
  expect(await rules.drain("x", { maxMessages: 2 })).toEqual(["three", "four"]);
  const reading = rules.read("x", { after: { epoch: "", sequence: 0 } });
  expect(await reading.told()).toEqual(["three", "four"]);
  // It is history, so nothing has changed by it.
  expect(await rules.counts("x")).toMatchObject({ queueSize: 4, inFlightCount: 2 });
  await slow.frames.return();
  expect(await reading.told()).toEqual(["one", "two"]);
  expect(await reading.told()).toEqual(["five", "six"]);
  await rules.write("x", "seven");
  expect(await reading.told()).toEqual(["seven"]);
});

test("a replay tells of what retention takes from under it", async () => {
  const rules = new Rules({ maxFrameMessages: 1 });
  await rules.create("x");
  await rules.writeAll("x", "one", "two", "three");
  await rules.drain("x");
  const reading = rules.read("x", { after: { epoch: "", sequence: 0 } });
  expect(await reading.told()).toEqual(["one"]);
  await rules.memory.retain(forgetAll);
  await rules.write("x", "four");
  expect(await reading.told()).toBe("RETENTION 2");
  expect(await reading.told()).toEqual(["four"]);
});

// Time, and the end

test("heartbeats come after a silence, which any frame ends", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  const rules = new Rules();
  await rules.create("x");
  const reading = rules.read("x", { heartbeatMs: 1_000 });
  expect(await reading.told()).toBe("STARTED");
  expect(await reading.told()).toBe("CAUGHT_UP");
  let next = reading.told();
  await vi.advanceTimersByTimeAsync(999);
  expect(await isSettled(next)).toBe(false);
  await vi.advanceTimersByTimeAsync(1);
  expect(await next).toBe("HEARTBEAT");

  next = reading.told();
  await vi.advanceTimersByTimeAsync(600);
  await rules.write("x", "one");
  expect(await next).toEqual(["one"]);
  next = reading.told();
  await vi.advanceTimersByTimeAsync(999);
  expect(await isSettled(next)).toBe(false);
  await vi.advanceTimersByTimeAsync(1);
  expect(await next).toBe("HEARTBEAT");
  // A slow client is no silence of the server's.
  await vi.advanceTimersByTimeAsync(5_000);
  next = reading.told();
  expect(await isSettled(next)).toBe(false);
});

test("an aborted Read ends with the reason, whatever it waits for", async () => {
  const reason = new Error("the client left");
  const rules = new Rules();
  await rules.create("x");
  const waiting = rules.read("x");
  const next = waiting.next();
  expect(await isSettled(next)).toBe(false);
  waiting.abort(reason);
  await expect(next).rejects.toBe(reason);

  await rules.writeAll("x", "one", "two");
  const holding = rules.read("x", { excludeSender: "someone else" });
  expect(await holding.told()).toEqual(["one", "two"]);
  holding.abort(reason);
  // What it asked for after the frame says that the frame was handed over.
  await expect(holding.next()).rejects.toBe(reason);
  expect(await rules.counts("x")).toEqual(idle);
});

test("an aborted Read stops in the middle of what it leaves out", async () => {
  const reason = new Error("the client left");
  const rules: Rules = new Rules({ maxFrameMessages: 1 }, (memory) =>
    duringNextRead(memory, () => reading.abort(reason)),
  );
  await rules.create("x");
  await rules.writeAll("x", "one", "two", "three");
  const reading = rules.read("x", { excludeSender: "someone" });
  await expect(reading.next()).rejects.toBe(reason);
  expect(await rules.counts("x")).toEqual({ ...idle, queueSize: 2 });
});

test("wherever a Read is broken off, it gives back what it has and is gone", async () => {
  // Turn by turn a little later, from its first step to where it waits for more.
  for (let turns = 0; turns < 40; turns++) {
    const rules = new Rules({ maxFrameMessages: 1 });
    await rules.create("x", dropOldest);
    await rules.writeAll("x", "one", "two", "three", "four");
    const reason = new Error("broken");
    const reading = rules.read("x", { heartbeatMs: 1_000 });
    const handed: string[] = [];
    let asked = 0;
    const run = async (): Promise<void> => {
      for (let frame = await reading.next(); frame !== undefined; frame = await reading.next()) {
        handed.push(...contentsOf(frame));
        asked++;
      }
    };
    const end = run().catch((error: unknown) => expect(error).toBe(reason));
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    const returned = reading.frames.return();
    reading.abort(reason);
    await Promise.all([end, returned]);
    expect(asked).toBeGreaterThanOrEqual(handed.length);
    // The frame that the end came upon was not asked beyond, so its message is still there.
    const left = await rules.drain("x");
    expect([...handed.slice(0, 2 - left.length), ...left]).toEqual(["three", "four"]);
    expect(await rules.counts("x")).toEqual(idle);
  }
});
