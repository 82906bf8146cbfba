/**
 * A WriteStream whose writes are not durable yet, on the storage in memory, which becomes durable when the test says so:
 * what may leave, what must wait, and how much may be under way.
 */
import { expect, test } from "vitest";
import type { Config } from "../src/config.js";
import { storageUnavailable } from "../src/registry/errors.js";
import type { Storage } from "../src/registry/storage.js";
import type { WriteRequest } from "../src/registry/write.js";
import type { WriteFrame, Written } from "../src/registry/write-stream.js";
import type { MemoryStorage } from "./support/memory-storage.js";
import { isSettled, Rules, reasonOf } from "./support/rules.js";

const retry = { key: "k".repeat(16), fingerprint: "f".repeat(16) };

function write(message: string, request: Partial<WriteRequest> = {}): WriteRequest {
  return {
    ...{ socketId: "x", sender: "someone", includeSender: false, body: Buffer.from(message) },
    ...{ matchLabels: {}, replyTo: "", isQuestion: false, retry: undefined, ...request },
  };
}

function frame(...writes: (string | WriteRequest)[]): WriteFrame {
  const requests = writes.map((one) => (typeof one === "string" ? write(one) : one));
  const bytes = requests.reduce((sum, { body }) => sum + body.length, 0);
  return { count: requests.length, bytes, read: (place) => requests[place] ?? expect.unreachable() };
}

/** A stream whose client has all these frames to send, or will have. */
class Streaming {
  readonly abort = new AbortController();
  readonly answers: AsyncGenerator<readonly Written[], void, undefined>;
  /** How many frames the server has asked for. */
  taken = 0;
  /** Whether the server asks for nothing any more. */
  isOver = false;

  constructor({ registry }: Rules, ...frames: (WriteFrame | Promise<WriteFrame>)[]) {
    this.answers = registry.writeStream(this.#give(frames), this.abort.signal);
  }

  /** What is answered next: sequences, and the reasons of refusals. */
  async told(): Promise<(number | string)[]> {
    const next = await this.answers.next();
    return next.done === true ? ["end"] : await Promise.all(next.value.map(outcomeOf));
  }

  /** The next so many of these, however they are framed. */
  async toldInAll(count: number): Promise<(number | string)[]> {
    const told: (number | string)[] = [];
    while (told.length < count) told.push(...(await this.told()));
    return told;
  }

  async *#give(frames: (WriteFrame | Promise<WriteFrame>)[]): AsyncGenerator<WriteFrame, void, undefined> {
    try {
      for (const one of frames) {
        this.taken++;
        yield await one;
      }
    } finally {
      this.isOver = true;
    }
  }
}

async function outcomeOf(written: Written): Promise<number | string> {
  if ("answer" in written) return written.answer.results[0]?.sequence ?? 0;
  return await reasonOf(Promise.reject(written.error));
}

async function start(overrides: Partial<Config> = {}, faults?: (memory: MemoryStorage) => Partial<Storage>) {
  const rules = new Rules(overrides, faults);
  await rules.create("x");
  return rules;
}

test("no answer leaves, and nobody can read a message, before it is durable", async () => {
  const rules = await start();
  const reading = rules.read("x", { heartbeatMs: 60_000 });
  expect([await reading.told(), await reading.told()]).toEqual(["STARTED", "CAUGHT_UP"]);
  const read = reading.told();
  const release = rules.memory.holdCommits();
  const streaming = new Streaming(rules, frame("one", "two"));
  const told = streaming.told();
  expect([await isSettled(told), await isSettled(read)]).toEqual([false, false]);
  release();
  expect(await told).toEqual([1, 2]);
  expect(await read).toEqual(["one", "two"]);
  expect(await streaming.told()).toEqual(["end"]);
});

test("a refusal waits for what it stands on, as its neighbours do", async () => {
  const rules = await start();
  const release = rules.memory.holdCommits();
  const removed = rules.registry.delete({ socketId: "x", etag: "", allowMissing: false });
  const streaming = new Streaming(rules, frame("one"));
  const told = streaming.told();
  expect(await isSettled(told)).toBe(false);
  release();
  await removed;
  expect(await told).toEqual(["SOCKET_NOT_FOUND"]);
});

test("what becomes durable at once is answered at once, in the order of the frames", async () => {
  const rules = await start();
  const release = rules.memory.holdCommits();
  const streaming = new Streaming(rules, frame("one"), frame("two", write("lost", { socketId: "nobody" })), frame("3"));
  const told = streaming.told();
  expect(await isSettled(told)).toBe(false);
  release();
  expect(await told).toEqual([1, 2, "SOCKET_NOT_FOUND", 3]);
  expect(await rules.drain("x")).toEqual(["one", "two", "3"]);
});

test("a write that comes again before the first is durable is answered when that is, and what follows stays behind", async () => {
  const rules = await start();
  const release = rules.memory.holdCommits();
  const once = write("once", { retry });
  const streaming = new Streaming(rules, frame(once, once, "next"), frame("last"));
  const told = streaming.told();
  expect(await isSettled(told)).toBe(false);
  release();
  expect([...(await told), ...(await streaming.toldInAll(1))]).toEqual([1, 1, 2, 3, "end"]);
  expect(await rules.drain("x")).toEqual(["once", "next", "last"]);
});

test.each([
  { how: "as many writes as may be", limit: { maxUnansweredWrites: 4 } },
  { how: "as many bytes as may be", limit: { maxUnansweredBytes: 12 } },
])("with $how under way no further frame is taken, and each answer makes room", async ({ limit }) => {
  const rules = await start(limit);
  const release = rules.memory.holdCommits();
  const frames = [frame("one", "two"), frame("six", "ten"), frame("red"), frame("end")];
  const streaming = new Streaming(rules, ...frames);
  const told = streaming.told();
  expect(await isSettled(told)).toBe(false);
  // The third is in the hand, and was not written.
  expect(streaming.taken).toBe(3);
  expect(pendingIn(rules)).toBe(4);
  release();
  expect(await told).toEqual([1, 2, 3, 4]);
  expect(await streaming.toldInAll(3)).toEqual([5, 6, "end"]);
});

test.each([
  { how: "one write more than may be", limit: { maxUnansweredWrites: 3 } },
  { how: "one byte more than may be", limit: { maxUnansweredBytes: 11 } },
])("a frame that would make it $how waits, and one that is too large by itself is taken alone", async ({ limit }) => {
  const rules = await start(limit);
  const release = rules.memory.holdCommits();
  const streaming = new Streaming(rules, frame("one", "two"), frame("six", "ten"), frame("1", "2", "3", "4 and more"));
  const told = streaming.told();
  expect(await isSettled(told)).toBe(false);
  expect(streaming.taken).toBe(2);
  expect(pendingIn(rules)).toBe(2);
  release();
  expect(await told).toEqual([1, 2]);
  expect(await streaming.told()).toEqual([3, 4]);
  expect(await streaming.told()).toEqual([5, 6, 7, 8]);
});

test("a caller whose answers nobody takes does not go on", async () => {
  const rules = await start({ maxUnansweredWrites: 2 });
  const frames = Array.from({ length: 100 }, (_, index) => frame(`m${index}`));
  const streaming = new Streaming(rules, ...frames);
  expect(await streaming.told()).toEqual([1, 2]);
  // These are with the transport, which does not come back for more.
  expect(await isSettled(new Promise(() => {}))).toBe(false);
  expect(streaming.taken).toBe(3);
  expect((await rules.counts("x")).queueSize).toBe(2);
});

test("a stream that is aborted ends at once, takes nothing more, and what it had taken is written", async () => {
  const rules = await start({ maxUnansweredWrites: 2 });
  const release = rules.memory.holdCommits();
  const streaming = new Streaming(rules, frame("one", "two"), frame("never"));
  const told = streaming.told();
  expect(await isSettled(told)).toBe(false);
  streaming.abort.abort(new Error("it is over"));
  await expect(told).rejects.toThrow("it is over");
  expect(await isSettled(new Promise(() => {}))).toBe(false);
  expect([streaming.taken, streaming.isOver]).toEqual([2, true]);
  release();
  expect(await rules.drain("x")).toEqual(["one", "two"]);
});

test("a stream whose answers cannot be handed over takes nothing more", async () => {
  const rules = await start({ maxUnansweredWrites: 1 });
  const streaming = new Streaming(rules, ...Array.from({ length: 10 }, (_, index) => frame(`m${index}`)));
  expect(await streaming.told()).toEqual([1]);
  await streaming.answers.return();
  expect(await isSettled(new Promise(() => {}))).toBe(false);
  expect(streaming.isOver).toBe(true);
  expect(streaming.taken).toBeLessThanOrEqual(3);
});

test("a commit that fails ends the stream, and what was durable before is answered first", async () => {
  let isFailing = false;
  const failure = storageUnavailable(new Error("the disk is gone"));
  const rules = await start({ maxUnansweredWrites: 2 }, (memory) => ({
    durable: () => (isFailing ? Promise.reject(failure) : memory.durable()),
  }));
  let send = (_: WriteFrame): void => {};
  const later = new Promise<WriteFrame>((resolve) => {
    send = resolve;
  });
  const streaming = new Streaming(rules, frame("one", "two"), later, frame("never"));
  expect(await streaming.told()).toEqual([1, 2]);
  isFailing = true;
  send(frame("three", "four"));
  expect(await reasonOf(streaming.told())).toBe("STORAGE_UNAVAILABLE");
  expect(await isSettled(new Promise(() => {}))).toBe(false);
  expect([streaming.taken, streaming.isOver]).toEqual([3, true]);
});

test("a store that takes nothing ends the stream before the next write is decided", async () => {
  const decided: string[] = [];
  const rules = await start({}, (memory) => ({
    append: (event) => {
      if (event.kind !== "message") return memory.append(event);
      decided.push(Buffer.from(event.body).toString());
      if (decided.length === 2) throw storageUnavailable(new Error("the disk is gone"));
      return memory.append(event);
    },
  }));
  const streaming = new Streaming(rules, frame("one", "two", "three"), frame("four"));
  expect(await reasonOf(streaming.told())).toBe("STORAGE_UNAVAILABLE");
  expect(await isSettled(new Promise(() => {}))).toBe(false);
  expect(decided).toEqual(["one", "two"]);
});

test("a refusal that stood on a commit that failed is no refusal but an unknown outcome, as for Write", async () => {
  const failure = storageUnavailable(new Error("the disk is gone"));
  let isFailing = false;
  const rules = await start({}, (memory) => ({
    durable: () => (isFailing ? Promise.reject(failure) : memory.durable()),
  }));
  isFailing = true;
  const nobody = write("lost", { socketId: "nobody" });
  expect(await reasonOf(rules.registry.write(nobody))).toBe("STORAGE_UNAVAILABLE");
  expect(await reasonOf(new Streaming(rules, frame(nobody)).told())).toBe("STORAGE_UNAVAILABLE");
});

test("frames without writes wait for nothing, have no answer, and hold nothing up", async () => {
  const rules = await start({ maxUnansweredWrites: 4 });
  const release = rules.memory.holdCommits();
  const pending = rules.write("x", "pending");
  const streaming = new Streaming(rules, ...Array.from({ length: 1_000 }, () => frame()));
  expect(await streaming.told()).toEqual(["end"]);
  expect(streaming.taken).toBe(1_000);
  release();
  await pending;
});

/** How many messages wait for the storage. */
function pendingIn({ memory }: Rules): number {
  return memory.revision - memory.durableRevision;
}
