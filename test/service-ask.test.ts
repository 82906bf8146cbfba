/** Ask: a question to the team or to one socket, its replies as they come, and the summary: rule 14 of the contract. */
import { status } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { AckMode, ConflictPolicy, OverflowPolicy } from "../gen/ts/socketregistry/v1/socket_registry.js";
import { contentsOf, refusal, refusalIn, type Service, startService } from "./support/client.js";
import { Inbox, ms } from "./support/inbox.js";
import { startTimed } from "./support/timed.js";

const team = "team-chat-all";
const looking = { ackMode: AckMode.ACK_MODE_NONE };
const patient = { timeout: 20_000 };

async function startWith(...socketIds: string[]) {
  const service = await startTimed();
  await service.createAll(...socketIds);
  return service;
}

/** An answer of a socket on its own id. */
const answer = (service: Service, replyTo: string, author: string, message = `by ${author}`) =>
  service.write({ socketId: author, sender: author, replyTo, message });

describe("an Ask ends", () => {
  test("when every recipient has answered, and tells in which order", async () => {
    const service = await startWith("asker", "a", "b", "c");
    const asking = service.ask({ sender: "asker", message: "who is there?", threadId: "t", metadata: { n: 1 } });
    const asked = await asking.asked();
    expect(asked).toMatchObject({ deliveredCount: 3, skippedCount: 1, duplicate: false });
    expect(await service.drain("a")).toMatchObject([
      { content: "who is there?", sender: "asker", recipient: team, threadId: "t", metadata: { n: 1 } },
    ]);
    for (const author of ["b", "c", "a"]) {
      await answer(service, asked.messageId, author);
      expect(await asking.reply()).toMatchObject({ content: `by ${author}`, sender: author, replyTo: asked.messageId });
    }
    expect(await asking.ending()).toEqual({ answered: ["b", "c", "a"], missing: {} });
  });

  test("after max_replies, whoever they are of", async () => {
    const service = await startWith("a", "b");
    const asking = service.ask({ maxReplies: 2 });
    const { messageId } = await asking.asked();
    await answer(service, messageId, "a", "one");
    await answer(service, messageId, "a", "two");
    await answer(service, messageId, "a", "three");
    const { replies, summary } = await asking.rest();
    expect(contentsOf(replies)).toEqual(["one", "two"]);
    expect(summary).toMatchObject({ answered: ["a"], answeredCount: 1, missingCount: 1 });
  });

  test.each([
    ["30 seconds unless told otherwise", undefined, 30_000],
    ["30 seconds when told nothing", ms(0), 30_000],
    ["its timeout", ms(1_500), 1_500],
    ["10 minutes at most", ms(600_000), 600_000],
  ])("after %s, and not before", async (_, timeout, timeoutMs) => {
    const service = await startWith("a", "b");
    const asking = service.ask({ timeout });
    const { messageId } = await asking.asked();
    service.clock.pass(timeoutMs - 1);
    await answer(service, messageId, "b", "just in time");
    expect((await asking.reply()).content).toBe("just in time");
    service.clock.pass(1);
    expect(await asking.ending()).toEqual({ answered: ["b"], missing: { a: "NOT_DELIVERED" } });
    await answer(service, messageId, "a", "too late");
  });

  test("at the same moment, whatever the clock on the wall says", async () => {
    const service = await startWith("a");
    const asking = service.ask({ timeout: ms(10_000) });
    const { messageId } = await asking.asked();
    service.clock.jump(86_400_000);
    service.clock.pass(9_999);
    await service.write({ socketId: "a", replyTo: messageId, message: "one", sender: "stranger" });
    expect((await asking.reply()).content).toBe("one");
    service.clock.jump(-2 * 86_400_000);
    service.clock.pass(1);
    expect(await asking.ending()).toEqual({ answered: [], missing: { a: "NOT_DELIVERED" } });
  });

  test("at once when there is nobody to ask", async () => {
    const service = await startWith("asker", "away");
    await service.markInactive({ socketId: "away" });
    const asking = service.ask({ sender: "asker" });
    expect(await asking.asked()).toMatchObject({ deliveredCount: 0, skippedCount: 2 });
    expect(await asking.ending()).toEqual({ answered: [], missing: { away: "SKIPPED" } });
  });

  test("at once when a socket asks itself, for the feed answers nobody", async () => {
    const service = await startWith("a");
    const asking = service.ask({ socketId: "a", sender: "a", message: "hm?" });
    expect((await asking.asked()).results).toMatchObject([{ socketId: team, sequence: 1n }]);
    expect(await asking.ending()).toEqual({ answered: [], missing: {} });
    expect(await service.contents(team)).toEqual(["hm?"]);
  });

  test("by itself on the real server", async () => {
    const service = await startService();
    await service.createAll("a");
    const asking = service.ask({ timeout: ms(100) });
    await asking.asked();
    expect(await asking.ending()).toEqual({ answered: [], missing: { a: "NOT_DELIVERED" } });
  });

  test("without a word of success when the server stops", async () => {
    const service = await startWith("a");
    const asking = service.ask();
    await asking.asked();
    const [end] = await Promise.all([asking.end(), service.stop()]);
    expect(refusalIn(end)).toMatchObject({ code: status.UNAVAILABLE, reason: "SHUTTING_DOWN" });
  });
});

describe("who did not answer is missing, with a reason", () => {
  test("SKIPPED, NOT_DELIVERED, SILENT or DELETED, and the asker is not missed", async () => {
    const service = await startTimed({ maxDeliveryAttempts: 1 });
    await service.createAll("asker", "inactive", "unresponsive", "full", "unread", "looked", "read", "holds");
    await service.createAll("gaveBack", "parked", "reset", "deleted", "answered");
    const overflowPolicy = OverflowPolicy.OVERFLOW_POLICY_DROP_OLDEST;
    await service.create({ socketId: "overflown", config: { maxQueueSize: 1, overflowPolicy } });
    await service.create({ socketId: "expired", config: { messageTtl: ms(1_000) } });
    await service.update({ socketId: "gaveBack", config: { maxDeliveryAttempts: 5 } });
    await service.update({ socketId: "full", config: { maxQueueSize: 1 } });
    await service.writeAll("full", "fills it");
    await service.markInactive({ socketId: "inactive" });
    await service.markUnresponsive({ socketId: "unresponsive" });
    const asking = service.ask({ sender: "asker", message: "?" });
    const { messageId } = await asking.asked();
    await service.drain("looked", looking);
    await service.drain("read");
    await new Inbox(service, "holds").take();
    await new Inbox(service, "gaveBack").take();
    await new Inbox(service, "gaveBack").nackFor(3_600_000, 1);
    await new Inbox(service, "parked").park(1);
    await service.reset({ socketId: "reset" });
    await service.delete({ socketId: "deleted" });
    await service.writeAll("overflown", "newer");
    service.clock.pass(1_001);
    await service.upkeep();
    await answer(service, messageId, "answered");
    await asking.reply();
    service.clock.pass(30_000);
    expect(await asking.ending()).toEqual({
      answered: ["answered"],
      missing: {
        inactive: "SKIPPED",
        unresponsive: "SKIPPED",
        full: "SKIPPED",
        unread: "NOT_DELIVERED",
        looked: "NOT_DELIVERED",
        read: "SILENT",
        holds: "SILENT",
        gaveBack: "SILENT",
        parked: "SILENT",
        reset: "NOT_DELIVERED",
        deleted: "DELETED",
        overflown: "NOT_DELIVERED",
        expired: "NOT_DELIVERED",
      },
    });
  });

  test("and is counted to the last one, though the list ends at 1,000", async () => {
    const service = await startTimed();
    await Promise.all(Array.from({ length: 1_001 }, (_, index) => service.create({ socketId: `s${index}` })));
    const asking = service.ask();
    await asking.asked();
    service.clock.pass(30_000);
    const { summary } = await asking.rest();
    expect(summary).toMatchObject({ answered: [], answeredCount: 0, missingCount: 1_001 });
    expect(summary.missing).toHaveLength(1_000);
  });
});

describe("a socket that is deleted during an Ask", () => {
  test("is waited for no longer", async () => {
    const service = await startWith("a", "b", "c");
    const asking = service.ask();
    const { messageId } = await asking.asked();
    await service.delete({ socketId: "a" });
    await answer(service, messageId, "b");
    await asking.reply();
    await service.delete({ socketId: "c" });
    expect(await asking.ending()).toEqual({ answered: ["b"], missing: { a: "DELETED", c: "DELETED" } });
  });

  test("and replaced is waited for no longer either, and its answer stays one", async () => {
    const service = await startWith("a", "b");
    const asking = service.ask();
    const { messageId } = await asking.asked();
    await answer(service, messageId, "a");
    await asking.reply();
    const onConflict = ConflictPolicy.CONFLICT_POLICY_REPLACE;
    await service.create({ socketId: "a", onConflict });
    await service.create({ socketId: "b", onConflict });
    expect(await asking.ending()).toEqual({ answered: ["a"], missing: { b: "DELETED" } });
  });

  test("and was the only one asked ends it", async () => {
    const service = await startWith("a");
    const asking = service.ask({ socketId: "a" });
    await asking.asked();
    await service.delete({ socketId: "a" });
    expect(await asking.ending()).toEqual({ answered: [], missing: { a: "DELETED" } });
  });
});

describe("a reply", () => {
  test("is every Write that names the question, by its sender or else by the socket it was written to", async () => {
    const service = await startWith("asker", "own", "unsigned", "direct", "broadcasts");
    const asking = service.ask({ sender: "asker" });
    const { messageId: replyTo } = await asking.asked();
    await service.write({ socketId: "own", sender: "own", message: "on its own id", replyTo });
    await service.write({ socketId: "unsigned", message: "without saying who", replyTo });
    await service.write({ socketId: "asker", sender: "direct", message: "to the asker", replyTo });
    await service.write({ socketId: team, sender: "broadcasts", message: "to all", replyTo });
    const { replies, summary } = await asking.rest();
    expect(replies).toMatchObject([
      { content: "on its own id", header: "[team-chat-from-own]", sender: "own", recipient: "own" },
      { content: "without saying who", header: "[team-chat-from-unsigned]", sender: "", recipient: "unsigned" },
      { content: "to the asker", header: "[team-chat-from-direct]", recipient: "asker" },
      { content: "to all", header: "[team-chat-from-broadcasts]", recipient: team },
    ]);
    expect(summary.answered).toEqual(["own", "unsigned", "direct", "broadcasts"]);
    expect(replies.every(({ sequence, epoch, deliveryAttempt }) => sequence === 0n && !epoch && !deliveryAttempt)).toBe(
      true,
    );
    // Each of them also went where such a Write goes.
    expect(await service.contents("asker")).toEqual(["to the asker", "to all"]);
    expect(await service.contents(team, { excludeSender: "asker" })).toEqual([
      "on its own id",
      "without saying who",
      "to all",
    ]);
  });

  test("counts once for each recipient, and all of them are streamed", async () => {
    const service = await startWith("a", "b");
    const asking = service.ask();
    const { messageId } = await asking.asked();
    for (const text of ["one", "two", "three"]) await answer(service, messageId, "a", text);
    await service.write({ socketId: "a", sender: "stranger", message: "from outside", replyTo: messageId });
    expect(contentsOf([await asking.reply(), await asking.reply(), await asking.reply()])).toEqual([
      "one",
      "two",
      "three",
    ]);
    expect((await asking.reply()).content).toBe("from outside");
    await answer(service, messageId, "b");
    const { replies, summary } = await asking.rest();
    expect(contentsOf(replies)).toEqual(["by b"]);
    expect(summary).toMatchObject({ answered: ["a", "b"], answeredCount: 2, missing: [] });
  });

  test("to another message, or to one of another registry, is none", async () => {
    const service = await startWith("a");
    const earlier = await service.write({ socketId: "a", message: "no question", sender: "s" });
    const asking = service.ask();
    const { messageId } = await asking.asked();
    const [instance = "", place = ""] = messageId.split("-");
    const wrong = [earlier.messageId, "", messageId.slice(1), `00000000-${place}`, `${instance}-zz`, `${messageId} `];
    for (const replyTo of wrong) await answer(service, replyTo, "a", "wrong");
    await answer(service, messageId, "a", "right");
    expect(contentsOf((await asking.rest()).replies)).toEqual(["right"]);
  });

  test("that is repeated with its request_id is one reply", async () => {
    const service = await startWith("a", "b");
    const asking = service.ask();
    const { messageId: replyTo } = await asking.asked();
    for (let turn = 0; turn < 3; turn++) {
      await service.write({ socketId: "a", sender: "a", message: "once", replyTo, requestId: "r" });
    }
    await answer(service, replyTo, "b");
    expect(contentsOf((await asking.rest()).replies)).toEqual(["once", "by b"]);
  });

  test("reaches every Ask that waits for it, and no other", async () => {
    const service = await startWith("a");
    const [one, two] = [service.ask({ message: "one" }), service.ask({ message: "two" })];
    const [first, second] = [await one.asked(), await two.asked()];
    await answer(service, second.messageId, "a", "to two");
    await answer(service, first.messageId, "a", "to one");
    expect(contentsOf((await one.rest()).replies)).toEqual(["to one"]);
    expect(contentsOf((await two.rest()).replies)).toEqual(["to two"]);
  });
});

describe("a question", () => {
  test("that nobody signed is not on the team feed, to the team or to one socket, and a signed one to the team is", async () => {
    const service = await startWith("asker", "a");
    await service.ask({ message: "unsigned to all" }).asked();
    await service.ask({ message: "unsigned to one", socketId: "a" }).asked();
    await service.ask({ message: "signed to one", socketId: "a", sender: "asker" }).asked();
    await service.ask({ message: "signed to all", sender: "asker" }).asked();
    expect(await service.contents(team)).toEqual(["signed to all"]);
    expect(await service.contents("a")).toEqual([
      "unsigned to all",
      "unsigned to one",
      "signed to one",
      "signed to all",
    ]);
    expect(await service.contents("asker")).toEqual(["unsigned to all"]);
  });

  test("to one socket goes to it alone, and ends with its answer", async () => {
    const service = await startWith("a", "b");
    const asking = service.ask({ socketId: "a", message: "you?" });
    const { messageId, results } = await asking.asked();
    expect(results).toMatchObject([{ socketId: "a", sequence: 1n }]);
    expect(await service.contents("b")).toEqual([]);
    await answer(service, messageId, "b", "not asked");
    expect((await asking.reply()).content).toBe("not asked");
    await answer(service, messageId, "a");
    expect(await asking.ending()).toEqual({ answered: ["a"], missing: {} });
  });

  test("to some goes to those who have the labels, and no other is missed", async () => {
    const service = await startWith("other");
    for (const socketId of ["a", "b", "asker"])
      await service.create({ socketId, labels: { role: "judge", n: socketId } });
    const asking = service.ask({ sender: "asker", matchLabels: { role: "judge" } });
    const { messageId } = await asking.asked();
    await answer(service, messageId, "a");
    await asking.reply();
    service.clock.pass(30_000);
    expect(await asking.ending()).toEqual({ answered: ["a"], missing: { b: "NOT_DELIVERED" } });
    expect(await service.contents("other")).toEqual([]);
  });

  test.each([
    ["is refused as a Write would be", "markInactive", "SOCKET_INACTIVE"],
    ["is refused by one that does not answer", "markUnresponsive", "SOCKET_UNRESPONSIVE"],
  ] as const)("to a socket that is away %s", async (_, mark, reason) => {
    const service = await startWith("a");
    await service[mark]({ socketId: "a" });
    expect((await refusal(service.ask({ socketId: "a" }).frame())).reason).toBe(reason);
  });

  test("that is too large is refused and asked of nobody", async () => {
    const service = await startTimed({ maxContentBytes: 10 });
    await service.createAll("a");
    expect(await refusal(service.ask({ message: "m".repeat(11) }).frame())).toMatchObject({
      reason: "MESSAGE_TOO_LARGE",
      field: "message",
    });
    await service.ask({ message: "m".repeat(10) }).asked();
    expect(await service.contents("a")).toEqual(["m".repeat(10)]);
  });
});

test("an Ask that is given up makes room for another", async () => {
  const service = await startTimed({ maxAsks: 1 });
  await service.createAll("a");
  const isAsked = async () => {
    const asking = service.ask();
    const reason = await asking.asked().then(
      () => "",
      (error) => refusalIn(error).reason,
    );
    asking.cancel();
    return reason;
  };
  for (let turn = 0; turn < 5; turn++) await expect.poll(isAsked, patient).toBe("");
  expect((await service.socket("a")).queueSize, "those that were refused asked nobody").toBe(5);
});
