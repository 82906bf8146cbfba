/** What there is a lot of: the time to start with a million messages, and the memory of messages and of open Reads. */
import { cpSync } from "node:fs";
import { join } from "node:path";
import {
  closing,
  filledStore,
  type OpenCeiling,
  type OpenServer,
  openCeiling,
  openCrowd,
  openLoad,
  removeFolder,
  tempFolder,
} from "../arena.js";
import { type Program, SERVER_CORE, startProgram } from "../program.js";
import type { LoadCommands } from "../programs/load.js";
import type { memoryCommands } from "../programs/memory.js";
import type { ServerCommands } from "../programs/server.js";
import type { StoreCommands } from "../programs/store.js";
import { type Open, OURS, type Row, type Sample } from "../row.js";

const SOCKETS = 1_000;
const MESSAGES = 1_000_000;
const SCAN = "raw scan of the store";
const READS = 10_000;
const WARM_UP_SECONDS = 3;
/** A checkpoint comes after so many entries; a server that is killed may have written that many since. */
const SINCE_CHECKPOINT = 190_000;

/** Measures on copies of a filled store, since every start changes it. */
function openImage(
  end: "stop" | "kill",
  measure: (dataDir: string, load: Program<LoadCommands>) => Promise<number>,
): Open {
  return async ({ scale }) => {
    const folder = tempFolder();
    const [live, image, copy] = [join(folder, "live"), join(folder, "image"), join(folder, "copy")];
    const store = await filledStore(live, SOCKETS, MESSAGES * scale, SINCE_CHECKPOINT * scale);
    if (end === "kill") cpSync(live, image, { recursive: true });
    await store.close();
    if (end === "stop") cpSync(live, image, { recursive: true });
    removeFolder(live);
    const load = openLoad();
    return {
      async measure() {
        cpSync(image, copy, { recursive: true });
        try {
          return { value: await measure(copy, load) };
        } finally {
          removeFolder(copy);
        }
      },
      async close() {
        await load.close();
        removeFolder(folder);
      },
    };
  };
}

const restartRows = (["stop", "kill"] as const).map((end): Row => {
  return {
    name: `restart 1,000,000 after a ${end}`,
    figures: [{ unit: "ms", bars: { [SCAN]: { gate: 0.5, goal: 0.1 } } }],
    ours: openImage(end, restart),
    others: [{ name: SCAN, open: openImage(end, scan) }],
  };
});

/** From the start of the server's own code to the first answer. The process and its modules are there before. */
async function restart(dataDir: string, load: Program<LoadCommands>): Promise<number> {
  const server = startProgram<ServerCommands>("server", SERVER_CORE);
  await server.call("cpuMs");
  const start = performance.now();
  const address = await server.call("start", { dataDir });
  await load.call("readOne", address, SOCKETS / 2);
  const ms = performance.now() - start;
  await server.close();
  return ms;
}

async function scan(dataDir: string): Promise<number> {
  const store = startProgram<StoreCommands>("store", SERVER_CORE);
  const { ms } = await store.call("scan", dataDir);
  await store.close();
  return ms;
}

const queuedRow: Row = {
  name: "memory per queued message",
  figures: [{ unit: "bytes", bars: { [OURS]: { gate: 100, goal: 24 } } }],
  rounds: 3,
  // Fewer messages would vanish in what the process has allocated already, so there is no quick way.
  async ours() {
    return {
      async measure() {
        const folder = tempFolder();
        // The first ones make the process as large as it gets by working at all, caches included.
        const store = await filledStore(folder, SOCKETS, 200_000, 0);
        const before = await store.call("memory");
        await store.call("write", MESSAGES, SOCKETS, true);
        const after = await store.call("memory");
        await store.close();
        removeFolder(folder);
        const heapBytes = (after.used - before.used) / MESSAGES;
        return { value: (after.rssAnon - before.rssAnon) / MESSAGES, details: { heapBytes } };
      },
      close: async () => {},
    };
  },
  others: [],
};

/** How much memory an open Read takes that nothing comes to. Each measurement has servers of its own. */
async function idleReads(server: OpenServer | OpenCeiling): Promise<Sample> {
  const load = openLoad();
  // The first calls make the process as large as it gets by working at all.
  await load.call("write", server.address, 64, WARM_UP_SECONDS);
  const { program } = server as { program: { call(name: "memory"): ReturnType<typeof memoryCommands.memory> } };
  const before = await program.call("memory");
  await load.call("openReaders", server.address, READS);
  const after = await program.call("memory");
  await closing(server, load)();
  const heapBytes = (after.used - before.used) / READS;
  return { value: (after.rssAnon - before.rssAnon) / READS, details: { heapBytes } };
}

const idleRow: Row = {
  name: "memory per idle read, 10,000 open",
  isShort: true,
  figures: [{ unit: "bytes", bars: { [OURS]: { gate: 14 * 1_024, goal: 12 * 1_024 } } }],
  rounds: 3,
  ours: async () => ({ measure: async () => idleReads(await openCrowd(READS)), close: async () => {} }),
  others: [
    {
      name: "bare grpc-js stream",
      open: async () => ({ measure: async () => idleReads(await openCeiling()), close: async () => {} }),
    },
  ],
};

export const storeRows: Row[] = [...restartRows, queuedRow, idleRow];
