/** Streams that go on: what counts as broken, and how long is waited. */
import { status } from "@grpc/grpc-js";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { pause } from "../src/abort.js";
import type { Reconnect } from "../src/index.js";
import { RegistryError } from "../src/index.js";
import { persist, reopen } from "../src/reopen.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const neverAborted = new AbortController().signal;
const broken = new RegistryError(status.UNAVAILABLE, "gone");

test("pauses double up to five seconds, and a frame begins anew", async () => {
  let opened = 0;
  async function* stream() {
    opened += 1;
    if (opened === 9) yield "frame";
    throw broken;
  }
  const { frames, pauses, stop } = follow(stream);
  await vi.advanceTimersByTimeAsync(60_000);
  stop.abort();
  await frames;
  const limits = [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 100, 200];
  for (const [index, limit] of limits.entries()) {
    expect(pauses[index]).toBeGreaterThanOrEqual(limit / 2);
    expect(pauses[index]).toBeLessThanOrEqual(limit);
  }
});

test.each([
  { what: "UNAVAILABLE of a server that stops", error: new RegistryError(status.UNAVAILABLE, "", "SHUTTING_DOWN") },
  { what: "a connection that breaks", error: new RegistryError(status.INTERNAL, "RST_STREAM") },
  { what: "what grpc-js cancels", error: new RegistryError(status.CANCELLED, "cancelled") },
])("$what is tried again", async ({ error }) => {
  const { frames, pauses, stop } = follow(() => failing(error));
  await vi.advanceTimersByTimeAsync(1_000);
  stop.abort();
  await frames;
  expect(pauses.length).toBeGreaterThan(2);
});

test.each([
  { what: "a refusal", error: new RegistryError(status.NOT_FOUND, "", "SOCKET_DELETED") },
  { what: "a defect of the server", error: new RegistryError(status.INTERNAL, "", "INTERNAL") },
  { what: "an error of ours", error: new TypeError("a defect") },
])("$what is the end", async ({ error }) => {
  const { frames, pauses } = follow(() => failing(error));
  expect(await frames).toBe(error);
  expect(pauses).toEqual([]);
});

test("a stream that is silent for 45 seconds counts as broken; time that its consumer takes does not count", async () => {
  let opened = 0;
  async function* stream(signal: AbortSignal) {
    opened += 1;
    yield "frame";
    signal.throwIfAborted();
    await new Promise((_, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
  }
  const { frames, pauses, stop } = follow(stream, 100_000);
  await vi.advanceTimersByTimeAsync(100_000);
  expect(pauses).toEqual([]);
  await vi.advanceTimersByTimeAsync(44_000);
  expect(opened).toBe(1);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(opened).toBe(2);
  stop.abort();
  await vi.advanceTimersByTimeAsync(100_000);
  await frames;
});

test("a call is made until it is answered", async () => {
  let calls = 0;
  const call = async () => {
    calls += 1;
    if (calls < 4) throw calls === 2 ? new RegistryError(status.DEADLINE_EXCEEDED, "") : broken;
    return "answer";
  };
  const answer = persist(call, { signal: new AbortController().signal });
  await vi.advanceTimersByTimeAsync(1_000);
  expect(await answer).toBe("answer");
});

async function* failing(error: Error): AsyncGenerator<string, void, undefined> {
  yield* [];
  throw error;
}

/** Follows a stream until it is stopped or ends, and gives what it ended with. */
function follow(open: (signal: AbortSignal) => AsyncGenerator<string, void, undefined>, bodyMs = 0) {
  const pauses: number[] = [];
  const stop = new AbortController();
  const onReconnect = ({ pauseMs }: Reconnect) => void pauses.push(pauseMs);
  const run = async () => {
    const options = { open, onFrame: () => {}, signal: stop.signal, onReconnect, doing: "reading" };
    for await (const _ of reopen(options)) await pause(bodyMs, neverAborted);
  };
  const frames = run().catch((error: unknown) => error);
  return { frames, pauses, stop };
}
