/** Whether a server is as good as on its first day: with many sockets, with long queues, after a million messages. */
import { cpSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { closing, type OpenServer, openCrowd, openLoad, openServer, removeFolder, tempFolder } from "../arena.js";
import { LOAD_CORE, startProgram } from "../program.js";
import type { StoreCommands } from "../programs/store.js";
import { type Open, OURS, type Row } from "../row.js";
import { median } from "../statistics.js";
import { measureWrites } from "./write.js";

const CONCURRENCY = 64;
const FEW = "10 sockets";
const NONE = "none queued";
const FRESH = "fresh queue";

const openWrites = (sockets: number, messages: number): Open => {
  return async ({ seconds, scale }) => {
    const [server, load] = [await openCrowd(sockets, messages * scale), openLoad()];
    return { measure: () => measureWrites(server, load, CONCURRENCY, seconds), close: closing(server, load) };
  };
};

const crowdRows: Row[] = [
  {
    name: "write fsync c64, 100,000 sockets",
    figures: [{ unit: "calls/s", bars: { [FEW]: { gate: 0.85, goal: 0.95 } } }],
    ours: openWrites(100_000, 0),
    others: [{ name: FEW, open: openWrites(10, 0) }],
  },
  {
    name: "write fsync c64, 1,000,000 queued",
    figures: [{ unit: "calls/s", bars: { [NONE]: { gate: 0.85, goal: 0.95 } } }],
    ours: openWrites(1_000, 1_000_000),
    others: [{ name: NONE, open: openWrites(1_000, 0) }],
  },
];

/** How many go through the queue, a piece at a time, and how many of them stay readable. */
const PASSED = 1_000_000;
const PIECE = 50_000;
const RETAINED = 10_000;
/** How many wait in another queue meanwhile. */
const WAITING = 50_000;
const FIRST_READS = 200;
/** When the disk's size has not changed for so long, retention is done. */
const QUIET_MS = 3_000;
/** What a store may have on disk beside its rows, for files that it writes ahead. */
const SPARE_BYTES = 20e6;

const agedRow: Row = {
  name: "after 1,000,000 messages through one queue",
  figures: [
    { name: "first read p50", unit: "ms", bars: { [FRESH]: { gate: 3, goal: 1.5 } } },
    { name: "disk less 20 MB to live bytes", unit: "times", detail: "diskLess", bars: { [OURS]: { gate: 2 } } },
    { name: "disk to live bytes", unit: "times", detail: "disk", bars: { [OURS]: { goal: 1.5 } } },
  ],
  async ours({ scale }) {
    const [server, load] = [await openServer({ retainedMessages: RETAINED }), openLoad()];
    const { address } = server;
    await load.call("createSockets", address, 2);
    // All different, because LevelDB compresses what it keeps.
    await load.call("fill", address, WAITING, 1, true);
    for (let passed = 0; passed < PASSED * scale; passed += PIECE) {
      await load.call("fill", address, PIECE, 0, true);
      await load.call("drain", address, PIECE);
    }
    await sizeSettles(server);
    return {
      async measure() {
        const value = median(await load.call("firstReads", address, 0, FIRST_READS));
        const [diskBytes, liveBytes] = [server.diskBytes(), await rowBytes(server.folder)];
        const diskLess = Math.max(0, diskBytes - SPARE_BYTES) / liveBytes;
        return { value, details: { diskBytes, liveBytes, diskLess, disk: diskBytes / liveBytes } };
      },
      close: closing(server, load),
    };
  },
  others: [
    {
      name: FRESH,
      async open() {
        const [server, load] = [await openServer(), openLoad()];
        await load.call("createSockets", server.address, 2);
        const read = () => load.call("firstReads", server.address, 0, FIRST_READS);
        return { measure: async () => ({ value: median(await read()) }), close: closing(server, load) };
      },
    },
  ],
};

export const agedRows: Row[] = [...crowdRows, agedRow];

async function sizeSettles(server: OpenServer): Promise<void> {
  for (let before = -1, now = server.diskBytes(); now !== before; [before, now] = [now, server.diskBytes()]) {
    await delay(QUIET_MS);
  }
}

/** The bytes of all rows of a store that nobody writes to. It is copied, because it is open. */
async function rowBytes(dataDir: string): Promise<number> {
  const copy = tempFolder();
  cpSync(dataDir, copy, { recursive: true });
  const store = startProgram<StoreCommands>("store", LOAD_CORE);
  const { bytes } = await store.call("scan", copy);
  await store.close();
  removeFolder(copy);
  return bytes;
}
