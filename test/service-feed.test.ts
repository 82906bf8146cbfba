/** The team feed and what a socket writes to itself: rules 3 and 4 of the contract. */
import { expect, test } from "vitest";
import { AckMode, GapReason, ReadEvent, ResetScope, SocketState } from "../gen/ts/socketregistry/v1/socket_registry.js";
import { contentsOf, refusal, startService } from "./support/client.js";

const team = "team-chat-all";
const looking = { ackMode: AckMode.ACK_MODE_NONE };

test("the feed has signed broadcasts, answers on a socket's own id, and unsigned direct writes", async () => {
  const service = await startService();
  await service.createAll("x", "y");
  await service.write({ socketId: team, message: "signed broadcast", sender: "x" });
  await service.write({ socketId: "x", message: "x to x", sender: "x" });
  await service.write({ socketId: "y", message: "unsigned to y" });
  const feed = await service.drain(team);
  expect(feed.map(({ content, header, recipient, sequence }) => [content, header, recipient, sequence])).toEqual([
    ["signed broadcast", "[team-chat-from-x]", team, 1n],
    ["x to x", "[team-chat-from-x]", "x", 2n],
    ["unsigned to y", "[team-chat-from-y]", "y", 3n],
  ]);
});

test("the feed does not have unsigned broadcasts, nor signed messages to another socket", async () => {
  const service = await startService();
  await service.createAll("x", "y");
  await service.write({ socketId: team, message: "the question" });
  await service.write({ socketId: "y", message: "between x and y", sender: "x" });
  expect(await service.contents(team)).toEqual([]);
  expect((await service.socket(team)).tail?.sequence).toBe(0n);
});

test("a refused write is not on the feed", async () => {
  const service = await startService();
  await service.createAll("x");
  await service.markUnresponsive({ socketId: "x" });
  expect((await refusal(service.write({ socketId: "x", message: "unsigned" }))).reason).toBe("SOCKET_UNRESPONSIVE");
  expect((await refusal(service.write({ socketId: "z", message: "z", sender: "z" }))).reason).toBe("SOCKET_NOT_FOUND");
  expect(await service.contents(team)).toEqual([]);
});

test("reading the feed takes nothing from any queue, and reading a queue nothing from the feed", async () => {
  const service = await startService();
  await service.createAll("x", "y");
  await service.write({ socketId: "x", message: "to x" });
  await service.write({ socketId: team, message: "to all", sender: "y" });
  expect(await service.contents(team)).toEqual(["to x", "to all"]);
  expect(await service.contents("x")).toEqual(["to x", "to all"]);
  await service.write({ socketId: "x", message: "again" });
  expect(await service.contents("x")).toEqual(["again"]);
  expect(await service.contents(team)).toEqual(["again"]);
});

test("what a socket writes to itself goes to the feed alone, and to nobody's queue", async () => {
  const service = await startService();
  await service.createAll("x", "y");
  const answer = await service.write({ socketId: "x", message: "my answer", sender: "x" });
  expect(answer).toMatchObject({ deliveredCount: 1, skippedCount: 0 });
  expect(answer.results).toMatchObject([{ socketId: team, sequence: 1n }]);
  expect(await service.contents("x")).toEqual([]);
  expect(await service.contents("y")).toEqual([]);
  expect(await service.drain(team)).toMatchObject([
    { content: "my answer", header: "[team-chat-from-x]", toHeader: "[team-chat-to-x]" },
  ]);
});

test("what a socket writes to itself is refused for no state and no full queue", async () => {
  const service = await startService();
  await service.create({ socketId: "x", config: { maxQueueSize: 1 } });
  await service.write({ socketId: "x", message: "fills it", sender: "y" });
  await service.write({ socketId: "x", message: "full", sender: "x" });
  await service.markInactive({ socketId: "x" });
  await service.write({ socketId: "x", message: "inactive", sender: "x" });
  await service.markUnresponsive({ socketId: "x" });
  await service.write({ socketId: "x", message: "unresponsive", sender: "x" });
  expect(await service.contents(team)).toEqual(["full", "inactive", "unresponsive"]);
  expect((await service.socket("x")).state).toBe(SocketState.SOCKET_STATE_UNRESPONSIVE);
});

test("exclude_sender hides a reader's own words, and counts them as read", async () => {
  const service = await startService();
  await service.createAll("x", "y");
  await service.write({ socketId: team, message: "mine", sender: "x" });
  await service.write({ socketId: team, message: "yours", sender: "y" });
  await service.write({ socketId: team, message: "mine again", sender: "x" });
  const [frame] = await service.read({ socketId: team, excludeSender: "x", noWait: true }).frames();
  expect(contentsOf(frame?.messages ?? [])).toEqual(["yours"]);
  expect(frame?.position?.sequence).toBe(3n);
  expect(await service.contents(team)).toEqual([]);
});

test("a reader that sees only its own words waits on without a frame", async () => {
  const service = await startService();
  await service.createAll("x", "y");
  const reading = service.read({ socketId: team, excludeSender: "x" });
  await service.write({ socketId: team, message: "mine", sender: "x" });
  await service.write({ socketId: team, message: "yours", sender: "y" });
  expect(contentsOf((await reading.frame()).messages)).toEqual(["yours"]);
});

test("everybody who looks at the feed sees all of it, and the draining cursor is one for all", async () => {
  const service = await startService();
  await service.createAll("x");
  await service.write({ socketId: team, message: "one", sender: "x" });
  await service.write({ socketId: team, message: "two", sender: "x" });
  for (let person = 0; person < 3; person++) expect(await service.contents(team, looking)).toEqual(["one", "two"]);
  expect(await service.contents(team, { maxMessages: 1 })).toEqual(["one"]);
  expect(await service.contents(team)).toEqual(["two"]);
  expect(await service.contents(team)).toEqual([]);
  expect(await service.contents(team, looking)).toEqual([]);
});

test("people who follow the feed see what a draining reader takes", async () => {
  const service = await startService();
  await service.createAll("x");
  const people = [service.read({ socketId: team, ...looking }), service.read({ socketId: team, ...looking })];
  const collector = service.read({ socketId: team });
  await service.write({ socketId: team, message: "hello", sender: "x" });
  expect((await collector.message()).content).toBe("hello");
  for (const person of people) expect((await person.message()).content).toBe("hello");
});

test("the feed is bounded by count: the oldest go first and a GAP tells how many", async () => {
  const service = await startService({ maxQueueMessages: 3 });
  await service.createAll("x");
  for (let turn = 1; turn <= 5; turn++) await service.write({ socketId: "x", message: `m${turn}`, sender: "x" });
  expect(await service.socket(team)).toMatchObject({ queueSize: 3, droppedCount: 2n });
  const frames = await service.read({ socketId: team, noWait: true }).frames();
  expect(frames).toMatchObject([
    { event: ReadEvent.READ_EVENT_GAP, gapReason: GapReason.GAP_REASON_OVERFLOW, droppedCount: 2n, messages: [] },
    { event: ReadEvent.READ_EVENT_UNSPECIFIED, messages: [{ content: "m3" }, { content: "m4" }, { content: "m5" }] },
  ]);
});

test("the feed is bounded by bytes, and takes even a message that is larger than that", async () => {
  const service = await startService({ maxQueueBytes: 2_000 });
  await service.createAll("x");
  for (let turn = 1; turn <= 5; turn++) {
    await service.write({ socketId: "x", message: `${turn}`.repeat(700), sender: "x" });
  }
  expect(await service.contents(team, looking)).toEqual(["4".repeat(700), "5".repeat(700)]);
  await service.write({ socketId: "x", message: "6".repeat(5_000), sender: "x" });
  expect(await service.contents(team, looking)).toEqual(["6".repeat(5_000)]);
});

test("the feed is bounded by age", async () => {
  const service = await startService({ retainedAgeMs: 1, upkeepIntervalMs: 10 });
  await service.createAll("x");
  await service.write({ socketId: "x", message: "old", sender: "x" });
  await expect.poll(async () => (await service.socket(team)).queueSize).toBe(0);
  const [gap] = await service.read({ socketId: team, noWait: true }).frames();
  expect(gap).toMatchObject({ event: ReadEvent.READ_EVENT_GAP, droppedCount: 1n });
});

test("a full feed refuses no write and touches no queue", async () => {
  const service = await startService({ maxQueueMessages: 2 });
  await service.createAll("x", "y");
  for (let turn = 1; turn <= 4; turn++) await service.write({ socketId: "x", message: `x${turn}`, sender: "x" });
  const answer = await service.write({ socketId: team, message: "to all", sender: "x" });
  expect(answer).toMatchObject({ deliveredCount: 1 });
  expect(await service.contents("y")).toEqual(["to all"]);
  expect(await service.contents(team, looking)).toEqual(["x4", "to all"]);
});

test("Reset clears the feed and nothing else, and the feed goes on under a new epoch", async () => {
  const service = await startService();
  await service.createAll("x");
  await service.write({ socketId: team, message: "before", sender: "y" });
  const reading = service.read({ socketId: team, ...looking });
  expect((await reading.message()).content).toBe("before");
  const { socket, droppedCount } = await service.reset({ socketId: team });
  expect(droppedCount).toBe(1);
  expect(socket).toMatchObject({ socketId: team, state: SocketState.SOCKET_STATE_ACTIVE, queueSize: 0 });
  const event = await reading.event();
  expect(event).toMatchObject({ event: ReadEvent.READ_EVENT_RESET, position: { epoch: socket?.tail?.epoch } });
  await service.write({ socketId: team, message: "after", sender: "y" });
  expect(await reading.message()).toMatchObject({ content: "after", sequence: 1n });
  expect(await service.contents("x")).toEqual(["before", "after"]);
});

test("team-chat-all is always there, ACTIVE, of the model broadcast, and refuses to be anything else", async () => {
  const service = await startService();
  const before = await service.socket(team);
  expect(before).toMatchObject({
    socketId: team,
    model: "broadcast",
    prompt: "",
    state: SocketState.SOCKET_STATE_ACTIVE,
  });
  const attempts = [
    service.create({ socketId: team }),
    service.create({ socketId: team, onConflict: 2 }),
    service.create({ socketId: team, onConflict: 3 }),
    service.delete({ socketId: team }),
    service.delete({ socketId: team, allowMissing: true }),
    service.markActive({ socketId: team }),
    service.markInactive({ socketId: team }),
    service.markUnresponsive({ socketId: team }),
    service.reset({ socketId: team, scope: ResetScope.RESET_SCOPE_CONTEXT }),
  ];
  for (const attempt of attempts) {
    expect(await refusal(attempt)).toMatchObject({
      reason: "BROADCAST_SOCKET_PROTECTED",
      metadata: { socket_id: team },
    });
  }
  expect(await service.socket(team)).toEqual(before);
});
