/** The Engram that a replicating server writes to, or one that takes connections and never answers. */
import { createServer, type Socket } from "node:net";
import { answer, built } from "./answer.js";

const { configWith } = await built<typeof import("../../src/engram/config.js")>("src/engram/config.js");
const { startEngram } = await built<typeof import("../../src/engram/server.js")>("src/engram/server.js");
const { createLog } = await built<typeof import("../../src/log.js")>("src/log.js");

const held = new Set<Socket>();

const commands = {
  /** @returns its address */
  async start(dataDir: string): Promise<string> {
    const { url } = await startEngram(configWith({ listen: "127.0.0.1:0", dataDir }), createLog("warn", false));
    return url;
  },
  /** @returns its address */
  async hang(): Promise<string> {
    const server = createServer((socket) => void held.add(socket.on("error", () => {})));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("it has no port");
    return `http://127.0.0.1:${address.port}`;
  },
};

export type EngramCommands = typeof commands;
answer(commands);
