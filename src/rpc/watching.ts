/** Changes of sockets between the registry's words and the wire's. */
import { WatchEventType, WatchResponse } from "../../gen/ts/socketregistry/v1/socket_registry.js";
import type { SocketRow } from "../registry/storage.js";
import type { SocketView } from "../registry/view.js";
import type { WatchFrame } from "../registry/watch.js";
import { toSocket } from "./sockets.js";

const types = {
  SNAPSHOT: WatchEventType.WATCH_EVENT_TYPE_SNAPSHOT,
  SYNCED: WatchEventType.WATCH_EVENT_TYPE_SYNCED,
  CREATED: WatchEventType.WATCH_EVENT_TYPE_CREATED,
  UPDATED: WatchEventType.WATCH_EVENT_TYPE_UPDATED,
  STATE_CHANGED: WatchEventType.WATCH_EVENT_TYPE_STATE_CHANGED,
  RESET: WatchEventType.WATCH_EVENT_TYPE_RESET,
  DELETED: WatchEventType.WATCH_EVENT_TYPE_DELETED,
  HEARTBEAT: WatchEventType.WATCH_EVENT_TYPE_HEARTBEAT,
};

/**
 * Encodes the frames of every Watch. A change is the same for all who watch, and the same object, so it is encoded for
 * the first of them; the others get the same bytes.
 *
 * @param viewNow the socket of a row as it is at this moment
 */
export function watchEncoder(viewNow: (row: SocketRow) => SocketView): (frame: WatchFrame) => Buffer {
  const encodings = new WeakMap<WatchFrame, Buffer>();
  return (frame) => {
    const known = encodings.get(frame);
    if (known !== undefined) return known;
    const { revision, kind, row } = frame;
    const socket = row && toSocket({ ...viewNow(row), row, profile: undefined });
    const encoded = WatchResponse.encode({ revision: BigInt(revision), type: types[kind], socket }).finish();
    const bytes = Buffer.from(encoded.buffer, encoded.byteOffset, encoded.byteLength);
    encodings.set(frame, bytes);
    return bytes;
  };
}
