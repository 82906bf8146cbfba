/** The load: every client of ours in the bench lives in a process of this program. */
import { setPriority } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { GetServerInfoResponse } from "../../gen/ts/socketregistry/v1/socket_registry.js";
import * as messages from "../messages.js";
import { createBody, type Method, type Mode, readBody, socketName, TEAM, writeBody } from "../messages.js";
import { answer, cpuMs } from "./answer.js";
import { Channel } from "./channel.js";
import { work } from "./deliveries.js";
import { entriesOf, Frames } from "./frames.js";
import { journeys, pace } from "./pace.js";
import { type Limit, type Pace, publish } from "./publish.js";
import { Readers } from "./readers.js";

const channels = new Map<string, Channel>();
/** The open readers by address. */
const crowds = new Map<string, Readers>();
/** How a socket is filled when that is not what is measured. */
const FILLING = { perFrame: 200, inFlight: 2_000 } as const;
/** The largest window that a paced load works in: shorter ones are what timers make of them anyway. */
const TICK_MS = 10;
/** How many sockets were made in all, so that each gets a name of its own. */
let agents = 0;

const commands = {
  /** Makes `socket-0` and so on, with leases when it says how long. */
  async createSockets(address: string, count: number, leaseMs = 0): Promise<void> {
    let next = 0;
    await many(Math.min(count, 256), () =>
      next < count ? { address, method: "Create", body: createBody(socketName(next++), leaseMs) } : undefined,
    );
  },

  /**
   * Makes so many sockets more, one after the other, or so many a second when it says how many.
   * @returns how long each took
   */
  async createOneByOne(address: string, count: number, perSecond = Number.POSITIVE_INFINITY): Promise<number[]> {
    const latencies: number[] = [];
    const begin = performance.now();
    for (let index = 0; index < count; index++) {
      const early = begin + (index * 1_000) / perSecond - performance.now();
      if (early > 0) await delay(early);
      const start = performance.now();
      await channel(address).unary("Create", createBody(`agent-${agents++}`));
      latencies.push(performance.now() - start);
    }
    return latencies;
  },

  /** One heartbeat for each of so many sockets, evenly over this time. */
  async heartbeats(address: string, sockets: number, seconds: number): Promise<void> {
    const begin = performance.now();
    const under: Promise<unknown>[] = [];
    while (under.length < sockets) {
      const due = Math.min(sockets, ((performance.now() - begin) * sockets) / (seconds * 1_000));
      while (under.length < due) {
        under.push(channel(address).unary("Heartbeat", messages.heartbeatBody(socketName(under.length))));
      }
      await delay(TICK_MS);
    }
    await Promise.all(under);
  },

  /** So many Writes a second for so long, to each of so many sockets in turn. */
  async writeEvenly(address: string, sockets: number, perSecond: number, seconds: number): Promise<void> {
    const begin = performance.now();
    const under: Promise<unknown>[] = [];
    const count = perSecond * seconds;
    while (under.length < count) {
      const due = Math.min(count, ((performance.now() - begin) * perSecond) / 1_000);
      while (under.length < due) {
        under.push(channel(address).unary("Write", writeBody(socketName(under.length % sockets))));
      }
      await delay(TICK_MS);
    }
    await Promise.all(under);
  },

  /** Writes to one socket, `concurrency` calls at a time, for this long. */
  async write(address: string, concurrency: number, seconds: number) {
    const body = writeBody(socketName(0));
    const end = performance.now() + seconds * 1_000;
    return await many(concurrency, () => (performance.now() < end ? { address, method: "Write", body } : undefined));
  },

  /** Writes to one socket by a WriteStream. */
  publish(address: string, limit: Limit, pace: Pace) {
    return publish(channel(address), socketName(0), limit, pace);
  },

  /** Writes so many messages to one socket, all alike or all different. */
  async fill(address: string, count: number, index = 0, isVaried = false): Promise<void> {
    await publish(channel(address), socketName(index), { count }, FILLING, isVaried ? messages.unlike : undefined);
  },

  /** So many Writes a second for so long. @returns how long each took to be answered */
  async writePaced(address: string, perSecond: number, seconds: number, index: number): Promise<number[]> {
    const latencies: number[] = [];
    const under: Promise<unknown>[] = [];
    const body = writeBody(socketName(index));
    await pace(perSecond, seconds, () => {
      const start = performance.now();
      const answered = channel(address).unary("Write", body);
      under.push(answered.then(() => latencies.push(performance.now() - start)));
    });
    await Promise.all(under);
    return latencies;
  },

  /** Writes at an even rate to a socket that is read. @returns how long each message took to its reader */
  async journeys(address: string, isStream: boolean, perSecond: number, seconds: number): Promise<number[]> {
    // A connection of its own, so that the Read ends with it.
    const own = new Channel(address);
    const took = await journeys(own, socketName(0), isStream, perSecond, seconds);
    own.close();
    return took;
  },

  /** Reads so many messages of one socket to their end. @returns how long it took */
  async drain(address: string, count: number, index = 0, mode: Mode = "AUTO"): Promise<number> {
    const chunks: Buffer[] = [];
    const start = performance.now();
    const body = readBody(socketName(index), { maxMessages: count, noWait: true, mode });
    await channel(address).stream("Read", body, (chunk) => void chunks.push(chunk));
    const ms = performance.now() - start;
    const frames = new Frames().take(Buffer.concat(chunks));
    const read = frames.reduce((sum, frame) => sum + entriesOf(frame).entries.length, 0);
    if (read !== count) throw new Error(`${read} messages came of ${count}`);
    return ms;
  },

  /** Broadcasts one after the other. @returns how long each took to be answered */
  async broadcast(address: string, times: number): Promise<number[]> {
    const body = writeBody(TEAM);
    let left = times;
    const { latencies } = await many(1, () => (left-- > 0 ? { address, method: "Write", body } : undefined));
    return latencies;
  },

  /** Reads so many messages in EXPLICIT mode and acknowledges them. */
  work(address: string, count: number, maxOutstanding: number) {
    return work(channel(address), socketName(0), count, maxOutstanding);
  },

  /** Opens a Read that follows, for each of so many sockets, which acknowledge what they get if they are to. */
  async openReaders(address: string, count: number, mode: Mode = "AUTO", isAcking = false): Promise<void> {
    const readers = new Readers(channel(address));
    crowds.set(address, readers);
    await readers.open(count, mode, isAcking);
  },

  /** Acknowledges what the open readers have. */
  async acknowledgeAll(address: string): Promise<void> {
    await crowds.get(address)?.acknowledge();
  },

  /** Broadcasts to the open readers. @returns how long each took to reach the last of them */
  async broadcastToReaders(address: string, times: number): Promise<number[]> {
    return (await crowds.get(address)?.broadcast(times)) ?? [];
  },

  /** For clients who share a core with those who are measured, and would be on other machines. */
  yieldToOthers(): void {
    setPriority(10);
  },

  /** Reads one message of a socket, many times. @returns how long each took, its write not counted */
  async firstReads(address: string, index: number, times: number): Promise<number[]> {
    const latencies: number[] = [];
    for (let time = 0; time < times; time++) {
      await channel(address).unary("Write", writeBody(socketName(index)));
      const start = performance.now();
      await commands.readOne(address, index);
      latencies.push(performance.now() - start);
    }
    return latencies;
  },

  /** Reads one message. */
  async readOne(address: string, index: number): Promise<void> {
    let size = 0;
    await channel(address).stream("Read", readBody(socketName(index), { maxMessages: 1, noWait: true }), (chunk) => {
      size += chunk.length;
    });
    if (size === 0) throw new Error("there was no message to read");
  },

  /** The registry's revision, which is how many changes and messages it ever took. */
  async revision(address: string): Promise<number> {
    return Number(
      GetServerInfoResponse.decode(await channel(address).unary("GetServerInfo", messages.infoBody())).revision,
    );
  },

  cpuMs,
};

export type LoadCommands = typeof commands;
answer(commands);

interface Call {
  readonly address: string;
  readonly method: Method;
  readonly body: Buffer;
}

/** Makes the calls that `next` gives, so many at a time, until it gives no more. */
function many(concurrency: number, next: () => Call | undefined): Promise<{ latencies: number[]; seconds: number }> {
  return new Promise((resolve) => {
    const latencies: number[] = [];
    const begin = performance.now();
    let open = 0;
    function go(): void {
      const call = next();
      if (call === undefined) {
        if (open === 0) resolve({ latencies, seconds: (performance.now() - begin) / 1_000 });
        return;
      }
      open++;
      const start = performance.now();
      channel(call.address).start(call.method, call.body, () => {
        latencies.push(performance.now() - start);
        open--;
        go();
      });
    }
    for (let count = 0; count < concurrency; count++) go();
  });
}

function channel(address: string): Channel {
  let found = channels.get(address);
  if (found === undefined) {
    found = new Channel(address);
    channels.set(address, found);
  }
  return found;
}
