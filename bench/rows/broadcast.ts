/** Writes to `team-chat-all`: until they are stored and answered, until the last live reader has them, and their hold. */
import { openArena, type Row, removeFolder, type Side, tempFolder } from "../row.js";
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
      const broadcast = async ({ address }: Side) => {
        const took = await load.call("broadcastToReaders", address, Math.min(100, times));
        return { value: median(took), details: { p99Ms: quantile(took, 0.99) } };
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
        const holds: number[] = [];
        for (let time = 0; time < HELD; time++) {
          await program.call("watchLoop");
          await load.call("broadcast", address, 1);
          holds.push(await program.call("longestHoldMs"));
        }
        return { value: Math.max(...holds), details: { medianMs: median(holds) } };
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

/** The hold while the broadcasts go out to open Reads. */
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
      const hold = async ({ program }: Side, broadcast: () => Promise<unknown>, between: () => Promise<unknown>) => {
        const holds: number[] = [];
        for (let time = 0; time < HELD; time++) {
          await program.call("watchLoop");
          await broadcast();
          holds.push(await program.call("longestHoldMs"));
          await between();
        }
        return { value: Math.max(...holds), details: { medianMs: median(holds) } };
      };
      return {
        ours: () =>
          hold(
            ours,
            () => load.call("broadcastToReaders", ours.address, 1),
            async () => mode === "EXPLICIT" && (await load.call("acknowledgeAll", ours.address, sockets)),
          ),
        ceiling: () =>
          hold(
            ceiling,
            () => load.call("broadcast", ceiling.address, 1),
            async () => {},
          ),
        close,
      };
    },
  };
});

export const broadcastRows: Row[] = [...storedRows, ...liveRows, ...holdRows, ...holdLiveRows];
