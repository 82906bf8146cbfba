/** The writer: what goes in one frame, how much is under way, and what becomes of each write. */
import { status } from "@grpc/grpc-js";
import { expect, onTestFinished, test } from "vitest";
import { type ConnectOptions, connect, type Registry, type Writer, type WriterOptions } from "../src/index.js";
import { open, until } from "./opened.js";
import { serveWrites } from "./write-script.js";

test("what is written in one turn of the event loop is one frame, and what comes meanwhile the next", async () => {
  const { writer, script } = await start();
  const first = ["a", "b"].map((text) => writer.write("x", text));
  await Promise.resolve();
  first.push(writer.write("y", "c", { sender: "me", metadata: { n: 1 }, threadId: "t", requestId: "r" }));
  const call = await script.call(0);
  await call.got(3);
  const second = writer.write("x", "d");
  await call.got(4);
  expect(call.sizes).toEqual([3, 1]);
  expect(call.frames[0]?.[2]).toMatchObject({
    socketId: "y",
    message: "c",
    sender: "me",
    metadata: { n: 1 },
    threadId: "t",
    requestId: "r",
  });
  const ids = call.frames.flat().map(({ requestId }) => requestId);
  expect(new Set(ids).size).toBe(4);
  expect(ids).not.toContain("");
  call.answer(4);
  const answers = await Promise.all([...first, second]);
  expect(answers.map(({ messageId }) => messageId)).toEqual(["m0", "m1", "m2", "m3"]);
  expect(script.calls).toHaveLength(1);
});

test("a frame has 1,000 writes at most, or 256 KiB, but for one write that is larger", async () => {
  const { writer, script } = await start();
  writeAll(writer, numbered(2_500));
  const call = await script.call(0);
  await call.got(2_500);
  expect(call.sizes).toEqual([1_000, 1_000, 500]);
  call.answer(2_500);
  const large = [100, 100, 100, 300, 10].map((kibibytes) => "x".repeat(kibibytes * 1_024));
  writeAll(writer, large);
  await call.got(2_505);
  expect(call.sizes.slice(3)).toEqual([2, 1, 1, 1]);
  call.answer(5);
  await writer.close();
});

test.each([
  { what: "4,096 writes", texts: numbered(5_000), limit: 4_096 },
  { what: "4 MiB", texts: numbered(10, "x".repeat(1_000_000)), limit: 4 },
])("$what are under way at most; the others are sent when some are answered", async ({ texts, limit }) => {
  const { writer, script } = await start();
  await writer.ready();
  writeAll(writer, texts);
  let isReady = false;
  void writer.ready().then(() => {
    isReady = true;
  });
  const call = await script.call(0);
  await call.got(limit);
  call.answer(1);
  await call.got(limit + 1);
  expect(call.texts).toEqual(texts.slice(0, limit + 1));
  expect(isReady).toBe(false);
  for (let answered = 1; answered < texts.length; answered += limit) {
    await call.got(Math.min(answered + limit, texts.length));
    call.answer(Math.min(limit, texts.length - answered));
  }
  await writer.close();
  expect(isReady).toBe(true);
  expect(call.texts).toEqual(texts);
});

test("answers belong to the writes in their order, however they come in frames", async () => {
  const { writer, script } = await start();
  const [one, two, three, four] = numbered(4).map((text) => writer.write("x", text));
  const call = await script.call(0);
  await call.got(4);
  call.answer(2, "first");
  expect((await two)?.messageId).toBe("first1");
  call.refuse(status.FAILED_PRECONDITION, "no");
  call.answer(1, "last");
  await expect(three).rejects.toMatchObject({ code: status.FAILED_PRECONDITION, message: "FAILED_PRECONDITION: no" });
  expect((await one)?.messageId).toBe("first0");
  expect((await four)?.messageId).toBe("last0");
});

test("a refusal is the error of a write of its own", async () => {
  const { registry } = await open();
  const writer = registry.writer();
  const caught = (error: unknown) => error;
  const [single, one] = await Promise.all([
    registry.socket("nobody").write("?").catch(caught),
    writer.write("nobody", "?").catch(caught),
  ]);
  const { code, reason, metadata, message, name } = single as Record<string, unknown>;
  expect(one).toMatchObject({ code, reason, metadata, message, name });
  expect(reason).toBe("SOCKET_NOT_FOUND");
});

test("what cannot be sent fails alone", async () => {
  const { registry, service } = await open();
  await service.create({ socketId: "x" });
  const writer = registry.writer({ sender: "me" });
  const bad = writer.write("x", "?", { metadata: { n: Symbol("no JSON") } as never });
  await Promise.all([expect(bad).rejects.toThrow(), writer.write("x", "fine")]);
  expect((await service.drain("x")).map(({ content, sender }) => [content, sender])).toEqual([["fine", "me"]]);
});

test("after a break what is not answered is sent again, in its order and with the same keys", async () => {
  const { writer, script, reconnects } = await start();
  const writes = writeAll(writer, numbered(6));
  const before = await script.call(0);
  await before.got(6);
  before.answer(2);
  await writes[1];
  before.fail(status.UNAVAILABLE);
  writes.push(writer.write("x", "7"));
  const after = await script.call(1);
  await after.got(5);
  expect(after.texts).toEqual(["3", "4", "5", "6", "7"]);
  const keys = (frames: typeof after.frames) => frames.flat().map(({ requestId }) => requestId);
  expect(keys(after.frames).slice(0, 4)).toEqual(keys(before.frames).slice(2));
  after.answer(5, "again");
  expect((await writes[2])?.messageId).toBe("again0");
  expect((await writes[6])?.messageId).toBe("again4");
  expect(reconnects()).toBe(1);
});

test("a call that breaks while nothing is under way is opened by the next write, and nobody is told", async () => {
  const { registry, writer, script, reconnects } = await start();
  for (const index of [0, 1]) {
    const write = writer.write("x", "one");
    const call = await script.call(index);
    await call.got(1);
    call.answer(1);
    await write;
    call.fail(status.UNAVAILABLE);
    // Whatever it is answered, it is so after the break.
    await registry.serverInfo().catch(() => {});
  }
  await writer.close();
  expect(script.calls).toHaveLength(2);
  expect(reconnects()).toBe(0);
});

test("a call that is refused fails what is not answered, and the next write makes another", async () => {
  const { writer, script } = await start();
  const refused = writeAll(writer, numbered(2));
  const first = await script.call(0);
  await first.got(2);
  first.fail(status.UNAUTHENTICATED);
  for (const write of refused) await expect(write).rejects.toMatchObject({ code: status.UNAUTHENTICATED });
  const next = writer.write("x", "3");
  const second = await script.call(1);
  await second.got(1);
  second.answer(1);
  await next;
});

test("when the server stays away for longer than the patience, what is not answered fails", async () => {
  const { writer, script } = await start({ patienceMs: 0 });
  const writes = writeAll(writer, numbered(2));
  const call = await script.call(0);
  await call.got(2);
  call.fail(status.UNAVAILABLE);
  for (const write of writes) await expect(write).rejects.toMatchObject({ code: status.UNAVAILABLE });
});

test("close waits for the answers, and then nothing is taken", async () => {
  const { writer, script } = await start();
  const write = writer.write("x", "one");
  const closed = writer.close();
  const late = writer.write("x", "late");
  await expect(late).rejects.toMatchObject({ code: status.CANCELLED });
  const call = await script.call(0);
  await call.got(1);
  let isClosed = false;
  void closed.then(() => {
    isClosed = true;
  });
  call.answer(1);
  await write;
  expect(isClosed).toBe(false);
  await Promise.all([closed, writer.close()]);
  expect(call.texts).toEqual(["one"]);
});

test("one that has written nothing closes without a call", async () => {
  const { writer, script } = await start();
  await writer.close();
  expect(script.calls).toEqual([]);
});

test("a signal gives up what is not answered, with its reason", async () => {
  const stop = new AbortController();
  const { writer, script } = await start({ signal: stop.signal });
  const write = writer.write("x", "one");
  const call = await script.call(0);
  await call.got(1);
  stop.abort(new Error("enough"));
  await expect(write).rejects.toThrow("enough");
  await expect(writer.write("x", "two")).rejects.toThrow("enough");
  await until(() => expect(call.isCancelled).toBe(true));
  await writer.close();
});

test("closing the connection closes its writers", async () => {
  const { registry, service } = await open();
  await service.create({ socketId: "x", config: { maxQueueSize: 2_000 } });
  const writer = registry.writer();
  const writes = writeAll(writer, numbered(2_000));
  await registry.close();
  await Promise.all(writes);
  await expect(writer.write("x", "late")).rejects.toMatchObject({ code: status.CANCELLED });
  expect(await service.contents("x")).toEqual(numbered(2_000));
});

/** A writer at a server that does as the test says. */
async function start(options: WriterOptions = {}) {
  const script = await serveWrites();
  let count = 0;
  const onReconnect: ConnectOptions["onReconnect"] = () => {
    count += 1;
  };
  const registry: Registry = connect(script.address, { onReconnect });
  const stop = new AbortController();
  const writer = registry.writer({ signal: stop.signal, ...options });
  onTestFinished(async () => {
    stop.abort(new Error("the test is over"));
    await registry.close();
  });
  return { registry, writer, script, reconnects: () => count };
}

function writeAll(writer: Writer, texts: readonly string[]) {
  const writes = texts.map((text) => writer.write("x", text));
  // Each test looks at those that matter to it.
  for (const write of writes) write.catch(() => {});
  return writes;
}

/** The texts "1", "2" and so on, each with this behind it. */
function numbered(count: number, end = ""): string[] {
  return Array.from({ length: count }, (_, index) => `${index + 1}${end}`);
}
