/** The load: every client of the bench lives in this one process. */
import { setTimeout as delay } from "node:timers/promises";
import { GetServerInfoResponse } from "../../gen/ts/socketregistry/v1/socket_registry.js";
import * as messages from "../messages.js";
import { createBody, type Method, type Mode, readBody, socketName, TEAM, writeBody } from "../messages.js";
import { answer, cpuMs } from "./answer.js";
import { Channel } from "./channel.js";
import { work } from "./deliveries.js";

const channels = new Map<string, Channel>();
/** The open readers by address: how many have what was sent last, and who waits for all of them. */
const crowds = new Map<string, Crowd>();
/** The largest window that a paced load works in: shorter ones are what timers make of them anyway. */
const TICK_MS = 10;
/** No sequence is higher, so up to here lies whatever was delivered. */
const EVERYTHING = Number.MAX_SAFE_INTEGER;
/** How many sockets were made in all, so that each gets a name of its own. */
let agents = 0;

interface Crowd {
  arrived: number;
  complete: () => void;
}

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

  /** Writes so many messages to one socket. */
  async fill(address: string, count: number): Promise<void> {
    const body = writeBody(socketName(0));
    let left = count;
    await many(256, () => (left-- > 0 ? { address, method: "Write", body } : undefined));
  },

  /** Reads so many messages of one socket to their end. @returns how long it took */
  async drain(address: string, count: number, index = 0, mode: Mode = "AUTO"): Promise<number> {
    const chunks: Buffer[] = [];
    const start = performance.now();
    const body = readBody(socketName(index), { maxMessages: count, noWait: true, mode });
    await channel(address).stream("Read", body, (chunk) => void chunks.push(chunk));
    const ms = performance.now() - start;
    const read = countMessages(Buffer.concat(chunks));
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

  /** Opens a Read that follows, for each of so many sockets. */
  async openReaders(address: string, count: number, mode: Mode = "AUTO"): Promise<void> {
    const crowd: Crowd = { arrived: 0, complete: () => {} };
    crowds.set(address, crowd);
    for (let index = 0; index < count; index++) {
      void channel(address).stream("Read", readBody(socketName(index), { mode }), () => {
        // A small frame comes in one piece, and a reader gets one frame for one broadcast.
        if (++crowd.arrived === count) crowd.complete();
      });
    }
    // Nothing tells when a Read without heartbeats is open at the server, so it gets ample time.
    await delay(500 + count / 5);
  },

  /** Broadcasts to the open readers. @returns how long each took to reach the last of them */
  async broadcastToReaders(address: string, times: number): Promise<number[]> {
    const crowd = crowds.get(address);
    if (crowd === undefined) throw new Error("no readers are open");
    const body = writeBody(TEAM);
    const took: number[] = [];
    for (let time = 0; time < times; time++) {
      crowd.arrived = 0;
      const start = performance.now();
      const complete = new Promise<void>((resolve) => {
        crowd.complete = resolve;
      });
      const answered = channel(address).unary("Write", body);
      await complete;
      took.push(performance.now() - start);
      await answered;
    }
    return took;
  },

  /** Acknowledges what so many open readers have. */
  async acknowledgeAll(address: string, count: number): Promise<void> {
    let next = 0;
    await many(256, () =>
      next < count
        ? { address, method: "Acknowledge", body: messages.acknowledgeBody(socketName(next++), EVERYTHING) }
        : undefined,
    );
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

/** How many messages the frames of a Read hold. */
function countMessages(bytes: Buffer): number {
  let count = 0;
  for (let start = 0; start < bytes.length; ) {
    const end = start + 5 + bytes.readUInt32BE(start + 1);
    // Field 1, length-delimited, for as long as there are any; they come first.
    let place = start + 5;
    while (place < end && bytes[place] === 0x0a) {
      let length = 0;
      let shift = 0;
      do length |= ((bytes[++place] ?? 0) & 0x7f) << (shift++ * 7);
      while ((bytes[place] ?? 0) >= 0x80);
      place += 1 + length;
      count++;
    }
    start = end;
  }
  return count;
}
