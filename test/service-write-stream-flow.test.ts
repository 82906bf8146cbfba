/** WriteStreams that come faster than their answers are taken, and a disk that takes no more. */
import { randomBytes } from "node:crypto";
import { status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import {
  type WriteResponse,
  WriteStreamResponse,
  type WriteStreamResult,
} from "../gen/ts/socketregistry/v1/socket_registry.js";
import { connect, refusalIn, startService } from "./support/client.js";
import { MeasuredServer } from "./support/measured.js";
import { SmallDisk, whyNoSmallDisk } from "./support/small-disk.js";
import { UnreadStream } from "./support/unread-stream.js";
import { answerIn, everythingIn, frameOf, refusalOf, WriteStream } from "./support/write-stream.js";

const KIB = 1_024;
const MIB = 1_024 * KIB;
const minute = 60_000;

const reason = whyNoSmallDisk();
if (reason !== undefined) console.warn(`the test of a full disk is skipped: ${reason}`);

const sequencesOf = (results: readonly WriteStreamResult[]) =>
  results.map((result) => Number(answerIn(result).results[0]?.sequence));

test.each([
  { how: "writes", limit: { maxUnansweredWrites: 8 }, most: 8 },
  { how: "bytes", limit: { maxUnansweredBytes: 8 * 1_100 }, most: 8 },
])("a client that takes no answers is stopped by the number of $how, and others go on", async ({ limit, most }) => {
  const service = await startService(limit);
  await service.createAll("x", "y");
  const stream = new UnreadStream(service.server.address);
  const frames = function* () {
    for (let index = 0; ; index++) yield frameOf({ socketId: "x", message: `${index} ${"m".repeat(KIB)}` });
  };
  const next = frames();
  const sent = await stream.sendUntilStuck(
    () => next.next().value ?? expect.unreachable(),
    () => service.write({ socketId: "y", message: "meanwhile" }),
  );
  // What is on its way to the server is bounded by HTTP/2.
  expect((await service.socket("x")).queueSize).toBeLessThanOrEqual(most);
  expect(sent).toBeLessThan(300);
  expect((await service.socket("y")).queueSize).toBeGreaterThanOrEqual(50);
  const results = await stream.rest();
  expect(sequencesOf(results)).toEqual(Array.from({ length: sent + 1 }, (_, index) => index + 1));
});

test("frames that are larger than all that may be under way are not read ahead", async () => {
  const service = await startService({ maxUnansweredBytes: 64 * KIB });
  await service.createAll("x");
  const stream = new UnreadStream(service.server.address);
  const frame = frameOf({ socketId: "x", message: "m".repeat(256 * KIB) });
  const sent = await stream.sendUntilStuck(
    () => frame,
    () => service.info(),
  );
  // One that is decided, one in the hand, and one more that is on its way.
  expect(sent).toBeLessThanOrEqual(3);
});

test("what a client that takes no answers sends costs little memory", { timeout: 2 * minute }, async () => {
  const server = await MeasuredServer.start("--max-queue-messages=1000000");
  const service = connect(server.address);
  await service.createAll("x");
  for (let turn = 0; turn < 1_000; turn++) await service.info();
  const before = await server.memory();
  for (const { frameBytes, writeCount } of [
    { frameBytes: 64 * KIB, writeCount: 10 },
    { frameBytes: MIB, writeCount: 1 },
  ]) {
    const write = { socketId: "x", message: "m".repeat(frameBytes / writeCount - 100) };
    const frame = frameOf(...Array.from({ length: writeCount }, () => write));
    await new UnreadStream(server.address).sendUntilStuck(
      () => frame,
      () => service.info(),
    );
  }
  const after = await server.memory();
  const held = (after.held - before.held) / MIB;
  console.log(`two WriteStreams whose answers nobody takes: ${held.toFixed(1)} MiB held`);
  expect(held).toBeLessThan(96);
});

test.skipIf(reason !== undefined)(
  "a full disk ends the stream, and what was not answered can be repeated in its order when there is room",
  { timeout: minute },
  async () => {
    const disk = new SmallDisk(32 * MIB);
    const service = await startService({ dataDir: disk.folder });
    await service.createAll("x");
    // Random, so that LevelDB cannot press it together.
    const writes = Array.from({ length: 100 }, (_, index) => ({
      ...{ socketId: "x", requestId: `r${index}`, message: `${index} ${randomBytes(4 * KIB).toString("base64")}` },
    }));
    const answers: WriteResponse[] = [];
    /** Writes what is not answered yet, frame by frame. @returns the reason of the stream's end; undefined at the end */
    const writeOn = async (): Promise<string | undefined> => {
      const stream = WriteStream.open(service);
      try {
        while (answers.length < writes.length) {
          stream.send(...writes.slice(answers.length, answers.length + 8));
          answers.push(...(await stream.answers(Math.min(8, writes.length - answers.length))));
        }
        expect(await stream.rest()).toEqual([]);
        return undefined;
      } catch (error) {
        expect(error).toMatchObject({ code: status.UNAVAILABLE });
        return refusalIn(error).reason;
      }
    };
    disk.fill(200 * KIB);
    expect(await writeOn()).toBe("STORAGE_UNAVAILABLE");
    expect(answers.length).toBeLessThan(writes.length);
    disk.free();
    await expect.poll(writeOn, { timeout: minute }).toBeUndefined();
    expect(await everythingIn(service, "x")).toEqual(writes.map(({ message }) => message));
    const messages = await service.drain("x");
    expect(messages.map(({ messageId }) => messageId)).toEqual(answers.map(({ messageId }) => messageId));
  },
);

test("answers that are too many for one response come in several", async () => {
  const maxResponseBytes = 64 * KIB;
  const service = await startService({ maxResponseBytes, durability: "os" });
  await service.createAll(...Array.from({ length: 60 }, (_, index) => `socket-${index}`));
  const stream = WriteStream.open(service);
  const broadcasts = Array.from({ length: 300 }, (_, index) => ({ socketId: "team-chat-all", message: `${index}` }));
  const refused = Array.from({ length: 100 }, (_, index) => ({ socketId: "nobody", message: `${index}` }));
  stream.send(...broadcasts, ...refused);
  stream.finish();
  const frames = await stream.frames();
  const sizes = frames.map((frame) => WriteStreamResponse.encode(frame).finish().length);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(maxResponseBytes);
  expect(frames.length).toBeGreaterThanOrEqual(5);
  const results = frames.flatMap((frame) => frame.results);
  const places = results.slice(0, 300).map((result) => Number(answerIn(result).results[59]?.sequence));
  expect(places).toEqual(broadcasts.map((_, index) => index + 1));
  const reasons = results.slice(300).map((result) => refusalOf(result).reason);
  expect(reasons).toEqual(Array(100).fill("SOCKET_NOT_FOUND"));
});
