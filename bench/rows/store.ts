/** What a million queued messages cost: the time to start with them, and the memory they take. */
import { cpSync } from "node:fs";
import { join } from "node:path";
import { LOAD_CORE, type Program, SERVER_CORE, startProgram } from "../program.js";
import type { LoadCommands } from "../programs/load.js";
import type { ServerCommands } from "../programs/server.js";
import type { StoreCommands } from "../programs/store.js";
import { type Row, removeFolder, tempFolder } from "../row.js";

const SOCKETS = 1_000;
const MESSAGES = 1_000_000;
/** A checkpoint comes after so many entries; a server that is killed may have written that many since. */
const SINCE_CHECKPOINT = 190_000;

/** A store that is open in a process of its own. The last `unkept` messages come without upkeep, so after a checkpoint. */
export async function filledStore(folder: string, sockets: number, messages: number, unkept: number) {
  const store = startProgram<StoreCommands>("store", SERVER_CORE);
  await store.call("open", folder);
  await store.call("createSockets", sockets);
  await store.call("write", messages - unkept, sockets, true);
  await store.call("write", unkept, sockets, false);
  return {
    call: store.call,
    async close() {
      await store.call("close");
      await store.stop();
    },
  };
}

const restartRows = (["stop", "kill"] as const).map((end): Row => {
  return {
    name: `restart 1,000,000 after a ${end}`,
    unit: "ms",
    beside: "raw scan of the store",
    bar: "≤ 0.50",
    async prepare({ scale }) {
      const folder = tempFolder();
      const store = await filledStore(join(folder, "live"), SOCKETS, MESSAGES * scale, SINCE_CHECKPOINT * scale);
      if (end === "kill") cpSync(join(folder, "live"), join(folder, "image"), { recursive: true });
      await store.close();
      if (end === "stop") cpSync(join(folder, "live"), join(folder, "image"), { recursive: true });
      removeFolder(join(folder, "live"));
      const load = startProgram<LoadCommands>("load", LOAD_CORE);
      return {
        ours: () => onCopy(folder, (dataDir) => restart(dataDir, load)),
        ceiling: () => onCopy(folder, scan),
        async close() {
          await load.stop();
          removeFolder(folder);
        },
      };
    },
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
  await server.stop();
  return ms;
}

async function scan(dataDir: string): Promise<number> {
  const store = startProgram<StoreCommands>("store", SERVER_CORE);
  const ms = await store.call("scan", dataDir);
  await store.stop();
  return ms;
}

/** Every start changes the store, so each gets a copy. */
async function onCopy(folder: string, measure: (dataDir: string) => Promise<number>) {
  const copy = join(folder, "copy");
  cpSync(join(folder, "image"), copy, { recursive: true });
  try {
    return { value: await measure(copy) };
  } finally {
    removeFolder(copy);
  }
}

const memoryRow: Row = {
  name: "memory per queued message",
  unit: "bytes",
  beside: "",
  bar: "≤ 100 bytes",
  rounds: 3,
  // Fewer messages would vanish in what the process has allocated already, so there is no quick way.
  async prepare() {
    return {
      async ours() {
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
};

export const storeRows: Row[] = [...restartRows, memoryRow];
