/** A client in EXPLICIT mode. */
import { acknowledgeBody, readBody } from "../messages.js";
import type { Channel } from "./channel.js";
import { Frames, readFrame } from "./frames.js";

/**
 * Reads so many messages and acknowledges each frame of them as it comes, with one call.
 * @returns how long it took until the last was acknowledged, and the times from one frame to the next
 */
export async function work(channel: Channel, socketId: string, count: number, maxOutstanding: number) {
  const frames = new Frames();
  const acknowledged: Promise<unknown>[] = [];
  const latencies: number[] = [];
  const start = performance.now();
  let before = start;
  let read = 0;
  const body = readBody(socketId, { mode: "EXPLICIT", maxOutstanding, maxMessages: count });
  await channel.stream("Read", body, (piece) => {
    for (const frame of frames.take(piece)) {
      const { count, sequence } = readFrame(frame);
      acknowledged.push(channel.unary("Acknowledge", acknowledgeBody(socketId, sequence)));
      read += count;
      const now = performance.now();
      latencies.push(now - before);
      before = now;
    }
  });
  await Promise.all(acknowledged);
  if (read !== count) throw new Error(`${read} messages came of ${count}`);
  return { ms: performance.now() - start, latencies, frames: latencies.length };
}
