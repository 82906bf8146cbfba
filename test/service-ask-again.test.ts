/** A caller of Ask that comes again with its request_id: the replies so far, the rest, and no second question. */
import { describe, expect, test } from "vitest";
import { contentsOf, refusal, type Service } from "./support/client.js";
import { startFaulty } from "./support/faulty.js";
import { ms } from "./support/inbox.js";
import { MemoryStorage } from "./support/memory-storage.js";
import { startTimed } from "./support/timed.js";

const team = "team-chat-all";
const question = { sender: "asker", message: "who?", requestId: "r" };

async function startWith(...socketIds: string[]) {
  const service = await startTimed();
  await service.createAll(...socketIds);
  return service;
}

const answer = (service: Service, replyTo: string, author: string, message = `by ${author}`) =>
  service.write({ socketId: author, sender: author, replyTo, message });

/** Asks, and gives up when these have answered. */
async function askAndLeave(service: Service, ...authors: string[]): Promise<string> {
  const asking = service.ask(question);
  const { messageId, duplicate } = await asking.asked();
  expect(duplicate).toBe(false);
  for (const author of authors) {
    await answer(service, messageId, author);
    await asking.reply();
  }
  asking.cancel();
  return messageId;
}

test("gets the replies so far, those that came meanwhile, and the rest", async () => {
  const service = await startWith("asker", "a", "b", "c");
  const messageId = await askAndLeave(service, "b");
  await answer(service, messageId, "a", "while nobody listened");
  const again = service.ask(question);
  expect(await again.asked()).toMatchObject({ messageId, duplicate: true, deliveredCount: 3, skippedCount: 1 });
  expect(contentsOf([await again.reply(), await again.reply()])).toEqual(["by b", "while nobody listened"]);
  await answer(service, messageId, "c");
  expect((await again.reply()).content).toBe("by c");
  expect(await again.ending()).toEqual({ answered: ["b", "a", "c"], missing: {} });
  expect(await service.contents("c")).toEqual(["who?"]);
  expect(await service.contents(team)).toEqual(["who?", "by b", "while nobody listened", "by c"]);
});

test("gets everything at once when all is over", async () => {
  const service = await startWith("asker", "a", "b");
  const messageId = await askAndLeave(service, "a");
  await answer(service, messageId, "b");
  for (let turn = 0; turn < 3; turn++) {
    const again = service.ask(question);
    await again.asked();
    const { replies, summary } = await again.rest();
    expect(contentsOf(replies)).toEqual(["by a", "by b"]);
    expect(summary.answered).toEqual(["a", "b"]);
  }
});

test("has the time that the question has left, and no more", async () => {
  const service = await startWith("asker", "a", "b");
  const messageId = await askAndLeave(service);
  service.clock.pass(20_000);
  const again = service.ask(question);
  await again.asked();
  service.clock.pass(9_999);
  await answer(service, messageId, "a");
  await again.reply();
  service.clock.pass(1);
  expect(await again.ending()).toEqual({ answered: ["a"], missing: { b: "NOT_DELIVERED" } });
  await answer(service, messageId, "b", "too late for the second");
  const third = service.ask(question);
  await third.asked();
  expect(await third.ending(), "what is there is told, however late").toEqual({ answered: ["a", "b"], missing: {} });
});

test("waits no longer than the timeout when the clock on the wall went back", async () => {
  const service = await startWith("asker", "a");
  await askAndLeave(service);
  service.clock.jump(-86_400_000);
  const again = service.ask(question);
  await again.asked();
  service.clock.pass(30_000);
  expect(await again.ending()).toEqual({ answered: [], missing: { a: "NOT_DELIVERED" } });
});

test("counts the replies so far among max_replies", async () => {
  const service = await startWith("a", "b", "c");
  const request = { message: "who?", requestId: "r", maxReplies: 2 };
  const asking = service.ask(request);
  const { messageId } = await asking.asked();
  await answer(service, messageId, "a");
  await asking.reply();
  asking.cancel();
  const again = service.ask(request);
  await again.asked();
  await answer(service, messageId, "b");
  const { replies } = await again.rest();
  expect(contentsOf(replies)).toEqual(["by a", "by b"]);
});

test("while it is still there gets the same, and the question is asked once", async () => {
  const service = await startWith("asker", "a", "b");
  const askings = Array.from({ length: 10 }, () => service.ask(question));
  const asked = await Promise.all(askings.map((asking) => asking.asked()));
  expect(asked.filter(({ duplicate }) => !duplicate)).toHaveLength(1);
  expect(new Set(asked.map(({ messageId }) => messageId)).size).toBe(1);
  await answer(service, asked[0]?.messageId ?? "", "a");
  await answer(service, asked[0]?.messageId ?? "", "b");
  for (const asking of askings) expect(contentsOf((await asking.rest()).replies)).toEqual(["by a", "by b"]);
  expect(await service.contents("a")).toEqual(["who?"]);
});

test("while replies pour in gets each of them once, in order", async () => {
  const service = await startWith("asker", "a", "b");
  const messageId = await askAndLeave(service);
  const texts = Array.from({ length: 100 }, (_, index) => `reply ${index}`);
  const pour = async () => {
    for (const text of texts) await answer(service, messageId, "a", text);
    await answer(service, messageId, "b", "the end");
  };
  const listen = async () => {
    const again = service.ask(question);
    await again.asked();
    expect(contentsOf((await again.rest()).replies)).toEqual([...texts, "the end"]);
  };
  const listenLater = async (count: number) => {
    await expect
      .poll(async () => (await service.socket(team)).queueSize, { timeout: 20_000, interval: 1 })
      .toBeGreaterThan(count);
    await listen();
  };
  await Promise.all([pour(), listen(), listenLater(10), listenLater(50), listenLater(90)]);
});

test("gets a reply that comes while the earlier ones are looked for once", async () => {
  let look = () => {};
  const looking = new Promise<void>((resolve) => {
    look = resolve;
  });
  const { service } = await startFaulty({
    async replies(this: MemoryStorage, ...which) {
      await looking;
      return await MemoryStorage.prototype.replies.apply(this, which);
    },
  });
  await service.createAll("asker", "a", "b");
  const messageId = await askAndLeave(service, "a");
  const again = service.ask(question);
  await again.asked();
  await answer(service, messageId, "b");
  look();
  expect(contentsOf((await again.rest()).replies)).toEqual(["by a", "by b"]);
});

test("is told of who was deleted, answered or not", async () => {
  const service = await startWith("asker", "a", "b");
  await askAndLeave(service, "a");
  await service.delete({ socketId: "a" });
  await service.delete({ socketId: "b" });
  const again = service.ask(question);
  await again.asked();
  expect(contentsOf((await again.rest()).replies)).toEqual(["by a"]);
});

test("with another question is refused, and after what was refused may ask", async () => {
  const service = await startWith("asker", "a");
  expect((await refusal(service.ask({ ...question, socketId: "nobody" }).frame())).reason).toBe("SOCKET_NOT_FOUND");
  await askAndLeave(service);
  for (const change of [{ message: "what?" }, { timeout: ms(1_000) }, { maxReplies: 1 }, { socketId: "a" }]) {
    expect((await refusal(service.ask({ ...question, ...change }).frame())).reason).toBe("REQUEST_ID_REUSED");
  }
  expect(await service.contents("a")).toEqual(["who?"]);
});

describe("over a restart of the server", () => {
  test("gets the replies of before and after", async () => {
    const first = await startWith("asker", "a", "b", "c");
    const { clock, dataDir } = first;
    const asking = first.ask(question);
    const { messageId } = await asking.asked();
    await answer(first, messageId, "a");
    await asking.reply();
    clock.pass(10_000);
    await Promise.all([asking.end(), first.stop()]);
    clock.pass(10_000);
    const second = await startTimed({ dataDir }, clock);
    await answer(second, messageId, "b", "before it came again");
    const again = second.ask(question);
    expect(await again.asked()).toMatchObject({ messageId, duplicate: true });
    expect(contentsOf([await again.reply(), await again.reply()])).toEqual(["by a", "before it came again"]);
    clock.pass(9_999);
    await second.write({ socketId: "c", message: "just in time", replyTo: messageId });
    expect(await again.ending()).toEqual({ answered: ["a", "b", "c"], missing: {} });
    expect(await second.contents("c")).toEqual(["who?", "just in time"]);
  });
});
