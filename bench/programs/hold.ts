/** How long the event loop of this process was held. */
import { readFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";

const loop = monitorEventLoopDelay({ resolution: 1 });
/** The monitor is a timer: it sees a hold between two of its ticks, so one must come before and one after. */
const TICKS_MS = 20;

let ticking: NodeJS.Timeout | undefined;
let usedMs = 0;
let mostMs = 0;

export const holdCommands = {
  async watchLoop(): Promise<void> {
    loop.enable();
    loop.reset();
    mostMs = 0;
    usedMs = threadMs();
    ticking = setInterval(tick, 1);
    await delay(TICKS_MS);
  },
  /**
   * The longest hold since `watchLoop`: by the clock, and by the CPU time that the thread used in it, which no neighbour
   * adds to, but neither does what the thread waited for.
   */
  async longestHold(): Promise<{ ms: number; cpuMs: number }> {
    await delay(TICKS_MS);
    loop.disable();
    clearInterval(ticking);
    return { ms: loop.max / 1e6, cpuMs: mostMs };
  },
};

function tick(): void {
  const nowMs = threadMs();
  mostMs = Math.max(mostMs, nowMs - usedMs);
  usedMs = nowMs;
}

/** The CPU time of the thread that runs the event loop; nothing where the system does not tell. */
function threadMs(): number {
  try {
    return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, "utf8").split(" ")[0]) / 1e6;
  } catch {
    return Number.NaN;
  }
}
