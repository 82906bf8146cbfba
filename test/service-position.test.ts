/** Positions, resuming, gaps and events: rules 6 and 8 of the contract. */
import { status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import {
  AckMode,
  GapReason,
  ReadEvent,
  ReadRequest,
  ReadResponse,
} from "../gen/ts/socketregistry/v1/socket_registry.js";
import { contentsOf, refusal, startService } from "./support/client.js";
import { framed, RawConnection, unframed } from "./support/frames.js";

const looking = { ackMode: AckMode.ACK_MODE_NONE };
const hour = { heartbeatInterval: { seconds: 3_600n } };

/** A socket x with the messages m1 to m5, of which the first two are settled. */
async function startWithFive(overrides: Parameters<typeof startService>[0] = {}) {
  const service = await startService(overrides);
  await service.createAll("x");
  await service.writeAll("x", "m1", "m2", "m3", "m4", "m5");
  await service.read({ socketId: "x", maxMessages: 2 }).rest();
  const { tail } = await service.socket("x");
  const after = (sequence: number) => ({ after: { epoch: tail?.epoch ?? "", sequence } });
  return { service, after, epoch: tail?.epoch ?? "" };
}

/** A socket x whose messages go as soon as they are settled; signed ones, since unsigned ones are on the feed too. */
async function startForgetful(overrides: Parameters<typeof startService>[0] = {}) {
  const service = await startService({ retainedMessages: 0, upkeepIntervalMs: 10, ...overrides });
  await service.createAll("x");
  return Object.assign(service, {
    async writeSigned(...messages: string[]) {
      for (const message of messages) await service.write({ socketId: "x", message, sender: "s" });
    },
    /** The oldest sequence that can be read, as the refusal of a position in the future tells it. */
    async oldest() {
      const { metadata } = await refusal(service.drain("x", { ...looking, after: { sequence: 1_000 } }));
      return Number(metadata["oldest_sequence"]);
    },
  });
}

test("sequences are contiguous from 1, and a frame's position is the last one it covers", async () => {
  const { service, epoch } = await startWithFive();
  const [frame] = await service.read({ socketId: "x", noWait: true }).frames();
  expect(frame?.messages.map(({ sequence }) => sequence)).toEqual([3n, 4n, 5n]);
  expect(frame?.messages.every((message) => message.epoch === epoch)).toBe(true);
  expect(frame).toMatchObject({ position: { epoch, sequence: 5n }, backlogCount: 0 });
});

test("NONE starts after a position, also over settled messages", async () => {
  const { service, after } = await startWithFive();
  expect(await service.contents("x", { ...looking, ...after(0) })).toEqual(["m1", "m2", "m3", "m4", "m5"]);
  expect(await service.contents("x", { ...looking, ...after(1) })).toEqual(["m2", "m3", "m4", "m5"]);
  expect(await service.contents("x", { ...looking, ...after(4) })).toEqual(["m5"]);
  expect(await service.contents("x", { ...looking, ...after(5) })).toEqual([]);
  expect((await service.socket("x")).queueSize).toBe(3);
});

test("an empty epoch in a position is the current one", async () => {
  const { service } = await startWithFive();
  expect(await service.contents("x", { ...looking, after: { sequence: 3 } })).toEqual(["m4", "m5"]);
});

test("a stream is resumed at the position of its last frame without a loss or a repetition", async () => {
  const service = await startService({ maxFrameMessages: 2 });
  await service.createAll("x");
  await service.writeAll("x", ..."abcdefg");
  const seen: string[] = [];
  let after: ReadResponse["position"] = { epoch: "", sequence: 0n };
  for (let turn = 0; turn < 4; turn++) {
    const frame = await service.read({ socketId: "x", ...looking, after }).frame();
    seen.push(...contentsOf(frame.messages));
    after = frame.position;
  }
  expect(seen.join("")).toBe("abcdefg");
});

test("AUTO replays settled messages without a change of state, and then reads the queue", async () => {
  const { service, after } = await startWithFive();
  const reading = service.read({ socketId: "x", ...after(0) });
  expect(contentsOf(await reading.messages(2))).toEqual(["m1", "m2"]);
  expect(contentsOf(await reading.messages(3))).toEqual(["m3", "m4", "m5"]);
  await expect.poll(async () => (await service.socket("x")).queueSize).toBe(0);
  await service.writeAll("x", "m6");
  expect(await reading.message()).toMatchObject({ content: "m6", sequence: 6n });
});

test("AUTO after a position never skips an unread message, however late the position is", async () => {
  const { service, after } = await startWithFive();
  expect(await service.contents("x", after(5))).toEqual(["m3", "m4", "m5"]);
  expect(await service.contents("x", after(3))).toEqual(["m4", "m5"]);
  expect(await service.contents("x", after(0))).toEqual(["m1", "m2", "m3", "m4", "m5"]);
  expect(await service.contents("x")).toEqual([]);
});

test("a replay alone settles nothing and counts nothing", async () => {
  const { service, after } = await startWithFive();
  expect(contentsOf(await service.read({ socketId: "x", ...after(0), maxMessages: 2 }).rest())).toEqual(["m1", "m2"]);
  expect(await service.socket("x")).toMatchObject({ queueSize: 3, droppedCount: 0n });
  expect(await service.contents("x")).toEqual(["m3", "m4", "m5"]);
});

test.each([
  ["of another epoch", { epoch: "another", sequence: 1 }],
  ["in the future", { sequence: 6 }],
  ["beyond every number", { sequence: 18_446_744_073_709_551_615n }],
])("a position %s is lost, and the error says from where to go on", async (_, position) => {
  const { service, epoch } = await startWithFive();
  for (const request of [looking, {}]) {
    expect(await refusal(service.drain("x", { ...request, after: position }))).toMatchObject({
      code: status.OUT_OF_RANGE,
      reason: "POSITION_LOST",
      metadata: { socket_id: "x", epoch, oldest_sequence: "1" },
    });
  }
});

test("a position from before a reset is lost", async () => {
  const { service, after, epoch } = await startWithFive();
  const { socket } = await service.reset({ socketId: "x" });
  const refused = await refusal(service.drain("x", { ...looking, ...after(2) }));
  expect(refused).toMatchObject({ reason: "POSITION_LOST", metadata: { epoch: socket?.tail?.epoch } });
  expect(refused.metadata["epoch"]).not.toBe(epoch);
});

test("a position whose successors retention has let go of is lost, and the oldest one can be read from", async () => {
  const service = await startForgetful();
  await service.writeSigned("m1", "m2", "m3", "m4", "m5");
  await service.read({ socketId: "x", maxMessages: 3 }).rest();
  await expect.poll(() => service.oldest()).toBe(4);
  expect((await refusal(service.drain("x", { ...looking, after: { sequence: 2 } }))).reason).toBe("POSITION_LOST");
  expect(await service.contents("x", { ...looking, after: { sequence: 3 } })).toEqual(["m4", "m5"]);
});

test("a looker that is overtaken by retention is told what it missed", async () => {
  const service = await startForgetful({ maxFrameMessages: 1 });
  await service.writeSigned(...Array.from("abcde", (letter) => letter.repeat(100_000)));
  const request = framed(ReadRequest.encode(ReadRequest.fromPartial({ socketId: "x", ...looking })).finish());
  const stuck = new RawConnection(service.server.address).open("Read", request);
  await expect.poll(async () => (await service.socket("x")).readerCount).toBe(1);
  expect(await service.drain("x")).toHaveLength(5);
  await expect.poll(() => service.oldest()).toBe(6);
  const chunks: Buffer[] = [];
  stuck.on("data", (chunk) => void chunks.push(chunk));
  await service.writeSigned("f");
  const frames = () => unframed(Buffer.concat(chunks)).map((message) => ReadResponse.decode(message));
  await expect.poll(() => frames().at(-1)?.position?.sequence).toBe(6n);
  const gap = frames().find(({ event }) => event === ReadEvent.READ_EVENT_GAP);
  expect(gap).toMatchObject({ gapReason: GapReason.GAP_REASON_RETENTION, position: { sequence: 5n } });
  const read = frames().flatMap(({ messages }) => messages);
  expect(read.length + Number(gap?.droppedCount)).toBe(6);
  expect(read.at(-1)?.content).toBe("f");
});

test("after goes with AUTO and NONE, not with EXPLICIT", async () => {
  const { service, after } = await startWithFive();
  const refused = await refusal(service.drain("x", { ackMode: AckMode.ACK_MODE_EXPLICIT, ...after(1) }));
  expect(refused).toMatchObject({ code: status.INVALID_ARGUMENT, reason: "AFTER_NOT_ALLOWED", field: "after" });
});

test("STARTED and CAUGHT_UP frame the backlog when heartbeats are asked for", async () => {
  const { service, epoch } = await startWithFive();
  const reading = service.read({ socketId: "x", ...hour });
  expect(await reading.frame()).toMatchObject({
    event: ReadEvent.READ_EVENT_STARTED,
    position: { epoch, sequence: 2n },
    backlogCount: 3,
    messages: [],
  });
  expect(contentsOf((await reading.frame()).messages)).toEqual(["m3", "m4", "m5"]);
  expect(await reading.frame()).toMatchObject({
    event: ReadEvent.READ_EVENT_CAUGHT_UP,
    position: { epoch, sequence: 5n },
    backlogCount: 0,
    messages: [],
  });
  await service.writeAll("x", "m6");
  expect(contentsOf((await reading.frame()).messages)).toEqual(["m6"]);
});

test("a stream that asks for no heartbeat gets messages alone", async () => {
  const { service } = await startWithFive();
  const reading = service.read({ socketId: "x" });
  expect(contentsOf((await reading.frame()).messages)).toEqual(["m3", "m4", "m5"]);
  await service.writeAll("x", "m6");
  expect(contentsOf((await reading.frame()).messages)).toEqual(["m6"]);
});

test("a heartbeat comes after every silence, with a position to resume from", async () => {
  const service = await startService();
  await service.createAll("x");
  const reading = service.read({ socketId: "x", excludeSender: "me", heartbeatInterval: { nanos: 100_000_000 } });
  expect((await reading.event()).event).toBe(ReadEvent.READ_EVENT_STARTED);
  expect((await reading.event()).event).toBe(ReadEvent.READ_EVENT_CAUGHT_UP);
  const before = performance.now();
  for (let beat = 0; beat < 3; beat++) {
    expect(await reading.frame()).toMatchObject({
      event: ReadEvent.READ_EVENT_HEARTBEAT,
      position: { sequence: 0n },
      messages: [],
    });
  }
  expect(performance.now() - before).toBeGreaterThan(200);
  await service.write({ socketId: "x", message: "my own", sender: "me" });
  // A heartbeat that was on its way may still be of before.
  await expect.poll(async () => (await reading.frame()).position?.sequence).toBe(1n);
});

test.each([
  ["shorter than 100 ms", { nanos: 99_000_000 }],
  ["longer than an hour", { seconds: 3_600n, nanos: 1_000_000 }],
  ["negative", { seconds: -1n }],
])("a heartbeat interval that is %s is refused", async (_, heartbeatInterval) => {
  const service = await startService();
  await service.createAll("x");
  expect(await refusal(service.drain("x", { heartbeatInterval }))).toMatchObject({
    code: status.INVALID_ARGUMENT,
    reason: "INVALID_FIELD",
    field: "heartbeat_interval",
  });
});
