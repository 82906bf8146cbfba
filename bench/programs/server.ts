/** The server as `npm start` runs it, with a parent that can ask how it is. */
import { Session } from "node:inspector/promises";
import type { Config } from "../../src/config.js";
import type { RunningServer } from "../../src/server.js";
import type { Profile } from "../flame.js";
import { answer, built, cpuMs } from "./answer.js";
import { holdCommands } from "./hold.js";
import { memoryCommands } from "./memory.js";

const { configWith } = await built<typeof import("../../src/config.js")>("src/config.js");
const { createLog } = await built<typeof import("../../src/log.js")>("src/log.js");
const { startServer } = await built<typeof import("../../src/server.js")>("src/server.js");

let server: RunningServer | undefined;
let profiler: Session | undefined;

const commands = {
  /** @returns its address */
  async start(config: Partial<Config>): Promise<string> {
    server = await startServer(configWith({ listen: "127.0.0.1:0", ...config }), createLog("warn", false));
    return server.address;
  },
  async stop(): Promise<void> {
    await server?.stop();
  },
  /** Begins what `node --cpu-prof` does from the start on. */
  async startProfile(intervalUs: number): Promise<void> {
    profiler = new Session();
    profiler.connect();
    await profiler.post("Profiler.enable");
    await profiler.post("Profiler.setSamplingInterval", { interval: intervalUs });
    await profiler.post("Profiler.start");
  },
  async stopProfile(): Promise<Profile> {
    if (profiler === undefined) throw new Error("no profile was started");
    const { profile } = await profiler.post("Profiler.stop");
    profiler.disconnect();
    return profile;
  },
  cpuMs,
  ...holdCommands,
  ...memoryCommands,
};

export type ServerCommands = typeof commands;
answer(commands);
