import { RegistryError } from "./errors.js";
import type { Limits } from "./limits.js";
import { revisionOf } from "./message.js";
import { decodePageToken, encodePageToken, pageSize } from "./page.js";
import { TEAM_CHAT_ALL } from "./socket.js";
import {
  type Fate,
  type Letter,
  type SkipReason,
  type SocketNumber,
  type SocketRow,
  type Storage,
  TEAM_NUMBER,
} from "./storage.js";

export interface ReceiptsRequest {
  readonly messageId: string;
  readonly pageSize: number;
  readonly pageToken: string;
}

/** What became of a message at one recipient. */
export interface Receipt {
  readonly socketId: string;
  /** Undefined for a recipient that was skipped. */
  readonly fate: Fate | undefined;
  readonly skipReason: SkipReason | undefined;
}

export interface ReceiptsPage {
  readonly letter: Letter;
  readonly receipts: readonly Receipt[];
  readonly nextPageToken: string;
}

/** Someone whom a message was for. */
export interface Recipient {
  /** 0 when the socket is gone, and its number with it. */
  readonly number: SocketNumber;
  readonly socketId: string;
  readonly skipReason: SkipReason | undefined;
}

/** The copy went with its queue. */
const GONE: Fate = { sequence: 0, state: "DROPPED", attempt: 0, deliveredMs: 0, settledMs: 0 };

/** A message and what became of it. @throws MESSAGE_NOT_FOUND, INVALID_FIELD */
export async function receiptsPage(storage: Storage, limits: Limits, request: ReceiptsRequest): Promise<ReceiptsPage> {
  const size = pageSize(request.pageSize);
  const [start] = decodePageToken(request.pageToken, request.messageId, [0] as [number]);
  const revision = revisionOf(storage.instance, request.messageId);
  const letter = revision === 0 ? undefined : await storage.letter(revision);
  await storage.durable();
  if (letter === undefined) {
    throw new RegistryError("MESSAGE_NOT_FOUND", `there is no message ${request.messageId}, or no longer`, {
      message_id: request.messageId,
    });
  }
  const receipts: Receipt[] = [];
  let bytes = letter.body.length;
  let place = start;
  for (const recipient of recipientsOf(storage, letter, start)) {
    bytes += 256;
    if (receipts.length === size || (receipts.length > 0 && bytes > limits.maxResponseBytes)) {
      return { letter, receipts, nextPageToken: encodePageToken([place], request.messageId) };
    }
    receipts.push(await receiptOf(storage, recipient, revision));
    // Not by its name: the socket may be gone by now, or another one.
    place = recipient.number;
  }
  return { letter, receipts, nextPageToken: "" };
}

/**
 * Whom a message was for, in order of creation, those after a number: of a broadcast everybody of that moment who is
 * still there, with those who were skipped; of what went to the feed alone, the feed.
 */
export function* recipientsOf(storage: Storage, letter: Letter, after: SocketNumber = 0): Generator<Recipient> {
  const skips = new Map(letter.skipped.map(({ number, reason }) => [number, reason]));
  if (letter.everyone) {
    for (const row of storage.sockets(Math.max(after, TEAM_NUMBER))) {
      if (wasThere(row, letter)) yield recipient(row, skips.get(row.number));
    }
    return;
  }
  const named = letter.targets.filter((number) => number !== TEAM_NUMBER);
  const numbers = named.length + skips.size > 0 ? [...named, ...skips.keys()].sort((a, b) => a - b) : letter.targets;
  for (const number of numbers) {
    const row = storage.socket(number);
    if (row !== undefined && number > after) yield recipient(row, skips.get(number));
    // Only of a message to one socket is it known who that was.
    else if (row === undefined && letter.recipient !== TEAM_CHAT_ALL && after === 0) {
      yield { number: 0, socketId: letter.recipient, skipReason: skips.get(number) };
    }
  }
}

/** What became of a message at one recipient. */
export async function receiptOf(
  storage: Storage,
  { number, socketId, skipReason }: Recipient,
  revision: number,
): Promise<Receipt> {
  if (skipReason !== undefined) return { socketId, fate: undefined, skipReason };
  const isThere = number !== 0 && storage.socket(number) !== undefined;
  const fate = isThere ? await storage.fate(number, revision) : undefined;
  return { socketId, fate: fate ?? GONE, skipReason: undefined };
}

function recipient({ number, socketId }: SocketRow, skipReason: SkipReason | undefined): Recipient {
  return { number, socketId, skipReason };
}

/** Whether a socket was there when a broadcast was written. */
function wasThere({ createdRevision, createdMs }: SocketRow, { revision, timeMs }: Letter): boolean {
  return createdRevision > 0 ? createdRevision < revision : createdMs < timeMs;
}
