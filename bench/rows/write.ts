/** Unary Write to one socket, beside empty handlers and etcd's Put. */
import { closing, type OpenServer, openCeiling, openLoad, openServer, type Side, withCpu } from "../arena.js";
import { PUT, putBody } from "../etcd.js";
import { hasH2load, runH2load } from "../h2load.js";
import { CONTENT, type Method, socketName, writeBody } from "../messages.js";
import { openEtcd } from "../peers.js";
import type { Program } from "../program.js";
import type { LoadCommands } from "../programs/load.js";
import type { Bar, Open, Other, Row, Sample } from "../row.js";
import { quantile } from "../statistics.js";

type Load = Program<LoadCommands>;
type Durability = "fsync" | "os";

const SOCKET = socketName(0);
const EMPTY = "empty handler";
const STOCK = "stock empty handler";
const ETCD = "etcd Put";

const bars: Record<string, Record<string, Bar>> = {
  "fsync c64": {
    [EMPTY]: { gate: 0.75, goal: 0.85 },
    [STOCK]: { gate: 0.9, goal: 1 },
    [ETCD]: { gate: 0.85, goal: 1 },
  },
  "fsync c256": { [EMPTY]: { gate: 0.8, goal: 0.9 }, [STOCK]: { gate: 0.9, goal: 1 }, [ETCD]: { gate: 0.7, goal: 1 } },
};

const empty = (concurrency: number): Other => ({ name: EMPTY, open: openEmpty(concurrency, false) });

/** Who else is measured where it matters most. etcd is loaded by h2load alone. */
const rivals = (concurrency: number): Other[] => [
  { name: STOCK, open: openEmpty(concurrency, true) },
  ...(hasH2load ? [{ name: ETCD, peer: "etcd" as const, open: openPuts(concurrency) }] : []),
];

const variants = (["fsync", "os"] as const).flatMap((durability) =>
  [1, 64, 256].map((concurrency) => ({ durability, concurrency })),
);

export const writeRows: Row[] = variants.map(({ durability, concurrency }) => {
  const asked = bars[`${durability} c${concurrency}`];
  return {
    name: `write ${durability} c${concurrency}`,
    figures: [{ unit: "calls/s", ...(asked === undefined ? {} : { bars: asked }) }],
    ours: openOurs(durability, concurrency),
    others: [empty(concurrency), ...(asked === undefined ? [] : rivals(concurrency))],
    isShort: durability === "fsync" && concurrency === 64,
  };
});

/** One server, and writes to it beside which it has nothing to do. */
function openOurs(durability: Durability, concurrency: number): Open {
  return async ({ seconds }) => {
    const [server, load] = [await openServer({ durability }), openLoad()];
    await load.call("createSockets", server.address, 1);
    return { measure: () => measureWrites(server, load, concurrency, seconds), close: closing(server, load) };
  };
}

/** Writes to a server of ours, and makes sure that each is stored that was answered. */
export async function measureWrites(server: OpenServer, load: Load, concurrency: number, seconds: number) {
  const before = await load.call("revision", server.address);
  const sample = await measure(server, load, concurrency, seconds);
  const stored = (await load.call("revision", server.address)) - before;
  const calls = sample.details?.["calls"] ?? 0;
  if (stored < calls) throw new Error(`${calls} writes were answered and ${stored} stored`);
  return sample;
}

function openEmpty(concurrency: number, isStock: boolean): Open {
  return async ({ seconds }) => {
    const [ceiling, load] = [await openCeiling({ isStock }), openLoad()];
    return { measure: () => measure(ceiling, load, concurrency, seconds), close: closing(ceiling, load) };
  };
}

function openPuts(concurrency: number): Open {
  return async ({ seconds }) => {
    const etcd = await openEtcd();
    const body = putBody(SOCKET, CONTENT);
    return { measure: () => measureNative(etcd, PUT, body, concurrency, seconds), close: () => etcd.close() };
  };
}

async function measure(side: Side, load: Load, concurrency: number, seconds: number): Promise<Sample> {
  if (hasH2load) return measureNative(side, "Write", writeBody(SOCKET), concurrency, seconds);
  const written = await withCpu(side, () => load.call("write", side.address, concurrency, seconds));
  const calls = written.latencies.length;
  const details = { calls, p50Ms: quantile(written.latencies, 0.5), p99Ms: quantile(written.latencies, 0.99) };
  return { value: calls / written.seconds, cpuUs: (written.cpuMs * 1_000) / calls, details };
}

async function measureNative(side: Side, method: Method, body: Buffer, concurrency: number, seconds: number) {
  const { calls, perSecond, meanMs, cpuMs } = await withCpu(side, () =>
    runH2load(side.address, method, body, concurrency, seconds),
  );
  return { value: perSecond, cpuUs: (cpuMs * 1_000) / calls, details: { calls, meanMs } };
}
