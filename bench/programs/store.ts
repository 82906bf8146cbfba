/** A store without a server around it: filled faster than any client could, measured, and scanned. */
import { join } from "node:path";
import { Level } from "level";
import { WriteRequest } from "../../gen/ts/socketregistry/v1/socket_registry.js";
import type { Registry } from "../../src/registry/registry.js";
import type { LevelStorage } from "../../src/storage/level.js";
import { CONTENT, socketName, WRITER } from "../messages.js";
import { answer, built } from "./answer.js";
import { memoryCommands } from "./memory.js";

const config = await built<typeof import("../../src/config.js")>("src/config.js");
const { createLog } = await built<typeof import("../../src/log.js")>("src/log.js");
const registryModule = await built<typeof import("../../src/registry/registry.js")>("src/registry/registry.js");
const { encodeBody } = await built<typeof import("../../src/rpc/wire.js")>("src/rpc/wire.js");
const level = await built<typeof import("../../src/storage/level.js")>("src/storage/level.js");

/** How many writes are under way at once. */
const IN_FLIGHT = 1_000;
/** How often upkeep runs, counted in writes. */
const UPKEEP_WRITES = 10_000;

/** How many rows a scan asks for at once. */
const STEP = 1_000;

/** A Write that asks for nothing special. */
const PLAIN = { includeSender: false, matchLabels: {}, replyTo: "", isQuestion: false, retry: undefined } as const;

let storage: LevelStorage | undefined;
let registry: Registry | undefined;
const settings = config.configWith({ maxQueueMessages: 100_000_000, maxSockets: 10_000_000 });

const commands = {
  async open(dataDir: string): Promise<void> {
    const log = createLog("warn", false);
    storage = await level.LevelStorage.open({
      folder: dataDir,
      durability: "os",
      recentBytes: settings.recentBytes,
      log,
    });
    registry = new registryModule.Registry(storage, config.limitsOf(settings));
  },

  async createSockets(count: number): Promise<void> {
    const profile = { prompt: "", context: undefined };
    const rest = { model: "bench", profile, labels: {}, config: {}, onConflict: "FAIL", retry: undefined } as const;
    await inSteps(count, (index) => open().create({ socketId: socketName(index), ...rest }));
  },

  /** Writes to the sockets in turn, with or without the upkeep that a server does meanwhile. */
  async write(count: number, sockets: number, upkeep: boolean, first = 0): Promise<void> {
    for (let done = 0; done < count; done += UPKEEP_WRITES) {
      await inSteps(Math.min(UPKEEP_WRITES, count - done), (index) => {
        const socketId = socketName(first + ((done + index) % sockets));
        const body = encodeBody(WriteRequest.fromPartial({ socketId, message: CONTENT, sender: WRITER }));
        return open().write({ ...PLAIN, socketId, sender: WRITER, body });
      });
      if (upkeep) await open().upkeep();
    }
  },

  async close(): Promise<void> {
    await storage?.close();
  },

  /** Opens LevelDB and reads every row. @returns how long it took, and how many bytes they are */
  async scan(dataDir: string): Promise<{ ms: number; bytes: number }> {
    const start = performance.now();
    const db = new Level<Buffer, Buffer>(join(dataDir, "log"), { keyEncoding: "buffer", valueEncoding: "buffer" });
    await db.open();
    const iterator = db.iterator();
    let bytes = 0;
    for (let rows = await iterator.nextv(STEP); rows.length > 0; rows = await iterator.nextv(STEP)) {
      for (const [key, value] of rows) bytes += key.length + value.length;
    }
    await iterator.close();
    const ms = performance.now() - start;
    await db.close();
    return { ms, bytes };
  },

  ...memoryCommands,
};

export type StoreCommands = typeof commands;
answer(commands);

function open(): Registry {
  if (registry === undefined) throw new Error("no store is open");
  return registry;
}

async function inSteps(count: number, work: (index: number) => Promise<unknown>): Promise<void> {
  for (let from = 0; from < count; from += IN_FLIGHT) {
    const length = Math.min(IN_FLIGHT, count - from);
    await Promise.all(Array.from({ length }, (_, index) => work(from + index)));
  }
}
