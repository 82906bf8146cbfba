/** Reads that take over from others: `exclusive`, and what becomes of what the others had. */
import { status } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { AckMode, type ReadRequest } from "../gen/ts/socketregistry/v1/socket_registry.js";
import { connect, contentsOf, type Part, type Reading, refusal, refusalIn } from "./support/client.js";
import { attemptsOf, type Inbox, startInbox, took } from "./support/inbox.js";
import { STUCK_BYTES, StuckRead } from "./support/stuck-read.js";

const hourMs = 3_600_000;
const hour = { heartbeatInterval: { seconds: 3_600 } };
const auto = { ackMode: AckMode.ACK_MODE_AUTO, ...hour };
const explicit = { ackMode: AckMode.ACK_MODE_EXPLICIT, ...hour };
const looking = { ackMode: AckMode.ACK_MODE_NONE, ...hour };
const superseded = { code: status.ABORTED, reason: "READER_SUPERSEDED", metadata: { socket_id: "x" } };

/** A Read of x that is open, and caught up with what it may have. */
async function open({ service }: Inbox, request: Part<ReadRequest>): Promise<Reading> {
  const reading = service.read({ socketId: "x", ...request });
  await reading.event();
  return reading;
}

describe.each([
  ["AUTO", auto],
  ["EXPLICIT", explicit],
])("an exclusive %s Read", (_, mode) => {
  test("ends every other one that takes messages, and leaves those that look", async () => {
    const inbox = await startInbox();
    const others = [await open(inbox, auto), await open(inbox, explicit), await open(inbox, explicit)];
    const looker = await open(inbox, looking);
    const exclusive = await open(inbox, { ...mode, exclusive: true });
    for (const other of others) expect(refusalIn(await other.end())).toMatchObject(superseded);
    await expect.poll(async () => (await inbox.service.socket("x")).readerCount).toBe(2);
    await inbox.write("one");
    expect((await exclusive.message()).content).toBe("one");
    expect((await looker.message()).content).toBe("one");
  });

  test("keeps later ones out as long as it is open, unless they are exclusive or only look", async () => {
    const inbox = await startInbox();
    const exclusive = await open(inbox, { ...mode, exclusive: true });
    expect(await refusal(inbox.service.drain("x"))).toMatchObject(superseded);
    expect(await refusal(inbox.take())).toMatchObject(superseded);
    await open(inbox, looking);
    const next = await open(inbox, { ...explicit, exclusive: true });
    expect(refusalIn(await exclusive.end())).toMatchObject(superseded);
    next.cancel();
    await expect.poll(async () => (await inbox.service.socket("x")).readerCount).toBe(1);
    expect(await inbox.takeAll()).toEqual([]);
    await inbox.write("one");
    expect(await inbox.service.contents("x")).toEqual(["one"]);
  });

  test("takes the place of others when there is no room for more", async () => {
    const inbox = await startInbox({ maxReadersPerSocket: 2 });
    await open(inbox, auto);
    await open(inbox, looking);
    await open(inbox, { ...mode, exclusive: true });
    await expect.poll(async () => (await inbox.service.socket("x")).readerCount).toBe(2);
    expect((await refusal(inbox.service.drain("x", looking))).reason).toBe("READER_LIMIT");
  });

  test("is refused where only Reads that look have all the room, and ends nobody then", async () => {
    const inbox = await startInbox({ maxReadersPerSocket: 1 });
    const looker = await open(inbox, looking);
    expect((await refusal(inbox.service.drain("x", { ...mode, exclusive: true }))).reason).toBe("READER_LIMIT");
    await inbox.write("one");
    expect((await looker.message()).content).toBe("one");
  });
});

test("of two at once one stays, and it is the one that gets the messages", async () => {
  const inbox = await startInbox();
  for (let turn = 0; turn < 5; turn++) {
    const clients = [0, 1].map(() => connect(inbox.server.address));
    const readings = clients.map((client) => client.read({ socketId: "x", ...explicit, exclusive: true }));
    const ended = readings.map(async (reading, place) => {
      expect(refusalIn(await reading.end())).toMatchObject(superseded);
      return place;
    });
    const loser = await Promise.race(ended);
    await inbox.write(`m${turn}`);
    await expect.poll(() => inbox.counts()).toEqual({ queue: 1, inFlight: 1, parked: 0 });
    expect(await inbox.ack(turn + 1)).toEqual({ count: 1, stale: [] });
    readings[1 - loser]?.cancel();
    await expect(ended[1 - loser]).rejects.toThrow();
    await expect.poll(async () => (await inbox.service.socket("x")).readerCount).toBe(0);
  }
});

test("exclusive does not go with NONE", async () => {
  const inbox = await startInbox();
  const other = await open(inbox, auto);
  expect(await refusal(inbox.service.drain("x", { ...looking, exclusive: true }))).toMatchObject({
    code: status.INVALID_ARGUMENT,
    reason: "INVALID_FIELD",
    field: "exclusive",
  });
  await inbox.write("one");
  expect((await other.message()).content).toBe("one");
});

test("an exclusive Read that is refused ends nobody", async () => {
  const inbox = await startInbox();
  const other = await open(inbox, auto);
  const after = { epoch: "another", sequence: 1 };
  expect((await refusal(inbox.service.drain("x", { exclusive: true, after }))).reason).toBe("POSITION_LOST");
  expect((await refusal(inbox.take({ exclusive: true, after }))).reason).toBe("AFTER_NOT_ALLOWED");
  await inbox.write("one");
  expect((await other.message()).content).toBe("one");
});

test("an exclusive Read with an end takes over for as long as it lasts", async () => {
  const inbox = await startInbox();
  const other = await open(inbox, auto);
  expect(await inbox.service.contents("x", { exclusive: true })).toEqual([]);
  expect(refusalIn(await other.end())).toMatchObject(superseded);
  await inbox.write("one");
  expect(await inbox.service.contents("x")).toEqual(["one"]);
});

test("sockets do not hear of each other's exclusive Reads", async () => {
  const inbox = await startInbox();
  await inbox.service.createAll("y");
  const other = inbox.service.read({ socketId: "y", ...auto });
  await other.event();
  await open(inbox, { ...auto, exclusive: true });
  await inbox.service.writeAll("y", "one");
  expect((await other.message()).content).toBe("one");
  expect(await inbox.service.contents("y")).toEqual([]);
});

describe("what the one that was ended had", () => {
  test("comes to the exclusive one after the grace, in order, which is no failed attempt", async () => {
    const inbox = await startInbox({ returnGraceMs: 400 });
    await inbox.write("one", "two");
    const first = inbox.read();
    await first.message();
    const waitedMs = await took(async () => {
      const exclusive = inbox.read({ exclusive: true });
      expect(attemptsOf(await exclusive.messages(1))).toEqual([["one", 1]]);
      await inbox.ack(1);
      expect(attemptsOf(await exclusive.messages(1))).toEqual([["two", 1]]);
    });
    expect(waitedMs).toBeGreaterThanOrEqual(400);
    expect(refusalIn(await first.end())).toMatchObject(superseded);
  });

  test("can still be settled by it, and then the exclusive one goes on at once", async () => {
    const inbox = await startInbox({ returnGraceMs: hourMs });
    await inbox.write("one", "two", "three");
    const first = inbox.read({ maxOutstanding: 2 });
    await first.messages(2);
    const exclusive = await open(inbox, { ...explicit, exclusive: true });
    expect(refusalIn(await first.end())).toMatchObject(superseded);
    expect(await inbox.counts()).toEqual({ queue: 3, inFlight: 2, parked: 0 });
    expect(await inbox.ack(1, 2)).toEqual({ count: 2, stale: [] });
    expect(await exclusive.message()).toMatchObject({ content: "three", deliveryAttempt: 1 });
  });

  test("holds up no exclusive one that may have more", async () => {
    const inbox = await startInbox({ returnGraceMs: hourMs });
    await inbox.write("one", "two");
    await inbox.read().message();
    const exclusive = inbox.read({ exclusive: true, maxOutstanding: 2 });
    expect((await exclusive.message()).content).toBe("two");
  });
});

describe("one whose client has stopped reading", () => {
  test("in EXPLICIT mode is ended, and what it was sent comes again after the grace", async () => {
    const inbox = await startInbox({ returnGraceMs: 300 });
    await inbox.write("m".repeat(STUCK_BYTES), "two");
    const stuck = new StuckRead(inbox.server.address, { socketId: "x", ...explicit });
    await expect.poll(() => inbox.counts()).toMatchObject({ inFlight: 1 });
    const waitedMs = await took(async () => {
      const exclusive = inbox.read({ exclusive: true });
      expect(await exclusive.message()).toMatchObject({ sequence: 1n, deliveryAttempt: 1 });
      await inbox.ack(1);
      expect(await exclusive.message()).toMatchObject({ content: "two", deliveryAttempt: 1 });
    });
    expect(waitedMs).toBeGreaterThanOrEqual(300);
    await expect.poll(async () => (await inbox.service.socket("x")).readerCount).toBe(1);
    stuck.readOn();
    await expect.poll(() => stuck.status).toBe(status.ABORTED);
    // It had been sent, and when it is read at last its ack is stale.
    expect(await inbox.ack(1)).toEqual({ count: 0, stale: [1] });
    expect(await inbox.counts()).toEqual({ queue: 1, inFlight: 1, parked: 0 });
  });

  test("in AUTO mode is ended, and what it was not handed goes to the exclusive one at once", async () => {
    const inbox = await startInbox({ returnGraceMs: hourMs, maxFrameMessages: 1 });
    await inbox.write("zero", "m".repeat(STUCK_BYTES), "two");
    const stuck = new StuckRead(inbox.server.address, { socketId: "x" });
    await expect.poll(() => inbox.counts()).toEqual({ queue: 2, inFlight: 1, parked: 0 });
    const exclusive = inbox.service.read({ socketId: "x", exclusive: true });
    expect((await exclusive.messages(2)).map(({ sequence }) => sequence)).toEqual([2n, 3n]);
    await expect
      .poll(() => inbox.service.socket("x"))
      .toMatchObject({ queueSize: 0, inFlightCount: 0, readerCount: 1 });
    stuck.readOn();
    await expect.poll(() => stuck.status).toBe(status.ABORTED);
    expect(stuck.contents[0]).toBe("zero");
  });

  test("is ended though nothing was ever sent to it", async () => {
    const inbox = await startInbox();
    const stuck = new StuckRead(inbox.server.address, { socketId: "x", ...explicit });
    await expect.poll(async () => (await inbox.service.socket("x")).readerCount).toBe(1);
    const exclusive = await open(inbox, { ...explicit, exclusive: true });
    await expect.poll(async () => (await inbox.service.socket("x")).readerCount).toBe(1);
    await inbox.write("one");
    expect(contentsOf(await exclusive.messages(1))).toEqual(["one"]);
    stuck.readOn();
    await expect.poll(() => stuck.status).toBe(status.ABORTED);
    expect(stuck.contents).toEqual([]);
  });
});
