/**
 * The server with a window: what src/main.ts starts, and an answer to every message of the parent process, which is the
 * memory that it takes when nothing is left to collect. Run with --expose-gc; its arguments are the server's flags.
 */
import { readFileSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { readConfig } from "../../src/config.js";
import { createLog } from "../../src/log.js";
import { startServer } from "../../src/server.js";

/** In bytes. */
export interface Memory {
  /** Anonymous memory that is resident: what the process took for itself and has not given back. */
  readonly resident: number;
  /** Objects and array buffers that something holds. */
  readonly held: number;
}

const config = readConfig(process.argv.slice(2), process.env);
const server = await startServer(config, createLog(config.logLevel, false));

process.on("message", async () => {
  // What is finalized lets go of more, in a later turn.
  for (let round = 0; round < 4; round++) {
    globalThis.gc?.();
    await setImmediate();
  }
  process.send?.(memory());
});
process.once("disconnect", () => void server.stop());
process.send?.(server.address);

function memory(): Memory {
  const status = readFileSync("/proc/self/status", "utf8");
  const { heapUsed, external } = process.memoryUsage();
  return { resident: Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1]) * 1_024, held: heapUsed + external };
}
