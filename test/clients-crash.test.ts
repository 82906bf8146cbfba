/**
 * Ten thousand messages and kill -9: of the server twice in the middle, of the client once. Every message is handled at
 * least once and settled, and nothing but the client itself does anything about it.
 */
import { expect, onTestFinished, test, vi } from "vitest";
import { connect, type Service } from "./support/client.js";
import { Driver, type Json, type Operation, PATIENCE_MS, within } from "./support/clients-driver.js";
import { describeLanguages, type Language } from "./support/clients-languages.js";
import { ServerProcess } from "./support/clients-server.js";

const messageCount = 10_000;
const loop = { socket_id: "x", max_outstanding: 100, count: 1_000_000 };
const timeout = 4 * PATIENCE_MS;

describeLanguages((language) => {
  test("the server is killed at message 3,000 and at 6,000", { timeout }, async () => {
    const { server, service, written } = await startFull();
    const driver = await startDriver(language, server);
    const handling = driver.begin("messages", loop);
    const handled = new Set<string>();
    for (const place of [3_000, 6_000]) {
      await handle(handling, handled, place);
      await server.act("kill");
      await server.act("start");
    }
    await handle(handling, handled, messageCount);
    expect(handled).toEqual(written);
    await untilSettled(service);
    await driver.call("cancel", { id: handling.id });
    expect(await within(handling.ended(), () => "end of the loop")).toMatchObject({ error: { code: "CANCELLED" } });
  });

  test("the client is killed in the middle, and the next one goes on", { timeout }, async () => {
    const { server, service, written } = await startFull();
    const handled = new Set<string>();
    const first = await startDriver(language, server);
    const cut = first.begin("messages", loop);
    await handle(cut, handled, messageCount / 2);
    await first.kill();
    // What it had said before it died counts as well.
    for (const item of cut.waiting) handled.add(contentOf(item));
    const second = await startDriver(language, server);
    const handling = second.begin("messages", loop);
    await handle(handling, handled, messageCount);
    expect(handled).toEqual(written);
    await untilSettled(service);
  });
});

/** A server with a socket whose queue holds the messages. */
async function startFull() {
  // What only a loss of power can take is not at stake here.
  const server = await ServerProcess.start({ durability: "os", returnGraceMs: 2_000 });
  const service = connect(server.address);
  await service.create({ socketId: "x", config: { maxQueueSize: messageCount, ackDeadline: { seconds: 10n } } });
  const written = new Set(Array.from({ length: messageCount }, (_, index) => `message ${index}`));
  const left = [...written];
  const write = async () => {
    for (let message = left.pop(); message !== undefined; message = left.pop()) {
      await service.write({ socketId: "x", message });
    }
  };
  await Promise.all(Array.from({ length: 100 }, write));
  return { server, service, written };
}

async function startDriver(language: Language, { address }: ServerProcess): Promise<Driver> {
  const driver = await Driver.start(language, address);
  onTestFinished(() => driver.kill());
  return driver;
}

/** Waits until so many different messages have been handled. */
async function handle(handling: Operation, handled: Set<string>, count: number): Promise<void> {
  while (handled.size < count) {
    const item = await within(handling.next(), () => `message after ${handled.size}`);
    if (item === undefined) expect.unreachable(`the loop ended: ${JSON.stringify(await handling.ended())}`);
    handled.add(contentOf(item));
  }
}

function contentOf(item: Json): string {
  return (item as { message: { content: string } }).message.content;
}

/** Waits until the server holds nothing more, neither waiting nor in flight nor parked. */
async function untilSettled(service: Service): Promise<void> {
  await vi.waitFor(
    async () => {
      const { queueSize, inFlightCount, parkedCount } = await service.socket("x");
      expect({ queueSize, inFlightCount, parkedCount }).toEqual({ queueSize: 0, inFlightCount: 0, parkedCount: 0 });
    },
    { timeout: PATIENCE_MS, interval: 100 },
  );
}
