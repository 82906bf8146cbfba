import type { Limits } from "./limits.js";
import { decodePageToken, encodePageToken, pageSize } from "./page.js";
import { hasLabels } from "./socket.js";
import type { SocketRow, SocketState, Storage } from "./storage.js";

export interface ListRequest {
  readonly pageSize: number;
  readonly pageToken: string;
  /** Empty: every state. */
  readonly states: readonly SocketState[];
  readonly labels: Readonly<Record<string, string>>;
  /** Empty: every model. */
  readonly model: string;
}

export interface RowPage {
  readonly rows: readonly SocketRow[];
  readonly nextPageToken: string;
  /** The revision when the listing began. */
  readonly revision: number;
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

function isListed(row: SocketRow, { states, labels, model }: ListRequest): boolean {
  if (states.length > 0 && !states.includes(row.state)) return false;
  if (model !== "" && row.model !== model) return false;
  return hasLabels(row, labels);
}

/** At most how many bytes a socket takes in a listing. */
function sizeOf(row: SocketRow): number {
  let bytes = 512 + 3 * (row.model.length + row.stateMessage.length);
  for (const [key, value] of Object.entries(row.labels)) bytes += 16 + 3 * (key.length + value.length);
  return bytes;
}
