/** Receipts: what became of a message at each of its recipients, as long as it is retained. */
import { status } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import {
  AckMode,
  MessageState,
  OverflowPolicy,
  type Receipt,
  SkipReason,
} from "../gen/ts/socketregistry/v1/socket_registry.js";
import type { Storage } from "../src/registry/storage.js";
import { refusal, type Service, startService } from "./support/client.js";
import { startFaulty } from "./support/faulty.js";
import { Inbox, ms } from "./support/inbox.js";
import { nameOf } from "./support/names.js";
import { startTimed } from "./support/timed.js";

const team = "team-chat-all";
const looking = { ackMode: AckMode.ACK_MODE_NONE };
const lost = { code: status.NOT_FOUND, reason: "MESSAGE_NOT_FOUND" };

async function startWith(...socketIds: string[]) {
  const service = await startTimed({ returnGraceMs: 60_000 });
  await service.createAll(...socketIds);
  return service;
}

const stateOf = ({ state }: Receipt) => nameOf(MessageState, state, "MESSAGE_STATE_");

/** The one receipt of a message, its times left out where there are none. */
async function receiptOf(service: Service, messageId: string) {
  const { receipts } = await service.getMessage({ messageId });
  expect(receipts).toHaveLength(1);
  const [receipt] = receipts as [Receipt];
  return { ...receipt, state: stateOf(receipt) };
}

/** Who got what, by socket, such as `{ x: "QUEUED" }`; of who was skipped, why. */
async function fates(service: Service, messageId: string): Promise<Record<string, string>> {
  const { receipts } = await service.getMessage({ messageId, pageSize: 1_000 });
  return Object.fromEntries(
    receipts.map((receipt) => {
      const skip = receipt.skipReason && nameOf(SkipReason, receipt.skipReason, "SKIP_REASON_");
      return [receipt.socketId, skip === 0 ? stateOf(receipt) : `${stateOf(receipt)} ${skip}`];
    }),
  );
}

describe("the receipt of a message to one socket", () => {
  test("goes from QUEUED over DELIVERED to SETTLED, with its times", async () => {
    const service = await startWith("x");
    const inbox = new Inbox(service);
    const { messageId } = await service.write({ socketId: "x", message: "m", sender: "s" });
    expect(await receiptOf(service, messageId)).toEqual({
      socketId: "x",
      state: "QUEUED",
      sequence: 1n,
      deliveryAttempt: 0,
      deliveredTime: undefined,
      settledTime: undefined,
      skipReason: SkipReason.SKIP_REASON_UNSPECIFIED,
    });
    service.clock.pass(1_000);
    await inbox.take();
    const deliveredTime = new Date(service.clock.wallMs());
    const delivered = { state: "DELIVERED", sequence: 1n, deliveryAttempt: 1, deliveredTime, settledTime: undefined };
    expect(await receiptOf(service, messageId)).toMatchObject(delivered);
    service.clock.pass(1_000);
    await inbox.ack(1);
    const settledTime = new Date(service.clock.wallMs());
    expect(await receiptOf(service, messageId)).toMatchObject({ ...delivered, state: "SETTLED", settledTime });
  });

  test("is SETTLED when an AUTO reader has it, and stays QUEUED when one only looks", async () => {
    const service = await startWith("x");
    const { messageId } = await service.write({ socketId: "x", message: "m", sender: "s" });
    await service.drain("x", looking);
    await service.peek({ socketId: "x" });
    expect(await receiptOf(service, messageId)).toMatchObject({ state: "QUEUED", deliveryAttempt: 0 });
    service.clock.pass(1_000);
    await service.drain("x");
    const now = new Date(service.clock.wallMs());
    expect(await receiptOf(service, messageId)).toMatchObject({
      state: "SETTLED",
      deliveryAttempt: 1,
      deliveredTime: now,
      settledTime: now,
    });
  });

  test("counts attempts that failed, tells when it is parked, and when it is put back", async () => {
    const service = await startTimed();
    await service.create({ socketId: "x", config: { maxDeliveryAttempts: 2, ackDeadline: ms(1_000) } });
    const inbox = new Inbox(service);
    const { messageId } = await service.write({ socketId: "x", message: "m", sender: "s" });
    await inbox.take();
    await inbox.nackFor(5_000, 1);
    expect(await receiptOf(service, messageId)).toMatchObject({ state: "QUEUED", deliveryAttempt: 1 });
    service.clock.pass(5_000);
    await inbox.take();
    expect(await receiptOf(service, messageId)).toMatchObject({ state: "DELIVERED", deliveryAttempt: 2 });
    service.clock.pass(1_000);
    expect(await inbox.parked()).toEqual(["m"]);
    const settledTime = new Date(service.clock.wallMs());
    expect(await receiptOf(service, messageId)).toMatchObject({ state: "PARKED", deliveryAttempt: 2, settledTime });
    await inbox.requeue();
    expect(await receiptOf(service, messageId)).toMatchObject({ state: "QUEUED", sequence: 1n });
    await inbox.take();
    await inbox.ack(1);
    expect(await receiptOf(service, messageId)).toMatchObject({ state: "SETTLED" });
  });

  test("tells what was outlived, dropped by a full queue, or gone with a Reset or its socket", async () => {
    const service = await startTimed();
    const overflowPolicy = OverflowPolicy.OVERFLOW_POLICY_DROP_OLDEST;
    await service.create({ socketId: "mortal", config: { messageTtl: ms(1_000) } });
    await service.create({ socketId: "full", config: { maxQueueSize: 1, overflowPolicy } });
    await service.createAll("reset", "deleted");
    const ids: Record<string, string> = {};
    for (const socketId of ["mortal", "full", "reset", "deleted"]) {
      ids[socketId] = (await service.write({ socketId, message: "m", sender: "s" })).messageId;
    }
    service.clock.pass(1_001);
    await service.upkeep();
    await service.write({ socketId: "full", message: "newer", sender: "s" });
    await service.reset({ socketId: "reset" });
    await service.delete({ socketId: "deleted" });
    const states = Object.entries(ids).map(async ([socketId, messageId]) => {
      const { state, deliveryAttempt, socketId: told } = await receiptOf(service, messageId);
      expect(told).toBe(socketId);
      expect(deliveryAttempt).toBe(0);
      return state;
    });
    expect(await Promise.all(states)).toEqual(["EXPIRED", "DROPPED", "DROPPED", "DROPPED"]);
  });

  test("says nothing of the socket that has the name by now", async () => {
    const service = await startWith("x");
    const { messageId } = await service.write({ socketId: "x", message: "m", sender: "s" });
    await service.delete({ socketId: "x" });
    await service.createAll("x");
    await service.write({ socketId: "x", message: "to the new one", sender: "s" });
    expect(await fates(service, messageId)).toEqual({ x: "DROPPED" });
  });
});

describe("a message", () => {
  test("comes as its author wrote it, without what belongs to a copy", async () => {
    const service = await startWith("x");
    const request = { socketId: "x", message: "m", metadata: { a: [1] }, sender: "s", threadId: "t", replyTo: "p" };
    const { messageId } = await service.write(request);
    const { message } = await service.getMessage({ messageId });
    const [copy] = await service.drain("x");
    expect(message).toEqual({ ...copy, sequence: 0n, epoch: "", deliveryAttempt: 0 });
    expect(message).toMatchObject({ header: "[team-chat-from-s]", toHeader: "[team-chat-to-x]", recipient: "x" });
  });

  test("that nobody signed has the header of whom it was written to", async () => {
    const service = await startWith("x");
    const { messageId } = await service.write({ socketId: "x", message: "m" });
    expect((await service.getMessage({ messageId })).message?.header).toBe("[team-chat-from-x]");
    expect(await fates(service, messageId), "though it is on the feed too").toEqual({ x: "QUEUED" });
  });

  test("of a socket to itself is the feed's", async () => {
    const service = await startWith("x");
    const { messageId } = await service.write({ socketId: "x", message: "m", sender: "x" });
    expect(await fates(service, messageId)).toEqual({ [team]: "QUEUED" });
    await service.drain(team);
    expect(await fates(service, messageId)).toEqual({ [team]: "SETTLED" });
  });
});

describe("the receipts of a broadcast", () => {
  test("are those of everybody, in order of creation, with those who were skipped", async () => {
    const service = await startWith("d", "c", "b", "a", "full");
    await service.update({ socketId: "full", config: { maxQueueSize: 1 } });
    await service.write({ socketId: "full", message: "fills it", sender: "s" });
    await service.markInactive({ socketId: "b" });
    await service.markUnresponsive({ socketId: "a" });
    const { messageId } = await service.write({ socketId: team, message: "all", sender: "c" });
    await service.createAll("late");
    await service.drain("d");
    await service.markActive({ socketId: "b" });
    const { receipts } = await service.getMessage({ messageId });
    expect(receipts.map(({ socketId }) => socketId)).toEqual(["d", "c", "b", "a", "full"]);
    expect(await fates(service, messageId)).toEqual({
      d: "SETTLED",
      c: "SKIPPED SENDER",
      b: "SKIPPED SOCKET_INACTIVE",
      a: "SKIPPED SOCKET_UNRESPONSIVE",
      full: "SKIPPED QUEUE_FULL",
    });
  });

  test("leave out who was deleted since, and keep who was reset", async () => {
    const service = await startWith("a", "b", "c");
    const { messageId } = await service.write({ socketId: team, message: "all" });
    await service.delete({ socketId: "a" });
    await service.createAll("a");
    await service.reset({ socketId: "b" });
    expect(await fates(service, messageId)).toEqual({ b: "DROPPED", c: "QUEUED" });
  });

  test("to some are those of the ones that it was for", async () => {
    const service = await startTimed();
    for (const socketId of ["a", "b", "c"]) await service.create({ socketId, labels: { role: "judge" } });
    await service.createAll("d");
    await service.markInactive({ socketId: "b" });
    const request = { socketId: team, message: "judges", sender: "c", matchLabels: { role: "judge" } };
    const { messageId } = await service.write(request);
    expect(await fates(service, messageId)).toEqual({
      a: "QUEUED",
      b: "SKIPPED SOCKET_INACTIVE",
      c: "SKIPPED SENDER",
    });
  });

  test("that nobody took are none", async () => {
    const service = await startWith();
    const { messageId } = await service.write({ socketId: team, message: "is anybody there?" });
    expect(await service.getMessage({ messageId })).toMatchObject({ receipts: [], nextPageToken: "" });
  });

  test("come page by page", async () => {
    const ids = Array.from({ length: 60 }, (_, index) => `s${index}`);
    const service = await startWith(...ids);
    await service.markInactive({ socketId: "s7" });
    const { messageId } = await service.write({ socketId: team, message: "all" });
    const first = await service.getMessage({ messageId });
    expect(first.receipts).toHaveLength(50);
    const seen = [...first.receipts];
    for (let pageToken = first.nextPageToken; pageToken !== ""; ) {
      const page = await service.getMessage({ messageId, pageSize: 3, pageToken });
      expect(page.message?.content).toBe("all");
      seen.push(...page.receipts);
      pageToken = page.nextPageToken;
    }
    expect(seen.map(({ socketId }) => socketId)).toEqual(ids);
    expect((await service.getMessage({ messageId, pageSize: 60 })).nextPageToken).toBe("");
    const other = await service.write({ socketId: team, message: "another" });
    const { messageId: otherId } = other;
    const wrong = service.getMessage({ messageId: otherId, pageToken: first.nextPageToken });
    expect(await refusal(wrong)).toMatchObject({ reason: "INVALID_FIELD", field: "page_token" });
  });

  test("come page by page also when sockets go meanwhile", async () => {
    const service = await startWith("a", "b", "c", "d");
    const { messageId } = await service.write({ socketId: team, message: "all" });
    const first = await service.getMessage({ messageId, pageSize: 2 });
    await service.delete({ socketId: "b" });
    await service.delete({ socketId: "c" });
    const second = await service.getMessage({ messageId, pageSize: 2, pageToken: first.nextPageToken });
    expect(second.receipts.map(({ socketId }) => socketId)).toEqual(["d"]);
    expect(second.nextPageToken).toBe("");
  });
});

test("pages go on behind a recipient that went while its page was made", async () => {
  const { service } = await startFaulty({
    async fate(this: Storage, number) {
      if (number === this.find("b")?.number) this.append({ kind: "delete", number });
      return undefined;
    },
  });
  await service.createAll("a", "b", "c");
  const { messageId } = await service.write({ socketId: team, message: "all" });
  const first = await service.getMessage({ messageId, pageSize: 2 });
  expect(first.receipts.map(({ socketId }) => socketId)).toEqual(["a", "b"]);
  const second = await service.getMessage({ messageId, pageSize: 2, pageToken: first.nextPageToken });
  expect(second.receipts.map(({ socketId }) => socketId)).toEqual(["c"]);
});

test("an id of no message is refused, whatever it looks like", async () => {
  const service = await startWith("x");
  const { messageId } = await service.write({ socketId: "x", message: "m", sender: "s" });
  const other = await startService();
  await other.createAll("x");
  const foreign = (await other.write({ socketId: "x", message: "m", sender: "s" })).messageId;
  const [instance = ""] = messageId.split("-");
  const unknown = ["", "m", foreign, `${instance}-1`, `${instance}-zzzz`, `${instance}-0`, `${messageId}0`];
  unknown.push(`${instance}-${"z".repeat(11)}`, messageId.toUpperCase().replace("-", "_"), ` ${messageId}`);
  for (const id of unknown) expect(await refusal(service.getMessage({ messageId: id })), id).toMatchObject(lost);
});

test("a message is there as long as it is retained, and while anybody still has to read it", async () => {
  const service = await startTimed({ retainedMessages: 0 });
  await service.createAll("a", "b");
  const { messageId } = await service.write({ socketId: team, message: "all" });
  await service.drain("a");
  await service.upkeep();
  expect(await fates(service, messageId)).toEqual({ a: "SETTLED", b: "QUEUED" });
  await service.drain("b");
  await service.upkeep();
  expect(await refusal(service.getMessage({ messageId }))).toMatchObject({
    ...lost,
    metadata: { message_id: messageId },
  });
});

test("receipts survive a restart", async () => {
  const first = await startTimed();
  const { clock, dataDir } = first;
  await first.create({ socketId: "parks", config: { maxDeliveryAttempts: 1 } });
  await first.createAll("settles", "waits", "lends", "away", "resets");
  await first.markInactive({ socketId: "away" });
  const { messageId } = await first.write({ socketId: team, message: "all" });
  await new Inbox(first, "parks").park(1);
  await new Inbox(first, "settles").take();
  await new Inbox(first, "settles").ack(1);
  await new Inbox(first, "lends").take();
  await first.reset({ socketId: "resets" });
  const before = await first.getMessage({ messageId });
  await first.stop();
  const second = await startTimed({ dataDir }, clock);
  expect(await second.getMessage({ messageId })).toEqual(before);
  expect(await fates(second, messageId)).toEqual({
    parks: "PARKED",
    settles: "SETTLED",
    waits: "QUEUED",
    lends: "DELIVERED",
    away: "SKIPPED SOCKET_INACTIVE",
    resets: "DROPPED",
  });
});
