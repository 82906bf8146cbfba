/** What an acknowledgement costs: a queue read one message at a time, and many at a time. */
import { closing, openCeiling, openLoad, openServer, withCpu } from "../arena.js";
import type { Open, Row } from "../row.js";
import { median, quantile } from "../statistics.js";

const CALLS = "two empty unary calls each";

/** How many messages one round takes, by how many may be in flight. */
const sizes = [
  { maxOutstanding: 1, messages: 1_000 },
  { maxOutstanding: 100, messages: 10_000 },
];

export const explicitRows: Row[] = sizes.map(({ maxOutstanding, messages }) => ({
  name: `explicit ${maxOutstanding} in flight`,
  figures: [{ unit: "messages/s" }],
  ours: openWork(maxOutstanding, messages),
  others: [{ name: CALLS, open: openCalls(maxOutstanding) }],
}));

function openWork(maxOutstanding: number, messages: number): Open {
  return async ({ scale }) => {
    const count = messages * scale;
    const [server, load] = [await openServer(), openLoad()];
    await load.call("createSockets", server.address, 1);
    return {
      async measure() {
        await load.call("fill", server.address, count);
        const { ms, latencies, frames, cpuMs } = await withCpu(server, () =>
          load.call("work", server.address, count, maxOutstanding),
        );
        const details = { p50Ms: median(latencies), p99Ms: quantile(latencies, 0.99), frames };
        return { value: (count / ms) * 1_000, cpuUs: (cpuMs * 1_000) / count, details };
      },
      close: closing(server, load),
    };
  };
}

function openCalls(concurrency: number): Open {
  return async (effort) => {
    const [ceiling, load] = [await openCeiling(), openLoad()];
    return {
      async measure() {
        const { latencies, seconds, cpuMs } = await withCpu(ceiling, () =>
          load.call("write", ceiling.address, concurrency, effort.seconds / 2),
        );
        const pairs = latencies.length / 2;
        const details = { p50Ms: 2 * median(latencies), p99Ms: 2 * quantile(latencies, 0.99) };
        return { value: pairs / seconds, cpuUs: (cpuMs * 1_000) / pairs, details };
      },
      close: closing(ceiling, load),
    };
  };
}
