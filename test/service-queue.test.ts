/** Limits of a queue and what a full one does: rule 12 of the contract. */
import { status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import {
  AckMode,
  GapReason,
  OverflowPolicy,
  ReadEvent,
  SkipReason,
  WriteRequest,
} from "../gen/ts/socketregistry/v1/socket_registry.js";
import { encodeBody } from "../src/rpc/wire.js";
import { refusal, startService } from "./support/client.js";

const team = "team-chat-all";
const looking = { ackMode: AckMode.ACK_MODE_NONE };
const dropOldest = { overflowPolicy: OverflowPolicy.OVERFLOW_POLICY_DROP_OLDEST };

test("a queue takes as many messages as its limit and refuses the next one", async () => {
  const service = await startService();
  await service.create({ socketId: "x", config: { maxQueueSize: 2 } });
  await service.writeAll("x", "one", "two");
  expect(await refusal(service.write({ socketId: "x", message: "three" }))).toMatchObject({
    code: status.RESOURCE_EXHAUSTED,
    reason: "QUEUE_FULL",
    metadata: { socket_id: "x", queue_size: "2" },
  });
  expect(await service.contents("x", { maxMessages: 1 })).toEqual(["one"]);
  await service.writeAll("x", "three");
  expect(await service.contents("x")).toEqual(["two", "three"]);
  expect((await service.socket("x")).tail?.sequence).toBe(3n);
});

test("a queue without a limit of its own has the server's, and one of zero has none", async () => {
  const service = await startService({ maxQueueMessages: 2, maxQueueBytes: 10_000 });
  await service.createAll("x");
  await service.create({ socketId: "endless", config: { maxQueueSize: 0, maxQueueBytes: 0n } });
  await service.writeAll("x", "one", "two");
  expect((await refusal(service.write({ socketId: "x", message: "three" }))).reason).toBe("QUEUE_FULL");
  for (let turn = 0; turn < 5; turn++) await service.writeAll("endless", "m".repeat(5_000));
  expect((await service.socket("endless")).queueSize).toBe(5);
});

test("a queue takes a message of as many bytes as its limit, encoded, and none of one more", async () => {
  const service = await startService();
  const request = { socketId: "x", message: "m".repeat(1_000) };
  const size = encodeBody(WriteRequest.fromPartial(request)).length;
  await service.create({ socketId: "x", config: { maxQueueBytes: size } });
  const larger = { ...request, message: `${request.message}m` };
  expect(await refusal(service.write(larger))).toMatchObject({ reason: "QUEUE_FULL", metadata: { queue_size: "0" } });
  await service.write(request);
  expect((await refusal(service.write({ socketId: "x", message: "" }))).reason).toBe("QUEUE_FULL");
});

test("settled messages count for no limit", async () => {
  const service = await startService();
  await service.create({ socketId: "x", config: { maxQueueSize: 1, maxQueueBytes: 500n } });
  for (let turn = 0; turn < 20; turn++) {
    await service.writeAll("x", `${turn}`.padEnd(300));
    expect(await service.drain("x")).toHaveLength(1);
  }
});

test("DROP_OLDEST makes room at the old end, and a GAP tells how many went", async () => {
  const service = await startService();
  await service.create({ socketId: "x", config: { maxQueueSize: 2, ...dropOldest } });
  await service.writeAll("x", "one", "two", "three", "four", "five");
  expect(await service.socket("x")).toMatchObject({ queueSize: 2, droppedCount: 3n, tail: { sequence: 5n } });
  expect(await service.read({ socketId: "x", noWait: true }).frames()).toMatchObject([
    { event: ReadEvent.READ_EVENT_GAP, gapReason: GapReason.GAP_REASON_OVERFLOW, droppedCount: 3n, messages: [] },
    {
      messages: [
        { content: "four", sequence: 4n },
        { content: "five", sequence: 5n },
      ],
    },
  ]);
  expect(await service.read({ socketId: "x", noWait: true }).frames()).toEqual([]);
});

test("DROP_OLDEST drops as many as a message's bytes need", async () => {
  const service = await startService();
  await service.create({ socketId: "x", config: { maxQueueBytes: 1_500n, ...dropOldest } });
  await service.writeAll("x", "a".repeat(300), "b".repeat(300), "c".repeat(300));
  await service.writeAll("x", "d".repeat(1_200));
  expect((await service.contents("x")).map((content) => content[0])).toEqual(["d"]);
  expect((await service.socket("x")).droppedCount).toBe(3n);
});

test("DROP_OLDEST refuses a message that is too large for the whole queue, and drops nothing for it", async () => {
  const service = await startService();
  await service.create({ socketId: "x", config: { maxQueueBytes: 1_000n, ...dropOldest } });
  await service.writeAll("x", "small");
  expect((await refusal(service.write({ socketId: "x", message: "m".repeat(1_000) }))).reason).toBe("QUEUE_FULL");
  const answer = await service.write({ socketId: team, message: "m".repeat(1_000) });
  expect(answer.results).toMatchObject([{ socketId: "x", skipReason: SkipReason.SKIP_REASON_QUEUE_FULL }]);
  expect(await service.contents("x")).toEqual(["small"]);
});

test("DROP_OLDEST takes broadcasts too", async () => {
  const service = await startService();
  await service.create({ socketId: "x", config: { maxQueueSize: 1, ...dropOldest } });
  await service.write({ socketId: team, message: "one" });
  expect(await service.write({ socketId: team, message: "two" })).toMatchObject({ deliveredCount: 1, skippedCount: 0 });
  expect(await service.contents("x")).toEqual(["two"]);
});

test("a reader that follows is told of drops between its frames", async () => {
  const service = await startService();
  await service.create({ socketId: "x", config: { maxQueueSize: 1, ...dropOldest } });
  await service.writeAll("x", "one", "two");
  const reading = service.read({ socketId: "x" });
  expect(await reading.frame()).toMatchObject({ event: ReadEvent.READ_EVENT_GAP, droppedCount: 1n });
  expect((await reading.message()).content).toBe("two");
  await service.writeAll("x", "three");
  expect((await reading.message()).content).toBe("three");
});

test("a full queue takes nothing from a broadcast that others get", async () => {
  const service = await startService();
  await service.create({ socketId: "full", config: { maxQueueSize: 1 } });
  await service.createAll("y");
  await service.writeAll("full", "only");
  await service.write({ socketId: team, message: "to all", sender: "s" });
  expect(await service.contents("full")).toEqual(["only"]);
  expect(await service.contents("y")).toEqual(["to all"]);
  expect(await service.contents(team, looking)).toEqual(["only", "to all"]);
});

test("content, metadata and the other texts are taken at their limit and refused one past", async () => {
  const service = await startService({ maxContentBytes: 100, maxStringBytes: 20 });
  await service.createAll("x");
  const euro = "€".repeat(33);
  await service.write({ socketId: "x", message: `${euro}a`, threadId: "t".repeat(20), replyTo: "r".repeat(20) });
  expect(await refusal(service.write({ socketId: "x", message: `${euro}ab` }))).toMatchObject({
    code: status.INVALID_ARGUMENT,
    reason: "MESSAGE_TOO_LARGE",
    field: "message",
    metadata: { limit: "100", size: "101" },
  });
  for (const [field, request] of [
    ["thread_id", { threadId: "t".repeat(21) }],
    ["reply_to", { replyTo: `${"ü".repeat(10)}r` }],
  ] as const) {
    expect(await refusal(service.write({ socketId: "x", ...request }))).toMatchObject({
      reason: "INVALID_FIELD",
      field,
      metadata: { limit: "20" },
    });
  }
  expect(await service.drain("x")).toHaveLength(1);
});

test("a full store refuses writes and new sockets, while reads, Reset and Delete work", async () => {
  const service = await startService({ maxStoreBytes: 200_000 });
  await service.createAll("x", "y", "z");
  const message = "m".repeat(40_000);
  let refused = 0;
  for (let turn = 0; turn < 6; turn++) {
    await service.write({ socketId: "x", message }).catch(() => refused++);
  }
  expect(refused).toBeGreaterThan(0);
  expect(await refusal(service.write({ socketId: "y", message }))).toMatchObject({
    code: status.RESOURCE_EXHAUSTED,
    reason: "STORAGE_FULL",
    metadata: { limit: "200000" },
  });
  expect((await service.drain("x")).length).toBe(6 - refused);
  await service.markInactive({ socketId: "y" });
  await service.reset({ socketId: "y" });
  await service.delete({ socketId: "z" });
  expect((await service.list()).sockets.map(({ socketId }) => socketId)).toEqual([team, "x", "y"]);
});
