/** Trying again: a stream that goes on where it broke, and a call that is repeated until it is answered. */
import { status } from "@grpc/grpc-js";
import { onAbort, pause } from "./abort.js";
import type { Connection } from "./connection.js";
import { isBroken, isUnanswered, RegistryError } from "./errors.js";

const pauseMsMin = 100;
const pauseMsMax = 5_000;

/** How often the server is asked to say that a quiet stream is alive. */
export const heartbeatInterval = { seconds: 15n, nanos: 0 };
/** A stream that has missed three heartbeats is as good as broken. */
const silenceMsDefault = 45_000;

export interface ReopenOptions<Frame> {
  /** Opens a stream where the one before broke. */
  open(signal: AbortSignal): AsyncGenerator<Frame, void, undefined>;
  /** Told of each frame before it is handed out: what the consumer does with it is not asked for a second time. */
  onFrame(frame: Frame): void;
  /** Ends it; the iteration then throws the signal's reason. */
  signal: AbortSignal;
  onReconnect: Connection["onReconnect"];
  /** What is done again, as `reading apollo`. */
  doing: string;
  /** How long to go on without a frame. Default: for ever. */
  failingMsMax?: number;
  /** How long a stream may be silent before it counts as broken. Default: as long as three heartbeats. */
  silenceMsMax?: number;
}

/** The frames of one stream after another. Ends when a stream ends with OK, or with an error that is no broken one. */
export async function* reopen<Frame>(options: ReopenOptions<Frame>): AsyncGenerator<Frame, void, undefined> {
  const { signal, onFrame, failingMsMax = Number.POSITIVE_INFINITY } = options;
  let failures = 0;
  let lastFrameMs = performance.now();
  for (;;) {
    try {
      for await (const frame of untilSilent(options)) {
        failures = 0;
        onFrame(frame);
        yield frame;
        lastFrameMs = performance.now();
      }
      return;
    } catch (error) {
      signal.throwIfAborted();
      if (!isBroken(error) || performance.now() - lastFrameMs > failingMsMax) throw error;
      failures += 1;
      await pauseAfter(error, failures, options);
    }
  }
}

/** One stream, which ends with UNAVAILABLE when nothing comes although heartbeats were asked for. */
async function* untilSilent<Frame>(options: ReopenOptions<Frame>): AsyncGenerator<Frame, void, undefined> {
  const { open, signal, silenceMsMax = silenceMsDefault } = options;
  const ending = new AbortController();
  const forget = onAbort(signal, () => ending.abort(signal.reason));
  const frames = open(ending.signal);
  try {
    for (;;) {
      // Only the server can be silent: the time that the consumer takes does not count.
      const timer = setTimeout(() => ending.abort(silenceError(silenceMsMax)), silenceMsMax);
      const step = await frames.next().finally(() => clearTimeout(timer));
      if (step.done) return;
      yield step.value;
    }
  } finally {
    forget();
    await frames.return();
  }
}

function silenceError(ms: number): RegistryError {
  return new RegistryError(status.UNAVAILABLE, `nothing came for ${ms / 1_000} s`);
}

export interface PersistOptions {
  /** Ends the trying with the signal's reason. */
  signal: AbortSignal;
  /** The longest pause between attempts. */
  pauseMsMax?: number;
  /** Told before each pause. */
  onReconnect?: Connection["onReconnect"];
  doing?: string;
}

/**
 * Makes a call until it is answered. The call must do no harm when it is carried out twice, as an attempt without an
 * answer may have been.
 */
export async function persist<T>(call: () => Promise<T>, options: PersistOptions): Promise<T> {
  for (let failures = 1; ; failures += 1) {
    try {
      return await call();
    } catch (error) {
      options.signal.throwIfAborted();
      if (!isUnanswered(error)) throw error;
      await pauseAfter(error, failures, options);
    }
  }
}

/** Waits before the next attempt, the longer the more have failed in a row. Rejects with the signal's reason. */
export function pauseAfter(error: RegistryError, failures: number, options: PersistOptions): Promise<void> {
  const fullMs = Math.min(pauseMsMin * 2 ** (failures - 1), options.pauseMsMax ?? pauseMsMax);
  // Clients that lost the same server do not all come back at the same moment.
  const pauseMs = Math.round(fullMs * (0.5 + Math.random() / 2));
  options.onReconnect?.({ doing: options.doing ?? "calling", error, failures, pauseMs });
  return pause(pauseMs, options.signal);
}
