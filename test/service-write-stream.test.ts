/** What the writes of a WriteStream do, and how they are answered: each is a Write in every respect. */
import { status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import type { WriteRequest, WriteStreamResult } from "../gen/ts/socketregistry/v1/socket_registry.js";
import { contentsOf, type Part, refusal, refusalIn, startService } from "./support/client.js";
import { framed, RawConnection } from "./support/frames.js";
import { field, varint } from "./support/malformed.js";
import { nested } from "./support/refusals.js";
import { tempDir } from "./support/temp-dir.js";
import { answerIn, everythingIn, frameOf, refusalOf, WriteStream, writeAtOnce } from "./support/write-stream.js";

const team = "team-chat-all";
const many = (socketId: string, count: number, name = "m") =>
  Array.from({ length: count }, (_, index) => ({ socketId, message: `${name}${index}` }));
const sequencesOf = (results: readonly WriteStreamResult[]) =>
  results.map((result) => Number(answerIn(result).results[0]?.sequence));

test("results come in the order of the writes, however these are framed", async () => {
  const service = await startService();
  await service.createAll("x", "y");
  const stream = WriteStream.open(service);
  const writes = many("x", 60).flatMap((write) => [write, { ...write, socketId: "y" }]);
  for (let place = 0, size = 1; place < writes.length; place += size++) {
    stream.send(...writes.slice(place, place + size));
  }
  const results = await stream.rest();
  expect(results).toHaveLength(120);
  expect(results.map((result) => answerIn(result).results[0]?.socketId)).toEqual(
    writes.map(({ socketId }) => socketId),
  );
  expect(sequencesOf(results)).toEqual(writes.map((_, index) => Math.floor(index / 2) + 1));
  for (const socketId of ["x", "y"]) {
    const messages = await service.drain(socketId);
    expect(contentsOf(messages)).toEqual(many(socketId, 60).map(({ message }) => message));
    const ids = results.map(answerIn).filter(({ results: [first] }) => first?.socketId === socketId);
    expect(messages.map(({ messageId }) => messageId)).toEqual(ids.map(({ messageId }) => messageId));
  }
});

test("a write on a stream is answered, and stored, as Write would", async () => {
  const service = await startService();
  await service.createAll("x", "y");
  const write = { message: "präzise 🙂", metadata: { a: [1, null] }, sender: "s", threadId: "t", replyTo: "r" };
  const [streamed] = await writeAtOnce(service, { socketId: "x", ...write });
  const called = await service.write({ socketId: "y", ...write });
  const own = { messageId: "", results: [] };
  expect({ ...answerIn(streamed ?? expect.unreachable()), ...own }).toEqual({ ...called, ...own });
  const [x, y] = [await service.drain("x"), await service.drain("y")];
  const place = { recipient: "", toHeader: "", messageId: "", epoch: "", timestamp: undefined };
  expect(x.map((message) => ({ ...message, ...place }))).toEqual(y.map((message) => ({ ...message, ...place })));
  expect(x).toMatchObject([{ content: write.message, metadata: write.metadata, replyTo: "r" }]);
});

const refusals: readonly [string, Part<WriteRequest>][] = [
  ["to a socket that is not there", { socketId: "nobody", message: "m" }],
  ["to what is no id", { socketId: "a/b", message: "m" }],
  ["to nowhere", {}],
  ["from what is no id", { socketId: "x", sender: "a]b" }],
  ["with match_labels for one socket", { socketId: "x", matchLabels: { a: "b" } }],
  ["with a thread that is too long", { socketId: "x", threadId: "t".repeat(257) }],
  ["with a content that is too large", { socketId: "x", message: "m".repeat(1_001) }],
  ["with metadata that is too large", { socketId: "x", metadata: { a: "m".repeat(1_000) } }],
  ["with metadata that is too deep", { socketId: "x", metadata: nested(31) }],
  ["with metadata that is too deep to decode", { socketId: "x", metadata: nested(33) }],
  ["to a socket that is away", { socketId: "away", message: "m" }],
  ["to a queue that is full", { socketId: "full", message: "m" }],
  ["with a request_id that was for something else", { socketId: "x", message: "other", requestId: "used" }],
];

test.each(refusals)("a write %s is refused as by Write, and nothing else is", async (_, write) => {
  const service = await startService({ maxContentBytes: 1_000, maxMetadataBytes: 1_000 });
  await service.createAll("x", "away");
  await service.create({ socketId: "full", config: { maxQueueSize: 1 } });
  await service.writeAll("full", "the only one");
  await service.markInactive({ socketId: "away" });
  await service.write({ socketId: "x", message: "before", requestId: "used" });
  const stream = WriteStream.open(service);
  stream.send({ socketId: "x", message: "one" }, write, { socketId: "x", message: "two" });
  stream.send(write);
  stream.send({ socketId: "x", message: "three" });
  const [one, first, two, second, three, ...more] = await stream.rest();
  const told = await refusal(service.write(write));
  for (const refused of [first, second]) expect(refusalOf(refused ?? expect.unreachable())).toEqual(told);
  for (const answered of [one, two, three]) answerIn(answered ?? expect.unreachable());
  expect(more).toEqual([]);
  expect(await service.contents("x")).toEqual(["before", "one", "two", "three"]);
});

const invalidText = Buffer.concat([field(1, Buffer.from("x")), field(2, Buffer.from([0x61, 0xc3, 0x28]))]);
test.each([
  ["of invalid UTF-8", invalidText],
  ["that is cut off", field(1, Buffer.from("x")).subarray(0, 2)],
  ["that is no message", Buffer.from([0x0f, 0x01])],
])("a write %s is refused as by Write, and nothing else is", async (_, bytes) => {
  const service = await startService();
  await service.createAll("x");
  const stream = WriteStream.open(service);
  void stream.sendBytes(Buffer.concat([frameOf({ socketId: "x", message: "one" }), field(1, bytes)]));
  stream.send({ socketId: "x", message: "two" });
  const [one, refused, two] = await stream.rest();
  const { error } = await new RawConnection(service.server.address).call("Write", framed(bytes));
  expect(refusalOf(refused ?? expect.unreachable())).toEqual(refusalIn(error));
  for (const answered of [one, two]) answerIn(answered ?? expect.unreachable());
  expect(await service.contents("x")).toEqual(["one", "two"]);
});

test("a request_id is written once: in one frame, on another stream, by Write, and after a restart", async () => {
  const dataDir = tempDir();
  const first = await startService({ dataDir });
  await first.createAll("x");
  const write = { socketId: "x", message: "once", requestId: "r" };
  const other = { socketId: "x", message: "other" };
  const twice = (await writeAtOnce(first, write, other, write, other)).map(answerIn);
  expect(twice.map(({ duplicate }) => duplicate)).toEqual([false, false, true, false]);
  const written = { ...twice[0], duplicate: true };
  expect(twice[2]).toEqual(written);
  expect((await writeAtOnce(first, write)).map(answerIn)).toEqual([written]);
  expect(await first.write(write)).toEqual(written);
  await first.server.stop();
  const second = await startService({ dataDir });
  expect((await writeAtOnce(second, write)).map(answerIn)).toEqual([written]);
  expect(await second.contents("x")).toEqual(["once", "other", "other"]);
});

test("a request_id that comes twice holds up what is behind it, so that the order stays", async () => {
  const service = await startService();
  await service.createAll("x");
  const twice = many("x", 30).flatMap((write) => [write, write]);
  const stream = WriteStream.open(service);
  const again = twice.map((write) => ({ ...write, requestId: write.message }));
  stream.send(...again.slice(0, 31));
  stream.send(...again.slice(31));
  const answers = (await stream.rest()).map(answerIn);
  expect(answers.map(({ duplicate }) => duplicate)).toEqual(twice.map((_, index) => index % 2 === 1));
  expect(await service.contents("x")).toEqual(many("x", 30).map(({ message }) => message));
});

test("three streams that write into one queue each have their own order there", async () => {
  const service = await startService();
  await service.createAll("x");
  const names = ["a", "b", "c"];
  const streams = names.map(async (name) => {
    const stream = WriteStream.open(service);
    const writes = many("x", 100, name);
    for (let place = 0; place < writes.length; place += 10) {
      stream.send(...writes.slice(place, place + 10));
      await stream.results(10);
    }
    expect(await stream.rest()).toEqual([]);
  });
  await Promise.all(streams);
  const contents = await service.contents("x");
  expect(contents).toHaveLength(300);
  for (const name of names) {
    const own = contents.filter((content) => content.startsWith(name));
    expect(own).toEqual(many("x", 100, name).map(({ message }) => message));
  }
});

test("broadcasts and direct writes of one stream have one order, the same in every queue", async () => {
  const service = await startService();
  await service.create({ socketId: "x", labels: { team: "red" } });
  await service.create({ socketId: "y", labels: { team: "blue" } });
  const [all, red, direct, own] = await writeAtOnce(
    service,
    { socketId: team, message: "all", sender: "y" },
    { socketId: team, message: "red", matchLabels: { team: "red" } },
    { socketId: "y", message: "direct" },
    { socketId: "x", message: "an answer", sender: "x" },
    { socketId: team, message: "once more" },
  );
  expect(answerIn(all ?? expect.unreachable())).toMatchObject({ deliveredCount: 1, skippedCount: 1 });
  expect(answerIn(red ?? expect.unreachable()).results).toMatchObject([{ socketId: "x", sequence: 2n }]);
  expect(answerIn(direct ?? expect.unreachable()).results).toMatchObject([{ socketId: "y", sequence: 1n }]);
  expect(answerIn(own ?? expect.unreachable()).results).toMatchObject([{ socketId: team }]);
  expect(await service.contents("x")).toEqual(["all", "red", "once more"]);
  expect(await service.contents("y")).toEqual(["direct", "once more"]);
  expect(await service.contents(team)).toEqual(["all", "direct", "an answer"]);
});

test("a signed write on a stream is a sign of life, and a reply reaches who asked", async () => {
  const service = await startService();
  await service.createAll("asker", "x");
  const asking = service.ask({ sender: "asker", message: "who?", timeout: { seconds: 600 } });
  const { messageId: replyTo } = await asking.asked();
  await writeAtOnce(service, { socketId: "asker", sender: "x", message: "me", replyTo });
  const { replies, summary } = await asking.rest();
  expect(contentsOf(replies)).toEqual(["me"]);
  expect(summary.answered).toEqual(["x"]);
  expect((await service.socket("x")).lastSeenTime).toBeDefined();
});

test("an empty frame is a frame without writes, and what is unknown in a frame is dropped", async () => {
  const service = await startService();
  await service.createAll("x");
  expect(await writeAtOnce(service)).toEqual([]);
  const stream = WriteStream.open(service);
  stream.send();
  void stream.sendBytes(Buffer.concat([field(7, Buffer.from("future")), frameOf(...many("x", 1)), varint(1, 5)]));
  stream.send();
  expect(sequencesOf(await stream.rest())).toEqual([1]);
  const unused = WriteStream.open(service);
  expect(await unused.rest()).toEqual([]);
});

test("a frame of 10,000 writes is taken", async () => {
  const service = await startService({ durability: "os" });
  await service.createAll("x");
  const results = await writeAtOnce(service, ...many("x", 10_000));
  expect(sequencesOf(results)).toEqual(Array.from({ length: 10_000 }, (_, index) => index + 1));
});

test("a frame of 10,001 writes ends the stream, and nothing of it is written", async () => {
  const service = await startService({ durability: "os" });
  await service.createAll("x");
  const stream = WriteStream.open(service);
  stream.send({ socketId: "x", message: "before" });
  stream.send(...many("x", 10_001));
  const { results, error } = await stream.broken();
  expect(sequencesOf(results)).toEqual([1]);
  const told = { code: status.INVALID_ARGUMENT, reason: "INVALID_FIELD", field: "writes" };
  expect(refusalIn(error)).toMatchObject({ ...told, metadata: { field: "writes", limit: "10000" } });
  expect(await service.contents("x")).toEqual(["before"]);
});

test.each([
  ["that is cut off", frameOf(...many("x", 2)).subarray(0, -1)],
  ["whose write is longer than the frame", Buffer.from([0x0a, 0x7f, 0x0a])],
  ["with the zero tag", Buffer.from([0x00, 0x01])],
  ["with wire type 7", Buffer.from([0x0f, 0x01])],
])("a frame %s ends the stream after everything before it is answered", async (_, malformed) => {
  const service = await startService();
  await service.createAll("x");
  const stream = WriteStream.open(service);
  for (const write of many("x", 5)) stream.send(write);
  void stream.sendBytes(malformed);
  stream.send({ socketId: "x", message: "never" });
  const { results, error } = await stream.broken();
  expect(sequencesOf(results)).toEqual([1, 2, 3, 4, 5]);
  const told = refusalIn(error);
  expect(told).toMatchObject({ code: status.INVALID_ARGUMENT, reason: "INVALID_FIELD" });
  expect(told.text).toContain("the request is not a valid WriteStreamRequest");
  expect(await everythingIn(service, "x")).toHaveLength(5);
  expect(service.server.logged.filter(({ level }) => Number(level) >= 40)).toEqual([]);
});
