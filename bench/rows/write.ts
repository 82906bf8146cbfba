/** Unary Write to one socket, beside an empty handler. */
import { hasH2load, runH2load } from "../h2load.js";
import { type Arena, openArena, type Row, type Sample, type Side, withCpu } from "../row.js";
import { quantile } from "../statistics.js";

const bars: Record<string, string> = { "fsync c64": "≥ 0.75", "fsync c256": "≥ 0.80" };

export const writeRows: Row[] = (["fsync", "os"] as const).flatMap((durability) =>
  [1, 64, 256].map((concurrency): Row => {
    const bar = bars[`${durability} c${concurrency}`];
    return {
      name: `write ${durability} c${concurrency}`,
      unit: "calls/s",
      beside: "empty handler",
      ...(bar === undefined ? {} : { bar }),
      async prepare({ seconds }) {
        const arena = await openArena({ durability });
        await arena.load.call("createSockets", arena.ours.address, 1);
        const measure = (side: Side): Promise<Sample> => run(arena, side, concurrency, seconds);
        return {
          async ours() {
            const before = await arena.load.call("revision", arena.ours.address);
            const sample = await measure(arena.ours);
            const stored = (await arena.load.call("revision", arena.ours.address)) - before;
            const calls = sample.details?.["calls"] ?? 0;
            if (stored < calls) throw new Error(`${calls} writes were answered and ${stored} stored`);
            return sample;
          },
          ceiling: () => measure(arena.ceiling),
          close: () => arena.close(),
        };
      },
    };
  }),
);

async function run(arena: Arena, side: Side, concurrency: number, seconds: number): Promise<Sample> {
  if (hasH2load) {
    const { calls, perSecond, meanMs, cpuMs } = await withCpu(side, () =>
      runH2load(side.address, concurrency, seconds),
    );
    return { value: perSecond, cpuUs: (cpuMs * 1_000) / calls, details: { calls, meanMs } };
  }
  const {
    latencies,
    seconds: took,
    cpuMs,
  } = await withCpu(side, () => arena.load.call("write", side.address, concurrency, seconds));
  const calls = latencies.length;
  const details = { calls, p50Ms: quantile(latencies, 0.5), p99Ms: quantile(latencies, 0.99) };
  return { value: calls / took, cpuUs: (cpuMs * 1_000) / calls, details };
}
