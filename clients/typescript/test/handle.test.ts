/** Handlers: how many at once, what their failures cost, and how they are stopped. */
import { expect, onTestFinished, test } from "vitest";
import { ServerProcess } from "../../../test/support/clients-server.js";
import { connect, type ReceivedMessage } from "../src/index.js";
import { createGate, open, until } from "./opened.js";

test("as many run at once as may, and each settles its own message", async () => {
  const { registry, service } = await open();
  await service.create({ socketId: "x" });
  await service.writeAll("x", "1", "2", "3", "4");
  const gates = new Map<string, ReturnType<typeof createGate>>();
  const stop = new AbortController();
  const handling = registry.socket("x").handle(
    ({ content }) => {
      gates.set(content, createGate());
      return gates.get(content)?.opened;
    },
    { maxOutstanding: 3, signal: stop.signal },
  );
  await until(() => expect([...gates.keys()]).toEqual(["1", "2", "3"]));
  gates.get("2")?.open();
  await until(() => expect([...gates.keys()]).toEqual(["1", "2", "3", "4"]));
  for (const gate of gates.values()) gate.open();
  await until(async () => expect((await service.socket("x")).queueSize).toBe(0));
  stop.abort();
  await expect(handling).rejects.toMatchObject({ name: "AbortError" });
});

test("what is thrown is told, and its message comes again after the delay", async () => {
  const { registry, service, warnings } = await open();
  await service.create({ socketId: "x" });
  await service.writeAll("x", "one", "two");
  const stop = new AbortController();
  const seen: [string, number][] = [];
  const handler = ({ content, deliveryAttempt }: ReceivedMessage) => {
    seen.push([content, deliveryAttempt]);
    if (deliveryAttempt === 1 && content === "one") throw new Error("not yet");
    if (content === "two") stop.abort();
  };
  const handling = registry.socket("x").handle(handler, { retryDelayMs: 20, signal: stop.signal });
  await expect(handling).rejects.toMatchObject({ name: "AbortError" });
  expect(seen).toEqual([
    ["one", 1],
    ["one", 2],
    ["two", 1],
  ]);
  expect(warnings).toEqual([expect.stringMatching(/^x: message .* failed and is given back: Error: not yet$/)]);
  expect((await service.socket("x")).queueSize).toBe(0);
});

test("at the end a handler that heeds its signal stops at once, and its message is given back", async () => {
  const { registry, service, warnings } = await open();
  await service.create({ socketId: "x" });
  await service.write({ socketId: "x", message: "one" });
  const started = createGate();
  const stop = new AbortController();
  const handler = (_: ReceivedMessage, signal: AbortSignal) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      started.open();
    });
  const handling = registry.socket("x").handle(handler, { signal: stop.signal, graceMs: 60_000 });
  await started.opened;
  stop.abort();
  await expect(handling).rejects.toBe(stop.signal.reason);
  expect(await service.drain("x")).toMatchObject([{ content: "one", deliveryAttempt: 2 }]);
  expect(warnings).toEqual([]);
});

test("a handler that does not is waited for, but not for ever", async () => {
  const { registry, service } = await open();
  await service.create({ socketId: "x" });
  await service.write({ socketId: "x", message: "one" });
  const started = createGate();
  const never = createGate();
  const stop = new AbortController();
  const handler = () => {
    started.open();
    return never.opened;
  };
  const handling = registry.socket("x").handle(handler, { signal: stop.signal, graceMs: 50 });
  await started.opened;
  stop.abort();
  await expect(handling).rejects.toBe(stop.signal.reason);
  expect(await service.drain("x")).toMatchObject([{ content: "one", deliveryAttempt: 2 }]);
});

test("kill -9 of the server in the middle: each message is handled at least once, and none is left", async () => {
  const messageCount = 2_000;
  const server = await ServerProcess.start({ durability: "os", returnGraceMs: 2_000 });
  const registry = connect(server.address);
  onTestFinished(() => registry.close());
  const socket = await registry.create({ socketId: "x" });
  const expected = Array.from({ length: messageCount }, (_, index) => `${index}`);
  await Promise.all(expected.map((content) => socket.write(content)));
  const handled = new Set<string>();
  const half = createGate();
  const stop = new AbortController();
  const handler = ({ content }: ReceivedMessage) => {
    handled.add(content);
    if (handled.size === messageCount / 2) half.open();
  };
  const handling = socket.handle(handler, { maxOutstanding: 50, signal: stop.signal });
  await half.opened;
  await server.act("kill");
  await server.act("start");
  await until(() => expect(handled.size).toBe(messageCount));
  const empty = { queueSize: 0, inFlightCount: 0, parkedCount: 0 };
  await until(async () => expect(await socket.info()).toMatchObject(empty));
  stop.abort();
  await expect(handling).rejects.toBe(stop.signal.reason);
});
