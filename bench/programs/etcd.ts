/** A client of etcd on the same bare channel as ours. */
import { PUT, putBody, valuesOf, WATCH, watchKeyBody } from "../etcd.js";
import { numbered, numberOf, socketName } from "../messages.js";
import { answer } from "./answer.js";
import { Channel } from "./channel.js";
import { Frames } from "./frames.js";
import { Journeys, pace } from "./pace.js";

const KEY = socketName(0);

const commands = {
  /** Puts at an even rate to a key that is watched. @returns how long each value took to the watcher */
  async journeys(address: string, perSecond: number, seconds: number): Promise<number[]> {
    const channel = new Channel(address);
    const journeys = new Journeys();
    const frames = new Frames();
    let created = (): void => {};
    const isCreated = new Promise<void>((resolve) => {
      created = resolve;
    });
    const watch = channel.duplex(WATCH, (piece) => {
      for (const frame of frames.take(piece)) {
        created();
        for (const value of valuesOf(frame)) journeys.arrive(numberOf(value));
      }
    });
    watch.write(watchKeyBody(KEY));
    await isCreated;
    const count = await pace(perSecond, seconds, (index) => {
      const body = putBody(KEY, numbered(index));
      journeys.leave(index);
      void channel.unary(PUT, body);
    });
    const took = await journeys.all(count);
    channel.close();
    return took;
  },
};

export type EtcdCommands = typeof commands;
answer(commands);
