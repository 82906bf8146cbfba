/** Clients of Redis Streams, as its documentation has them. */
import { CONTENT } from "../messages.js";
import { answer } from "./answer.js";
import { connectRedis, type Redis } from "./clients.js";
import { type Limit, type Pace, pump } from "./publish.js";

const STREAM = "socket-0";
const GROUP_COUNT = 100;
/** How many XREADGROUPs are under way at once: Redis need not wait while its client reads. */
const AHEAD = 2;
/** How many connections are opened at once. */
const OPENING = 500;

let port = 0;
let redis: Redis;
let groups = 0;
/** The open readers: how many have what was added last, and what happens when all have. */
let readers: Redis[] = [];
let arrived = 0;
let complete = (): void => {};

const commands = {
  async connect(to: number): Promise<void> {
    port = to;
    redis = await connectRedis(port);
  },

  /** Adds entries, a pipeline of so many at a time. Answers when each was answered. */
  async publish(limit: Limit, pace: Pace): Promise<{ count: number; ms: number }> {
    const load = pump(limit, pace);
    const send = (size: number): void => {
      const pipeline = redis.pipeline();
      for (let index = 0; index < size; index++) pipeline.xadd(STREAM, "*", "content", CONTENT);
      void pipeline.exec().then((answers) => {
        for (const [error] of answers) if (error !== null) throw error;
        load.answered(size);
        load.fill(send);
      });
    };
    load.fill(send);
    return await load.result();
  },

  /** Reads so many entries from the first on with a new group, and acknowledges them. */
  async drain(count: number): Promise<{ count: number; ms: number }> {
    const group = `group-${groups++}`;
    await redis.call("XGROUP", "CREATE", STREAM, group, "0");
    const start = performance.now();
    const acknowledged: Promise<unknown>[] = [];
    let read = 0;
    const readOn = async (): Promise<void> => {
      while (read < count) {
        const ids = idsOf(
          await redis.call("XREADGROUP", "GROUP", group, "reader", "COUNT", GROUP_COUNT, "STREAMS", STREAM, ">"),
        );
        if (ids.length === 0) return;
        read += ids.length;
        acknowledged.push(redis.call("XACK", STREAM, group, ...ids));
      }
    };
    await Promise.all(Array.from({ length: AHEAD }, readOn));
    await Promise.all(acknowledged);
    const ms = performance.now() - start;
    if (read !== count) throw new Error(`${read} entries came of ${count}`);
    await redis.call("XGROUP", "DESTROY", STREAM, group);
    return { count, ms };
  },

  /** Connections that each wait for the next entry of one stream. */
  async openReaders(count: number): Promise<void> {
    readers = [];
    while (readers.length < count) {
      const length = Math.min(OPENING, count - readers.length);
      readers.push(...(await Promise.all(Array.from({ length }, () => connectRedis(port)))));
    }
  },

  /** Adds one entry after the other. @returns how long each took to reach the last reader */
  async broadcast(times: number): Promise<number[]> {
    const took: number[] = [];
    for (let time = 0; time < times; time++) {
      arrived = 0;
      const completed = new Promise<void>((resolve) => {
        complete = resolve;
      });
      for (const reader of readers) void reader.call("XREAD", "BLOCK", 0, "STREAMS", STREAM, "$").then(arrive);
      // Nobody is missed: the entry comes when Redis says that all of them wait.
      while ((await blockedClients()) < readers.length);
      const start = performance.now();
      const added = redis.call("XADD", STREAM, "*", "content", CONTENT);
      await completed;
      took.push(performance.now() - start);
      await added;
    }
    return took;
  },
};

export type RedisCommands = typeof commands;
answer(commands);

function arrive(entries: unknown): void {
  if (idsOf(entries).length !== 1) throw new Error("a reader woke without an entry");
  if (++arrived === readers.length) complete();
}

/** The ids in an answer of XREAD: a list of streams, each a name and a list of entries, each an id and its fields. */
function idsOf(answer: unknown): string[] {
  const streams = (answer ?? []) as [string, [string, string[]][]][];
  return streams.flatMap(([, entries]) => entries.map(([id]) => id));
}

async function blockedClients(): Promise<number> {
  return Number(/blocked_clients:(\d+)/.exec(String(await redis.call("INFO", "clients")))?.[1]);
}
