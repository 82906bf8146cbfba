/** Reading with acknowledgements: what one costs, one message at a time and many, and a whole queue of them. */
import { openArena, type Row, type Side, withCpu } from "../row.js";
import { median, quantile } from "../statistics.js";

const DRAINED = 100_000;

/** How many messages one round takes, by how many may be in flight. */
const sizes = [
  { maxOutstanding: 1, messages: 1_000 },
  { maxOutstanding: 100, messages: 10_000 },
];

const workRows = sizes.map(
  ({ maxOutstanding, messages }): Row => ({
    name: `explicit ${maxOutstanding} in flight`,
    unit: "messages/s",
    beside: "two empty unary calls each",
    async prepare({ scale, seconds }) {
      const count = messages * scale;
      const { ours, ceiling, load, close } = await openArena({});
      await load.call("createSockets", ours.address, 1);
      return {
        async ours() {
          await load.call("fill", ours.address, count);
          return await work(ours, count);
        },
        async ceiling() {
          const {
            latencies,
            seconds: took,
            cpuMs,
          } = await withCpu(ceiling, () => load.call("write", ceiling.address, maxOutstanding, seconds / 2));
          const pairs = latencies.length / 2;
          const details = { p50Ms: 2 * median(latencies), p99Ms: 2 * quantile(latencies, 0.99) };
          return { value: pairs / took, cpuUs: (cpuMs * 1_000) / pairs, details };
        },
        close,
      };

      async function work(side: Side, count: number) {
        const { ms, latencies, frames, cpuMs } = await withCpu(side, () =>
          load.call("work", side.address, count, maxOutstanding),
        );
        const details = { p50Ms: median(latencies), p99Ms: quantile(latencies, 0.99), frames };
        return { value: (count / ms) * 1_000, cpuUs: (cpuMs * 1_000) / count, details };
      }
    },
  }),
);

const drainRow: Row = {
  name: `drain ${DRAINED.toLocaleString("en")} EXPLICIT, 1,000 in flight`,
  unit: "messages/s",
  beside: "the same in AUTO",
  async prepare({ scale }) {
    const count = DRAINED * scale;
    const { ours, load, close } = await openArena({});
    await load.call("createSockets", ours.address, 1);
    const measure = async (drain: () => Promise<number>) => {
      await load.call("fill", ours.address, count);
      const { ms, cpuMs } = await withCpu(ours, async () => ({ ms: await drain() }));
      return { value: (count / ms) * 1_000, cpuUs: (cpuMs * 1_000) / count };
    };
    return {
      ours: () => measure(async () => (await load.call("work", ours.address, count, 1_000)).ms),
      ceiling: () => measure(() => load.call("drain", ours.address, count)),
      close,
    };
  },
};

export const explicitRows: Row[] = [...workRows, drainRow];
