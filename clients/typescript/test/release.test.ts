/** Leaving in good order: whatever the grace for a stream that broke, what was not settled is at once the next reader's. */
import { expect, test, vi } from "vitest";
import { connect, type ReceivedMessage, SocketState } from "../src/index.js";
import { createGate, open, until } from "./opened.js";

const hourMs = 3_600_000;

test("what was prefetched and not begun goes to the next loop, as the same attempt", async () => {
  const { registry, service } = await openFor("one", "two", "three");
  for await (const message of registry.socket("x").messages({ maxOutstanding: 3 })) {
    await message.ack();
    break;
  }
  expect(await service.socket("x")).toMatchObject({ queueSize: 2, inFlightCount: 0, readerCount: 0 });
  expect(await firstOf(registry.socket("x").messages({ maxOutstanding: 3 }), 2)).toEqual([
    ["two", 1],
    ["three", 1],
  ]);
});

test("so does what the server sent after the last ack, twenty times in a row", async () => {
  const contents = Array.from({ length: 20 }, (_, index) => `${index}`);
  const { registry, service } = await openFor(...contents);
  for (const content of contents) {
    expect(await firstOf(registry.socket("x").messages(), 1)).toEqual([[content, 1]]);
  }
  expect((await service.socket("x")).queueSize).toBe(0);
});

test("what is given back comes again at once, twenty times in a row, though the stream had room for it", async () => {
  const { registry } = await openFor("one", "two");
  await registry.socket("x").update({ config: { maxDeliveryAttempts: 100 } });
  for (let attempt = 1; attempt <= 20; attempt += 1) {
    for await (const { content, deliveryAttempt } of registry.socket("x").messages({ maxOutstanding: 2 })) {
      expect([content, deliveryAttempt]).toEqual(["one", attempt]);
      break;
    }
  }
  expect(await firstOf(registry.socket("x").messages(), 2)).toEqual([
    ["one", 21],
    ["two", 1],
  ]);
});

test("an exception in the body leaves the rest to the next loop", async () => {
  const { registry } = await openFor("one", "two");
  const loop = async () => {
    for await (const _ of registry.socket("x").messages({ maxOutstanding: 2 })) throw new Error("cannot");
  };
  await expect(loop()).rejects.toThrow("cannot");
  expect(await firstOf(registry.socket("x").messages(), 2)).toEqual([
    ["one", 2],
    ["two", 1],
  ]);
});

test("an abort does, too, and nothing is begun after it", async () => {
  const { registry, service } = await openFor("one", "two", "three");
  const stop = new AbortController();
  const loop = async () => {
    for await (const { content } of registry.socket("x").messages({ maxOutstanding: 3, signal: stop.signal })) {
      expect(content).toBe("one");
      await until(async () => expect((await service.socket("x")).inFlightCount).toBe(3));
      stop.abort();
    }
  };
  await expect(loop()).rejects.toMatchObject({ name: "AbortError" });
  expect(await firstOf(registry.socket("x").messages(), 2)).toEqual([
    ["two", 1],
    ["three", 1],
  ]);
});

test("close does not wait for a body, which can settle nothing any more: its message is the next loop's", async () => {
  const { registry, service } = await openFor("one", "two");
  const other = connect(service.server.address, { onWarning: () => {} });
  const begun = createGate();
  const left = createGate();
  const looping = (async () => {
    for await (const message of other.socket("x").messages({ maxOutstanding: 2 })) {
      expect(message.content).toBe("one");
      begun.open();
      await left.opened;
      await expect(message.ack()).rejects.toThrow("closed");
      break;
    }
  })();
  await begun.opened;
  await other.close();
  expect(await firstOf(registry.socket("x").messages(), 2)).toEqual([
    ["one", 1],
    ["two", 1],
  ]);
  left.open();
  await looping;
});

test("a handler that stops the handling settles its own message, and leaves the rest", async () => {
  const { registry, service } = await openFor("one", "two", "three");
  const stop = new AbortController();
  const handler = ({ content }: ReceivedMessage) => {
    expect(content).toBe("one");
    stop.abort();
  };
  const handling = registry.socket("x").handle(handler, { signal: stop.signal });
  await expect(handling).rejects.toMatchObject({ name: "AbortError" });
  expect(await service.socket("x")).toMatchObject({ queueSize: 2, inFlightCount: 0, readerCount: 0 });
  expect(await firstOf(registry.socket("x").messages(), 2)).toEqual([
    ["two", 1],
    ["three", 1],
  ]);
});

test("an agent that stops leaves the rest to the next one", async () => {
  const { registry, service } = await openFor("one", "two", "three");
  for (const content of ["one", "two", "three"]) {
    const stop = new AbortController();
    const seen: [string, number][] = [];
    const handler = (message: ReceivedMessage) => {
      seen.push([message.content, message.deliveryAttempt]);
      stop.abort();
    };
    expect(await registry.agent("x", handler, { signal: stop.signal })).toBe("left");
    expect(seen).toEqual([[content, 1]]);
  }
  expect(await service.socket("x")).toMatchObject({ state: SocketState.SOCKET_STATE_INACTIVE, queueSize: 0 });
});

test("a consumer of the feed is released by its name", async () => {
  const { registry } = await openFor();
  const consumer = "c";
  const feed = registry.team.messages({ consumer });
  const first = feed.next();
  await until(async () => expect(await registry.team.info()).toMatchObject({ readerCount: 1 }));
  for (const text of ["one", "two"]) await registry.socket("x").say(text);
  const { value } = await first;
  await value?.ack();
  await feed.return();
  expect(await firstOf(registry.team.messages({ consumer }), 1)).toEqual([["two", 1]]);
});

test("nothing is released where nothing was opened, or the socket is gone", async () => {
  const { registry, service } = await openFor();
  const acknowledge = vi.spyOn(registry.stub, "acknowledge");
  await expect(registry.socket("nobody").messages().next()).rejects.toMatchObject({ reason: "SOCKET_NOT_FOUND" });
  await registry.serverInfo();
  const aborted = { signal: AbortSignal.abort() };
  await expect(registry.socket("x").handle(() => {}, aborted)).rejects.toBe(aborted.signal.reason);

  const first = registry.socket("x").messages().next();
  await until(async () => expect((await service.socket("x")).readerCount).toBe(1));
  await Promise.all([service.delete({ socketId: "x" }), expect(first).rejects.toThrow("SOCKET_DELETED")]);
  expect(acknowledge).not.toHaveBeenCalled();
});

test("a server that is not there any more is no reason to warn", async () => {
  const { registry, service, warnings } = await openFor("one");
  for await (const message of registry.socket("x").messages()) {
    await message.ack();
    await service.server.stop();
    break;
  }
  expect(warnings).toEqual([]);
});

/** A socket x with these messages, on a server that gives what a stream left back after an hour. */
async function openFor(...contents: string[]) {
  const opened = await open({ returnGraceMs: hourMs });
  await opened.service.create({ socketId: "x" });
  await opened.service.writeAll("x", ...contents);
  return opened;
}

/** Settles so many messages, leaves the loop, and gives what they were and which attempt it was. */
async function firstOf(messages: AsyncIterable<ReceivedMessage>, count: number): Promise<[string, number][]> {
  const seen: [string, number][] = [];
  for await (const message of messages) {
    seen.push([message.content, message.deliveryAttempt]);
    await message.ack();
    if (seen.length === count) break;
  }
  return seen;
}
