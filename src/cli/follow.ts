/**
 * A Read that goes on: when the server stops or the connection breaks, it waits, says so and reads
 * again from where it was. A first attempt that fails is not repeated: nobody has been there yet.
 */
import { setTimeout as pause } from "node:timers/promises";
import { status } from "@grpc/grpc-js";
import {
  AckMode,
  type Position,
  type ReadRequest,
  type ReadResponse,
} from "../../gen/ts/socketregistry/v1/socket_registry.js";
import type { RegistryClient } from "./client.js";
import { CallError } from "./failure.js";

const pauseMsMin = 250;
const pauseMsMax = 5_000;
/** Makes the server send STARTED, by which we know that a quiet stream is open, and where it is. */
const heartbeatInterval = { seconds: 15n, nanos: 0 };

export interface FollowOptions {
  client: RegistryClient;
  request: ReadRequest;
  /** Ends the reading; the iteration then throws the signal's reason. */
  signal: AbortSignal;
  /** Called before each pause, with a sentence for people. */
  announce: (text: string) => void;
}

/** The frames of one Read after another. Ends only if the request asks for an end, or with an error. */
export async function* follow(options: FollowOptions): AsyncGenerator<ReadResponse, void, undefined> {
  const { client, signal, announce } = options;
  let request: ReadRequest = { ...options.request, heartbeatInterval };
  let pauseMs = pauseMsMin;
  let wasOpen = false;
  for (;;) {
    try {
      for await (const frame of client.read(request, signal)) {
        wasOpen = true;
        pauseMs = pauseMsMin;
        // Before the frame is handed out: what the consumer does with it is not read a second time.
        request = continueAfter(request, frame);
        yield frame;
      }
      return;
    } catch (error) {
      if (isDone(options.request, request)) return;
      if (!wasOpen || !isUnavailable(error)) throw error;
      announce(`${error.describe()}; reading again in ${pauseMs / 1_000} s`);
    }
    await pauseUnlessStopped(pauseMs, signal);
    pauseMs = Math.min(2 * pauseMs, pauseMsMax);
  }
}

function isUnavailable(error: unknown): error is CallError {
  return error instanceof CallError && error.code === status.UNAVAILABLE;
}

/** The request that continues after this frame. */
function continueAfter(request: ReadRequest, frame: ReadResponse): ReadRequest {
  const maxMessages = Math.max(0, request.maxMessages - frame.messages.length);
  return { ...request, maxMessages, after: placeAfter(request, frame) };
}

/** The server keeps the place of an AUTO reader; that of one who only looks, or replays, is ours to keep. */
function placeAfter(request: ReadRequest, frame: ReadResponse): Position | undefined {
  const isOurs = request.ackMode === AckMode.ACK_MODE_NONE || request.after !== undefined;
  return isOurs && frame.position !== undefined ? frame.position : request.after;
}

/** Zero means no end, so a count that has run down must not be asked for again. */
function isDone(original: ReadRequest, remaining: ReadRequest): boolean {
  return original.maxMessages > 0 && remaining.maxMessages === 0;
}

async function pauseUnlessStopped(milliseconds: number, signal: AbortSignal): Promise<void> {
  await pause(milliseconds, undefined, { signal }).catch(() => signal.throwIfAborted());
}
