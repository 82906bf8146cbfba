/** The loop over a socket's messages, for as long as its body does not leave it. */
import {
  AckMode,
  GapReason,
  type Position,
  ReadEvent,
  type ReadRequest,
  type ReadResponse,
} from "../../../gen/ts/socketregistry/v1/socket_registry.js";
import { onAbort } from "./abort.js";
import type { Activity, Connection } from "./connection.js";
import { isLoss, openDeliveries } from "./deliveries.js";
import { nameOf } from "./enums.js";
import { type ReceivedMessage, received, settledFate } from "./message.js";
import { keepReading } from "./reading.js";
import type { Part } from "./stub.js";
import { present, teamId } from "./write.js";

/** How a queue is read. */
export interface ReadingOptions {
  /** The most messages that are handed out and not settled. Default 1, which keeps the order. At most 10,000. */
  maxOutstanding?: number | undefined;
  /** The most bytes of them, but always one message. Default: no such bound. */
  maxOutstandingBytes?: bigint | undefined;
  /** A named, durable cursor of the team feed, which starts at the feed's end. For the team only. */
  consumer?: string | undefined;
  /** Leave out what this sender wrote. */
  excludeSender?: string | undefined;
  /** Take over: every other reader of the queue ends with `READER_SUPERSEDED`. */
  exclusive?: boolean | undefined;
  /** Told of a GAP or a RESET: messages that will not come. Default: a warning. */
  onEvent?: ((frame: ReadResponse) => void) | undefined;
  /** Ends the reading, which then throws the signal's reason. */
  signal?: AbortSignal | undefined;
}

export interface MessagesOptions extends ReadingOptions {
  /** When a message counts as settled. Default EXPLICIT: when the body of the loop is done with it. */
  mode?: AckMode | undefined;
  /** Start after this place. Not with EXPLICIT. */
  after?: Part<Position> | undefined;
}

/** The messages of a queue, over restarts of the server, until the loop is left. */
export function messagesOf(
  connection: Connection,
  socketId: string,
  { mode = AckMode.ACK_MODE_EXPLICIT, ...options }: MessagesOptions,
): AsyncGenerator<ReceivedMessage, void, undefined> {
  return mode === AckMode.ACK_MODE_EXPLICIT
    ? settleEach(connection, socketId, options)
    : handOut(connection, socketId, { mode, ...options });
}

/** EXPLICIT: asking for the next message settles the one before, and leaving gives it back. */
async function* settleEach(connection: Connection, socketId: string, options: ReadingOptions & { after?: unknown }) {
  const deliveries = openDeliveries(connection, { ...deliveriesOptions(connection, socketId, options) });
  const activity: Activity = {
    // Whoever closes the connection does not wait for the body of the loop, which cannot settle anything after that.
    stop: (reason) => deliveries.close(reason),
  };
  connection.activities.add(activity);
  let message: ReceivedMessage | undefined;
  try {
    for (;;) {
      message = deliveries.poll();
      if (message === undefined) {
        await deliveries.changed();
        continue;
      }
      yield message;
      void message.ack();
    }
  } finally {
    void message?.nack();
    await deliveries.close(new Error("the loop was left"));
    connection.activities.delete(activity);
  }
}

/** AUTO and NONE: nothing has to be settled, and nothing is read before it is asked for. */
async function* handOut(connection: Connection, socketId: string, { mode, signal, ...options }: MessagesOptions) {
  const stopping = new AbortController();
  const forget = onAbort(signal, () => stopping.abort(signal?.reason));
  const activity: Activity = { stop: async (reason) => stopping.abort(reason) };
  connection.activities.add(activity);
  const onEvent = options.onEvent ?? warnOf(connection, socketId);
  const owner = socketId === teamId ? "" : socketId;
  const request = { ...requestOf(socketId, options), ackMode: mode };
  try {
    for await (const frame of keepReading(connection, request as Part<ReadRequest>, stopping.signal)) {
      if (isLoss(frame)) onEvent(frame);
      for (const message of frame.messages) yield received(connection, message, settledFate, owner);
    }
  } finally {
    forget();
    connection.activities.delete(activity);
  }
}

export function deliveriesOptions(connection: Connection, socketId: string, options: ReadingOptions) {
  const { signal, onEvent: onLoss = warnOf(connection, socketId) } = options;
  return { request: { consumer: "", ...requestOf(socketId, options) }, signal, onLoss };
}

function requestOf(socketId: string, { signal: _, onEvent: __, ...options }: MessagesOptions) {
  return { ...present(options), socketId };
}

function warnOf({ onWarning }: Connection, socketId: string) {
  return ({ event, droppedCount, gapReason }: ReadResponse) => {
    const why = event === ReadEvent.READ_EVENT_RESET ? "the queue was reset" : nameOf(GapReason, gapReason);
    const messages = droppedCount === 1n ? "message" : "messages";
    onWarning(new Error(`${socketId}: ${droppedCount} ${messages} will not come: ${why}`));
  };
}
