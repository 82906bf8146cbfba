/** What is answered is durable: rule 10 of the contract, as a client sees it over a restart. */
import { expect, test } from "vitest";
import { AckMode, OverflowPolicy } from "../gen/ts/socketregistry/v1/socket_registry.js";
import { refusal, type Service, startService } from "./support/client.js";
import { tempDir } from "./support/temp-dir.js";

const team = "team-chat-all";
const looking = { ackMode: AckMode.ACK_MODE_NONE };

/** Everything a client can see, but for the times that only this run knows. */
async function everything(service: Service) {
  const { sockets } = await service.list({ pageSize: 1_000 });
  const seen = await Promise.all(
    sockets.map(async ({ socketId }) => ({
      socket: { ...(await service.socket(socketId)), lastSeenTime: undefined },
      waiting: (await service.peek({ socketId })).messages,
      retained: await service.drain(socketId, { ...looking, after: { sequence: 0 } }),
    })),
  );
  const { epoch, socketCount, limits } = await service.info();
  return { seen, epoch, socketCount, limits };
}

test("a restart keeps everything that was answered", async () => {
  const dataDir = tempDir();
  const first = await startService({ dataDir });
  const config = { maxQueueSize: 3, overflowPolicy: OverflowPolicy.OVERFLOW_POLICY_DROP_OLDEST, acceptWhenAway: true };
  await first.create({
    socketId: "x",
    model: "m",
    prompt: "präzise 🙂",
    context: { a: [1, null] },
    labels: { l: "1" },
    config,
  });
  await first.createAll("y", "z", "gone");
  for (let turn = 1; turn <= 5; turn++) await first.write({ socketId: "x", message: `m${turn}`, metadata: { turn } });
  await first.write({ socketId: team, message: "to all", sender: "y", threadId: "t" });
  await first.read({ socketId: "z", maxMessages: 1 }).rest();
  await first.read({ socketId: team, maxMessages: 2 }).rest();
  await first.write({ socketId: team, message: "the question" });
  await first.markInactive({ socketId: "y", reason: "lunch" });
  await first.write({ socketId: team, message: "without y" });
  await first.reset({ socketId: "z" });
  await first.writeAll("z", "after the reset");
  await first.delete({ socketId: "gone" });
  const before = await everything(first);
  await first.server.stop();

  const second = await startService({ dataDir });
  expect(await everything(second)).toEqual(before);
  await second.writeAll("z", "after the restart");
  expect(await second.drain("z")).toMatchObject([
    { content: "after the reset", sequence: 1n },
    { content: "after the restart", sequence: 2n },
  ]);
  expect((await refusal(second.socket("gone"))).reason).toBe("SOCKET_NOT_FOUND");
  expect((await second.create({ socketId: "late" })).socket?.tail?.sequence).toBe(0n);
});

test("what an AUTO reader was handed stays settled over a clean restart", async () => {
  const dataDir = tempDir();
  const first = await startService({ dataDir });
  await first.createAll("x");
  await first.writeAll("x", "one", "two", "three");
  expect(await first.read({ socketId: "x", maxMessages: 2 }).rest()).toHaveLength(2);
  await first.server.stop();
  const second = await startService({ dataDir });
  expect(await second.contents("x")).toEqual(["three"]);
});

test("a stream is resumed over a restart at the position of its last frame", async () => {
  const dataDir = tempDir();
  const first = await startService({ dataDir });
  await first.createAll("x");
  await first.writeAll("x", "one", "two");
  const reading = first.read({ socketId: "x", ...looking });
  const { position: after } = await reading.frame();
  await Promise.all([reading.end(), first.server.stop()]);
  const second = await startService({ dataDir });
  const resumed = second.read({ socketId: "x", ...looking, after });
  await second.writeAll("x", "three");
  expect(await resumed.message()).toMatchObject({ content: "three", sequence: 3n, epoch: after?.epoch });
});

test("a drop that readers were told of is not told again after a restart, and one that they were not is", async () => {
  const dataDir = tempDir();
  const config = { maxQueueSize: 1, overflowPolicy: OverflowPolicy.OVERFLOW_POLICY_DROP_OLDEST };
  const first = await startService({ dataDir });
  await first.create({ socketId: "told", config });
  await first.create({ socketId: "untold", config });
  await first.writeAll("told", "one", "two");
  await first.writeAll("untold", "one", "two");
  expect(await first.read({ socketId: "told", noWait: true }).frames()).toHaveLength(2);
  await first.server.stop();
  const second = await startService({ dataDir });
  expect(await second.read({ socketId: "told", noWait: true }).frames()).toEqual([]);
  expect(await second.read({ socketId: "untold", noWait: true }).frames()).toMatchObject([
    { droppedCount: 1n },
    { messages: [{ content: "two" }] },
  ]);
});
