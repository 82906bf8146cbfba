/** Leases: who is alive, how the server comes to think that somebody is not, and how it learns better. */
import { status } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import {
  AckMode,
  ResetScope,
  SkipReason,
  type Socket,
  type SocketConfig,
  SocketState,
  StateReason,
} from "../gen/ts/socketregistry/v1/socket_registry.js";
import type { Config } from "../src/config.js";
import { type Part, refusal, type Service, startService } from "./support/client.js";
import { Inbox, ms } from "./support/inbox.js";
import { nameOf } from "./support/names.js";
import { startTimed } from "./support/timed.js";

const team = "team-chat-all";
const lease = 60_000;
const patient = { timeout: 20_000 };
const year = 365 * 86_400_000;
const { ACK_MODE_AUTO, ACK_MODE_EXPLICIT, ACK_MODE_NONE } = AckMode;

/** A server with a socket `x` that has a lease, and `y` that has none. */
async function startLeased(overrides: Partial<Config> = {}, config: Part<SocketConfig> = {}) {
  const service = await startTimed(overrides);
  await service.create({ socketId: "x", config: { leaseDuration: ms(lease), ...config } });
  await service.createAll("y");
  return Object.assign(service, { x: new Inbox(service), state: (id = "x") => stateIn(service, id) });
}
type Leased = Awaited<ReturnType<typeof startLeased>>;

const wordsOf = ({ state, stateReason }: Socket) => {
  const reason = stateReason && nameOf(StateReason, stateReason, "STATE_REASON_");
  return [nameOf(SocketState, state, "SOCKET_STATE_"), ...(reason === 0 ? [] : [reason])].join(" ");
};
async function stateIn(service: Service, id: string): Promise<string> {
  return wordsOf(await service.socket(id));
}

/** An open Read that keeps the lease, as the server has seen. */
async function readOpen({ service }: Inbox, ackMode: AckMode) {
  const reading = service.read({ socketId: "x", ackMode, heartbeatInterval: { seconds: 3_600 } });
  await reading.event();
  return reading;
}

async function readersGone(service: Service): Promise<void> {
  await expect.poll(async () => (await service.socket("x")).readerCount, patient).toBe(0);
}

const signs: [string, (service: Leased) => Promise<unknown>][] = [
  ["Heartbeat", (service) => service.heartbeat({ socketId: "x" })],
  ["an AUTO Read", (service) => service.drain("x")],
  ["an EXPLICIT Read", ({ x }) => x.take()],
  ["an Acknowledge", ({ x }) => x.ack(7)],
  ["an Acknowledge with its epoch", async ({ x }) => x.acknowledge({ epoch: await x.epoch() })],
  ["a Write that it signed", (service) => service.write({ socketId: "y", sender: "x", message: "m" })],
  ["an answer on its own id", (service) => service.write({ socketId: "x", sender: "x", message: "m" })],
  ["a broadcast that it signed", (service) => service.write({ socketId: team, sender: "x", message: "m" })],
  ["a question that it signed", (service) => service.ask({ socketId: "y", sender: "x" }).asked()],
];

describe("a lease", () => {
  test("runs out at its time, and then writes are refused and the mail is kept", async () => {
    const service = await startLeased();
    await service.writeAll("x", "mail");
    service.clock.pass(lease - 1);
    expect(await service.state()).toBe("ACTIVE");
    service.clock.pass(1);
    expect(await service.state()).toBe("UNRESPONSIVE LEASE_EXPIRED");
    expect(await refusal(service.write({ socketId: "x" }))).toMatchObject({
      code: status.FAILED_PRECONDITION,
      reason: "SOCKET_UNRESPONSIVE",
    });
    expect((await service.write({ socketId: team, sender: "s" })).results).toContainEqual({
      socketId: "x",
      sequence: 0n,
      skipReason: SkipReason.SKIP_REASON_SOCKET_UNRESPONSIVE,
    });
    expect(await service.contents("x")).toEqual(["mail"]);
  });

  test("is nobody's who did not ask for one", async () => {
    const service = await startLeased();
    await service.create({ socketId: "zero", config: { leaseDuration: ms(0) } });
    service.clock.pass(9 * year);
    expect(await service.state("y")).toBe("ACTIVE");
    expect(await service.state("zero")).toBe("ACTIVE");
    expect(await service.state(team)).toBe("ACTIVE");
    expect((await service.socket("y")).leaseExpireTime).toBeUndefined();
    expect((await service.heartbeat({ socketId: "y" })).leaseExpireTime).toBeUndefined();
  });

  test.each(signs)("is renewed by %s", async (_, show) => {
    const service = await startLeased();
    service.clock.pass(lease - 1);
    await show(service);
    service.clock.pass(lease - 1);
    expect(await service.state()).toBe("ACTIVE");
    service.clock.pass(1);
    expect(await service.state()).toBe("UNRESPONSIVE LEASE_EXPIRED");
  });

  test.each(signs)("that has run out heals by %s", async (_, show) => {
    const service = await startLeased();
    service.clock.pass(lease);
    expect(await service.state()).toBe("UNRESPONSIVE LEASE_EXPIRED");
    await show(service);
    expect(await service.state()).toBe("ACTIVE");
    await service.write({ socketId: "x", message: "taken again" });
    service.clock.pass(lease);
    expect(await service.state(), "and runs again").toBe("UNRESPONSIVE LEASE_EXPIRED");
  });

  test.each<[string, (service: Leased) => Promise<unknown>]>([
    ["a look at its queue", (service) => service.drain("x", { ackMode: ACK_MODE_NONE })],
    ["Peek", (service) => service.peek({ socketId: "x" })],
    ["GetSocketInfo", (service) => service.socket("x")],
    ["mail from others", (service) => service.write({ socketId: "x", sender: "y" })],
    ["unsigned mail", (service) => service.write({ socketId: "x" })],
    ["an Acknowledge of another epoch", ({ x }) => x.acknowledge({ epoch: "another" })],
    ["a Heartbeat of another epoch", (service) => refusal(service.heartbeat({ socketId: "x", epoch: "another" }))],
    ["an Update of something else", (service) => service.update({ socketId: "x", model: "m" })],
    ["a signed Write that is refused", (service) => refusal(service.write({ socketId: "nobody", sender: "x" }))],
  ])("is not renewed by %s", async (_, happen) => {
    const service = await startLeased();
    service.clock.pass(lease - 1);
    await happen(service);
    service.clock.pass(1);
    expect(await service.state()).toBe("UNRESPONSIVE LEASE_EXPIRED");
    await happen(service).catch((error) => expect(error.code).toBe(status.FAILED_PRECONDITION));
    expect(await service.state(), "nor does that heal").toBe("UNRESPONSIVE LEASE_EXPIRED");
  });

  test("can be had later, changed and given up", async () => {
    const service = await startLeased();
    await service.update({ socketId: "y", config: { leaseDuration: ms(1_000) } });
    service.clock.pass(1_000);
    expect(await service.state("y")).toBe("UNRESPONSIVE LEASE_EXPIRED");
    await service.update({ socketId: "x", config: { leaseDuration: ms(10 * lease) } });
    service.clock.pass(9 * lease);
    expect(await service.state()).toBe("ACTIVE");
    await service.update({ socketId: "x" }, "config.lease_duration");
    service.clock.pass(year);
    expect(await service.state()).toBe("ACTIVE");
  });

  test("is as short and as long as may be", async () => {
    const service = await startLeased();
    await service.create({ socketId: "short", config: { leaseDuration: { nanos: 1 } } });
    await service.create({ socketId: "long", config: { leaseDuration: { seconds: 315_360_000 } } });
    service.clock.pass(1);
    expect(await service.state("short")).toBe("UNRESPONSIVE LEASE_EXPIRED");
    service.clock.pass(10 * year - 2);
    expect(await service.state("long")).toBe("ACTIVE");
    service.clock.pass(1);
    expect(await service.state("long")).toBe("UNRESPONSIVE LEASE_EXPIRED");
  });

  test("of a thousand sockets runs out for all of them at once", async () => {
    const service = await startTimed();
    const ids = Array.from({ length: 1_000 }, (_, index) => `s${index}`);
    const config = { leaseDuration: ms(lease) };
    await Promise.all(ids.map((socketId) => service.create({ socketId, config })));
    service.clock.pass(lease);
    const { sockets } = await service.list({ pageSize: 1_000, states: [SocketState.SOCKET_STATE_UNRESPONSIVE] });
    expect(sockets).toHaveLength(1_000);
  });

  test("of a socket that was deleted, replaced or reset is not that of the one which is there", async () => {
    const service = await startLeased();
    service.clock.pass(lease - 1);
    await service.delete({ socketId: "x" });
    await service.create({ socketId: "x", config: { leaseDuration: ms(lease) } });
    service.clock.pass(lease - 1);
    expect(await service.state()).toBe("ACTIVE");
    service.clock.pass(1);
    expect(await service.state()).toBe("UNRESPONSIVE LEASE_EXPIRED");
    await service.reset({ socketId: "x", scope: ResetScope.RESET_SCOPE_QUEUE });
    expect(await service.state()).toBe("UNRESPONSIVE LEASE_EXPIRED");
    await service.reset({ socketId: "x" });
    expect(await service.state()).toBe("ACTIVE");
    service.clock.pass(lease);
    expect(await service.state()).toBe("UNRESPONSIVE LEASE_EXPIRED");
  });
});

describe("an open Read", () => {
  test.each([
    ["AUTO", ACK_MODE_AUTO],
    ["EXPLICIT", ACK_MODE_EXPLICIT],
  ])("in %s keeps the lease for as long as it is open, which counts from its end", async (_, ackMode) => {
    const service = await startLeased();
    const reading = await readOpen(service.x, ackMode);
    service.clock.pass(10 * lease + 7);
    expect(await service.state()).toBe("ACTIVE");
    reading.cancel();
    await readersGone(service);
    service.clock.pass(lease - 1);
    expect(await service.state()).toBe("ACTIVE");
    service.clock.pass(1);
    expect(await service.state()).toBe("UNRESPONSIVE LEASE_EXPIRED");
  });

  test("in NONE keeps nothing", async () => {
    const service = await startLeased();
    await readOpen(service.x, ACK_MODE_NONE);
    service.clock.pass(lease);
    expect(await service.state()).toBe("UNRESPONSIVE LEASE_EXPIRED");
  });

  test("that let a deadline pass is no sign of life, until somebody acknowledges something", async () => {
    const service = await startLeased({ maxDeliveryAttempts: 0 }, { ackDeadline: ms(10_000) });
    await service.writeAll("x", "hangs");
    const reading = service.x.read();
    await reading.message();
    service.clock.pass(10_000);
    expect(await reading.message()).toMatchObject({ content: "hangs", deliveryAttempt: 2 });
    service.clock.pass(10_000);
    expect(await reading.message()).toMatchObject({ content: "hangs", deliveryAttempt: 3 });
    service.clock.pass(lease - 10_001);
    expect(await service.state()).toBe("ACTIVE");
    service.clock.pass(1);
    expect(await service.state()).toBe("UNRESPONSIVE LEASE_EXPIRED");
    await service.x.ack(1);
    expect(await service.state()).toBe("ACTIVE");
    service.clock.pass(10 * lease);
    expect(await service.state(), "and now the Read counts again").toBe("ACTIVE");
  });

  test("that works within its deadlines keeps the lease, however long it takes", async () => {
    const service = await startLeased({}, { ackDeadline: ms(10 * lease) });
    await service.writeAll("x", "long work");
    const reading = service.x.read();
    await reading.message();
    for (let turn = 0; turn < 5; turn++) {
      service.clock.pass(10 * lease - 1);
      expect(await service.state()).toBe("ACTIVE");
      await service.x.extend(undefined, 1);
    }
    await service.x.ack(1);
    expect(await service.x.counts()).toMatchObject({ queue: 0 });
  });

  test("beside one that let a deadline pass keeps the lease", async () => {
    const service = await startLeased({ maxDeliveryAttempts: 0 }, { ackDeadline: ms(10_000) });
    await service.writeAll("x", "hangs");
    await service.x.read().message();
    await readOpen(service.x, ACK_MODE_AUTO);
    service.clock.pass(10 * lease);
    expect(await service.state()).toBe("ACTIVE");
  });
});

describe("what an operator said", () => {
  test.each(signs)("is not healed by %s", async (_, show) => {
    const service = await startLeased();
    await service.markUnresponsive({ socketId: "x", reason: "looks stuck" });
    await show(service);
    await readOpen(service.x, ACK_MODE_AUTO);
    expect(await service.state()).toBe("UNRESPONSIVE OPERATOR");
    expect(await service.heartbeat({ socketId: "x" })).toMatchObject({ state: SocketState.SOCKET_STATE_UNRESPONSIVE });
    await service.markActive({ socketId: "x" });
    expect(await service.state()).toBe("ACTIVE OPERATOR");
  });

  test("stands against a lease that had run out before", async () => {
    const service = await startLeased();
    service.clock.pass(lease);
    await service.markUnresponsive({ socketId: "x" });
    await service.heartbeat({ socketId: "x" });
    expect(await service.state()).toBe("UNRESPONSIVE OPERATOR");
  });

  test.each([
    ["left", "markInactive", "INACTIVE CLIENT_LEFT"],
    ["was marked", "markUnresponsive", "UNRESPONSIVE OPERATOR"],
  ] as const)("no lease runs while the socket %s, and a whole one when it is back", async (_, mark, state) => {
    const service = await startLeased();
    await service[mark]({ socketId: "x" });
    service.clock.pass(3 * lease);
    expect(await service.state()).toBe(state);
    await service.markActive({ socketId: "x" });
    service.clock.pass(lease - 1);
    expect(await service.state()).toBe("ACTIVE OPERATOR");
    service.clock.pass(1);
    expect(await service.state()).toBe("UNRESPONSIVE LEASE_EXPIRED");
  });
});

describe("accept_when_away", () => {
  test("lets a socket collect mail while its lease is out, or it left", async () => {
    const service = await startLeased({}, { acceptWhenAway: true });
    service.clock.pass(lease);
    await service.writeAll("x", "while expired");
    expect((await service.write({ socketId: team, message: "to all", sender: "y" })).deliveredCount).toBe(1);
    expect(await service.state()).toBe("UNRESPONSIVE LEASE_EXPIRED");
    await service.markInactive({ socketId: "x" });
    await service.writeAll("x", "while away");
    expect(await service.contents("x")).toEqual(["while expired", "to all", "while away"]);
    expect(await service.state(), "a Read does not end a leave").toBe("INACTIVE CLIENT_LEFT");
  });

  test("lets nothing through to a socket that an operator marked", async () => {
    const service = await startLeased({}, { acceptWhenAway: true });
    await service.markUnresponsive({ socketId: "x" });
    expect((await refusal(service.write({ socketId: "x" }))).reason).toBe("SOCKET_UNRESPONSIVE");
    expect((await service.write({ socketId: team, sender: "y" })).deliveredCount).toBe(0);
  });
});

describe("time", () => {
  test("that jumps on the wall expires nobody and keeps nobody", async () => {
    const service = await startLeased();
    const { clock } = service;
    clock.jump(year);
    await service.upkeep();
    expect(await service.state()).toBe("ACTIVE");
    expect((await service.socket("x")).leaseExpireTime).toEqual(new Date(clock.wallMs() + lease));
    clock.jump(-2 * year);
    clock.pass(lease - 1);
    expect(await service.state()).toBe("ACTIVE");
    clock.pass(1);
    expect(await service.state()).toBe("UNRESPONSIVE LEASE_EXPIRED");
  });

  test("after a start is given to everybody, so that a restart is no alarm", async () => {
    const first = await startTimed({ leaseStartGraceMs: 30_000 });
    for (const [socketId, duration] of Object.entries({ short: 1_000, even: 30_000, long: lease })) {
      await first.create({ socketId, config: { leaseDuration: ms(duration) } });
    }
    await first.create({ socketId: "expired", config: { leaseDuration: ms(500) } });
    first.clock.pass(500);
    await first.stop();
    first.clock.pass(3 * lease);
    const second = await startTimed({ dataDir: first.dataDir, leaseStartGraceMs: 30_000 }, first.clock);
    const states = async () => Promise.all(["short", "even", "long"].map((id) => stateIn(second, id)));
    expect(await stateIn(second, "expired")).toBe("UNRESPONSIVE LEASE_EXPIRED");
    second.clock.pass(29_999);
    expect(await states()).toEqual(["ACTIVE", "ACTIVE", "ACTIVE"]);
    second.clock.pass(1);
    expect(await states()).toEqual(["UNRESPONSIVE LEASE_EXPIRED", "UNRESPONSIVE LEASE_EXPIRED", "ACTIVE"]);
    second.clock.pass(30_000);
    expect(await stateIn(second, "long")).toBe("UNRESPONSIVE LEASE_EXPIRED");
    await second.heartbeat({ socketId: "expired" });
    await second.heartbeat({ socketId: "short" });
    second.clock.pass(999);
    expect(await stateIn(second, "short"), "its next lease is its own").toBe("ACTIVE");
    second.clock.pass(1);
    expect(await stateIn(second, "short")).toBe("UNRESPONSIVE LEASE_EXPIRED");
  });

  test("passes by itself on the real server", async () => {
    const service = await startService();
    await service.create({ socketId: "x", config: { leaseDuration: ms(200) } });
    await expect.poll(() => stateIn(service, "x"), patient).toBe("UNRESPONSIVE LEASE_EXPIRED");
    expect((await service.heartbeat({ socketId: "x" })).state).toBe(SocketState.SOCKET_STATE_ACTIVE);
    await expect.poll(() => stateIn(service, "x"), patient).toBe("UNRESPONSIVE LEASE_EXPIRED");
  });
});
