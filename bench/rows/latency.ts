/** How long a message takes from its writer to its reader, at a rate that is no load, beside etcd. */
import { closing, openLoad, openServer, withCpu } from "../arena.js";
import { openEtcd } from "../peers.js";
import { LOAD_CORE, startProgram } from "../program.js";
import type { EtcdCommands } from "../programs/etcd.js";
import type { Open, Row, Sample } from "../row.js";
import { median, quantile } from "../statistics.js";

const PER_SECOND = 1_000;
/** How much longer than a rate it is measured, so that a 99th percentile is one. */
const LONGER = 1.5;
const ETCD = "etcd put to watch";

const openOurs = (isStream: boolean): Open => {
  return async ({ seconds }) => {
    const [server, load] = [await openServer(), openLoad()];
    await load.call("createSockets", server.address, 1);
    const travel = () => load.call("journeys", server.address, isStream, PER_SECOND, LONGER * seconds);
    return {
      measure: async () => sampleOf(await withCpu(server, async () => ({ took: await travel() }))),
      close: closing(server, load),
    };
  };
};

const openPuts: Open = async ({ seconds }) => {
  const [server, load] = [await openEtcd(), startProgram<EtcdCommands>("etcd", LOAD_CORE)];
  const travel = () => load.call("journeys", server.address, PER_SECOND, LONGER * seconds);
  return {
    measure: async () => sampleOf(await withCpu(server, async () => ({ took: await travel() }))),
    close: closing(server, load),
  };
};

export const latencyRows: Row[] = [
  {
    name: "write stream to read at 1,000/s",
    figures: [
      { name: "p50", unit: "ms", bars: { [ETCD]: { gate: 0.8, goal: 0.65 } } },
      { name: "p99", unit: "ms", detail: "p99Ms", bars: { [ETCD]: { gate: 1.2, goal: 0.9 } } },
    ],
    ours: openOurs(true),
    others: [{ name: ETCD, peer: "etcd", open: openPuts }],
  },
  {
    name: "write to read at 1,000/s",
    figures: [
      { name: "p50", unit: "ms", bars: { [ETCD]: { gate: 1.4, goal: 1 } } },
      { name: "p99", unit: "ms", detail: "p99Ms" },
    ],
    ours: openOurs(false),
    others: [{ name: ETCD, peer: "etcd", open: openPuts }],
  },
];

function sampleOf({ took, cpuMs }: { took: number[]; cpuMs: number }): Sample {
  const details = { p99Ms: quantile(took, 0.99), messages: took.length };
  return { value: median(took), cpuUs: (cpuMs * 1_000) / took.length, details };
}
