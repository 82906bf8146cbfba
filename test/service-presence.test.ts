/** Whether anybody reads, and since when: last seen, open Reads, the oldest mail, and what a Heartbeat answers. */
import { status } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { AckMode, ConflictPolicy, type Socket, SocketState } from "../gen/ts/socketregistry/v1/socket_registry.js";
import { refusal, type Service, startService } from "./support/client.js";
import { crashCopy } from "./support/crash-copy.js";
import { FragileConnection } from "./support/half-open.js";
import { Inbox, ms } from "./support/inbox.js";
import { tempDir } from "./support/temp-dir.js";
import { startTimed } from "./support/timed.js";

const team = "team-chat-all";
const lease = 60_000;
const patient = { timeout: 20_000 };
const hour = 3_600_000;
const everyHour = { heartbeatInterval: { seconds: 3_600 } };

async function startWith(...socketIds: string[]) {
  const service = await startTimed();
  await service.createAll(...socketIds);
  return Object.assign(service, { now: () => new Date(service.clock.wallMs()) });
}

/** The same from a listing and by itself, which is how a socket is looked at. */
async function seen(service: Service, socketId: string): Promise<Socket> {
  const { sockets } = await service.list({ pageSize: 1_000 });
  const socket = await service.socket(socketId);
  expect(sockets.find((listed) => listed.socketId === socketId)).toEqual(socket);
  return socket;
}

describe("last_seen_time", () => {
  test("is absent before the first sign of life, and is not moved by others", async () => {
    const service = await startWith("x", "y");
    await service.writeAll("x", "mail");
    await service.write({ socketId: "x", sender: "y", message: "signed mail" });
    await service.markActive({ socketId: "x" });
    await service.drain("x", { ackMode: AckMode.ACK_MODE_NONE });
    expect((await seen(service, "x")).lastSeenTime).toBeUndefined();
    expect((await seen(service, "y")).lastSeenTime).toEqual(service.now());
  });

  test("is the moment of the last sign of life", async () => {
    const service = await startWith("x", "y");
    const inbox = new Inbox(service);
    const signs = [
      () => service.heartbeat({ socketId: "x" }),
      () => service.drain("x"),
      () => inbox.take(),
      () => inbox.ack(1),
      () => service.write({ socketId: "y", sender: "x" }),
      () => service.write({ socketId: team, sender: "x" }),
      () => service.write({ socketId: "x", sender: "x" }),
    ];
    for (const show of signs) {
      service.clock.pass(1_000);
      await show();
      const then = service.now();
      service.clock.pass(1_000);
      expect((await seen(service, "x")).lastSeenTime).toEqual(then);
    }
  });

  test("is now while a Read is open, and stays at its end", async () => {
    const service = await startWith("x");
    const reading = service.read({ socketId: "x", ...everyHour });
    await reading.event();
    service.clock.pass(hour);
    expect((await service.socket("x")).lastSeenTime).toEqual(service.now());
    reading.cancel();
    await expect.poll(async () => (await service.socket("x")).readerCount, patient).toBe(0);
    const then = service.now();
    service.clock.pass(hour);
    expect((await service.socket("x")).lastSeenTime).toEqual(then);
  });

  test("survives a restart to the moment, also that of a Read that the restart ended", async () => {
    const first = await startWith("x", "y", "z");
    first.clock.pass(1_000);
    await first.heartbeat({ socketId: "x" });
    const then = first.now();
    const reading = first.read({ socketId: "y", ...everyHour });
    await reading.event();
    first.clock.pass(1_000);
    await Promise.all([reading.end(), first.stop()]);
    const end = first.now();
    first.clock.pass(hour);
    const second = await startTimed({ dataDir: first.dataDir }, first.clock);
    expect((await seen(second, "x")).lastSeenTime).toEqual(then);
    expect((await seen(second, "y")).lastSeenTime).toEqual(end);
    expect((await seen(second, "z")).lastSeenTime).toBeUndefined();
  });

  test("is up to a minute too old after a crash", async () => {
    const first = await startWith("x");
    const { clock, dataDir } = first;
    const lastSeenAfterCrash = async () => {
      await first.upkeep();
      // Whatever is answered now is durable, and what came before it too.
      await first.createAll(`at${clock.elapsedMs()}`);
      const copy = tempDir();
      crashCopy(dataDir, copy);
      const crashed = await startTimed({ dataDir: copy }, clock);
      return (await crashed.socket("x")).lastSeenTime;
    };
    await first.heartbeat({ socketId: "x" });
    const then = first.now();
    expect(await lastSeenAfterCrash()).toEqual(then);
    clock.pass(59_999);
    await first.heartbeat({ socketId: "x" });
    expect(await lastSeenAfterCrash()).toEqual(then);
    clock.pass(1);
    await first.heartbeat({ socketId: "x" });
    expect(await lastSeenAfterCrash()).toEqual(first.now());
  });

  test("of the team is nobody's", async () => {
    const service = await startWith("x");
    await service.write({ socketId: team, sender: "x" });
    await service.drain(team);
    expect((await seen(service, team)).lastSeenTime).toBeUndefined();
  });

  test("is not inherited by a socket of the same name", async () => {
    const service = await startWith("x");
    await service.heartbeat({ socketId: "x" });
    await service.create({ socketId: "x", onConflict: ConflictPolicy.CONFLICT_POLICY_REPLACE });
    expect((await seen(service, "x")).lastSeenTime).toBeUndefined();
  });
});

test("reader_count tells how many Reads are open, whatever their mode, and on the feed those of consumers too", async () => {
  const service = await startWith("x");
  const counts = async () => Promise.all(["x", team].map(async (id) => (await seen(service, id)).readerCount));
  expect(await counts()).toEqual([0, 0]);
  const readings = [
    service.read({ socketId: "x", ...everyHour }),
    service.read({ socketId: "x", ackMode: AckMode.ACK_MODE_NONE, ...everyHour }),
    service.read({ socketId: "x", ackMode: AckMode.ACK_MODE_EXPLICIT, ...everyHour }),
    service.read({ socketId: team, ackMode: AckMode.ACK_MODE_NONE, ...everyHour }),
    service.read({ socketId: team, consumer: "c", ...everyHour }),
  ];
  for (const reading of readings) await reading.event();
  expect(await counts()).toEqual([3, 2]);
  for (const reading of readings) reading.cancel();
  await expect.poll(counts, patient).toEqual([0, 0]);
});

test("oldest_unsettled_time is that of the oldest message that waits or is in flight", async () => {
  const service = await startWith("x");
  const inbox = new Inbox(service);
  const oldest = async () => (await seen(service, "x")).oldestUnsettledTime;
  expect(await oldest()).toBeUndefined();
  const times: Date[] = [];
  for (const message of ["one", "two", "three"]) {
    service.clock.pass(1_000);
    await inbox.write(message);
    times.push(service.now());
  }
  expect(await oldest()).toEqual(times[0]);
  await inbox.take({ maxOutstanding: 2 });
  expect(await oldest()).toEqual(times[0]);
  await inbox.ack(2);
  expect(await oldest()).toEqual(times[0]);
  await inbox.ack(1);
  expect(await oldest()).toEqual(times[2]);
  await service.drain("x");
  expect(await oldest()).toBeUndefined();
});

describe("Heartbeat", () => {
  test("answers with the end of the lease, the state and the mail", async () => {
    const service = await startTimed();
    await service.create({ socketId: "x", config: { leaseDuration: ms(lease) } });
    await service.writeAll("x", "one", "two");
    service.clock.pass(lease - 1);
    const leaseExpireTime = new Date(service.clock.wallMs() + lease);
    expect(await service.heartbeat({ socketId: "x" })).toEqual({
      leaseExpireTime,
      state: SocketState.SOCKET_STATE_ACTIVE,
      queueSize: 2,
    });
    service.clock.pass(lease - 1);
    expect((await seen(service, "x")).leaseExpireTime).toEqual(leaseExpireTime);
    const revived = new Date(service.clock.wallMs() + 1 + lease);
    service.clock.pass(1);
    expect(await service.heartbeat({ socketId: "x" })).toEqual({
      leaseExpireTime: revived,
      state: SocketState.SOCKET_STATE_ACTIVE,
      queueSize: 2,
    });
  });

  test.each<[string, (service: Service) => Promise<unknown>]>([
    ["was reset", (service) => service.reset({ socketId: "x" })],
    [
      "was replaced",
      (service) => service.create({ socketId: "x", onConflict: ConflictPolicy.CONFLICT_POLICY_REPLACE }),
    ],
  ])("tells an agent that its socket %s, and is no sign of life of the new one", async (_, happen) => {
    const service = await startWith("x");
    const epoch = (await service.socket("x")).tail?.epoch ?? "";
    await service.heartbeat({ socketId: "x", epoch });
    service.clock.pass(1_000);
    await happen(service);
    const before = await service.socket("x");
    expect(await refusal(service.heartbeat({ socketId: "x", epoch }))).toMatchObject({
      code: status.FAILED_PRECONDITION,
      reason: "EPOCH_MISMATCH",
      metadata: { socket_id: "x", epoch: before.tail?.epoch },
    });
    expect(await service.socket("x")).toEqual(before);
    await service.heartbeat({ socketId: "x", epoch: before.tail?.epoch ?? "" });
    expect((await service.socket("x")).lastSeenTime).toEqual(service.now());
  });

  test("leaves everything else as it is, its etag too", async () => {
    const service = await startWith("x");
    const before = await service.socket("x");
    service.clock.pass(1_000);
    await service.heartbeat({ socketId: "x" });
    expect(await service.socket("x")).toEqual({ ...before, lastSeenTime: service.now() });
  });
});

describe("a connection that died without a word", () => {
  const settings = { keepaliveTimeMs: 100, keepaliveTimeoutMs: 100, returnGraceMs: 0 };

  test("keeps nobody alive, once the server has asked and got no answer", async () => {
    const service = await startService(settings);
    await service.create({ socketId: "x", config: { leaseDuration: ms(300) } });
    const fragile = await FragileConnection.open(service.server.address);
    await fragile.service.read({ socketId: "x", ...everyHour }).event();
    expect(await service.socket("x")).toMatchObject({ readerCount: 1, state: SocketState.SOCKET_STATE_ACTIVE });
    fragile.die();
    await expect
      .poll(() => service.socket("x"), patient)
      .toMatchObject({ readerCount: 0, state: SocketState.SOCKET_STATE_UNRESPONSIVE });
  });

  test("gives back what it had", async () => {
    const service = await startService(settings);
    await service.createAll("x");
    const fragile = await FragileConnection.open(service.server.address);
    await service.writeAll("x", "one");
    expect(await new Inbox(fragile.service).read().message()).toMatchObject({ content: "one" });
    fragile.die();
    expect(await new Inbox(service).read().message()).toMatchObject({ content: "one", deliveryAttempt: 1 });
  });
});
