import { answer } from "./answer.js";
import { socketNotFound } from "./errors.js";
import type { Limits } from "./limits.js";
import { decodePageToken, encodePageToken, pageSize } from "./page.js";
import { startAfter } from "./reader.js";
import type { SocketRow, SocketState, Storage, Stored } from "./storage.js";

export interface ListRequest {
  readonly pageSize: number;
  readonly pageToken: string;
  /** Empty: every state. */
  readonly states: readonly SocketState[];
  readonly labels: Readonly<Record<string, string>>;
  /** Empty: every model. */
  readonly model: string;
}

export interface PeekRequest {
  readonly socketId: string;
  readonly pageSize: number;
  readonly pageToken: string;
}

export interface RowPage {
  readonly rows: readonly SocketRow[];
  readonly nextPageToken: string;
  /** The revision when the listing began. */
  readonly revision: number;
}

export interface MessagePage {
  readonly socket: SocketRow;
  readonly messages: readonly Stored[];
  readonly nextPageToken: string;
}

/** A listing looks at this many sockets for one page, so that a filter that fits few does not hold everybody up. */
const LOOKED_AT_MAX = 10_000;

/** A page of the sockets that fit. @throws INVALID_FIELD */
export function listPage(storage: Storage, limits: Limits, request: ListRequest): RowPage {
  const size = pageSize(request.pageSize);
  const question = [request.states, Object.entries(request.labels).sort(), request.model];
  const begin: [number, number] = [0, storage.revision];
  const [start, revision] = decodePageToken(request.pageToken, question, begin);
  const rows: SocketRow[] = [];
  let [place, bytes, lookedAt] = [start, 0, 0];
  for (const row of storage.sockets(start)) {
    const isOne = isListed(row, request);
    if (isOne) bytes += sizeOf(row);
    if (rows.length === size || ++lookedAt > LOOKED_AT_MAX || (rows.length > 0 && bytes > limits.maxResponseBytes)) {
      return { rows, nextPageToken: encodePageToken([place, revision], question), revision };
    }
    place = row.number;
    if (isOne) rows.push(row);
  }
  return { rows, nextPageToken: "", revision };
}

/** A page of what waits in a queue. @throws SOCKET_NOT_FOUND, POSITION_LOST, INVALID_FIELD */
export async function peekPage(storage: Storage, limits: Limits, request: PeekRequest): Promise<MessagePage> {
  for (;;) {
    const { socket, sequences, nextPageToken } = await answer(storage, () => choosePeek(storage, limits, request));
    const isCurrent = (): boolean => storage.socket(socket.number)?.epoch === socket.epoch;
    if (!isCurrent()) continue;
    const messages = await storage.readAt(socket.number, sequences);
    // What was chosen before a reset is nobody's any more.
    if (isCurrent()) return { socket, messages: messages.filter(({ damaged }) => !damaged), nextPageToken };
  }
}

/** Which messages are on the page. */
function choosePeek(
  storage: Storage,
  limits: Limits,
  { socketId, pageSize: requested, pageToken }: PeekRequest,
): { socket: SocketRow; sequences: number[]; nextPageToken: string } {
  const size = pageSize(requested);
  const socket = storage.find(socketId);
  if (socket === undefined) throw socketNotFound(socketId);
  const queue = storage.queue(socket.number);
  const begin: [string, number] = [socket.epoch, 0];
  const [epoch, place] = decodePageToken(pageToken, socketId, begin);
  const sequences: number[] = [];
  let bytes = 0;
  let next = startAfter(socket, queue, { epoch, sequence: Math.max(queue.floor, place) }) + 1;
  const last = queue.durableTail;
  for (; next <= last && sequences.length < size; next++) {
    if (queue.isSettled(next)) continue;
    bytes += storage.sizeAt(socket.number, next);
    if (sequences.length > 0 && bytes > limits.maxResponseBytes) break;
    sequences.push(next);
  }
  return { socket, sequences, nextPageToken: next <= last ? encodePageToken([socket.epoch, next - 1], socketId) : "" };
}

function isListed(row: SocketRow, { states, labels, model }: ListRequest): boolean {
  if (states.length > 0 && !states.includes(row.state)) return false;
  if (model !== "" && row.model !== model) return false;
  return Object.entries(labels).every(([key, value]) => Object.hasOwn(row.labels, key) && row.labels[key] === value);
}

/** At most how many bytes a socket takes in a listing. */
function sizeOf(row: SocketRow): number {
  let bytes = 512 + 3 * (row.model.length + row.stateMessage.length);
  for (const [key, value] of Object.entries(row.labels)) bytes += 16 + 3 * (key.length + value.length);
  return bytes;
}
