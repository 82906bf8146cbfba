/** How much memory this process needs, once garbage is collected. */
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collectGarbage: () => void = runInNewContext("gc");

export const memoryCommands = {
  /** The memory that belongs to this process alone, and what JavaScript has in use of it. */
  async memory(): Promise<{ rssAnon: number; used: number }> {
    for (let time = 0; time < 4; time++) {
      collectGarbage();
      await delay(50);
    }
    const status = readFileSync("/proc/self/status", "utf8");
    const { heapUsed, external } = process.memoryUsage();
    return { rssAnon: Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1]) * 1_024, used: heapUsed + external };
  },
};
