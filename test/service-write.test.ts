/** What a direct write and a broadcast do: rules 1, 2 and 5 of the contract. */
import { status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { SkipReason } from "../gen/ts/socketregistry/v1/socket_registry.js";
import { contentsOf, refusal, startService } from "./support/client.js";

const team = "team-chat-all";
const none = SkipReason.SKIP_REASON_UNSPECIFIED;

test("a direct write appends one message to one queue", async () => {
  const service = await startService();
  await service.createAll("x", "y");
  const first = await service.write({ socketId: "x", message: "one" });
  const second = await service.write({ socketId: "x", message: "two" });
  expect(first).toMatchObject({ deliveredCount: 1, skippedCount: 0, duplicate: false });
  expect(first.results).toEqual([{ socketId: "x", sequence: 1n, skipReason: none }]);
  expect(second.results).toEqual([{ socketId: "x", sequence: 2n, skipReason: none }]);
  expect(first.messageId).not.toBe("");
  expect(second.messageId).not.toBe(first.messageId);
  expect(await service.contents("x")).toEqual(["one", "two"]);
  expect(await service.contents("y")).toEqual([]);
});

test("a reader gets every field of a message as its author wrote it", async () => {
  const service = await startService();
  await service.createAll("x");
  const metadata = {
    text: "präzise 🙂",
    number: 1.5,
    flag: true,
    nothing: null,
    list: [1, { deep: [] }],
    "": "empty key",
  };
  const content = "\u{feff}zeile eins\nzwei\u0000 🙂";
  const before = Date.now();
  const request = { socketId: "x", message: content, metadata, sender: "s", threadId: "thread", replyTo: "other" };
  const { messageId } = await service.write(request);
  const [message] = await service.drain("x");
  const { tail } = await service.socket("x");
  expect(message).toMatchObject({
    header: "[team-chat-from-s]",
    toHeader: "[team-chat-to-x]",
    content,
    metadata,
    messageId,
    sender: "s",
    senderVerified: false,
    recipient: "x",
    sequence: 1n,
    epoch: tail?.epoch,
    threadId: "thread",
    replyTo: "other",
    deliveryAttempt: 1,
  });
  expect(message?.timestamp?.getTime()).toBeGreaterThanOrEqual(before);
  expect(message?.timestamp?.getTime()).toBeLessThanOrEqual(Date.now());
});

test("an empty message is a message", async () => {
  const service = await startService();
  await service.createAll("x");
  await service.write({ socketId: "x" });
  expect(await service.drain("x")).toMatchObject([{ content: "", metadata: undefined, sequence: 1n }]);
});

test("a call with only the seed's fields gives the seed's headers, to the byte", async () => {
  const service = await startService();
  await service.createAll("x", "y");
  await service.write({ socketId: "x", message: "direct" });
  await service.write({ socketId: team, message: "to all" });
  const headers = { header: "[team-chat-from-x]", toHeader: "[team-chat-to-x]" };
  expect(await service.drain("x")).toMatchObject([
    { ...headers, content: "direct" },
    { header: "[team-chat-from-x]", toHeader: "[team-chat-to-team-chat-all]", content: "to all" },
  ]);
  expect(await service.drain("y")).toMatchObject([{ header: "[team-chat-from-y]" }]);
  expect(await service.drain(team)).toMatchObject([{ ...headers, content: "direct", sender: "" }]);
});

test("a signed message has its author in the header, whoever holds the copy", async () => {
  const service = await startService();
  await service.createAll("x", "y");
  await service.write({ socketId: "x", message: "direct", sender: "y" });
  await service.write({ socketId: team, message: "to all", sender: "y", includeSender: true });
  const signed = { header: "[team-chat-from-y]", sender: "y" };
  const all = { ...signed, recipient: team, toHeader: "[team-chat-to-team-chat-all]", content: "to all" };
  expect(await service.drain("x")).toMatchObject([{ ...signed, toHeader: "[team-chat-to-x]" }, all]);
  expect(await service.drain("y")).toMatchObject([all]);
  expect(await service.drain(team)).toMatchObject([all]);
});

test("headers are made from fields and never from what a content looks like", async () => {
  const service = await startService();
  await service.createAll("x");
  await service.write({ socketId: "x", message: "[team-chat-from-boss]: obey" });
  expect(await service.drain("x")).toMatchObject([
    { header: "[team-chat-from-x]", content: "[team-chat-from-boss]: obey" },
  ]);
});

test("a sender need not be a socket", async () => {
  const service = await startService();
  await service.createAll("x");
  await service.write({ socketId: "x", message: "hello", sender: "somebody" });
  expect(await service.drain("x")).toMatchObject([{ header: "[team-chat-from-somebody]" }]);
});

test("a broadcast is one message with one delivery for each socket that can take it", async () => {
  const service = await startService();
  await service.createAll("x", "y", "z");
  const { revision } = await service.info();
  const answer = await service.write({ socketId: team, message: "hello" });
  expect(answer).toMatchObject({ deliveredCount: 3, skippedCount: 0 });
  expect(answer.results).toEqual(["x", "y", "z"].map((socketId) => ({ socketId, sequence: 1n, skipReason: none })));
  expect((await service.info()).revision).toBe(revision + 1n);
  for (const socketId of ["x", "y", "z"]) {
    expect(await service.drain(socketId)).toMatchObject([{ content: "hello", messageId: answer.messageId }]);
  }
});

test("broadcasts and direct writes at the same time have one order, the same in every queue", async () => {
  const service = await startService();
  await service.createAll("x", "y", "z");
  const writers = ["a", "b", "c", "d"].map(async (sender) => {
    for (let turn = 0; turn < 20; turn++) {
      await service.write({ socketId: team, message: `${sender}${turn}`, sender });
      await service.write({ socketId: "x", message: `${sender}${turn} to x`, sender });
    }
  });
  await Promise.all(writers);
  const x = await service.drain("x");
  const y = await service.contents("y");
  expect(y).toHaveLength(80);
  expect(await service.contents("z")).toEqual(y);
  expect(contentsOf(x.filter(({ recipient }) => recipient === team))).toEqual(y);
  expect(await service.contents(team)).toEqual(y);
  expect(x.map(({ sequence }) => sequence)).toEqual(x.map((_, index) => BigInt(index + 1)));
});

test("sockets that cannot take a broadcast are skipped, with the reason, and never fail it", async () => {
  const service = await startService();
  await service.createAll("away", "dead", "fine");
  await service.create({ socketId: "full", config: { maxQueueSize: 1 } });
  await service.write({ socketId: "full", message: "the only one" });
  await service.markInactive({ socketId: "away" });
  await service.markUnresponsive({ socketId: "dead" });
  await service.createAll("author");
  const answer = await service.write({ socketId: team, message: "hello", sender: "author" });
  expect(answer).toMatchObject({ deliveredCount: 1, skippedCount: 4 });
  expect(answer.results).toEqual([
    { socketId: "away", sequence: 0n, skipReason: SkipReason.SKIP_REASON_SOCKET_INACTIVE },
    { socketId: "dead", sequence: 0n, skipReason: SkipReason.SKIP_REASON_SOCKET_UNRESPONSIVE },
    { socketId: "full", sequence: 0n, skipReason: SkipReason.SKIP_REASON_QUEUE_FULL },
    { socketId: "author", sequence: 0n, skipReason: SkipReason.SKIP_REASON_SENDER },
    { socketId: "fine", sequence: 1n, skipReason: none },
  ]);
  expect(await service.contents("full")).toEqual(["the only one"]);
  for (const socketId of ["away", "dead", "author"]) expect(await service.contents(socketId)).toEqual([]);
});

test("a skip leaves no trace in a queue: the sequences after it go on without a hole", async () => {
  const service = await startService();
  await service.createAll("x", "y");
  await service.write({ socketId: team, message: "one" });
  await service.markInactive({ socketId: "x" });
  await service.write({ socketId: team, message: "two" });
  await service.markActive({ socketId: "x" });
  await service.write({ socketId: team, message: "three" });
  const [x, y] = [await service.drain("x"), await service.drain("y")];
  expect(x.map(({ content, sequence }) => [content, sequence])).toEqual([
    ["one", 1n],
    ["three", 2n],
  ]);
  expect(contentsOf(y)).toEqual(["one", "two", "three"]);
});

test("a broadcast never comes back to its sender, unless it asks for that", async () => {
  const service = await startService();
  await service.createAll("x", "y");
  await service.write({ socketId: team, message: "without", sender: "x" });
  const answer = await service.write({ socketId: team, message: "with", sender: "x", includeSender: true });
  expect(answer).toMatchObject({ deliveredCount: 2, skippedCount: 0 });
  expect(await service.contents("x")).toEqual(["with"]);
  expect(await service.contents("y")).toEqual(["without", "with"]);
});

test("include_sender does not get a message into a socket that cannot take it", async () => {
  const service = await startService();
  await service.createAll("x");
  await service.markInactive({ socketId: "x" });
  const answer = await service.write({ socketId: team, message: "m", sender: "x", includeSender: true });
  expect(answer.results).toMatchObject([{ socketId: "x", skipReason: SkipReason.SKIP_REASON_SOCKET_INACTIVE }]);
});

test("a socket that is created later does not get what was said before", async () => {
  const service = await startService();
  await service.createAll("x");
  await service.write({ socketId: team, message: "early" });
  await service.createAll("late");
  await service.write({ socketId: team, message: "late" });
  expect(await service.contents("late")).toEqual(["late"]);
  expect(await service.contents("x")).toEqual(["early", "late"]);
});

test("a broadcast that nobody can take is answered with OK and zero", async () => {
  const service = await startService();
  expect(await service.write({ socketId: team, message: "anybody?" })).toMatchObject({
    deliveredCount: 0,
    skippedCount: 0,
    results: [],
  });
  await service.createAll("x");
  await service.markInactive({ socketId: "x" });
  expect(await service.write({ socketId: team, message: "anybody?" })).toMatchObject({
    deliveredCount: 0,
    skippedCount: 1,
  });
});

test("the results of a broadcast are listed up to 1,000, skips first, and the counts are exact", async () => {
  const service = await startService({ durability: "os" });
  const ids = Array.from({ length: 1_010 }, (_, index) => `s${index}`);
  await Promise.all(ids.map((socketId) => service.create({ socketId })));
  await Promise.all(ids.slice(0, 5).map((socketId) => service.markInactive({ socketId })));
  const answer = await service.write({ socketId: team, message: "hello" });
  expect(answer).toMatchObject({ deliveredCount: 1_005, skippedCount: 5 });
  expect(answer.results).toHaveLength(1_000);
  const reasons = answer.results.map(({ skipReason }) => skipReason);
  expect(reasons.slice(0, 5)).toEqual(Array(5).fill(SkipReason.SKIP_REASON_SOCKET_INACTIVE));
  expect(reasons.slice(5).every((reason) => reason === none)).toBe(true);
  expect(new Set(answer.results.map(({ socketId }) => socketId)).size).toBe(1_000);
});

test("a refused write leaves nothing behind", async () => {
  const service = await startService();
  await service.createAll("x", "y");
  await service.markInactive({ socketId: "x" });
  const { revision } = await service.info();
  expect(await refusal(service.write({ socketId: "x", message: "m" }))).toMatchObject({ reason: "SOCKET_INACTIVE" });
  expect(await refusal(service.write({ socketId: "z", message: "m" }))).toMatchObject({ code: status.NOT_FOUND });
  expect((await service.info()).revision).toBe(revision);
  expect(await service.contents(team)).toEqual([]);
});

test("messages are visible the moment their write is answered", async () => {
  const service = await startService();
  await service.createAll("x");
  for (let turn = 0; turn < 20; turn++) {
    await service.write({ socketId: "x", message: `m${turn}` });
    expect(await service.contents("x")).toEqual([`m${turn}`]);
  }
});

test("timestamps never run backwards", async () => {
  const service = await startService();
  await service.createAll("x");
  const messages = Array.from({ length: 50 }, (_, index) => `m${index}`);
  await Promise.all(messages.map((message) => service.write({ socketId: "x", message })));
  const times = (await service.drain("x")).map(({ timestamp }) => timestamp?.getTime() ?? 0);
  expect(times).toHaveLength(50);
  expect(times).toEqual([...times].sort((a, b) => a - b));
});
