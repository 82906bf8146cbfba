/** A reader that comes late: what it reads is on disk, and none of it in memory. */
import { LOAD_CORE, startProgram } from "../program.js";
import type { LoadCommands } from "../programs/load.js";
import { openServer, type Row, tempFolder, withCpu } from "../row.js";
import { filledStore } from "./store.js";

const MESSAGES = 100_000;
const ROUNDS = 5;

export const behindRows: Row[] = (["AUTO", "NONE"] as const).map((mode) => ({
  name: `behind ${MESSAGES.toLocaleString("en")} ${mode}`,
  unit: "messages/s",
  beside: "as many just written",
  bar: "≥ 0.80",
  rounds: ROUNDS,
  async prepare({ scale }) {
    const messages = MESSAGES * scale;
    const dataDir = tempFolder();
    // The server starts with them, so that it has read none. Each round takes those of a socket of its own.
    const store = await filledStore(dataDir, ROUNDS + 2, 0, 0);
    for (let index = 1; index < ROUNDS + 2; index++) await store.call("write", messages, 1, true, index);
    await store.close();
    const server = await openServer({ dataDir });
    const { address } = server;
    const load = startProgram<LoadCommands>("load", LOAD_CORE);
    let rounds = 0;
    const drain = async (index: number) => {
      const { ms, cpuMs } = await withCpu(server, async () => ({
        ms: await load.call("drain", address, messages, index, mode),
      }));
      // What was only looked at is still there, and would be in the way of the next round.
      if (mode === "NONE") await load.call("drain", address, messages, index);
      return { value: (messages / ms) * 1_000, cpuUs: (cpuMs * 1_000) / messages };
    };
    return {
      ours: () => drain(++rounds),
      async ceiling() {
        await load.call("fill", address, messages);
        return await drain(0);
      },
      async close() {
        await Promise.all([server.close(), load.stop()]);
      },
    };
  },
}));
