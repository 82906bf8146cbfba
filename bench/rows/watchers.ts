/** What it costs the caller of Create that others watch. */
import { closing, openLoad, openServer } from "../arena.js";
import { LOAD_CORE, startProgram } from "../program.js";
import type { WatchersCommands } from "../programs/watchers.js";
import type { Open, Row } from "../row.js";
import { median, quantile } from "../statistics.js";

const WATCHERS = 1_000;
const NOBODY = "nobody watches";

interface Pace {
  readonly name: string;
  readonly creates: number;
  readonly perSecond?: number;
}

const paces: readonly Pace[] = [
  { name: "one after the other", creates: 100 },
  { name: "20 a second", creates: 60, perSecond: 20 },
];

const openCreates = ({ creates, perSecond }: Pace, count: number): Open => {
  return async ({ scale }) => {
    const [server, load] = [await openServer(), openLoad()];
    const watchers = startProgram<WatchersCommands>("watchers", LOAD_CORE);
    if (count > 0) await watchers.call("open", server.address, count);
    let changes = 0;
    return {
      async measure() {
        const latencies = await load.call("createOneByOne", server.address, creates * scale, perSecond);
        changes += latencies.length;
        const start = performance.now();
        if (count > 0) await watchers.call("haveSeen", changes);
        const details = { p99Ms: quantile(latencies, 0.99), seenAfterMs: performance.now() - start };
        return { value: median(latencies), details };
      },
      close: closing(server, load, watchers),
    };
  };
};

export const watcherRows: Row[] = paces.map((pace) => ({
  name: `create with ${WATCHERS.toLocaleString("en")} watchers, ${pace.name}`,
  figures: [{ unit: "ms", bars: { [NOBODY]: { gate: 3 } } }],
  ours: openCreates(pace, WATCHERS),
  others: [{ name: NOBODY, open: openCreates(pace, 0) }],
}));
