import { queueOf } from "./acknowledge.js";
import { answer } from "./answer.js";
import { socketNotFound } from "./errors.js";
import type { Limits } from "./limits.js";
import { decodePageToken, encodePageToken, pageSize } from "./page.js";
import { startAfter } from "./reader.js";
import type { QueueView, SocketNumber, SocketRow, Storage, Stored } from "./storage.js";

export interface PeekRequest {
  readonly socketId: string;
  readonly pageSize: number;
  readonly pageToken: string;
  /** Look at parked messages, and not at those that wait or are in flight. */
  readonly parked: boolean;
  /** A consumer of the feed; empty: the queue's own. */
  readonly consumer: string;
}

export interface MessagePage {
  readonly socket: SocketRow;
  readonly messages: readonly Stored[];
  readonly nextPageToken: string;
}

/** What was decided to be on a page. */
interface Choice {
  readonly socket: SocketRow;
  readonly number: SocketNumber;
  readonly sequences: readonly number[];
  readonly nextPageToken: string;
}

/** A page of a queue; nothing changes. @throws SOCKET_NOT_FOUND, POSITION_LOST, INVALID_FIELD */
export async function peekPage(storage: Storage, limits: Limits, request: PeekRequest): Promise<MessagePage> {
  for (;;) {
    const { socket, number, sequences, nextPageToken } = await answer(storage, () => choose(storage, limits, request));
    const isCurrent = (): boolean => storage.socket(socket.number)?.epoch === socket.epoch;
    if (!isCurrent()) continue;
    const messages = sequences.length > 0 ? await storage.readAt(number, sequences) : [];
    // What was chosen before a reset is nobody's any more.
    if (isCurrent()) return { socket, messages: messages.filter(({ damaged }) => !damaged), nextPageToken };
  }
}

function choose(storage: Storage, limits: Limits, request: PeekRequest): Choice {
  const size = pageSize(request.pageSize);
  const found = queueOf(storage, request.socketId, request.consumer);
  if (found === undefined) return nothing(storage, request.socketId);
  const { row: socket, number } = found;
  const queue = storage.queue(number);
  const question = [request.socketId, request.consumer, request.parked];
  const begin: [string, number] = [socket.epoch, 0];
  const [epoch, place] = decodePageToken(request.pageToken, question, begin);
  // A token of another epoch is refused; within this one every place is good.
  startAfter(socket, queue, { epoch, sequence: queue.tail });
  const sequences: number[] = [];
  let bytes = 0;
  for (const sequence of request.parked ? parkedAfter(queue, place) : queue.unsettledAfter(place)) {
    bytes += storage.sizeAt(number, sequence);
    if (sequences.length === size || (sequences.length > 0 && bytes > limits.maxResponseBytes)) {
      const nextPageToken = encodePageToken([socket.epoch, sequences.at(-1) ?? 0], question);
      return { socket, number, sequences, nextPageToken };
    }
    sequences.push(sequence);
  }
  return { socket, number, sequences, nextPageToken: "" };
}

/** A consumer that nobody has used has nothing. */
function nothing(storage: Storage, socketId: string): Choice {
  const socket = storage.find(socketId);
  if (socket === undefined) throw socketNotFound(socketId);
  return { socket, number: socket.number, sequences: [], nextPageToken: "" };
}

function parkedAfter({ marks }: QueueView, after: number): number[] {
  const parked: number[] = [];
  for (const { sequence, state } of marks.values()) if (state === "PARKED" && sequence > after) parked.push(sequence);
  return parked.sort((a, b) => a - b);
}
