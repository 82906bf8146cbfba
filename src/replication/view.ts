import { Struct } from "../../gen/ts/google/protobuf/struct.js";
import { Message } from "../../gen/ts/socketregistry/v1/socket_registry.js";
import type { SocketNumber, Storage } from "../registry/storage.js";
import type { SocketRecord } from "./record.js";

/** A view shows this many of the newest waiting messages: Rhetor rewrites and reads it as a whole. */
const MESSAGES = 100;

/** A socket as an original Rhetor reads it, with the newest of its waiting messages; undefined when it is gone. */
export async function viewOf(storage: Storage, number: SocketNumber): Promise<SocketRecord | undefined> {
  const row = storage.socket(number);
  if (row === undefined) return undefined;
  const { activityMs } = storage.queue(number);
  const sequences = newestWaiting(storage, number);
  // Both are asked for now, because in a moment the socket may be gone.
  const asked = [storage.profile(number), storage.readAt(number, sequences)] as const;
  const [{ prompt, context }, messages] = await Promise.all(asked);
  return {
    socketId: row.socketId,
    model: row.model,
    prompt,
    context: context === undefined ? {} : Struct.unwrap(Struct.decode(context)),
    createdMs: row.createdMs,
    state: row.state,
    lastActivityMs: Math.max(row.changedMs, activityMs),
    messages: messages
      .filter(({ damaged }) => !damaged)
      .map(({ body, timeMs }) => {
        const { content, metadata } = Message.decode(body);
        return { content, timeMs, metadata: metadata ?? {} };
      }),
  };
}

/** The newest sequences that wait, in order. */
function newestWaiting(storage: Storage, number: SocketNumber): number[] {
  const queue = storage.queue(number);
  // What waits lies near the end, as a rule; each step looks twice as far back.
  for (let back = MESSAGES; ; back *= 2) {
    const after = queue.durableTail - back;
    const found = [...queue.unsettledAfter(Math.max(0, after))];
    if (found.length >= MESSAGES || after <= 0) return found.slice(-MESSAGES);
  }
}
