/** Messages at an even rate, and how long each took from its writer to its reader, both in this process. */
import { setTimeout as delay } from "node:timers/promises";
import { Message } from "../../gen/ts/socketregistry/v1/socket_registry.js";
import { numbered, numberOf, readBody, WRITER, writeBody, writesBody } from "../messages.js";
import type { Channel } from "./channel.js";
import { entriesOf, Frames } from "./frames.js";

/** Sends so many a second for so long; what the timer missed follows at once. @returns how many */
export async function pace(perSecond: number, seconds: number, send: (index: number) => void): Promise<number> {
  const begin = performance.now();
  const count = Math.round(perSecond * seconds);
  for (let sent = 0; sent < count; ) {
    const due = Math.min(count, ((performance.now() - begin) * perSecond) / 1_000);
    while (sent < due) send(sent++);
    await delay(1);
  }
  return count;
}

/** When each message left, and how long it took to arrive. */
export class Journeys {
  readonly #left: number[] = [];
  readonly #took: number[] = [];
  #expected = Number.POSITIVE_INFINITY;
  #finish = (): void => {};

  leave(index: number): void {
    this.#left[index] = performance.now();
  }

  arrive(index: number): void {
    this.#took.push(performance.now() - (this.#left[index] ?? Number.NaN));
    if (this.#took.length >= this.#expected) this.#finish();
  }

  /** @returns how long each took, once so many have arrived */
  async all(count: number): Promise<number[]> {
    if (this.#took.length < count) {
      this.#expected = count;
      await new Promise<void>((resolve) => {
        this.#finish = resolve;
      });
    }
    return this.#took;
  }
}

/** Writes to a socket by a WriteStream or by unary calls, and reads it with a Read that follows. */
export async function journeys(channel: Channel, socketId: string, isStream: boolean, rate: number, seconds: number) {
  const journeys = new Journeys();
  const frames = new Frames();
  await channel.follow("Read", readBody(socketId), (piece) => {
    for (const frame of frames.take(piece)) {
      for (const entry of entriesOf(frame).entries) {
        const { sender, content } = Message.decode(entry);
        if (sender === WRITER) journeys.arrive(numberOf(content));
      }
    }
  });
  const stream = isStream ? channel.duplex("WriteStream", () => {}) : undefined;
  const count = await pace(rate, seconds, (index) => {
    const content = numbered(index);
    journeys.leave(index);
    if (stream !== undefined) stream.write(writesBody(socketId, [content]));
    else void channel.unary("Write", writeBody(socketId, content));
  });
  const took = await journeys.all(count);
  await stream?.end();
  return took;
}
