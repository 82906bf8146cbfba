/** Broadcasts to many open Reads: until the last reader has them, and what the Writes of others feel of it. */
import { closing, openCeiling, openCrowd, openLoad, openServer, type Side, withCpu } from "../arena.js";
import type { Mode } from "../messages.js";
import { openNats, openRedis } from "../peers.js";
import { LOAD_CORE, startProgram } from "../program.js";
import type { NatsCommands } from "../programs/nats.js";
import type { RedisCommands } from "../programs/redis.js";
import type { Bar, Open, Row, Sample } from "../row.js";
import { median, quantile } from "../statistics.js";

const RAW = "raw fan-out of an encoded frame";
const BLOCKED = "Redis everysec, as many blocked readers";
const CONSUMERS = "JetStream durable consumers, acking";
const WITHOUT = "without a broadcast";

/** The Writes of those who have nothing to do with a broadcast. */
const WRITES_PER_SECOND = 500;
const READERS = 10_000;

/** How many broadcasts a round has, since few readers are soon done. */
const timesOf = (readers: number, scale: number): number =>
  Math.min(100, Math.max(2, Math.round((30_000 / readers) * scale)));

async function timed(side: Side, readers: number, broadcast: () => Promise<number[]>): Promise<Sample> {
  const { took, cpuMs } = await withCpu(side, async () => ({ took: await broadcast() }));
  const cpuUs = (cpuMs * 1_000) / (took.length * readers);
  return { value: median(took), cpuUs, details: { p99Ms: quantile(took, 0.99) } };
}

const openOurs = (readers: number, mode: Mode): Open => {
  return async ({ scale }) => {
    const [server, load] = [await openServer(), openLoad()];
    await load.call("createSockets", server.address, readers);
    await load.call("openReaders", server.address, readers, mode, mode === "EXPLICIT");
    const broadcast = () => load.call("broadcastToReaders", server.address, timesOf(readers, scale));
    return { measure: () => timed(server, readers, broadcast), close: closing(server, load) };
  };
};

const openRaw = (readers: number): Open => {
  return async ({ scale }) => {
    const [ceiling, load] = [await openCeiling({ sockets: readers }), openLoad()];
    await load.call("openReaders", ceiling.address, readers);
    const broadcast = () => load.call("broadcastToReaders", ceiling.address, timesOf(readers, scale));
    return { measure: () => timed(ceiling, readers, broadcast), close: closing(ceiling, load) };
  };
};

const openBlocked = (readers: number): Open => {
  return async ({ scale }) => {
    const [server, load] = [await openRedis("everysec"), startProgram<RedisCommands>("redis", LOAD_CORE)];
    await load.call("connect", server.port);
    await load.call("openReaders", readers);
    const broadcast = () => load.call("broadcast", timesOf(readers, scale));
    return { measure: () => timed(server, readers, broadcast), close: closing(server, load) };
  };
};

const openConsumers = (readers: number): Open => {
  return async ({ scale }) => {
    const [server, load] = [await openNats(), startProgram<NatsCommands>("nats", LOAD_CORE)];
    await load.call("connect", server.port);
    await load.call("openReaders", readers);
    const times = Math.min(10, timesOf(readers, scale));
    return {
      async measure() {
        // To know when all is acknowledged, each consumer is asked again and again: its CPU time says nothing.
        const { value, details = {} } = await timed(server, readers, () => load.call("broadcast", times));
        return { value, details };
      },
      close: closing(server, load),
    };
  };
};

const sizes: { readers: number; bars: Record<string, Bar>; isBlocked: boolean }[] = [
  { readers: 10, bars: {}, isBlocked: false },
  { readers: 1_000, bars: { [RAW]: { gate: 1.25, goal: 1.1 }, [BLOCKED]: { gate: 0.8, goal: 0.65 } }, isBlocked: true },
  {
    readers: READERS,
    bars: { [RAW]: { gate: 1.3, goal: 1.15 }, [BLOCKED]: { gate: 0.65, goal: 0.5 } },
    isBlocked: true,
  },
];

const liveRows: Row[] = sizes.map(({ readers, bars, isBlocked }) => ({
  name: `broadcast live ${readers.toLocaleString("en")}`,
  figures: [{ unit: "ms", bars }],
  ours: openOurs(readers, "AUTO"),
  others: [
    { name: RAW, open: openRaw(readers) },
    ...(isBlocked ? [{ name: BLOCKED, peer: "redis" as const, open: openBlocked(readers) }] : []),
  ],
  isShort: readers === 1_000,
}));

const ackedRow: Row = {
  name: "broadcast live 1,000, acknowledged",
  figures: [{ unit: "ms", bars: { [CONSUMERS]: { gate: 0.2, goal: 0.15 } } }],
  ours: openOurs(1_000, "EXPLICIT"),
  others: [{ name: CONSUMERS, peer: "nats", open: openConsumers(1_000) }],
};

/** Writes to a socket that nobody reads, one broadcast after the other beside them, or none. */
const openBystander = (isBroadcasting: boolean): Open => {
  return async ({ seconds }) => {
    const [server, writer, readers] = [await openCrowd(READERS + 1), openLoad(), openLoad()];
    await readers.call("yieldToOthers");
    await readers.call("openReaders", server.address, READERS);
    return {
      async measure() {
        let isOver = false;
        const write = () => writer.call("writePaced", server.address, WRITES_PER_SECOND, 2 * seconds, READERS);
        const written = write().finally(() => {
          isOver = true;
        });
        let broadcasts = 0;
        while (isBroadcasting && !isOver) {
          await readers.call("broadcastToReaders", server.address, 1);
          broadcasts++;
        }
        const latencies = await written;
        return { value: quantile(latencies, 0.99), details: { p50Ms: median(latencies), broadcasts } };
      },
      close: closing(server, writer, readers),
    };
  };
};

const bystanderRow: Row = {
  name: "write p99 during broadcasts to 10,000",
  figures: [{ unit: "ms", bars: { [WITHOUT]: { gate: 4, goal: 2 } } }],
  ours: openBystander(true),
  others: [{ name: WITHOUT, open: openBystander(false) }],
};

export const liveBroadcastRows: Row[] = [...liveRows, ackedRow, bystanderRow];
