import type { Position } from "./frames.js";
import type { Holder } from "./slots.js";

/** What to read, from where and how. */
export interface ReadRequest {
  readonly socketId: string;
  /** AUTO settles what it hands over, EXPLICIT waits for acknowledgements, NONE settles nothing. */
  readonly ackMode: "AUTO" | "EXPLICIT" | "NONE";
  /** A named cursor of the feed; empty: the queue's own. */
  readonly consumer: string;
  /** EXPLICIT: how many messages, and bytes of them, may be in flight to this stream. */
  readonly maxOutstanding: number;
  readonly maxOutstandingBytes: number;
  /** What the client calls its stream, so that it can release what that has in flight. Empty: nothing. */
  readonly reader: string;
  /** End every other Read that takes messages of this queue. */
  readonly exclusive: boolean;
  /** End when nothing more can be handed over now. */
  readonly noWait: boolean;
  /** End after this many messages; 0: no such end. */
  readonly maxMessages: number;
  /** Start after this place; undefined: at the oldest message that is not settled. */
  readonly after: Position | undefined;
  /** Send STARTED, CAUGHT_UP, and HEARTBEAT after this long without a frame; undefined: none of them. */
  readonly heartbeatMs: number | undefined;
  /** Leave out, as read, what this sender wrote. */
  readonly excludeSender: string;
}

/** An EXPLICIT stream with nothing in flight yet. */
export function holderOf({ reader, maxOutstanding, maxOutstandingBytes }: ReadRequest): Holder {
  return {
    reader,
    messagesMax: maxOutstanding || 1,
    bytesMax: maxOutstandingBytes || Number.POSITIVE_INFINITY,
    messages: 0,
    bytes: 0,
    isOverdue: false,
  };
}
