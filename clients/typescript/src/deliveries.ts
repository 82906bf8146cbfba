/**
 * What an EXPLICIT Read hands to us: kept until somebody takes it, held while it is worked on, and settled or given back.
 * What comes again meanwhile, because a stream broke, is handed out once.
 */
import { randomUUID } from "node:crypto";
import {
  AckMode,
  type Message,
  ReadEvent,
  type ReadRequest,
  type ReadResponse,
} from "../../../gen/ts/socketregistry/v1/socket_registry.js";
import { onAbort } from "./abort.js";
import { createAcknowledgements, type Place, type Queue } from "./acknowledgements.js";
import { createBell } from "./bell.js";
import type { Connection } from "./connection.js";
import { isGone } from "./errors.js";
import { createHolding } from "./holding.js";
import { type Fate, type ReceivedMessage, received } from "./message.js";
import { keepReading } from "./reading.js";
import type { Part } from "./stub.js";
import { teamId } from "./write.js";

export interface DeliveriesOptions {
  request: Part<ReadRequest> & Queue;
  signal: AbortSignal | undefined;
  /** Told of the frames that say something was lost. */
  onLoss(frame: ReadResponse): void;
}

export type Deliveries = ReturnType<typeof openDeliveries>;

export function openDeliveries(connection: Connection, { request, signal, onLoss }: DeliveriesOptions) {
  const { stub } = connection;
  const queue: Queue = { socketId: request.socketId, consumer: request.consumer };
  const owner = queue.socketId === teamId ? "" : queue.socketId;
  /** What all streams from here are called, so that the server can be told that they are read no more. */
  const reader = randomUUID();
  const stopping = new AbortController();
  const closing = new AbortController();
  const bell = createBell();
  const acknowledgements = createAcknowledgements(connection, queue);
  /** Handed to us and not known to be settled. */
  const known = new Set<string>();
  /** In the buffer or in somebody's hands: what has to be held. */
  const held = new Map<string, Place>();
  let buffer: ReceivedMessage[] = [];
  let end: { error: unknown } | undefined;
  let isReading = false;
  /** Whether the server may count something as in flight to us. */
  let mayHave = false;

  const holding = createHolding(connection, queue, () => [...held.values()], closing.signal);
  const forget = onAbort(signal, () => endStream(signal?.reason));
  const reading = readAll();

  async function readAll(): Promise<void> {
    isReading = !stopping.signal.aborted;
    try {
      const explicit = { ...request, reader, ackMode: AckMode.ACK_MODE_EXPLICIT };
      for await (const frame of keepReading(connection, explicit, stopping.signal)) take(frame);
      end = { error: undefined };
    } catch (error) {
      end = { error };
    }
    isReading = false;
    // What nobody has begun is released at the end, and is no failed attempt.
    drop(buffer);
    buffer = [];
    bell.ring();
  }

  function endStream(reason: unknown): void {
    // A Read whose first frame has not come yet may have been given messages all the same.
    if (isReading && connection.isConnected()) mayHave = true;
    stopping.abort(reason);
  }

  async function stop(reason: unknown): Promise<void> {
    endStream(reason);
    await reading;
  }

  function take(frame: ReadResponse): void {
    mayHave = true;
    if (frame.event === ReadEvent.READ_EVENT_STARTED) void holding.opened();
    if (frame.event === ReadEvent.READ_EVENT_RESET) {
      const isVoid = ({ epoch }: Place) => epoch !== frame.position?.epoch;
      drop(buffer.filter(isVoid));
      buffer = buffer.filter((message) => !isVoid(message));
    }
    if (isLoss(frame)) onLoss(frame);
    const fresh = frame.messages.filter((message) => !known.has(nameOf(message)));
    for (const message of fresh) {
      known.add(nameOf(message));
      held.set(nameOf(message), message);
      buffer.push(received(connection, message, fateOf(message), owner));
    }
    if (fresh.length > 0) bell.ring();
  }

  function drop(places: readonly Place[]): void {
    for (const place of places) {
      known.delete(nameOf(place));
      held.delete(nameOf(place));
    }
  }

  function fateOf(message: Message): Fate {
    const place: Place = { epoch: message.epoch, sequence: message.sequence };
    let told: Promise<void> | undefined;
    return {
      ack() {
        if (told !== undefined) return told;
        held.delete(nameOf(place));
        // Until the server knows, it may come again after a restart, and has been worked on all the same.
        const forgotten = () => void known.delete(nameOf(place));
        told = acknowledgements.ack(place);
        told.then(forgotten, forgotten);
        return told;
      },
      nack(retryDelayMs = 0) {
        // It may come again before we hear that it was given back, and then it has to be handed out.
        if (told === undefined) drop([place]);
        told ??= acknowledgements.nack(place, retryDelayMs);
        return told;
      },
      async extend() {
        await stub.acknowledge({ ...queue, epoch: place.epoch, extendSequences: [place.sequence] });
      },
    };
  }

  function check(): undefined {
    if (end !== undefined) throw end.error ?? new Error(`reading ${queue.socketId} ended`);
  }

  return {
    /** Waits until there is a message, or an end, or somebody rings. */
    changed: () => bell.heard(),
    ring: () => bell.ring(),
    /** Throws what the reading has ended with. */
    check,
    /** The oldest message that waits, unless the stream is to end. Throws what the reading has ended with. */
    poll(): ReceivedMessage | undefined {
      check();
      return stopping.signal.aborted ? undefined : buffer.shift();
    },
    /** Ends the stream. What somebody has in hand is held and can be settled all the same. */
    stop,
    /**
     * Ends the stream, holds nothing any longer, and waits until the server knows what became of everything: what is not
     * settled, and what was on its way to us, waits again at once.
     */
    async close(reason: unknown): Promise<void> {
      forget();
      await stop(reason);
      closing.abort();
      await acknowledgements.finish(mayHave && !isGone(end?.error) ? reader : undefined);
    },
  };
}

/** Whether a frame says that messages will not come. */
export function isLoss({ event }: ReadResponse): boolean {
  return event === ReadEvent.READ_EVENT_GAP || event === ReadEvent.READ_EVENT_RESET;
}

function nameOf({ epoch, sequence }: Place): string {
  return `${epoch}:${sequence}`;
}
