/** Open Reads that get broadcasts, as many as wanted. */
import * as messages from "../messages.js";
import { acknowledgeBody, type Mode, readBody, socketName, TEAM } from "../messages.js";
import type { Channel } from "./channel.js";

/** No sequence is higher, so up to here lies whatever was delivered. */
const EVERYTHING = Number.MAX_SAFE_INTEGER;
/** How many acknowledgements are under way when there is no hurry. */
const AT_ONCE = 100;

export class Readers {
  readonly #channel: Channel;
  #count = 0;
  #isAcking = false;
  /** How many have what was sent last, and what happens when all have. */
  #arrived = 0;
  #complete = (): void => {};
  #acknowledged: Promise<unknown>[] = [];

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  /** Opens a Read for each of so many sockets, which acknowledge what they get, if they do, as it comes. */
  async open(count: number, mode: Mode, isAcking: boolean): Promise<void> {
    this.#count = count;
    this.#isAcking = isAcking;
    const opened = Array.from({ length: count }, (_, index) => {
      const socketId = socketName(index);
      // A small frame comes in one piece, and a reader gets one frame for one broadcast.
      return this.#channel.follow("Read", readBody(socketId, { mode }), () => this.#arrive(socketId));
    });
    await Promise.all(opened);
  }

  /** Broadcasts. @returns how long each took to reach the last of them */
  async broadcast(times: number): Promise<number[]> {
    const took: number[] = [];
    for (let time = 0; time < times; time++) took.push(await this.#broadcast());
    return took;
  }

  /** Acknowledges what all of them have, a few at a time. */
  async acknowledge(): Promise<void> {
    for (let from = 0; from < this.#count; from += AT_ONCE) {
      const length = Math.min(AT_ONCE, this.#count - from);
      await Promise.all(Array.from({ length }, (_, index) => this.#acknowledge(socketName(from + index))));
    }
  }

  async #broadcast(): Promise<number> {
    this.#arrived = 0;
    this.#acknowledged = [];
    const start = performance.now();
    const complete = new Promise<void>((resolve) => {
      this.#complete = resolve;
    });
    const answered = this.#channel.unary("Write", messages.writeBody(TEAM));
    await complete;
    const took = performance.now() - start;
    await Promise.all([answered, ...this.#acknowledged]);
    return took;
  }

  #arrive(socketId: string): void {
    if (this.#isAcking) this.#acknowledged.push(this.#acknowledge(socketId));
    if (++this.#arrived === this.#count) this.#complete();
  }

  #acknowledge(socketId: string): Promise<unknown> {
    return this.#channel.unary("Acknowledge", acknowledgeBody(socketId, EVERYTHING));
  }
}
