import type { ClientReadableStream } from "@grpc/grpc-js";
import { expect, onTestFinished } from "vitest";

/** One stream of answers, frame by frame. It is cancelled at the end of its test. */
export class Following<T> {
  readonly stream: ClientReadableStream<T>;
  readonly #frames: AsyncIterator<T>;

  constructor(stream: ClientReadableStream<T>) {
    // An error that comes while nobody asks for a frame would be thrown; the next question meets it all the same.
    this.stream = stream.on("error", () => {});
    this.#frames = stream[Symbol.asyncIterator]();
    onTestFinished(() => stream.cancel());
  }

  /** The next frame; rejects with the status that the stream ends with. */
  async frame(): Promise<T> {
    const next = await this.#frames.next();
    return next.done === true ? expect.unreachable("the stream ended") : next.value;
  }

  /** All frames up to an end with OK. */
  async frames(): Promise<T[]> {
    const frames: T[] = [];
    for (let next = await this.#frames.next(); next.done !== true; next = await this.#frames.next()) {
      frames.push(next.value);
    }
    return frames;
  }

  /** The error that the stream ends with, whatever comes before. */
  async end(): Promise<unknown> {
    try {
      await this.frames();
    } catch (error) {
      return error;
    }
    return expect.unreachable("the stream ended with OK");
  }

  cancel(): void {
    this.stream.cancel();
  }
}
