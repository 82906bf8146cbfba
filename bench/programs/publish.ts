/** A WriteStream, as a program would use it that has many messages to write. */
import { CONTENT, writesBody } from "../messages.js";
import type { Channel } from "./channel.js";
import { entriesOf, Frames } from "./frames.js";

/** The first byte of a result that is an answer, and no error. */
const ANSWER_TAG = 0x0a;

/** When a load is over: after so many messages, or after so long. */
export interface Limit {
  readonly count?: number;
  readonly seconds?: number;
}

export interface Pace {
  /** How many messages a frame, or whatever is sent in one piece, holds. */
  readonly perFrame: number;
  /** How many messages may be unanswered. */
  readonly inFlight: number;
}

/**
 * Sends pieces for as long as it may, so many messages at a time. `send` gets the size of a piece; `answered` is to be
 * called with how many were answered. Resolves when all are.
 */
export function pump({ count = Number.POSITIVE_INFINITY, seconds = Number.POSITIVE_INFINITY }: Limit, pace: Pace) {
  const start = performance.now();
  let sent = 0;
  let done = 0;
  let finish = (): void => {};
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const isOver = (): boolean => sent >= count || performance.now() - start > seconds * 1_000;
  return {
    fill(send: (size: number) => void): void {
      while (sent - done + pace.perFrame <= pace.inFlight && !isOver()) {
        const size = Math.min(pace.perFrame, count - sent);
        sent += size;
        send(size);
      }
    },
    /** Whoever calls it fills again. */
    answered(size: number): void {
      done += size;
      if (done === sent && isOver()) finish();
    },
    /** How many were answered, and how long it took. */
    async result(): Promise<{ count: number; ms: number }> {
      await finished;
      return { count: done, ms: performance.now() - start };
    },
  };
}

/** Writes to one socket by one WriteStream. It encodes what it sends, as a client does, and checks that nothing is refused. */
export async function publish(
  channel: Channel,
  socketId: string,
  limit: Limit,
  pace: Pace,
  contentOf = (): string => CONTENT,
) {
  const load = pump(limit, pace);
  const frames = new Frames();
  const send = (size: number): void => stream.write(writesBody(socketId, Array.from({ length: size }, contentOf)));
  const stream = channel.duplex("WriteStream", (piece) => {
    for (const frame of frames.take(piece)) {
      const { entries } = entriesOf(frame);
      if (entries.some((entry) => entry[0] !== ANSWER_TAG)) throw new Error("a write was refused");
      load.answered(entries.length);
    }
    load.fill(send);
  });
  load.fill(send);
  const result = await load.result();
  await stream.end();
  return result;
}
