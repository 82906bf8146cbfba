/** What rows are measured with: a server of ours, its ceiling, a load, and a place for the data. */
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Config } from "../src/config.js";
import { LOAD_CORE, type Program, SERVER_CORE, startProgram } from "./program.js";
import type { CeilingCommands } from "./programs/ceiling.js";
import type { LoadCommands } from "./programs/load.js";
import type { ServerCommands } from "./programs/server.js";
import type { StoreCommands } from "./programs/store.js";
import type { Sample } from "./row.js";

/** Queues without an end, so that what is measured is never a refusal. */
const LIMITS = { maxQueueMessages: 100_000_000, maxQueueBytes: 2 ** 40 } as const;

/** A server that is measured, whoever's it is. */
export interface Side {
  readonly address: string;
  /** The CPU time of its process so far, all threads together. */
  cpuMs(): Promise<number>;
}

export interface OpenServer extends Side {
  readonly program: Program<ServerCommands>;
  /** Its data directory. */
  readonly folder: string;
  /** The size of everything in it. */
  diskBytes(): number;
  close(): Promise<void>;
}

export interface OpenCeiling extends Side {
  readonly program: Program<CeilingCommands>;
  close(): Promise<void>;
}

/** Starts a server of ours on an empty or a given data directory, which is removed in the end. */
export async function openServer(config: Partial<Config> = {}): Promise<OpenServer> {
  const folder = config.dataDir ?? tempFolder();
  const program = startProgram<ServerCommands>("server", SERVER_CORE);
  const address = await program.call("start", { ...LIMITS, ...config, dataDir: folder });
  return {
    program,
    address,
    folder,
    cpuMs: () => program.call("cpuMs"),
    diskBytes: () => sizeOf(folder),
    async close() {
      await program.close();
      removeFolder(folder);
    },
  };
}

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
      await store.close();
    },
  };
}

/** A server that starts with so many sockets, and with so many messages in their queues. */
export async function openCrowd(sockets: number, messages = 0): Promise<OpenServer> {
  const dataDir = tempFolder();
  const store = await filledStore(dataDir, sockets, messages, 0);
  await store.close();
  return await openServer({ dataDir });
}

/** Starts empty handlers: in the same flags as ours, or as anybody has them who does nothing about it. */
export async function openCeiling({ sockets = 1, isStock = false } = {}): Promise<OpenCeiling> {
  const program = isStock
    ? startProgram<CeilingCommands>("ceiling", SERVER_CORE, [])
    : startProgram<CeilingCommands>("ceiling", SERVER_CORE);
  const address = await program.call("start", isStock);
  await program.call("setTeam", sockets);
  return { program, address, cpuMs: () => program.call("cpuMs"), close: () => program.close() };
}

export const openLoad = (): Program<LoadCommands> => startProgram<LoadCommands>("load", LOAD_CORE);

/** Closes all of them. */
export function closing(...parts: readonly { close(): Promise<void> }[]): () => Promise<void> {
  return async () => {
    await Promise.all(parts.map((part) => part.close()));
  };
}

/** Does something and tells how much CPU time the server took for it. */
export async function withCpu<T>(side: Side, work: () => Promise<T>): Promise<T & { cpuMs: number }> {
  const before = await side.cpuMs();
  const result = await work();
  return { ...result, cpuMs: (await side.cpuMs()) - before };
}

/** Does something that takes so many messages, and tells how many a second that is. */
export async function rateOf(side: Side, work: () => Promise<{ count: number; ms: number }>): Promise<Sample> {
  const { count, ms, cpuMs } = await withCpu(side, work);
  return { value: (count / ms) * 1_000, cpuUs: (cpuMs * 1_000) / count };
}

/** How much of a core the server took, in percent, while something was done. */
export async function shareOfCore(side: Side, work: () => Promise<void>): Promise<Sample> {
  const start = performance.now();
  const { cpuMs } = await withCpu(side, async () => {
    await work();
    return {};
  });
  return { value: (100 * cpuMs) / (performance.now() - start) };
}

export const tempFolder = (): string => mkdtempSync(join(tmpdir(), "socket-registry-bench-"));

/** Of a folder that may change meanwhile. */
function sizeOf(folder: string): number {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  return names.reduce((sum, name) => {
    const found = statSync(join(folder, name), { throwIfNoEntry: false });
    return sum + (found?.isFile() === true ? found.size : 0);
  }, 0);
}

export const removeFolder = (folder: string): void => rmSync(folder, { recursive: true, force: true });
