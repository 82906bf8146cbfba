/** Listings page by page, and what the server tells of itself. */
import { readFileSync } from "node:fs";
import { status } from "@grpc/grpc-js";
import { expect, test } from "vitest";
import { ReplicationState, SocketState } from "../gen/ts/socketregistry/v1/socket_registry.js";
import { contentsOf, type Part, refusal, type Service, startService } from "./support/client.js";

const team = "team-chat-all";
const tampered = { code: status.INVALID_ARGUMENT, reason: "INVALID_FIELD", field: "page_token" };

type List = Parameters<Service["list"]>[0];

/** Every page of a listing. */
async function pages(service: Service, request: Part<NonNullable<List>>) {
  const found = [await service.list(request)];
  for (let token = found[0]?.nextPageToken; token; token = found.at(-1)?.nextPageToken) {
    found.push(await service.list({ ...request, pageToken: token }));
  }
  return found;
}

const idsOf = (list: { sockets: { socketId: string }[] }[]) =>
  list.flatMap(({ sockets }) => sockets.map((s) => s.socketId));

test("a listing has team-chat-all first, then the sockets in order of creation", async () => {
  const service = await startService();
  await service.createAll("zebra", "apple", "middle");
  const { sockets, nextPageToken } = await service.list();
  expect(sockets.map(({ socketId }) => socketId)).toEqual([team, "zebra", "apple", "middle"]);
  expect(nextPageToken).toBe("");
});

test("a listing leaves prompt and context out and has the rest", async () => {
  const service = await startService();
  await service.create({ socketId: "x", model: "m", prompt: "long", context: { a: 1 }, labels: { l: "1" } });
  await service.writeAll("x", "mail");
  const { sockets } = await service.list();
  const inFull = await service.socket("x");
  expect(sockets[1]).toEqual({ ...inFull, prompt: "", context: undefined });
});

test("pages follow one another without a gap, and have one revision whatever happens meanwhile", async () => {
  const service = await startService();
  await service.createAll("a", "b", "c", "d", "e");
  const first = await service.list({ pageSize: 2 });
  expect(first.revision).toBe((await service.info()).revision);
  await service.createAll("f");
  await service.delete({ socketId: "a" });
  await service.delete({ socketId: "b" });
  const second = await service.list({ pageSize: 2, pageToken: first.nextPageToken });
  await service.writeAll("c", "mail");
  const third = await service.list({ pageSize: 10, pageToken: second.nextPageToken });
  expect(idsOf([first])).toEqual([team, "a"]);
  expect(idsOf([second])).toEqual(["c", "d"]);
  expect(idsOf([third])).toEqual(["e", "f"]);
  expect(third.nextPageToken).toBe("");
  expect([second.revision, third.revision]).toEqual([first.revision, first.revision]);
});

test("a page holds 50 sockets unless asked otherwise, 1,000 at most", async () => {
  const service = await startService({ durability: "os" });
  await Promise.all(Array.from({ length: 60 }, (_, index) => service.create({ socketId: `s${index}` })));
  expect((await service.list()).sockets).toHaveLength(50);
  expect((await service.list({ pageSize: 1_000 })).sockets).toHaveLength(61);
  expect(await refusal(service.list({ pageSize: 1_001 }))).toMatchObject({
    reason: "INVALID_FIELD",
    field: "page_size",
  });
  expect(await refusal(service.peek({ socketId: "s1", pageSize: 1_001 }))).toMatchObject({ field: "page_size" });
});

test("a listing is narrowed by states, labels and model, all together", async () => {
  const service = await startService();
  await service.create({ socketId: "a", model: "claude", labels: { team: "1", role: "judge" } });
  await service.create({ socketId: "b", model: "claude", labels: { team: "1" } });
  await service.create({ socketId: "c", model: "Claude", labels: { team: "2" } });
  await service.create({ socketId: "d", model: "claude 3", labels: { constructor: "1" } });
  await service.markInactive({ socketId: "b" });
  await service.markUnresponsive({ socketId: "c" });
  const ids = async (request: Part<NonNullable<List>>) => idsOf(await pages(service, { ...request, pageSize: 1 }));
  const { SOCKET_STATE_ACTIVE, SOCKET_STATE_INACTIVE, SOCKET_STATE_UNRESPONSIVE } = SocketState;
  expect(await ids({ states: [SOCKET_STATE_ACTIVE] })).toEqual([team, "a", "d"]);
  expect(await ids({ states: [SOCKET_STATE_INACTIVE, SOCKET_STATE_UNRESPONSIVE] })).toEqual(["b", "c"]);
  expect(await ids({ states: [SocketState.SOCKET_STATE_UNSPECIFIED] })).toEqual([team, "a", "b", "c", "d"]);
  expect(await ids({ labels: { team: "1" } })).toEqual(["a", "b"]);
  expect(await ids({ labels: { team: "1", role: "judge" } })).toEqual(["a"]);
  expect(await ids({ labels: { constructor: "1" } })).toEqual(["d"]);
  expect(await ids({ labels: { toString: "" } })).toEqual([]);
  expect(await ids({ model: "claude" })).toEqual(["a", "b"]);
  expect(await ids({ model: "broadcast" })).toEqual([team]);
  expect(await ids({ model: "claude", labels: { team: "1" }, states: [SOCKET_STATE_INACTIVE] })).toEqual(["b"]);
});

test("a page token of other filters is refused", async () => {
  const service = await startService();
  await service.createAll("a", "b");
  const { nextPageToken: pageToken } = await service.list({ pageSize: 1 });
  expect(idsOf([await service.list({ pageToken })])).toEqual(["a", "b"]);
  for (const request of [{ model: "m" }, { labels: { a: "b" } }, { states: [SocketState.SOCKET_STATE_ACTIVE] }]) {
    expect(await refusal(service.list({ ...request, pageToken }))).toMatchObject(tampered);
  }
  expect(await refusal(service.peek({ socketId: "a", pageToken }))).toMatchObject(tampered);
});

test("a page token that is not ours, or was changed, is refused and nothing worse", async () => {
  const service = await startService();
  await service.createAll("a", "b");
  await service.writeAll("a", "one", "two");
  const list = await service.list({ pageSize: 1 });
  const peek = await service.peek({ socketId: "a", pageSize: 1 });
  const places = ["x", -1, 1.5, null, {}, [], 1e300, "1"];
  const changed = (token: string, change: (items: unknown[]) => unknown) =>
    Buffer.from(JSON.stringify(change(JSON.parse(Buffer.from(token, "base64url").toString())))).toString("base64url");
  const withItem = (token: string, item: number) =>
    places.map((place) => changed(token, (items) => items.map((old, index) => (index === item ? place : old))));
  const anybody = ["!", "AAAA", "bnVsbA", changed(list.nextPageToken, (items) => items.slice(1)), "x".repeat(1_024)];
  const tokens = [...anybody, ...withItem(list.nextPageToken, 0), ...withItem(list.nextPageToken, 1)];
  for (const pageToken of tokens) expect(await refusal(service.list({ pageToken }))).toMatchObject(tampered);
  for (const pageToken of [...anybody, ...withItem(peek.nextPageToken, 1)]) {
    expect(await refusal(service.peek({ socketId: "a", pageToken }))).toMatchObject(tampered);
  }
});

test("Peek looks at what waits, oldest first, page by page, and changes nothing", async () => {
  const service = await startService();
  await service.createAll("x");
  await service.writeAll("x", "one", "two", "three", "four");
  await service.read({ socketId: "x", maxMessages: 1 }).rest();
  const first = await service.peek({ socketId: "x", pageSize: 2 });
  const second = await service.peek({ socketId: "x", pageSize: 2, pageToken: first.nextPageToken });
  expect(contentsOf(first.messages)).toEqual(["two", "three"]);
  expect(contentsOf(second.messages)).toEqual(["four"]);
  expect(second.nextPageToken).toBe("");
  expect(first.messages[0]).toMatchObject({ header: "[team-chat-from-x]", deliveryAttempt: 0, sequence: 2n });
  expect(await service.socket("x")).toMatchObject({ queueSize: 3, lastSeenTime: expect.any(Date) });
  expect(await service.contents("x")).toEqual(["two", "three", "four"]);
});

test("Peek shows what Read would give, but for the attempt", async () => {
  const service = await startService();
  await service.createAll("x", "y");
  await service.write({ socketId: "x", message: "direct", sender: "y", metadata: { a: [1] }, threadId: "t" });
  await service.write({ socketId: team, message: "to all" });
  const { messages } = await service.peek({ socketId: "x" });
  expect(messages).toEqual((await service.drain("x")).map((message) => ({ ...message, deliveryAttempt: 0 })));
});

test("what is settled between two pages of a Peek is passed over, and a reset in between loses the place", async () => {
  const service = await startService();
  await service.createAll("x");
  await service.writeAll("x", "one", "two", "three");
  const { nextPageToken: pageToken } = await service.peek({ socketId: "x", pageSize: 1 });
  await service.read({ socketId: "x", maxMessages: 2 }).rest();
  expect(contentsOf((await service.peek({ socketId: "x", pageToken })).messages)).toEqual(["three"]);
  await service.reset({ socketId: "x" });
  expect(await refusal(service.peek({ socketId: "x", pageToken }))).toMatchObject({
    code: status.OUT_OF_RANGE,
    reason: "POSITION_LOST",
  });
});

test("a page ends before it is larger than a response may be, and holds at least one item", async () => {
  const service = await startService({ maxResponseBytes: 64 * 1024 });
  await service.createAll("x");
  await service.writeAll("x", ..."abc".split("").map((letter) => letter.repeat(30_000)), "d".repeat(100_000), "e");
  const found: number[] = [];
  let pageToken = "";
  do {
    const page = await service.peek({ socketId: "x", pageToken });
    found.push(page.messages.length);
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  expect(found).toEqual([2, 1, 1, 1]);
  const labels = Object.fromEntries(Array.from({ length: 32 }, (_, index) => [`key${index}`, "v".repeat(256)]));
  for (let turn = 0; turn < 12; turn++) await service.create({ socketId: `s${turn}`, labels });
  const list = await pages(service, {});
  expect(list.length).toBeGreaterThan(2);
  expect(idsOf(list)).toHaveLength(14);
});

test("Peek of the feed and of an empty queue", async () => {
  const service = await startService();
  await service.createAll("x");
  await service.write({ socketId: team, message: "said", sender: "x" });
  expect(contentsOf((await service.peek({ socketId: team })).messages)).toEqual(["said"]);
  expect(await service.peek({ socketId: "x" })).toEqual({ messages: [], nextPageToken: "" });
});

test("GetServerInfo tells version, limits, durability and counts", async () => {
  const service = await startService({ maxSockets: 5, durability: "os" });
  const before = await service.info();
  const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  expect(before).toMatchObject({
    version: manifest.version,
    socketCount: 0,
    durability: "os",
    dedupeWindowSeconds: 600,
    replication: { target: "", state: ReplicationState.REPLICATION_STATE_OFF, lagEntries: 0n },
  });
  expect(before.epoch).not.toBe("");
  expect(before.limits).toMatchObject({
    max_sockets: 5n,
    max_content_bytes: 1_048_576n,
    max_queue_messages: 10_000n,
    max_queue_bytes: 67_108_864n,
    max_labels: 32n,
    max_struct_depth: 30n,
  });
  await service.createAll("x");
  await service.writeAll("x", "one");
  const after = await service.info();
  expect(after).toMatchObject({ socketCount: 1, epoch: before.epoch, revision: before.revision + 2n });
});
