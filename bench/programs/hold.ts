/** How long the event loop of this process was held. */
import { readFileSync } from "node:fs";
import { PerformanceObserver } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";

/**
 * The longest hold of some time: by the clock; by the CPU time that the thread used in it, which no neighbour adds to,
 * but neither does what the thread waited for; and by the clock without what the garbage collector took.
 */
export interface Hold {
  readonly ms: number;
  readonly cpuMs: number;
  readonly ownMs: number;
}

/** What the loop did between two of its ticks. */
interface Turn {
  readonly fromMs: number;
  readonly toMs: number;
  readonly cpuMs: number;
}

/** A hold lies between two ticks, so one must come before and one after; and what the collector did is told late. */
const SETTLE_MS = 20;

let turns: Turn[] = [];
let pauses: { readonly fromMs: number; readonly toMs: number }[] = [];
let ticking: NodeJS.Timeout | undefined;
let atMs = 0;
let usedMs = 0;

const collector = new PerformanceObserver((list) => {
  for (const { startTime, duration } of list.getEntries()) {
    pauses.push({ fromMs: startTime, toMs: startTime + duration });
  }
});

export const holdCommands = {
  async watchLoop(): Promise<void> {
    [turns, pauses] = [[], []];
    collector.observe({ entryTypes: ["gc"] });
    [atMs, usedMs] = [performance.now(), threadMs()];
    ticking = setInterval(tick, 1);
    await delay(SETTLE_MS);
  },
  /** The longest since `watchLoop`. */
  async longestHold(): Promise<Hold> {
    await delay(SETTLE_MS);
    clearInterval(ticking);
    collector.disconnect();
    return {
      ms: Math.max(...turns.map(({ fromMs, toMs }) => toMs - fromMs)),
      cpuMs: Math.max(...turns.map(({ cpuMs }) => cpuMs)),
      ownMs: Math.max(...turns.map((turn) => turn.toMs - turn.fromMs - pausedMs(turn))),
    };
  },
};

function tick(): void {
  const [nowMs, nowUsedMs] = [performance.now(), threadMs()];
  turns.push({ fromMs: atMs, toMs: nowMs, cpuMs: nowUsedMs - usedMs });
  [atMs, usedMs] = [nowMs, nowUsedMs];
}

function pausedMs({ fromMs, toMs }: Turn): number {
  return pauses.reduce((sum, pause) => {
    return sum + Math.max(0, Math.min(toMs, pause.toMs) - Math.max(fromMs, pause.fromMs));
  }, 0);
}

/** The CPU time of the thread that runs the event loop; nothing where the system does not tell. */
function threadMs(): number {
  try {
    return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, "utf8").split(" ")[0]) / 1e6;
  } catch {
    return Number.NaN;
  }
}
