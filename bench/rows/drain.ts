/** Reading much: a long queue in AUTO mode, in EXPLICIT mode with acknowledgements, and one that only the disk has. */
import { closing, filledStore, openCeiling, openLoad, openServer, rateOf, tempFolder } from "../arena.js";
import { openNats, openRedis } from "../peers.js";
import { LOAD_CORE, startProgram } from "../program.js";
import type { NatsCommands } from "../programs/nats.js";
import type { RedisCommands } from "../programs/redis.js";
import type { Effort, Open, Row } from "../row.js";

const MESSAGES = 100_000;
const ROUNDS = 5;
/** How the peers are filled. */
const FILLING = { perFrame: 100, inFlight: 1_000 } as const;

const RAW = "raw frames of 100";
const GROUP = "Redis XREADGROUP + XACK always";
const CONSUMER = "JetStream consume + ack";
const AUTO = "the same in AUTO";
const WRITTEN = "as many just written";

type How = "AUTO" | "EXPLICIT";

/** Ours, filled before each measurement. */
const openQueue = (how: How): Open => {
  return async ({ scale }) => {
    const count = MESSAGES * scale;
    const [server, load] = [await openServer(), openLoad()];
    const { address } = server;
    await load.call("createSockets", address, 1);
    const drain = async () => {
      if (how === "EXPLICIT") return { count, ms: (await load.call("work", address, count, 1_000)).ms };
      return { count, ms: await load.call("drain", address, count) };
    };
    return {
      async measure() {
        await load.call("fill", address, count);
        return await rateOf(server, drain);
      },
      close: closing(server, load),
    };
  };
};

const openRaw: Open = async ({ scale }) => {
  const count = MESSAGES * scale;
  const [ceiling, load] = [await openCeiling(), openLoad()];
  const drain = async () => ({ count, ms: await load.call("drain", ceiling.address, count) });
  return { measure: () => rateOf(ceiling, drain), close: closing(ceiling, load) };
};

/** The peers keep what was acknowledged, so that a new group or consumer finds all of it again. */
const openGroup: Open = async ({ scale }) => {
  const [server, load] = [await openRedis("always"), startProgram<RedisCommands>("redis", LOAD_CORE)];
  await load.call("connect", server.port);
  await load.call("publish", { count: MESSAGES * scale }, FILLING);
  return { measure: () => rateOf(server, () => load.call("drain", MESSAGES * scale)), close: closing(server, load) };
};

const openConsumer: Open = async ({ scale }) => {
  const [server, load] = [await openNats(), startProgram<NatsCommands>("nats", LOAD_CORE)];
  await load.call("connect", server.port);
  await load.call("publish", { count: MESSAGES * scale }, FILLING);
  return { measure: () => rateOf(server, () => load.call("drain", MESSAGES * scale)), close: closing(server, load) };
};

const bothRows: Row[] = [
  {
    name: `drain ${MESSAGES.toLocaleString("en")} AUTO`,
    figures: [{ unit: "messages/s", bars: { [RAW]: { gate: 0.3, goal: 0.5 } } }],
    ours: openQueue("AUTO"),
    others: [{ name: RAW, open: openRaw }],
    isShort: true,
  },
  {
    name: `drain ${MESSAGES.toLocaleString("en")} EXPLICIT, 1,000 in flight`,
    figures: [{ unit: "messages/s", bars: { [GROUP]: { gate: 0.7, goal: 1.1 }, [CONSUMER]: { gate: 1.2, goal: 2 } } }],
    ours: openQueue("EXPLICIT"),
    others: [
      { name: AUTO, open: openQueue("AUTO") },
      { name: GROUP, peer: "redis", open: openGroup },
      { name: CONSUMER, peer: "nats", open: openConsumer },
    ],
  },
];

/** A reader that comes late: what it reads is on disk, and none of it in memory. */
const behindRows: Row[] = (["AUTO", "NONE"] as const).map((mode) => ({
  name: `behind ${MESSAGES.toLocaleString("en")} ${mode}`,
  figures: [{ unit: "messages/s", bars: { [WRITTEN]: { gate: 0.8 } } }],
  rounds: ROUNDS,
  async ours({ scale }) {
    const dataDir = tempFolder();
    // The server starts with them, so that it has read none. Each round takes those of a socket of its own.
    const store = await filledStore(dataDir, ROUNDS + 1, 0, 0);
    for (let index = 0; index <= ROUNDS; index++) await store.call("write", MESSAGES * scale, 1, true, index);
    await store.close();
    const [server, load] = [await openServer({ dataDir }), openLoad()];
    let rounds = 0;
    const drain = () => drainOf(load, server.address, MESSAGES * scale, rounds++, mode);
    return { measure: () => rateOf(server, drain), close: closing(server, load) };
  },
  others: [{ name: WRITTEN, open: (effort) => openWritten(effort, mode) }],
}));

async function openWritten({ scale }: Effort, mode: "AUTO" | "NONE") {
  const count = MESSAGES * scale;
  const [server, load] = [await openServer(), openLoad()];
  const { address } = server;
  await load.call("createSockets", address, 1);
  return {
    async measure() {
      await load.call("fill", address, count);
      const sample = await rateOf(server, () => drainOf(load, address, count, 0, mode));
      // What was only looked at is still there, and would be in the way of the next round.
      if (mode === "NONE") await load.call("drain", address, count);
      return sample;
    },
    close: closing(server, load),
  };
}

async function drainOf(
  load: ReturnType<typeof openLoad>,
  address: string,
  count: number,
  index: number,
  mode: "AUTO" | "NONE",
) {
  return { count, ms: await load.call("drain", address, count, index, mode) };
}

export const drainRows: Row[] = [...bothRows, ...behindRows];
