/** Retries with a request_id: rule 9 of the contract. */
import { status } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { ConflictPolicy, type CreateRequest, type WriteRequest } from "../gen/ts/socketregistry/v1/socket_registry.js";
import { type Part, refusal, type Service, startService } from "./support/client.js";
import { startTimed } from "./support/timed.js";

const team = "team-chat-all";
const { CONFLICT_POLICY_REPLACE, CONFLICT_POLICY_USE_EXISTING } = ConflictPolicy;
const reused = { code: status.INVALID_ARGUMENT, reason: "REQUEST_ID_REUSED", field: "request_id" };
const minute = 60_000;

async function startWith(...socketIds: string[]): Promise<Service> {
  const service = await startService();
  await service.createAll(...socketIds);
  return service;
}

const windowOf = async (service: Service) => (await service.info()).dedupeWindowSeconds;

describe("a Write that is repeated", () => {
  test("is done once, and answered the same", async () => {
    const service = await startWith("x");
    const request = { socketId: "x", message: "one", requestId: "r", metadata: { a: 1 }, threadId: "t" };
    const first = await service.write(request);
    expect(first.duplicate).toBe(false);
    for (let turn = 0; turn < 3; turn++) expect(await service.write(request)).toEqual({ ...first, duplicate: true });
    await service.writeAll("x", "two");
    expect(await service.write(request)).toEqual({ ...first, duplicate: true });
    expect(await service.contents("x")).toEqual(["one", "two"]);
    expect(await service.write(request), "settled since").toEqual({ ...first, duplicate: true });
    expect(await service.contents("x")).toEqual([]);
  });

  test("is answered the same also when it would be refused by now", async () => {
    const service = await startWith("x");
    const request = { socketId: "x", message: "one", requestId: "r" };
    const first = await service.write(request);
    await service.markInactive({ socketId: "x" });
    expect(await service.write(request)).toEqual({ ...first, duplicate: true });
    await service.delete({ socketId: "x" });
    expect(await service.write(request)).toEqual({ ...first, duplicate: true });
  });

  test("to the team tells who got it then, with those who were skipped", async () => {
    const service = await startWith("a", "b", "away");
    await service.markInactive({ socketId: "away" });
    const request = { socketId: team, message: "all", sender: "a", requestId: "r" };
    const first = await service.write(request);
    expect(first).toMatchObject({ deliveredCount: 1, skippedCount: 2 });
    await service.createAll("late");
    await service.markActive({ socketId: "away" });
    expect(await service.write(request)).toEqual({ ...first, duplicate: true });
    expect(await service.contents("b")).toEqual(["all"]);
    expect(await service.contents("late")).toEqual([]);
    expect(await service.contents(team)).toEqual(["all"]);
  });

  test("while the first is under way waits for it, however many there are", async () => {
    const service = await startWith("x");
    const request = { socketId: "x", message: "once", requestId: "r" };
    const answers = await Promise.all(Array.from({ length: 50 }, () => service.write(request)));
    expect(answers.filter(({ duplicate }) => !duplicate)).toHaveLength(1);
    expect(new Set(answers.map(({ messageId }) => messageId)).size).toBe(1);
    expect(await service.contents("x")).toEqual(["once"]);
  });

  test("is the same with the keys of its maps in another order", async () => {
    const service = await startWith("x");
    const of = (metadata: object, matchLabels: Record<string, string>) =>
      service.write({ socketId: team, message: "m", requestId: "r", metadata: { ...metadata }, matchLabels });
    await of({ a: { b: 1, c: 2 }, d: 3 }, { e: "4", f: "5" });
    expect((await of({ d: 3, a: { c: 2, b: 1 } }, { f: "5", e: "4" })).duplicate).toBe(true);
  });
});

describe("a request_id that comes again with another request", () => {
  const before = { socketId: "x", message: "m", sender: "s", threadId: "t", replyTo: "p", metadata: { a: [1, 2] } };

  test.each<[string, Part<WriteRequest>]>([
    ["address", { socketId: "y" }],
    ["message", { message: "n" }],
    ["sender", { sender: "" }],
    ["thread", { threadId: "" }],
    ["reply_to", { replyTo: "q" }],
    ["metadata", { metadata: { a: [2, 1] } }],
    ["include_sender", { includeSender: true }],
  ])("is refused for another %s, and nothing is written", async (_, change) => {
    const service = await startWith("x", "y");
    await service.write({ ...before, requestId: "r" });
    expect(await refusal(service.write({ ...before, ...change, requestId: "r" }))).toMatchObject(reused);
    expect((await service.write({ ...before, requestId: "r" })).duplicate).toBe(true);
    expect(await service.contents("x")).toEqual(["m"]);
    expect(await service.contents("y")).toEqual([]);
  });

  test("is refused also while the first is under way", async () => {
    const service = await startWith("x");
    const write = (message: string) => service.write({ socketId: "x", message, requestId: "r" });
    const [first, second] = await Promise.allSettled([write("one"), write("two")]);
    expect(first).toMatchObject({ status: "fulfilled", value: { duplicate: false } });
    expect(await refusal(second.status === "rejected" ? Promise.reject(second.reason) : write("one"))).toMatchObject(
      reused,
    );
    expect(await service.contents("x")).toEqual(["one"]);
  });

  test("is another one for another method", async () => {
    const service = await startWith("x");
    expect((await service.write({ socketId: "x", requestId: "r" })).duplicate).toBe(false);
    expect((await service.create({ socketId: "y", requestId: "r" })).duplicate).toBe(false);
    expect((await service.ask({ socketId: "y", requestId: "r" }).asked()).duplicate).toBe(false);
    expect((await service.write({ socketId: "x", requestId: "r" })).duplicate).toBe(true);
  });

  test("is told apart to the last character, at its greatest length too", async () => {
    const service = await startWith("x");
    const longest = "r".repeat(255);
    for (const requestId of ["r", "R", "r ", `${longest}1`, `${longest}2`]) {
      expect((await service.write({ socketId: "x", message: requestId, requestId })).duplicate).toBe(false);
    }
  });
});

test("without a request_id nothing is remembered", async () => {
  const service = await startWith("x");
  const request = { socketId: "x", message: "again" };
  expect([await service.write(request), await service.write(request)]).toMatchObject([
    { duplicate: false },
    { duplicate: false },
  ]);
  expect(await service.contents("x")).toEqual(["again", "again"]);
});

describe("only what succeeded is remembered", () => {
  test("a Write that was refused may be repeated, and even changed", async () => {
    const service = await startWith();
    const request = { socketId: "x", message: "m", requestId: "r" };
    expect((await refusal(service.write(request))).reason).toBe("SOCKET_NOT_FOUND");
    await service.create({ socketId: "x", config: { maxQueueSize: 1 } });
    await service.writeAll("x", "fills it");
    expect((await refusal(service.write({ ...request, message: "n" }))).reason).toBe("QUEUE_FULL");
    await service.drain("x");
    expect((await service.write({ ...request, message: "o" })).duplicate).toBe(false);
    expect(await service.contents("x")).toEqual(["o"]);
  });

  test("a Create that was refused may be repeated", async () => {
    const service = await startWith("x");
    const request = { socketId: "x", requestId: "r" };
    expect((await refusal(service.create(request))).reason).toBe("SOCKET_EXISTS");
    await service.delete({ socketId: "x" });
    expect((await service.create(request)).duplicate).toBe(false);
  });

  test("a Create that found its socket is no success that made something", async () => {
    const service = await startWith("x");
    const request = { socketId: "x", requestId: "r", onConflict: CONFLICT_POLICY_USE_EXISTING };
    expect((await service.create(request)).duplicate).toBe(false);
    expect((await service.create(request)).duplicate).toBe(false);
    await service.delete({ socketId: "x" });
    const made = await service.create(request);
    expect(made.duplicate).toBe(false);
    expect(await service.create(request)).toEqual({ ...made, duplicate: true });
  });
});

describe("a Create that is repeated", () => {
  test("gives the socket that it made, whose id is the server's", async () => {
    const service = await startWith();
    const request = { model: "Claude 3", prompt: "p", context: { a: 1 }, labels: { l: "1" }, requestId: "r" };
    const answers = await Promise.all(Array.from({ length: 20 }, () => service.create(request)));
    expect(answers.filter(({ duplicate }) => !duplicate)).toHaveLength(1);
    expect(new Set(answers.map(({ socket }) => socket?.socketId)).size).toBe(1);
    expect(answers[7]?.socket).toMatchObject({ prompt: "p", context: { a: 1 }, labels: { l: "1" } });
    expect((await service.info()).socketCount).toBe(1);
  });

  test("gives the socket as it is now", async () => {
    const service = await startWith();
    const request = { socketId: "x", model: "m", prompt: "before", requestId: "r" };
    await service.create(request);
    await service.update({ socketId: "x", prompt: "after" });
    await service.writeAll("x", "mail");
    expect(await service.create(request)).toEqual({ socket: await service.socket("x"), duplicate: true, token: "" });
  });

  test("gives the socket as it was made, without its prompt, when it is gone, and makes no new one", async () => {
    const service = await startWith();
    const request = { socketId: "x", model: "m", prompt: "p", requestId: "r" };
    const { socket } = await service.create(request);
    await service.writeAll("x", "mail");
    await service.delete({ socketId: "x" });
    const again = await service.create(request);
    expect(again).toMatchObject({
      duplicate: true,
      socket: { socketId: "x", model: "m", prompt: "", queueSize: 0, etag: socket?.etag, tail: socket?.tail },
    });
    expect((await refusal(service.socket("x"))).reason).toBe("SOCKET_NOT_FOUND");
    await service.createAll("x");
    expect((await service.create(request)).socket?.etag, "another socket of the name").toBe(socket?.etag);
  });

  test("replaces nothing a second time", async () => {
    const service = await startWith("x");
    const request = { socketId: "x", requestId: "r", onConflict: CONFLICT_POLICY_REPLACE };
    const { socket } = await service.create(request);
    await service.writeAll("x", "mail");
    const again = await service.create(request);
    expect(again).toMatchObject({ duplicate: true, socket: { tail: { epoch: socket?.tail?.epoch }, queueSize: 1 } });
    expect(await service.contents("x")).toEqual(["mail"]);
  });

  test.each<[string, Part<CreateRequest>]>([
    ["id", { socketId: "y" }],
    ["model", { model: "n" }],
    ["prompt", { prompt: "q" }],
    ["context", { context: {} }],
    ["labels", { labels: { l: "2" } }],
    ["config", { config: { maxQueueSize: 1 } }],
    ["on_conflict", { onConflict: CONFLICT_POLICY_REPLACE }],
  ])("with another %s is refused", async (_, change) => {
    const service = await startWith();
    const request = { socketId: "x", model: "m", prompt: "p", labels: { l: "1" }, requestId: "r" };
    const { socket } = await service.create(request);
    expect(await refusal(service.create({ ...request, ...change }))).toMatchObject(reused);
    expect(await service.socket("x")).toEqual(socket);
    expect((await service.info()).socketCount).toBe(1);
  });
});

describe("how long it is remembered", () => {
  test("over a restart, and when retention let the message go", async () => {
    const first = await startTimed({ retainedMessages: 0 });
    const { dataDir, clock } = first;
    await first.createAll("x");
    const request = { socketId: "x", message: "m", sender: "s", requestId: "r" };
    const create = { model: "m", requestId: "r" };
    const written = await first.write(request);
    const created = await first.create(create);
    await first.drain("x");
    await first.upkeep();
    expect((await refusal(first.getMessage({ messageId: written.messageId }))).reason).toBe("MESSAGE_NOT_FOUND");
    expect(await first.write(request)).toEqual({ ...written, duplicate: true });
    await first.stop();
    const second = await startTimed({ dataDir, retainedMessages: 0 }, clock);
    expect(await second.write(request)).toEqual({ ...written, duplicate: true });
    expect(await second.create(create)).toMatchObject({ duplicate: true, socket: { etag: created.socket?.etag } });
    expect(await refusal(second.write({ ...request, message: "n" }))).toMatchObject(reused);
    expect(await second.contents("x")).toEqual([]);
  });

  test("for 10 minutes, whatever the clock on the wall says", async () => {
    const service = await startTimed();
    await service.createAll("x");
    const request = { socketId: "x", message: "m", requestId: "r" };
    await service.write(request);
    await service.upkeep();
    service.clock.jump(86_400_000);
    service.clock.pass(10 * minute - 1);
    await service.upkeep();
    expect((await service.write(request)).duplicate).toBe(true);
    service.clock.jump(-3 * 86_400_000);
    await service.upkeep();
    expect((await service.write(request)).duplicate).toBe(true);
    service.clock.pass(1);
    await service.upkeep();
    expect((await service.write(request)).duplicate).toBe(false);
    expect(await windowOf(service)).toBe(600);
  });

  test("for as many as are kept, and the server tells how far back that goes", async () => {
    const service = await startTimed({ dedupeKeys: 10 });
    await service.createAll("x");
    expect(await windowOf(service)).toBe(600);
    const written = await writeSteadily(service, 10);
    expect(await windowOf(service), "at the limit").toBe(600);
    written.push(...(await writeSteadily(service, 5)));
    await expectHonest(service, written, 10);
  });

  test("and tells that over a restart too", async () => {
    const first = await startTimed({ dedupeKeys: 10 });
    await first.createAll("x");
    const written = await writeSteadily(first, 15);
    await first.stop();
    const second = await startTimed({ dataDir: first.dataDir, dedupeKeys: 10 }, first.clock);
    await expectHonest(second, written, 10);
  });

  test("and tells the full window again when there were few for long enough", async () => {
    const service = await startTimed({ dedupeKeys: 10 });
    await service.createAll("x");
    const written = await writeSteadily(service, 15);
    expect(await windowOf(service)).toBeLessThan(600);
    for (let turn = 0; turn < 11; turn++) {
      service.clock.pass(minute);
      await service.upkeep();
    }
    expect(await windowOf(service)).toBe(600);
    expect((await service.write({ socketId: "x", requestId: written.at(-1)?.requestId ?? "" })).duplicate).toBe(false);
  });
});

interface Written {
  readonly requestId: string;
  readonly atMs: number;
}
type TimedService = Awaited<ReturnType<typeof startTimed>>;

/** Writes with a new request_id every ten seconds, upkeep between them. */
async function writeSteadily(service: TimedService, count: number): Promise<Written[]> {
  const written: Written[] = [];
  for (let turn = 0; turn < count; turn++) {
    service.clock.pass(10_000);
    const atMs = service.clock.elapsedMs();
    const requestId = `at ${atMs}`;
    await service.write({ socketId: "x", requestId });
    written.push({ requestId, atMs });
    await service.upkeep();
  }
  return written;
}

/** What is younger than the server says is remembered, and that is not nothing; what is too many is not. */
async function expectHonest(service: TimedService, written: readonly Written[], kept: number): Promise<void> {
  const covered = await windowOf(service);
  expect(covered).toBeLessThan(kept * 10 + 1);
  const nowMs = service.clock.elapsedMs();
  const remembered: Written[] = [];
  for (const { requestId, atMs } of [...written].reverse()) {
    const { duplicate } = await service.write({ socketId: "x", requestId });
    if (nowMs - atMs < covered * 1_000) expect(duplicate, requestId).toBe(true);
    if (duplicate) remembered.push({ requestId, atMs });
  }
  expect(remembered).toHaveLength(kept);
}
