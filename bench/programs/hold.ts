/** How long the event loop of this process was held. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";

const loop = monitorEventLoopDelay({ resolution: 1 });
/** The monitor is a timer: it sees a hold between two of its ticks, so one must come before and one after. */
const TICKS_MS = 20;

export const holdCommands = {
  async watchLoop(): Promise<void> {
    loop.enable();
    loop.reset();
    await delay(TICKS_MS);
  },
  /** The longest hold since `watchLoop`. */
  async longestHoldMs(): Promise<number> {
    await delay(TICKS_MS);
    loop.disable();
    return loop.max / 1e6;
  },
};
