/** Read in AUTO and NONE, and how streams end: rules 6 and 11 of the contract. */
import { status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { AckMode, ConflictPolicy, ReadEvent, ReadRequest } from "../gen/ts/socketregistry/v1/socket_registry.js";
import { contentsOf, refusal, refusalIn, startService } from "./support/client.js";
import { startFaulty } from "./support/faulty.js";
import { framed, RawConnection } from "./support/frames.js";

const looking = { ackMode: AckMode.ACK_MODE_NONE };
const readX = framed(ReadRequest.encode(ReadRequest.fromPartial({ socketId: "x" })).finish());
const withEvents = { heartbeatInterval: { seconds: 3_600n } };

test("a read with no_wait hands out what is there, settles it, and ends with OK", async () => {
  const service = await startService();
  await service.createAll("x");
  await service.writeAll("x", "one", "two", "three");
  expect(await service.contents("x")).toEqual(["one", "two", "three"]);
  expect(await service.contents("x")).toEqual([]);
  expect(await service.socket("x")).toMatchObject({ queueSize: 0, inFlightCount: 0, tail: { sequence: 3n } });
});

test("a read follows: the backlog first, then what arrives, in order", async () => {
  const service = await startService();
  await service.createAll("x");
  await service.writeAll("x", "one", "two");
  const reading = service.read({ socketId: "x" });
  expect(contentsOf(await reading.messages(2))).toEqual(["one", "two"]);
  await service.writeAll("x", "three");
  expect(await reading.message()).toMatchObject({ content: "three", sequence: 3n });
  await service.writeAll("x", "four");
  expect(await reading.message()).toMatchObject({ content: "four", sequence: 4n });
});

test("a read that begins before there is anything waits for it", async () => {
  const service = await startService();
  await service.createAll("x");
  const reading = service.read({ socketId: "x" });
  await expect.poll(async () => (await service.socket("x")).readerCount).toBe(1);
  await service.writeAll("x", "hello");
  expect((await reading.message()).content).toBe("hello");
});

test("a read ends with OK after max_messages, and the next one goes on from there", async () => {
  const service = await startService();
  await service.createAll("x");
  await service.writeAll("x", "one", "two", "three");
  expect(contentsOf(await service.read({ socketId: "x", maxMessages: 2 }).rest())).toEqual(["one", "two"]);
  const reading = service.read({ socketId: "x", maxMessages: 2 });
  expect((await reading.message()).content).toBe("three");
  await service.writeAll("x", "four", "five");
  expect(contentsOf(await reading.rest())).toEqual(["four"]);
  expect(await service.contents("x")).toEqual(["five"]);
});

test("a frame carries all that is ready under backlog, and never more than its limits", async () => {
  const service = await startService({ maxFrameMessages: 4 });
  await service.createAll("x");
  await service.writeAll("x", ..."abcdefghi");
  const frames = await service.read({ socketId: "x", noWait: true }).frames();
  expect(frames.map(({ messages }) => contentsOf(messages).join(""))).toEqual(["abcd", "efgh", "i"]);
  expect(frames.map(({ position }) => position?.sequence)).toEqual([4n, 8n, 9n]);
  expect(frames.map(({ backlogCount }) => backlogCount)).toEqual([5, 1, 0]);
});

test("a frame is bounded by bytes but carries at least one message", async () => {
  const service = await startService({ maxFrameBytes: 1_000 });
  await service.createAll("x");
  await service.writeAll("x", "a".repeat(5_000), "b".repeat(400), "c".repeat(400), "d".repeat(400));
  const frames = await service.read({ socketId: "x", noWait: true }).frames();
  expect(
    frames.map(({ messages }) =>
      contentsOf(messages)
        .map((text) => text[0])
        .join(""),
    ),
  ).toEqual(["a", "bc", "d"]);
});

test("readers that share a queue get each message once, and all of them together get every one", async () => {
  const service = await startService({ maxFrameMessages: 3 });
  await service.createAll("x");
  const total = 120;
  const seen: string[] = [];
  const readers = Array.from({ length: 4 }, async () => {
    const reading = service.read({ socketId: "x" });
    while (seen.length < total) {
      const frame = await reading.frame().catch(() => undefined);
      if (frame === undefined) return;
      seen.push(...contentsOf(frame.messages));
      if (seen.length === total) await service.delete({ socketId: "x" });
    }
  });
  const writers = Array.from({ length: 4 }, async (_, writer) => {
    for (let turn = 0; turn < total / 4; turn++) await service.writeAll("x", `${writer}-${turn}`);
  });
  await Promise.all([...writers, ...readers]);
  expect(seen).toHaveLength(total);
  expect(new Set(seen).size).toBe(total);
});

test("what a cancelled reader was not handed comes back, before anything newer", async () => {
  const service = await startService({ maxFrameMessages: 4 });
  await service.createAll("x");
  await service.writeAll("x", ...Array.from("abcdefgh", (letter) => letter.repeat(100_000)));
  const stuck = new RawConnection(service.server.address).open("Read", readX);
  // Less than a frame fits into the window of a reader that does not read.
  await expect.poll(async () => (await service.socket("x")).inFlightCount).toBe(2);
  const rest = service.read({ socketId: "x" });
  const letters = async (count: number) => contentsOf(await rest.messages(count)).map((content) => content[0]);
  expect(await letters(6)).toEqual([..."cdefgh"]);
  stuck.close();
  expect(await letters(2)).toEqual(["a", "b"]);
  await expect.poll(() => service.socket("x")).toMatchObject({ queueSize: 0, inFlightCount: 0, readerCount: 1 });
});

test("NONE settles nothing, however often it looks", async () => {
  const service = await startService();
  await service.createAll("x");
  await service.writeAll("x", "one", "two");
  for (let look = 0; look < 3; look++) {
    const messages = await service.drain("x", looking);
    expect(messages.map(({ content, deliveryAttempt }) => [content, deliveryAttempt])).toEqual([
      ["one", 0],
      ["two", 0],
    ]);
  }
  expect(await service.socket("x")).toMatchObject({ queueSize: 2, inFlightCount: 0 });
  expect(await service.contents("x")).toEqual(["one", "two"]);
});

test("NONE begins at the oldest message that is not settled", async () => {
  const service = await startService();
  await service.createAll("x");
  await service.writeAll("x", "one", "two", "three");
  await service.read({ socketId: "x", maxMessages: 2 }).rest();
  expect(await service.contents("x", looking)).toEqual(["three"]);
});

test("NONE follows too, beside a reader that settles", async () => {
  const service = await startService();
  await service.createAll("x");
  const looker = service.read({ socketId: "x", ...looking });
  const taker = service.read({ socketId: "x" });
  await expect.poll(async () => (await service.socket("x")).readerCount).toBe(2);
  await service.writeAll("x", "one", "two");
  expect(contentsOf(await taker.messages(2))).toEqual(["one", "two"]);
  expect(contentsOf(await looker.messages(2))).toEqual(["one", "two"]);
});

test("mail is kept and can be read in every state", async () => {
  const service = await startService();
  await service.createAll("x");
  await service.writeAll("x", "one", "two");
  await service.markInactive({ socketId: "x" });
  expect(await service.contents("x", { maxMessages: 1 })).toEqual(["one"]);
  await service.markUnresponsive({ socketId: "x" });
  expect(await service.contents("x")).toEqual(["two"]);
});

test("reader_count counts open reads, and a new one is refused above the limit", async () => {
  const service = await startService({ maxReadersPerSocket: 2 });
  await service.createAll("x", "y");
  const first = service.read({ socketId: "x", ...withEvents });
  const second = service.read({ socketId: "x", ...looking, ...withEvents });
  await Promise.all([first.event(), second.event()]);
  expect((await service.socket("x")).readerCount).toBe(2);
  expect(await refusal(service.drain("x"))).toMatchObject({
    code: status.RESOURCE_EXHAUSTED,
    reason: "READER_LIMIT",
    metadata: { socket_id: "x", limit: "2" },
  });
  expect(await service.contents("y")).toEqual([]);
  first.cancel();
  await expect.poll(async () => (await service.socket("x")).readerCount).toBe(1);
  expect(await service.contents("x")).toEqual([]);
});

test("a read that is refused counts for no place among the readers", async () => {
  const service = await startService({ maxReadersPerSocket: 1 });
  await service.createAll("x");
  const after = { epoch: "another", sequence: 1 };
  for (let turn = 0; turn < 3; turn++) {
    expect((await refusal(service.drain("x", { after }))).reason).toBe("POSITION_LOST");
  }
  expect((await service.socket("x")).readerCount).toBe(0);
  expect(await service.contents("x")).toEqual([]);
});

test("Delete ends open reads with NOT_FOUND and SOCKET_DELETED", async () => {
  const service = await startService();
  await service.createAll("x");
  const readings = [
    service.read({ socketId: "x", ...withEvents }),
    service.read({ socketId: "x", ...looking, ...withEvents }),
  ];
  for (const reading of readings) await reading.event();
  await service.delete({ socketId: "x" });
  for (const reading of readings) {
    expect(refusalIn(await reading.end())).toMatchObject({
      code: status.NOT_FOUND,
      reason: "SOCKET_DELETED",
      metadata: { socket_id: "x" },
    });
  }
});

test("a replaced socket's readers are told that theirs was deleted", async () => {
  const service = await startService();
  await service.createAll("x");
  const reading = service.read({ socketId: "x", ...withEvents });
  await reading.event();
  await service.create({ socketId: "x", onConflict: ConflictPolicy.CONFLICT_POLICY_REPLACE });
  expect(refusalIn(await reading.end()).reason).toBe("SOCKET_DELETED");
});

test("Reset keeps the stream and tells it, whatever events it asked for", async () => {
  const service = await startService();
  await service.createAll("x");
  await service.writeAll("x", "before");
  const taker = service.read({ socketId: "x" });
  const looker = service.read({ socketId: "x", ...looking });
  await Promise.all([taker.message(), looker.message()]);
  const { socket } = await service.reset({ socketId: "x" });
  for (const reading of [taker, looker]) {
    expect(await reading.event()).toMatchObject({
      event: ReadEvent.READ_EVENT_RESET,
      position: { epoch: socket?.tail?.epoch, sequence: 0n },
      messages: [],
    });
  }
  await service.writeAll("x", "after");
  const epoch = socket?.tail?.epoch;
  expect(await taker.message()).toMatchObject({ content: "after", sequence: 1n, epoch });
  expect(await looker.message()).toMatchObject({ content: "after", sequence: 1n, epoch });
});

test("what was unread is gone for open reads after a reset", async () => {
  const service = await startService();
  await service.createAll("x");
  await service.writeAll("x", "one", "two");
  expect((await service.reset({ socketId: "x" })).droppedCount).toBe(2);
  expect(await service.contents("x", looking)).toEqual([]);
});

test("shutdown ends open reads with UNAVAILABLE and SHUTTING_DOWN, and loses nothing", async () => {
  const service = await startService();
  await service.createAll("x");
  const reading = service.read({ socketId: "x", ...withEvents });
  await reading.event();
  const [end] = await Promise.all([reading.end(), service.server.stop()]);
  expect(refusalIn(end)).toMatchObject({ code: status.UNAVAILABLE, reason: "SHUTTING_DOWN" });
});

test("a reader that does not read holds one frame, and the server no more for it", async () => {
  const service = await startService({ maxFrameMessages: 2 });
  await service.createAll("x");
  const stuck = new RawConnection(service.server.address).open("Read", readX);
  await expect.poll(async () => (await service.socket("x")).readerCount).toBe(1);
  await Promise.all(Array.from({ length: 40 }, () => service.write({ socketId: "x", message: "m".repeat(50_000) })));
  const { queueSize, inFlightCount } = await service.socket("x");
  expect(inFlightCount).toBeLessThanOrEqual(2);
  expect(queueSize).toBeGreaterThanOrEqual(36);
  stuck.close();
  await expect.poll(async () => (await service.socket("x")).inFlightCount).toBe(0);
  expect(await service.drain("x")).toHaveLength(queueSize);
});

test("a read that fails half-way, by a defect of ours, ends with INTERNAL and a line in the log", async () => {
  const defect = new TypeError("secret");
  const { service, logged } = await startFaulty({
    waitAfter: () => Promise.reject(defect),
  });
  await service.createAll("x");
  await service.writeAll("x", "one");
  const reading = service.read({ socketId: "x" });
  expect((await reading.message()).content).toBe("one");
  expect(refusalIn(await reading.end())).toMatchObject({ code: status.INTERNAL, reason: "INTERNAL" });
  expect(logged).toEqual([{ err: defect }]);
});
