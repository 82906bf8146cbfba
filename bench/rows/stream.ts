/** Writing much: a WriteStream beside what others have for that. */
import { closing, openCeiling, openLoad, openServer, rateOf } from "../arena.js";
import { openNats, openRedis } from "../peers.js";
import { LOAD_CORE, startProgram } from "../program.js";
import type { NatsCommands } from "../programs/nats.js";
import type { RedisCommands } from "../programs/redis.js";
import type { Open, Row } from "../row.js";

const PACE = { perFrame: 100, inFlight: 1_024 } as const;
const EMPTY = "empty handler";
const ALWAYS = "Redis XADD always";
const EVERYSEC = "Redis XADD everysec";
const JETSTREAM = "JetStream publish";

const openOurs: Open = async ({ seconds }) => {
  const [server, load] = [await openServer(), openLoad()];
  await load.call("createSockets", server.address, 1);
  const publish = () => load.call("publish", server.address, { seconds }, PACE);
  return { measure: () => rateOf(server, publish), close: closing(server, load) };
};

const openEmpty: Open = async ({ seconds }) => {
  const [ceiling, load] = [await openCeiling(), openLoad()];
  const publish = () => load.call("publish", ceiling.address, { seconds }, PACE);
  return { measure: () => rateOf(ceiling, publish), close: closing(ceiling, load) };
};

const openAdds = (appendfsync: "always" | "everysec"): Open => {
  return async ({ seconds }) => {
    const [server, load] = [await openRedis(appendfsync), startProgram<RedisCommands>("redis", LOAD_CORE)];
    await load.call("connect", server.port);
    const publish = () => load.call("publish", { seconds }, PACE);
    return { measure: () => rateOf(server, publish), close: closing(server, load) };
  };
};

const openPublishes: Open = async ({ seconds }) => {
  const [server, load] = [await openNats(), startProgram<NatsCommands>("nats", LOAD_CORE)];
  await load.call("connect", server.port);
  const publish = () => load.call("publish", { seconds }, PACE);
  return { measure: () => rateOf(server, publish), close: closing(server, load) };
};

export const streamRows: Row[] = [
  {
    name: "write stream, 100 a frame, 1,024 in flight",
    figures: [
      {
        unit: "messages/s",
        bars: {
          [ALWAYS]: { gate: 1.5, goal: 2 },
          [EVERYSEC]: { gate: 1.1, goal: 1.4 },
          [JETSTREAM]: { gate: 4, goal: 5 },
        },
      },
    ],
    ours: openOurs,
    others: [
      { name: EMPTY, open: openEmpty },
      { name: ALWAYS, peer: "redis", open: openAdds("always") },
      { name: EVERYSEC, peer: "redis", open: openAdds("everysec") },
      { name: JETSTREAM, peer: "nats", open: openPublishes },
    ],
  },
];
