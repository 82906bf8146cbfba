/** Writes to `team-chat-all`: until they are stored and answered, until the last live reader has them, and their hold. */
import type { ServerCommands } from "../programs/server.js";
import { openArena, type Row, removeFolder, type Sample, type Side, tempFolder, withCpu } from "../row.js";
import { median, quantile } from "../statistics.js";
import { filledStore } from "./store.js";

const storedRows = [10, 1_000, 10_000].map((sockets): Row => {
  return {
    name: `broadcast stored ${sockets.toLocaleString("en")}`,
    unit: "ms",
    beside: "empty handler, the same answer",
    async prepare({ scale }) {
      const { ours, ceiling, setTeam, load, close } = await openArena({});
      await Promise.all([load.call("createSockets", ours.address, sockets), setTeam(sockets)]);
      const broadcast = async ({ address }: Side) => {
        const latencies = await load.call("broadcast", address, 200 * scale);
        return { value: median(latencies), details: { p99Ms: quantile(latencies, 0.99) } };
      };
      return { ours: () => broadcast(ours), ceiling: () => broadcast(ceiling), close };
    },
  };
});

const liveRows = [10, 1_000, 10_000].map((sockets): Row => {
  return {
    name: `broadcast live ${sockets.toLocaleString("en")}`,
    unit: "ms",
    beside: "raw fan-out of an encoded frame",
    async prepare({ scale }) {
      const { ours, ceiling, setTeam, load, close } = await openArena({});
      await Promise.all([load.call("createSockets", ours.address, sockets), setTeam(sockets)]);
      await load.call("openReaders", ours.address, sockets);
      await load.call("openReaders", ceiling.address, sockets);
      const times = Math.max(2, Math.round((30_000 / sockets) * scale));
      const broadcast = async (side: Side) => {
        const count = Math.min(100, times);
        const { took, cpuMs } = await withCpu(side, async () => ({
          took: await load.call("broadcastToReaders", side.address, count),
        }));
        const cpuUs = (cpuMs * 1_000) / (count * sockets);
        return { value: median(took), cpuUs, details: { p99Ms: quantile(took, 0.99) } };
      };
      return { ours: () => broadcast(ours), ceiling: () => broadcast(ceiling), close };
    },
  };
});

/** How many broadcasts one round sees. */
const HELD = 5;

const holdRows: Row[] = [100_000].map((sockets) => {
  return {
    name: `broadcast hold ${sockets.toLocaleString("en")}`,
    unit: "ms",
    beside: "empty handler",
    bar: "≤ 10 ms",
    async prepare() {
      const folder = tempFolder();
      const store = await filledStore(folder, sockets, 0, 0);
      await store.close();
      const { ours, ceiling, setTeam, load, close } = await openArena({ dataDir: folder });
      await setTeam(sockets);
      const hold = async ({ program, address }: Side) => {
        const holds: Hold[] = [];
        for (let time = 0; time < HELD; time++) {
          await program.call("watchLoop");
          await load.call("broadcast", address, 1);
          holds.push(await program.call("longestHold"));
        }
        return sampleOf(holds);
      };
      return {
        ours: () => hold(ours),
        ceiling: () => hold(ceiling),
        async close() {
          await close();
          removeFolder(folder);
        },
      };
    },
  };
});

/** The hold while broadcasts go out to open Reads. */
const holdLiveRows: Row[] = (["AUTO", "EXPLICIT"] as const).map((mode) => {
  const sockets = 10_000;
  return {
    name: `broadcast hold ${sockets.toLocaleString("en")} live ${mode}`,
    unit: "ms",
    beside: "empty handler, nobody reads",
    bar: "≤ 10 ms",
    async prepare() {
      const { ours, ceiling, setTeam, load, close } = await openArena({});
      await Promise.all([load.call("createSockets", ours.address, sockets), setTeam(sockets)]);
      await load.call("openReaders", ours.address, sockets, mode);
      return {
        async ours() {
          const holds: Hold[] = [];
          for (let time = 0; time < HELD; time++) {
            await ours.program.call("watchLoop");
            await load.call("broadcastToReaders", ours.address, 1);
            holds.push(await ours.program.call("longestHold"));
            // Each reader has one message in flight at most, and so gets the next one.
            if (mode === "EXPLICIT") await load.call("acknowledgeAll", ours.address, sockets);
          }
          return sampleOf(holds);
        },
        async ceiling() {
          const holds: Hold[] = [];
          for (let time = 0; time < HELD; time++) {
            await ceiling.program.call("watchLoop");
            await load.call("broadcast", ceiling.address, 1);
            holds.push(await ceiling.program.call("longestHold"));
          }
          return sampleOf(holds);
        },
        close,
      };
    },
  };
});

export const broadcastRows: Row[] = [...storedRows, ...liveRows, ...holdRows, ...holdLiveRows];

type Hold = Awaited<ReturnType<ServerCommands["longestHold"]>>;

function sampleOf(holds: readonly Hold[]): Sample {
  const all = holds.map(({ ms }) => ms);
  const details = {
    medianMs: median(all),
    cpuMs: Math.max(...holds.map(({ cpuMs }) => cpuMs)),
    ownMs: Math.max(...holds.map(({ ownMs }) => ownMs)),
  };
  return { value: Math.max(...all), details };
}
