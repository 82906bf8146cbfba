/** What replication costs the server: Writes while the Engram hangs, and its CPU time while the Engram follows. */
import { closing, openLoad, openServer, removeFolder, shareOfCore, tempFolder } from "../arena.js";
import { LOAD_CORE, startProgram } from "../program.js";
import type { EngramCommands } from "../programs/engram.js";
import type { Open, Row } from "../row.js";
import { quantile } from "../statistics.js";

const CALLERS = 16;
const SOCKETS = 1_000;
const PER_SECOND = 2_000;
/** Long enough for many rounds of replication. */
const SECONDS = 10;

const OFF = "replication off";

const openHanging = (isReplicating: boolean): Open => {
  return async ({ seconds }) => {
    const [engram, load] = [startProgram<EngramCommands>("engram", LOAD_CORE), openLoad()];
    const engramUrl = await engram.call("hang");
    const server = await openServer(isReplicating ? { engramUrl, restorePatienceMs: 0 } : {});
    await load.call("createSockets", server.address, 1);
    return {
      async measure() {
        const { latencies } = await load.call("write", server.address, CALLERS, 2 * seconds);
        const details = { p99Ms: quantile(latencies, 0.99), calls: latencies.length };
        return { value: quantile(latencies, 0.5), details };
      },
      close: closing(server, load, engram),
    };
  };
};

const openSteady = (isReplicating: boolean): Open => {
  return async () => {
    const folder = tempFolder();
    const [engram, load] = [startProgram<EngramCommands>("engram", LOAD_CORE), openLoad()];
    const engramUrl = await engram.call("start", folder);
    const server = await openServer(isReplicating ? { engramUrl } : {});
    await load.call("createSockets", server.address, SOCKETS);
    const write = () => load.call("writeEvenly", server.address, SOCKETS, PER_SECOND, SECONDS);
    return {
      measure: () => shareOfCore(server, write),
      async close() {
        await closing(server, load, engram)();
        removeFolder(folder);
      },
    };
  };
};

export const replicationRows: Row[] = [
  {
    name: "write beside a hanging Engram",
    figures: [
      { name: "p50", unit: "ms", bars: { [OFF]: { gate: 1.15 } } },
      { name: "p99", unit: "ms", detail: "p99Ms", bars: { [OFF]: { gate: 1.5 } } },
    ],
    ours: openHanging(true),
    others: [{ name: OFF, open: openHanging(false) }],
  },
  {
    name: `replication of ${PER_SECOND.toLocaleString("en")} writes/s to ${SOCKETS.toLocaleString("en")} sockets`,
    figures: [{ unit: "% of a core", bars: { [OFF]: { gate: 1.2 } } }],
    ours: openSteady(true),
    others: [{ name: OFF, open: openSteady(false) }],
  },
];
