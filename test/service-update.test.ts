/** Update: what a client may set of a socket, under a field mask and an etag. */
import { isDeepStrictEqual } from "node:util";
import { status } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { OverflowPolicy, type Socket, SocketConfig } from "../gen/ts/socketregistry/v1/socket_registry.js";
import { type Part, refusal, type Service, startService } from "./support/client.js";
import { Inbox, ms } from "./support/inbox.js";
import { tempDir } from "./support/temp-dir.js";
import { startTimed } from "./support/timed.js";

const config = {
  leaseDuration: { seconds: 3_600 },
  messageTtl: { seconds: 7_200 },
  ackDeadline: { seconds: 60 },
  maxQueueSize: 7,
  maxQueueBytes: 70_000,
  maxDeliveryAttempts: 3,
  overflowPolicy: OverflowPolicy.OVERFLOW_POLICY_REJECT,
  acceptWhenAway: true,
};
const before = { model: "m", prompt: "p", context: { a: 1 }, labels: { l: "1" }, config };
const after = { model: "n", prompt: "q", context: { b: [2] }, labels: { k: "2" }, config: { maxQueueSize: 9 } };

async function startSocket(socket: Part<Socket> = before) {
  const service = await startTimed();
  await service.create({ ...socket, socketId: "x" });
  return service;
}

/** What a client may set. */
const settable = ({ model, prompt, context, labels, config: settings }: Socket) => ({
  ...{ model, prompt, context, labels },
  config: Object.fromEntries(Object.entries(settings ?? {}).filter(([, value]) => value !== undefined)),
});
/** The settings in which two configs differ. */
function differences(one: Record<string, unknown>, other: Record<string, unknown>): string[] {
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...names].filter((name) => !isDeepStrictEqual(one[name], other[name]));
}

const settableOf = async (service: Service) => settable(await service.socket("x"));

describe("an update by mask", () => {
  test.each(Object.keys(before) as (keyof typeof before)[])("changes %s and nothing else", async (field) => {
    const service = await startSocket();
    const old = await service.socket("x");
    const updated = await service.update({ socketId: "x", ...after }, field);
    expect(updated).toEqual(await service.socket("x"));
    const expected = settable(old);
    expect(settable(updated)).toEqual({ ...expected, [field]: after[field] });
    const { etag, lastActivity, leaseExpireTime } = updated;
    expect(etag).not.toBe(old.etag);
    expect({ ...updated, ...expected }).toEqual({ ...old, ...expected, etag, lastActivity, leaseExpireTime });
  });

  test("clears what is named and not given", async () => {
    const service = await startSocket();
    await service.update({ socketId: "x" }, "model", "prompt", "context", "labels", "config");
    expect(await settableOf(service)).toEqual({ model: "", prompt: "", context: undefined, labels: {}, config: {} });
  });

  test("of * is one of everything", async () => {
    const service = await startSocket();
    await service.update({ socketId: "x", ...after, context: undefined }, "*");
    expect(await settableOf(service)).toEqual({ ...after, context: undefined });
  });

  test.each<[string, keyof SocketConfig, Part<SocketConfig>]>([
    ["config.lease_duration", "leaseDuration", { leaseDuration: { seconds: 5 } }],
    ["config.message_ttl", "messageTtl", { messageTtl: { seconds: 5 } }],
    ["config.ack_deadline", "ackDeadline", { ackDeadline: { seconds: 5 } }],
    ["config.max_queue_size", "maxQueueSize", { maxQueueSize: 5 }],
    ["config.max_queue_bytes", "maxQueueBytes", { maxQueueBytes: 5 }],
    ["config.max_delivery_attempts", "maxDeliveryAttempts", { maxDeliveryAttempts: 5 }],
    ["config.overflow_policy", "overflowPolicy", { overflowPolicy: OverflowPolicy.OVERFLOW_POLICY_DROP_OLDEST }],
    ["config.accept_when_away", "acceptWhenAway", { acceptWhenAway: false }],
  ])("sets %s alone, and takes it back", async (path, name, change) => {
    const service = await startSocket();
    const old = await settableOf(service);
    await service.update({ socketId: "x", config: { maxQueueSize: 5, ackDeadline: ms(5_000), ...change } }, path);
    const updated = await settableOf(service);
    expect(differences(old.config, updated.config)).toEqual([name]);
    expect(updated.config[name]).toEqual(SocketConfig.fromPartial(change)[name]);
    await service.update({ socketId: "x" }, path);
    const { [name]: _, ...rest } = old.config;
    expect(await settableOf(service)).toEqual({ ...old, config: rest });
  });

  test("may name what it likes, twice too, and up to 64 times", async () => {
    const service = await startSocket();
    await service.update({ socketId: "x", ...after }, ...Array(63).fill("model"), "labels");
    expect(await settableOf(service)).toMatchObject({ model: "n", labels: { k: "2" }, prompt: "p" });
  });
});

describe("an update without a mask", () => {
  test.each(Object.keys(before) as (keyof typeof before)[])("changes %s when only that is set", async (field) => {
    const service = await startSocket();
    const expected = { ...(await settableOf(service)), [field]: after[field] };
    expect(settable(await service.update({ socketId: "x", [field]: after[field] }))).toEqual(expected);
  });

  test("changes all that is set, an empty context too", async () => {
    const service = await startSocket();
    expect(settable(await service.update({ socketId: "x", ...after }))).toEqual(after);
    expect((await service.update({ socketId: "x", context: {} })).context).toEqual({});
  });

  test("of nothing changes nothing, not even the etag", async () => {
    const service = await startSocket();
    const old = await service.socket("x");
    expect(await service.update({ socketId: "x" })).toEqual(old);
    expect(await service.update({ socketId: "x", model: "m", labels: { l: "1" } }, "model", "labels")).toEqual(old);
  });
});

describe("an update under an etag", () => {
  test("happens when that is the socket's, and gives it a new one", async () => {
    const service = await startSocket();
    const { etag } = await service.socket("x");
    const updated = await service.update({ socketId: "x", model: "n", etag });
    expect(updated.etag).not.toBe(etag);
    expect(await refusal(service.update({ socketId: "x", model: "o", etag }))).toMatchObject({
      code: status.ABORTED,
      reason: "ETAG_MISMATCH",
      metadata: { etag: updated.etag },
    });
    expect(await service.socket("x")).toEqual(updated);
    expect((await service.update({ socketId: "x", prompt: "q", etag: updated.etag })).model).toBe("n");
  });

  test("happens once when many try at the same time", async () => {
    const service = await startSocket();
    const { etag } = await service.socket("x");
    const tries = Array.from({ length: 20 }, (_, index) => service.update({ socketId: "x", model: `m${index}`, etag }));
    const results = await Promise.allSettled(tries);
    expect(results.filter((result) => result.status === "fulfilled")).toHaveLength(1);
  });

  test("fails after any other change of the socket, and after none of its counters", async () => {
    const service = await startSocket();
    const { etag } = await service.socket("x");
    await service.writeAll("x", "mail");
    await service.drain("x");
    await service.heartbeat({ socketId: "x" });
    const { etag: next } = await service.update({ socketId: "x", model: "n", etag });
    await service.markInactive({ socketId: "x" });
    expect((await refusal(service.update({ socketId: "x", model: "o", etag: next }))).reason).toBe("ETAG_MISMATCH");
  });
});

describe("an update that is refused changes nothing", () => {
  const nested = (levels: number): Record<string, unknown> => (levels === 1 ? {} : { a: nested(levels - 1) });

  test.each<[string, Part<Socket>, object]>([
    ["a context too deep", { context: nested(31) }, { reason: "CONTEXT_TOO_DEEP", field: "socket.context" }],
    ["a context too large", { context: { a: "a".repeat(262_144) } }, { field: "socket.context" }],
    ["a prompt too long", { prompt: "p".repeat(262_145) }, { field: "socket.prompt" }],
    ["a label too long", { labels: { l: "l".repeat(257) } }, { field: "socket.labels" }],
    ["a deadline too long", { config: { ackDeadline: ms(604_800_001) } }, { field: "socket.config.ack_deadline" }],
  ])("for %s", async (_, change, told) => {
    const service = await startSocket();
    const old = await service.socket("x");
    expect(await refusal(service.update({ socketId: "x", model: "n", ...change }))).toMatchObject({
      code: status.INVALID_ARGUMENT,
      ...told,
    });
    expect(await service.socket("x")).toEqual(old);
  });

  test("for want of space", async () => {
    const service = await startService({ maxStoreBytes: 10_000 });
    await service.createAll("x");
    await service.write({ socketId: "x", message: "m".repeat(9_000) });
    await service.create({ socketId: "y", labels: { filler: "f".repeat(250) } }).catch(() => {});
    while (
      (await service.create().then(
        () => "",
        ({ code }) => code,
      )) === ""
    );
    const old = await service.socket("x");
    expect(await refusal(service.update({ socketId: "x", model: "n" }))).toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
      reason: "STORAGE_FULL",
    });
    expect(await service.socket("x")).toEqual(old);
  });
});

test("an update leaves mail, epoch, state and readers alone", async () => {
  const service = await startSocket({});
  const inbox = new Inbox(service);
  await inbox.write("one", "two");
  const reading = inbox.read();
  await reading.message();
  await service.markInactive({ socketId: "x", reason: "lunch" });
  const old = await service.socket("x");
  const updated = await service.update({ socketId: "x", ...after });
  const { state, stateReason, stateMessage, createdAt, queueSize, inFlightCount, readerCount, tail } = old;
  expect(updated).toMatchObject({ state, stateReason, stateMessage, createdAt, queueSize, inFlightCount, tail });
  expect(updated.readerCount).toBe(readerCount);
  await inbox.ack(1);
  expect((await reading.message()).content).toBe("two");
});

test("settings count from the moment they are changed", async () => {
  const service = await startTimed();
  await service.create({ socketId: "x", config: { maxQueueSize: 3 } });
  const inbox = new Inbox(service);
  await inbox.write("one", "two", "three");
  await service.update({ socketId: "x", config: { maxQueueSize: 2 } }, "config.max_queue_size");
  expect((await refusal(service.write({ socketId: "x" }))).reason).toBe("QUEUE_FULL");
  expect(await inbox.peek(), "what is there stays").toEqual(["one", "two", "three"]);
  await service.update({ socketId: "x", config: { maxQueueSize: 4, ackDeadline: ms(1_000) } });
  await inbox.write("four");
  await inbox.take();
  service.clock.pass(1_000);
  expect(await inbox.read().message()).toMatchObject({ content: "one", deliveryAttempt: 2 });
  await service.update({ socketId: "x", config: { maxDeliveryAttempts: 2 } }, "config.max_delivery_attempts");
  await inbox.nack(1);
  expect(await inbox.parked()).toEqual(["one"]);
});

test("an update survives a restart", async () => {
  const dataDir = tempDir();
  const first = await startService({ dataDir });
  await first.create({ socketId: "x", ...before });
  const updated = await first.update({ socketId: "x", ...after, context: undefined }, "*");
  await first.server.stop();
  const second = await startService({ dataDir });
  expect(await second.socket("x")).toEqual(updated);
});
