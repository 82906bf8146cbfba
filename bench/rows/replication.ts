/** What replication costs the server: Writes while the Engram hangs, and its CPU time while the Engram follows. */
import { LOAD_CORE, startProgram } from "../program.js";
import type { EngramCommands } from "../programs/engram.js";
import type { LoadCommands } from "../programs/load.js";
import { type OpenServer, openServer, type Row, removeFolder, shareOfCore, tempFolder } from "../row.js";
import { quantile } from "../statistics.js";

const CALLERS = 16;
const SOCKETS = 1_000;
const PER_SECOND = 2_000;
/** Long enough for many rounds of replication. */
const SECONDS = 10;

const hangingRows = [
  { name: "p50", q: 0.5, bar: "≤ 1.15" },
  { name: "p99", q: 0.99, bar: "≤ 1.5" },
].map(({ name, q, bar }): Row => {
  return {
    name: `write ${name} beside a hanging Engram`,
    unit: "ms",
    beside: "replication off",
    bar,
    async prepare({ seconds }) {
      const load = startProgram<LoadCommands>("load", LOAD_CORE);
      const engram = startProgram<EngramCommands>("engram", LOAD_CORE);
      const engramUrl = await engram.call("hang");
      const [replicating, plain] = await Promise.all([openServer({ engramUrl, restorePatienceMs: 0 }), openServer({})]);
      for (const { address } of [replicating, plain]) await load.call("createSockets", address, 1);
      const measure = async ({ address }: OpenServer) => {
        const { latencies } = await load.call("write", address, CALLERS, 2 * seconds);
        return { value: quantile(latencies, q), details: { calls: latencies.length } };
      };
      return {
        ours: () => measure(replicating),
        ceiling: () => measure(plain),
        async close() {
          await Promise.all([replicating.close(), plain.close(), load.stop(), engram.stop()]);
        },
      };
    },
  };
});

const steadyRow: Row = {
  name: `replication of ${PER_SECOND.toLocaleString("en")} writes/s to ${SOCKETS.toLocaleString("en")} sockets`,
  unit: "% of a core",
  beside: "the same writes, replication off",
  bar: "≤ 20 % more",
  async prepare() {
    const folder = tempFolder();
    const load = startProgram<LoadCommands>("load", LOAD_CORE);
    const engram = startProgram<EngramCommands>("engram", LOAD_CORE);
    const engramUrl = await engram.call("start", folder);
    const [replicating, plain] = await Promise.all([openServer({ engramUrl }), openServer({})]);
    for (const { address } of [replicating, plain]) await load.call("createSockets", address, SOCKETS);
    const measure = (server: OpenServer) =>
      shareOfCore(server, () => load.call("writeEvenly", server.address, SOCKETS, PER_SECOND, SECONDS));
    return {
      ours: () => measure(replicating),
      ceiling: () => measure(plain),
      async close() {
        await Promise.all([replicating.close(), plain.close(), load.stop(), engram.stop()]);
        removeFolder(folder);
      },
    };
  },
};

export const replicationRows: Row[] = [...hangingRows, steadyRow];
