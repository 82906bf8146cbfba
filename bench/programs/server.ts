/** The server as `npm start` runs it, with a parent that can ask how it is. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import type { Config } from "../../src/config.js";
import type { RunningServer } from "../../src/server.js";
import { answer, built, cpuMs } from "./answer.js";

const { configWith } = await built<typeof import("../../src/config.js")>("src/config.js");
const { createLog } = await built<typeof import("../../src/log.js")>("src/log.js");
const { startServer } = await built<typeof import("../../src/server.js")>("src/server.js");

let server: RunningServer | undefined;
const loop = monitorEventLoopDelay({ resolution: 1 });

const commands = {
  /** @returns its address */
  async start(config: Partial<Config>): Promise<string> {
    server = await startServer(configWith({ listen: "127.0.0.1:0", ...config }), createLog("warn", false));
    return server.address;
  },
  async stop(): Promise<void> {
    await server?.stop();
  },
  cpuMs,
  watchLoop(): void {
    loop.enable();
    loop.reset();
  },
  /** How long the event loop was held at most since `watchLoop`. */
  async longestHoldMs(): Promise<number> {
    // The timer that sees a hold comes after it.
    await delay(10);
    loop.disable();
    return loop.max / 1e6;
  },
};

export type ServerCommands = typeof commands;
answer(commands);
