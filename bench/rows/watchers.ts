/** What it costs the caller of Create that others watch. */
import { LOAD_CORE, startProgram } from "../program.js";
import type { LoadCommands } from "../programs/load.js";
import type { WatchersCommands } from "../programs/watchers.js";
import { openServer, type Row, type Side } from "../row.js";
import { median, quantile } from "../statistics.js";

const WATCHERS = 1_000;

const paces = [
  { name: "one after the other", creates: 100, perSecond: undefined },
  { name: "20 a second", creates: 60, perSecond: 20 },
];

export const watcherRows: Row[] = paces.map(({ name, creates, perSecond }) => ({
  name: `create with ${WATCHERS.toLocaleString("en")} watchers, ${name}`,
  unit: "ms",
  beside: "nobody watches",
  bar: "≤ 3",
  async prepare({ scale }) {
    const count = creates * scale;
    const [watched, alone] = await Promise.all([openServer({}), openServer({})]);
    const load = startProgram<LoadCommands>("load", LOAD_CORE);
    const watchers = startProgram<WatchersCommands>("watchers", LOAD_CORE);
    await watchers.call("open", watched.address, WATCHERS);
    let changes = 0;
    const create = async ({ address }: Side) => {
      const latencies = await load.call("createOneByOne", address, count, perSecond);
      return { value: median(latencies), details: { p99Ms: quantile(latencies, 0.99) } };
    };
    return {
      async ours() {
        const { value, details } = await create(watched);
        changes += count;
        const start = performance.now();
        await watchers.call("haveSeen", changes);
        return { value, details: { ...details, seenAfterMs: performance.now() - start } };
      },
      ceiling: () => create(alone),
      async close() {
        await Promise.all([watched.close(), alone.close(), load.stop(), watchers.stop()]);
      },
    };
  },
}));
