/**
 * A Read that goes on: when the server stops or the connection breaks, it waits, says so and reads
 * again from where it was. A first attempt that fails is not repeated: nobody has been there yet.
 */
import {
  AckMode,
  type Position,
  type ReadRequest,
  type ReadResponse,
} from "../../gen/ts/socketregistry/v1/socket_registry.js";
import type { RegistryClient } from "./client.js";
import { reopen } from "./reopen.js";

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
export function follow({ client, signal, announce, ...options }: FollowOptions): AsyncIterable<ReadResponse> {
  let request: ReadRequest = { ...options.request, heartbeatInterval };
  return reopen({
    open: () => client.read(request, signal),
    onFrame: (frame) => {
      request = continueAfter(request, frame);
    },
    isDone: () => isDone(options.request, request),
    isEnd: (_, wasOpen) => !wasOpen,
    signal,
    announce,
    doing: "reading",
  });
}

/** The request that continues after this frame. */
function continueAfter(request: ReadRequest, frame: ReadResponse): ReadRequest {
  const maxMessages = Math.max(0, request.maxMessages - frame.messages.length);
  return { ...request, maxMessages, after: placeAfter(request, frame) };
}

/**
 * The server keeps the place of who takes messages or acknowledges them; that of one who only looks, or replays, is
 * ours to keep.
 */
function placeAfter(request: ReadRequest, frame: ReadResponse): Position | undefined {
  const isOurs = request.ackMode === AckMode.ACK_MODE_NONE || request.after !== undefined;
  return isOurs && frame.position !== undefined ? frame.position : request.after;
}

/** Zero means no end, so a count that has run down must not be asked for again. */
function isDone(original: ReadRequest, remaining: ReadRequest): boolean {
  return original.maxMessages > 0 && remaining.maxMessages === 0;
}
