/** Writes to `team-chat-all` until they are stored and answered, and what they cost when there are very many sockets. */
import { closing, openCeiling, openCrowd, openLoad, openServer } from "../arena.js";
import type { Hold } from "../programs/hold.js";
import type { Open, Row, Sample } from "../row.js";
import { OURS } from "../row.js";
import { median, quantile } from "../statistics.js";

const EMPTY = "empty handler, the same answer";
const FEW = "10 sockets";
const MANY = 100_000;
/** How many broadcasts one round sees. */
const STORED = 200;
const HELD = 5;

const openStored = (sockets: number): Open => {
  return async ({ scale }) => {
    const [server, load] = [await openCrowd(sockets), openLoad()];
    return {
      async measure() {
        const before = server.diskBytes();
        const latencies = await load.call("broadcast", server.address, STORED * scale);
        const bytes = (server.diskBytes() - before) / latencies.length;
        return { value: median(latencies), details: { p99Ms: quantile(latencies, 0.99), bytes } };
      },
      close: closing(server, load),
    };
  };
};

const openEmpty = (sockets: number): Open => {
  return async ({ scale }) => {
    const [ceiling, load] = [await openCeiling({ sockets }), openLoad()];
    return {
      async measure() {
        const latencies = await load.call("broadcast", ceiling.address, STORED * scale);
        return { value: median(latencies), details: { p99Ms: quantile(latencies, 0.99) } };
      },
      close: closing(ceiling, load),
    };
  };
};

const storedRow: Row = {
  name: `broadcast stored, ${MANY.toLocaleString("en")} sockets`,
  figures: [
    { name: "time", unit: "ms", bars: { [OURS]: { gate: 10, goal: 3 } } },
    { name: "on disk", unit: "bytes", detail: "bytes", bars: { [FEW]: { gate: 1.1, goal: 1.01 } } },
  ],
  ours: openStored(MANY),
  others: [
    { name: FEW, open: openStored(10) },
    { name: EMPTY, open: openEmpty(MANY) },
  ],
};

/** The longest that the event loop was held by broadcasts that nobody reads. */
const holdRow: Row = {
  name: `broadcast hold, ${MANY.toLocaleString("en")} sockets`,
  figures: [
    { unit: "ms", bars: { [OURS]: { gate: 10, goal: 5 } } },
    { name: "without the collector", unit: "ms", detail: "ownMs" },
  ],
  async ours() {
    const [server, load] = [await openCrowd(MANY), openLoad()];
    return {
      measure: () => holdOf(server.program, () => load.call("broadcast", server.address, 1)),
      close: closing(server, load),
    };
  },
  others: [{ name: EMPTY, open: openEmptyHold(MANY) }],
};

/** The same while they go out to open Reads. */
const holdLiveRows: Row[] = (["AUTO", "EXPLICIT"] as const).map((mode) => {
  const sockets = 10_000;
  return {
    name: `broadcast hold, ${sockets.toLocaleString("en")} live ${mode}`,
    figures: [
      { unit: "ms", bars: { [OURS]: { gate: 10 } } },
      { name: "without the collector", unit: "ms", detail: "ownMs" },
    ],
    async ours() {
      const [server, load] = [await openServer(), openLoad()];
      await load.call("createSockets", server.address, sockets);
      await load.call("openReaders", server.address, sockets, mode);
      // Each reader has one message in flight at most. What acknowledgements cost is measured elsewhere.
      const acknowledge = async () => {
        if (mode === "EXPLICIT") await load.call("acknowledgeAll", server.address);
      };
      return {
        measure: () => holdOf(server.program, () => load.call("broadcastToReaders", server.address, 1), acknowledge),
        close: closing(server, load),
      };
    },
    others: [{ name: EMPTY, open: openEmptyHold(sockets) }],
  };
});

export const broadcastRows: Row[] = [storedRow, holdRow, ...holdLiveRows];

function openEmptyHold(sockets: number): Open {
  return async () => {
    const [ceiling, load] = [await openCeiling({ sockets }), openLoad()];
    return {
      measure: () => holdOf(ceiling.program, () => load.call("broadcast", ceiling.address, 1)),
      close: closing(ceiling, load),
    };
  };
}

/** What both servers can be asked for. */
interface Held {
  call(name: "watchLoop"): Promise<void>;
  call(name: "longestHold"): Promise<Hold>;
}

async function holdOf(program: Held, broadcast: () => Promise<unknown>, after = async () => {}): Promise<Sample> {
  const holds: Hold[] = [];
  for (let time = 0; time < HELD; time++) {
    await program.call("watchLoop");
    await broadcast();
    holds.push(await program.call("longestHold"));
    await after();
  }
  const all = holds.map(({ ms }) => ms);
  const details = {
    medianMs: median(all),
    cpuMs: Math.max(...holds.map(({ cpuMs }) => cpuMs)),
    ownMs: Math.max(...holds.map(({ ownMs }) => ownMs)),
  };
  return { value: Math.max(...all), details };
}
