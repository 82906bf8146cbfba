/** How a WriteStream ends: by its client, in good order or not, and by its server. */
import { status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { connect, refusalIn, startService } from "./support/client.js";
import { tempDir } from "./support/temp-dir.js";
import { answerIn, everythingIn, WriteStream, writeAtOnce } from "./support/write-stream.js";

/** So many writes of one socket, each with a request_id. */
const many = (count: number, socketId = "x") =>
  Array.from({ length: count }, (_, index) => ({ socketId, message: `m${index}`, requestId: `${socketId} ${index}` }));
const contentsOf = (writes: readonly { message: string }[]) => writes.map(({ message }) => message);

function sendAll(stream: WriteStream, writes: ReturnType<typeof many>, frameWrites: number): void {
  for (let place = 0; place < writes.length; place += frameWrites) {
    stream.send(...writes.slice(place, place + frameWrites));
  }
}

test("when the client has ended its side everything is answered, and then the stream ends with OK", async () => {
  const service = await startService({ maxUnansweredWrites: 50 });
  await service.createAll("x");
  const stream = WriteStream.open(service);
  sendAll(stream, many(1_000), 20);
  const results = await stream.rest();
  expect(results.map((result) => Number(answerIn(result).results[0]?.sequence))).toEqual(
    many(1_000).map((_, index) => index + 1),
  );
});

test("a stream stays open when everything is answered, and its headers come before anything is written", async () => {
  const service = await startService();
  await service.createAll("x");
  const stream = WriteStream.open(service);
  await new Promise((resolve) => void stream.stream.once("metadata", resolve));
  for (const write of many(3)) {
    stream.send(write);
    expect((await stream.answers(1)).map(({ duplicate }) => duplicate)).toEqual([false]);
  }
  expect(await stream.rest()).toEqual([]);
});

test("a client that cancels in the middle leaves the order, the server and other callers alone", async () => {
  const dataDir = tempDir();
  const service = await startService({ dataDir, maxUnansweredWrites: 50 });
  await service.createAll("x", "y");
  const other = WriteStream.open(service);
  const streams = Array.from({ length: 5 }, () => WriteStream.open(service));
  for (const stream of streams) {
    sendAll(stream, many(500), 10);
    await stream.results(10);
    stream.cancel();
  }
  for (const stream of streams) expect((await stream.broken()).error).toMatchObject({ code: status.CANCELLED });
  other.send(...many(1, "y"));
  expect(await other.answers(1)).toMatchObject([{ deliveredCount: 1 }]);
  expect(await other.rest()).toEqual([]);
  // This waits until no handler is left.
  await service.server.stop();
  expect(service.server.logged.filter(({ level }) => Number(level) >= 40)).toEqual([]);
  const again = await startService({ dataDir });
  const contents = await everythingIn(again, "x");
  expect(contents.length).toBeGreaterThanOrEqual(10);
  expect(contents).toEqual(contentsOf(many(contents.length)));
});

test("a deadline ends a stream as a cancellation does", async () => {
  const service = await startService();
  await service.createAll("x");
  const stream = WriteStream.open(service, { deadline: Date.now() + 200 });
  stream.send(...many(2));
  const { results, error } = await stream.broken();
  expect(results.length === 2 || results.length === 0).toBe(true);
  expect(error).toMatchObject({ code: status.DEADLINE_EXCEEDED });
  await service.server.stop();
});

test("a server that stops in the middle says so, and whoever repeats everything has each message once", async () => {
  const dataDir = tempDir();
  const first = await startService({ dataDir, maxUnansweredWrites: 100 });
  await first.createAll("x");
  const writes = many(3_000);
  const stream = WriteStream.open(connect(first.server.address));
  sendAll(stream, writes, 50);
  const early = await stream.results(50);
  const stopped = first.server.stop();
  const { results, error } = await stream.broken();
  expect(refusalIn(error)).toMatchObject({ code: status.UNAVAILABLE, reason: "SHUTTING_DOWN" });
  await stopped;
  expect(first.server.logged.filter(({ level }) => Number(level) >= 40)).toEqual([]);

  const second = await startService({ dataDir });
  const answers = [...early, ...results].map(answerIn);
  const contents = await everythingIn(second, "x");
  expect(contents.length).toBeGreaterThanOrEqual(answers.length);
  expect(contents).toEqual(contentsOf(writes.slice(0, contents.length)));
  const again = (await writeAtOnce(second, ...writes)).map(answerIn);
  expect(again.slice(0, answers.length)).toEqual(answers.map((answer) => ({ ...answer, duplicate: true })));
  expect(again.filter(({ duplicate }) => duplicate)).toHaveLength(contents.length);
  expect(await everythingIn(second, "x")).toEqual(contentsOf(writes));
});

test("a server that stops ends the streams that wait for their clients, and does not wait for these", async () => {
  const service = await startService({ shutdownGraceMs: 600_000 });
  await service.createAll("x");
  const [used, unused] = [WriteStream.open(service), WriteStream.open(service)];
  used.send(...many(1));
  await used.results(1);
  const ends = [used.broken(), unused.broken()];
  await service.server.stop();
  for (const end of ends) {
    const { results, error } = await end;
    expect(results).toEqual([]);
    expect(refusalIn(error)).toMatchObject({ code: status.UNAVAILABLE, reason: "SHUTTING_DOWN" });
  }
});
