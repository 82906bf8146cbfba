/** The registry's changes, in order. */
import { WatchEventType, type WatchResponse } from "../../../gen/ts/socketregistry/v1/socket_registry.js";
import { onAbort } from "./abort.js";
import type { Activity, Connection } from "./connection.js";
import { heartbeatInterval, reopen } from "./reopen.js";

export interface WatchOptions {
  /** Only the changes after this revision. Default: first a SNAPSHOT of every socket, then SYNCED, then the changes. */
  afterRevision?: bigint | undefined;
  /** Only this socket, which need not exist. Default: all. */
  socketId?: string | undefined;
  /** Ends the watching; the iteration then throws the signal's reason. */
  signal?: AbortSignal | undefined;
}

/**
 * The changes over restarts of the server, each once. Only a snapshot that breaks before SYNCED begins again, from its
 * first socket.
 */
export async function* watch(
  { stub, onReconnect, activities }: Connection,
  { afterRevision = 0n, socketId = "", signal }: WatchOptions = {},
): AsyncGenerator<WatchResponse, void, undefined> {
  const stopping = new AbortController();
  const forget = onAbort(signal, () => stopping.abort(signal?.reason));
  const activity: Activity = { stop: async (reason) => stopping.abort(reason) };
  activities.add(activity);
  let place = afterRevision;
  try {
    yield* changesOnly(
      reopen({
        open: (ending) => stub.watch({ afterRevision: place, socketId, heartbeatInterval }, { signal: ending }),
        onFrame({ type, revision }) {
          // Half a snapshot is no place to go on from.
          if (type !== WatchEventType.WATCH_EVENT_TYPE_SNAPSHOT) place = revision;
        },
        signal: stopping.signal,
        onReconnect,
        doing: "watching",
      }),
    );
  } finally {
    forget();
    activities.delete(activity);
  }
}

async function* changesOnly(frames: AsyncIterable<WatchResponse>): AsyncGenerator<WatchResponse, void, undefined> {
  for await (const frame of frames) if (frame.type !== WatchEventType.WATCH_EVENT_TYPE_HEARTBEAT) yield frame;
}
