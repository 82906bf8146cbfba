import type { Deliveries } from "./deliveries.js";
import type { Delivery } from "./delivery.js";
import { socketNotFound } from "./errors.js";
import type { Liveness } from "./liveness.js";
import type { Readers } from "./readers.js";
import type { SocketNumber, SocketRow, Storage } from "./storage.js";

export interface AcknowledgeRequest {
  readonly socketId: string;
  /** Empty: the queue's own deliveries. */
  readonly consumer: string;
  /** Empty: the current epoch. */
  readonly epoch: string;
  readonly sequences: readonly number[];
  readonly throughSequence: number;
  readonly nackSequences: readonly number[];
  readonly retryDelayMs: number;
  readonly extendSequences: readonly number[];
  /** Undefined: the socket's. */
  readonly ackDeadlineMs: number | undefined;
  /** The streams that are read no more; empty: none. */
  readonly releaseReader: string;
}

export interface RequeueRequest {
  readonly socketId: string;
  /** Empty: what is parked for the queue itself. */
  readonly consumer: string;
  /** Empty: everything that is parked. */
  readonly sequences: readonly number[];
}

export interface AcknowledgeAnswer {
  readonly acknowledgedCount: number;
  readonly staleSequences: readonly number[];
  readonly releasedCount: number;
}

export interface AcknowledgeContext {
  readonly storage: Storage;
  readonly deliveries: Deliveries;
  readonly readers: Readers;
  readonly liveness: Liveness;
}

/** Settles deliveries, gives them back, or extends them. @throws SOCKET_NOT_FOUND */
export function acknowledge(context: AcknowledgeContext, request: AcknowledgeRequest): AcknowledgeAnswer {
  const found = queueOf(context.storage, request.socketId, request.consumer);
  const named = [...request.sequences, ...request.nackSequences, ...request.extendSequences];
  // An old epoch is of a queue that is gone, and no sign of life of this one.
  if (found === undefined || (request.epoch !== "" && request.epoch !== found.row.epoch)) {
    return nothing(named);
  }
  const { row, number } = found;
  const delivery = context.deliveries.find(row, number);
  const answer = delivery === undefined ? nothing(named) : apply(delivery, request);
  const releasedCount = request.releaseReader === "" ? 0 : release(context, number, delivery, request.releaseReader);
  context.readers.awake(number);
  if (context.readers.count(number) === 0) context.deliveries.leave(number);
  if (number === row.number) context.liveness.seen(row);
  return { ...answer, releasedCount };
}

/** Puts parked messages back into a queue. @returns how many. @throws SOCKET_NOT_FOUND */
export function requeue(
  { storage, deliveries }: Pick<AcknowledgeContext, "storage" | "deliveries">,
  { socketId, consumer, sequences }: RequeueRequest,
): number {
  const found = queueOf(storage, socketId, consumer);
  if (found === undefined) return 0;
  const { outstanding } = deliveries.of(found.row, found.number);
  const { marks } = storage.queue(found.number);
  return outstanding.requeue(sequences.length > 0 ? sequences : [...marks.keys()]);
}

/** The queue that deliveries belong to; undefined when there is no such consumer. @throws SOCKET_NOT_FOUND */
export function queueOf(
  storage: Storage,
  socketId: string,
  consumer: string,
): { row: SocketRow; number: SocketNumber } | undefined {
  const row = storage.find(socketId);
  if (row === undefined) throw socketNotFound(socketId);
  if (consumer === "") return { row, number: row.number };
  const number = storage.consumer(consumer)?.number;
  return number === undefined ? undefined : { row, number };
}

function apply({ outstanding }: Delivery, request: AcknowledgeRequest): AcknowledgeAnswer {
  const stale: number[] = [];
  let count = 0;
  const each = (sequences: readonly number[], act: (sequence: number) => boolean): void => {
    for (const sequence of sequences) {
      if (act(sequence)) count++;
      else stale.push(sequence);
    }
  };
  const ack = (sequences: readonly number[]): void => {
    const left = outstanding.ack(sequences);
    count += sequences.length - left.length;
    stale.push(...left);
  };
  ack(request.sequences);
  ack(outstanding.slots.deliveredThrough(request.throughSequence));
  each(request.nackSequences, (sequence) => outstanding.nack(sequence, request.retryDelayMs));
  each(request.extendSequences, (sequence) => outstanding.extend(sequence, request.ackDeadlineMs));
  return { acknowledgedCount: count, staleSequences: stale, releasedCount: 0 };
}

/** Ends the streams of this name, and has what they had wait again. @returns how much that was */
function release(
  { readers }: AcknowledgeContext,
  number: SocketNumber,
  delivery: Delivery | undefined,
  reader: string,
): number {
  readers.release(number, reader);
  return delivery?.outstanding.release(reader) ?? 0;
}

function nothing(staleSequences: readonly number[]): AcknowledgeAnswer {
  return { acknowledgedCount: 0, staleSequences, releasedCount: 0 };
}
