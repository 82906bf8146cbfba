/** A Read that goes on: where the server stops or the connection breaks, the next one continues. */
import {
  AckMode,
  type Position,
  ReadRequest,
  type ReadResponse,
} from "../../../gen/ts/socketregistry/v1/socket_registry.js";
import type { Connection } from "./connection.js";
import { heartbeatInterval, reopen } from "./reopen.js";
import type { Part } from "./stub.js";

/** The frames of one Read after another, for ever; the first one, too, is tried until the server is there. */
export function keepReading(
  { stub, onReconnect }: Connection,
  part: Part<ReadRequest>,
  signal: AbortSignal,
): AsyncGenerator<ReadResponse, void, undefined> {
  // Heartbeats also make the server say STARTED, by which we know that a quiet stream is open, and where it is.
  let request = ReadRequest.fromPartial({ ...part, heartbeatInterval });
  return reopen({
    open: (ending) => stub.read(request, { signal: ending }),
    onFrame(frame) {
      request = { ...request, after: placeAfter(request, frame) };
    },
    signal,
    onReconnect,
    doing: `reading ${request.socketId}`,
  });
}

/** The server keeps the place of who takes messages; that of one who only looks, or replays, is ours to keep. */
function placeAfter({ ackMode, after }: ReadRequest, { position }: ReadResponse): Position | undefined {
  const isOurs = ackMode === AckMode.ACK_MODE_NONE || after !== undefined;
  return isOurs && position !== undefined ? position : after;
}
