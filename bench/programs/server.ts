/** The server as `npm start` runs it, with a parent that can ask how it is. */
import type { Config } from "../../src/config.js";
import type { RunningServer } from "../../src/server.js";
import { answer, built, cpuMs } from "./answer.js";
import { holdCommands } from "./hold.js";

const { configWith } = await built<typeof import("../../src/config.js")>("src/config.js");
const { createLog } = await built<typeof import("../../src/log.js")>("src/log.js");
const { startServer } = await built<typeof import("../../src/server.js")>("src/server.js");

let server: RunningServer | undefined;

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
  ...holdCommands,
};

export type ServerCommands = typeof commands;
answer(commands);
