/** What a row of the table is, and what all rows need: a server, its ceiling, a load, and a place for the data. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Config } from "../src/config.js";
import { LOAD_CORE, type Program, SERVER_CORE, startProgram } from "./program.js";
import type { CeilingCommands } from "./programs/ceiling.js";
import type { LoadCommands } from "./programs/load.js";
import type { ServerCommands } from "./programs/server.js";

/** One measurement of one side. */
export interface Sample {
  /** In the row's unit. */
  readonly value: number;
  /** The server's CPU time for one call or message, in microseconds. */
  readonly cpuUs?: number;
  /** Whatever else was seen. It goes to the JSON. */
  readonly details?: Readonly<Record<string, number>>;
}

/** A row that is ready to be measured, as often as wanted. */
export interface Prepared {
  ours(): Promise<Sample>;
  /** Absent where there is nothing to compare with. */
  readonly ceiling?: () => Promise<Sample>;
  close(): Promise<void>;
}

export interface Row {
  readonly name: string;
  readonly unit: "calls/s" | "messages/s" | "messages" | "ms" | "bytes" | "% of a core";
  /** What stands beside ours. */
  readonly beside: string;
  /** What a later issue asks for. */
  readonly bar?: string;
  /** How often to measure when it is not as often as the others. */
  readonly rounds?: number;
  prepare(effort: Effort): Promise<Prepared>;
}

/** How long to measure, in seconds for a rate, as a share for what is counted. */
export interface Effort {
  readonly seconds: number;
  /** 1, or less for a quick look. */
  readonly scale: number;
}

/** Queues without an end, so that what is measured is never a refusal. */
const LIMITS = { maxQueueMessages: 100_000_000, maxQueueBytes: 2 ** 40 } as const;

/** One of the two that are compared: its process and its address. */
export interface Side {
  readonly program: Pick<Program<ServerCommands>, "call">;
  readonly address: string;
}

/** A server of ours, until it is closed. */
export interface OpenServer extends Side {
  close(): Promise<void>;
}

export interface Arena {
  readonly ours: Side;
  readonly ceiling: Side;
  readonly setTeam: (sockets: number) => Promise<void>;
  readonly load: Program<LoadCommands>;
  close(): Promise<void>;
}

/** Starts a server on an empty or a given data directory, which is removed in the end. */
export async function openServer(config: Partial<Config>): Promise<OpenServer> {
  const folder = config.dataDir ?? tempFolder();
  const program = startProgram<ServerCommands>("server", SERVER_CORE);
  const address = await program.call("start", { ...LIMITS, ...config, dataDir: folder });
  return {
    program,
    address,
    async close() {
      await program.stop();
      removeFolder(folder);
    },
  };
}

/** Starts a server, its ceiling and the load. */
export async function openArena(config: Partial<Config>): Promise<Arena> {
  const ours = await openServer(config);
  const empty = startProgram<CeilingCommands>("ceiling", SERVER_CORE);
  const load = startProgram<LoadCommands>("load", LOAD_CORE);
  // What both sides can be asked for, they are asked for in the same words.
  const ceiling = { program: empty as unknown as Side["program"], address: await empty.call("start") };
  return {
    ours,
    ceiling,
    setTeam: (sockets) => empty.call("setTeam", sockets),
    load,
    async close() {
      await Promise.all([ours.close(), empty.stop(), load.stop()]);
    },
  };
}

/** Does something and tells how much CPU time the server took for it. */
export async function withCpu<T>({ program }: Side, work: () => Promise<T>): Promise<T & { cpuMs: number }> {
  const before = await program.call("cpuMs");
  const result = await work();
  return { ...result, cpuMs: (await program.call("cpuMs")) - before };
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
export const removeFolder = (folder: string): void => rmSync(folder, { recursive: true, force: true });
