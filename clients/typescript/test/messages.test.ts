/** The loop: what leaving it, aborting it and closing the connection make of a message. */
import { getEventListeners } from "node:events";
import { expect, test } from "vitest";
import { startTestServer } from "../../../test/support/server.js";
import { AckMode, ReadEvent, type ReadResponse, ResetScope } from "../src/index.js";
import { open, until } from "./opened.js";

test("break gives a message back that was not settled", async () => {
  const { registry, service } = await open();
  await service.create({ socketId: "x" });
  await service.writeAll("x", "one", "two");
  for await (const message of registry.socket("x").messages()) {
    expect(message.content).toBe("one");
    break;
  }
  const [again] = await service.drain("x");
  expect(again).toMatchObject({ content: "one", deliveryAttempt: 2 });
});

test("an exception in the body gives the message back and comes out of the loop", async () => {
  const { registry, service } = await open();
  await service.create({ socketId: "x" });
  await service.write({ socketId: "x", message: "one" });
  const loop = async () => {
    for await (const { content } of registry.socket("x").messages()) throw new Error(`cannot do ${content}`);
  };
  await expect(loop()).rejects.toThrow("cannot do one");
  expect(await service.drain("x")).toMatchObject([{ content: "one", deliveryAttempt: 2 }]);
});

test("ack before break settles", async () => {
  const { registry, service } = await open();
  await service.create({ socketId: "x" });
  await service.write({ socketId: "x", message: "one" });
  for await (const message of registry.socket("x").messages()) {
    await message.ack();
    await message.nack();
    break;
  }
  expect((await service.socket("x")).queueSize).toBe(0);
});

test("the end of the body settles; what the loop had not come to is no failed attempt", async () => {
  const { registry, service } = await open({ returnGraceMs: 3_600_000 });
  await service.create({ socketId: "x" });
  await service.writeAll("x", "one", "two", "three");
  const seen: string[] = [];
  for await (const { content } of registry.socket("x").messages({ maxOutstanding: 3 })) {
    seen.push(content);
    if (content === "two") break;
  }
  expect(seen).toEqual(["one", "two"]);
  const left = await service.drain("x");
  expect(left.map(({ content, deliveryAttempt }) => [content, deliveryAttempt])).toEqual([
    ["two", 2],
    ["three", 1],
  ]);
});

test("a loop that waits ends with the reason of its signal, and leaves nothing behind", async () => {
  const { registry, service } = await open();
  await service.create({ socketId: "x" });
  const stop = new AbortController();
  const reason = new Error("enough");
  const loop = (async () => {
    for await (const _ of registry.socket("x").messages({ signal: stop.signal })) expect.unreachable();
  })();
  await until(async () => expect((await service.socket("x")).readerCount).toBe(1));
  stop.abort(reason);
  await expect(loop).rejects.toBe(reason);
  await until(async () => expect((await service.socket("x")).readerCount).toBe(0));
  expect(getEventListeners(stop.signal, "abort")).toEqual([]);
});

test("a body that comes to its end after the abort has done its work", async () => {
  const { registry, service } = await open();
  await service.create({ socketId: "x" });
  await service.writeAll("x", "one", "two");
  const stop = new AbortController();
  const loop = async () => {
    for await (const { content } of registry.socket("x").messages({ signal: stop.signal })) {
      expect(content).toBe("one");
      stop.abort();
    }
  };
  await expect(loop()).rejects.toMatchObject({ name: "AbortError" });
  expect(await service.contents("x")).toEqual(["two"]);
});

test("close tells what was acknowledged, and ends the loop", async () => {
  const { registry, service } = await open();
  await service.create({ socketId: "x" });
  await service.writeAll("x", "one", "two");
  const loop = (async () => {
    for await (const { content } of registry.socket("x").messages({ maxOutstanding: 2 })) {
      if (content === "two") void registry.close();
    }
  })();
  await expect(loop).rejects.toMatchObject({ name: "RegistryError", code: 1, reason: "" });
  await registry.close();
  expect((await service.socket("x")).queueSize).toBe(0);
  await expect(registry.serverInfo()).rejects.toThrow("closed");
});

test("what waits in the buffer is held as well, past its deadline", async () => {
  const { registry, service } = await open();
  await service.create({ socketId: "x", config: { ackDeadline: { nanos: 300_000_000 } } });
  await service.create({ socketId: "silent" });
  await service.writeAll("x", "one", "two", "three");
  const attempts: number[] = [];
  for await (const message of registry.socket("x").messages({ maxOutstanding: 3 })) {
    attempts.push(message.deliveryAttempt);
    // More than three deadlines go by.
    if (message.content === "one") await registry.ask("?", { socketId: "silent", timeoutMs: 1_000 }).collect();
    if (message.content !== "three") continue;
    await message.ack();
    break;
  }
  expect(attempts).toEqual([1, 1, 1]);
  expect((await service.socket("x")).queueSize).toBe(0);
});

test("what comes again while it is worked on is handed out once", async () => {
  const { registry, service } = await open({ returnGraceMs: 1 });
  const { address, dataDir } = service.server;
  await service.create({ socketId: "x" });
  await service.writeAll("x", "one", "two");
  const contents: string[] = [];
  let server: Awaited<ReturnType<typeof startTestServer>> | undefined;
  for await (const message of registry.socket("x").messages()) {
    contents.push(message.content);
    if (message.content === "two") {
      await message.ack();
      break;
    }
    await service.server.stop();
    server = await startTestServer({ listen: address, dataDir, returnGraceMs: 1 });
    // The new stream has it in flight once more.
    await until(async () =>
      expect(await registry.socket("x").info()).toMatchObject({ readerCount: 1, inFlightCount: 1 }),
    );
  }
  expect(contents).toEqual(["one", "two"]);
  expect((await registry.socket("x").info()).queueSize).toBe(0);
  await server?.stop();
});

test("a reset and a gap are told, or warned of", async () => {
  const { registry, service, warnings } = await open();
  await service.create({ socketId: "x", config: { maxQueueSize: 1, overflowPolicy: 2 } });
  await service.writeAll("x", "one", "two", "three");
  const events: ReadResponse[] = [];
  for await (const message of registry.socket("x").messages({ onEvent: (frame) => void events.push(frame) })) {
    expect(message.content).toBe("three");
    await registry.socket("x").reset({ scope: ResetScope.RESET_SCOPE_QUEUE });
    await until(() => expect(events).toHaveLength(2));
    break;
  }
  expect(events.map(({ event, droppedCount }) => [event, droppedCount])).toEqual([
    [ReadEvent.READ_EVENT_GAP, 2n],
    [ReadEvent.READ_EVENT_RESET, 0n],
  ]);
  await service.writeAll("x", "four", "five");
  for await (const message of registry.socket("x").messages()) {
    expect(message.content).toBe("five");
    break;
  }
  expect(warnings).toEqual(["x: 1 message will not come: OVERFLOW"]);
});

test("NONE looks, from a place on, and settles nothing", async () => {
  const { registry, service } = await open();
  await service.create({ socketId: "x" });
  await service.writeAll("x", "one", "two", "three");
  const seen: string[] = [];
  const looking = { mode: AckMode.ACK_MODE_NONE, after: { sequence: 1 } };
  for await (const message of registry.socket("x").messages(looking)) {
    seen.push(message.content);
    await expect(message.nack()).rejects.toThrow("EXPLICIT");
    if (seen.length === 2) break;
  }
  expect(seen).toEqual(["two", "three"]);
  expect((await service.socket("x")).queueSize).toBe(3);
});

test("a reply goes into the queue of the author, and an unsigned message has none", async () => {
  const { registry, service } = await open();
  await service.createAll("x", "y");
  await service.write({ socketId: "x", message: "question", sender: "y", threadId: "t" });
  await service.write({ socketId: "x", message: "unsigned" });
  for await (const message of registry.socket("x").messages()) {
    if (message.sender === "y") {
      await message.reply("answer");
      continue;
    }
    await expect(message.reply("nobody")).rejects.toThrow("unsigned");
    await message.ack();
    break;
  }
  const [answer] = await service.drain("y");
  expect(answer).toMatchObject({ content: "answer", sender: "x", threadId: "t", replyTo: expect.stringMatching(".") });
});

test("the loop ends with the error of a socket that is deleted", async () => {
  const { registry, service } = await open();
  await service.create({ socketId: "x" });
  const loop = (async () => {
    for await (const _ of registry.socket("x").messages()) expect.unreachable();
  })();
  await until(async () => expect((await service.socket("x")).readerCount).toBe(1));
  await service.delete({ socketId: "x" });
  await expect(loop).rejects.toMatchObject({ reason: "SOCKET_DELETED", metadata: { socket_id: "x" } });
});
