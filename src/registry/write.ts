import type { Deliveries } from "./deliveries.js";
import { RegistryError, socketNotFound } from "./errors.js";
import type { Expiry } from "./expiry.js";
import { type Limits, RESULTS_MAX } from "./limits.js";
import { messageIdOf, revisionOf } from "./message.js";
import type { RetryKey } from "./retries.js";
import { Room } from "./room.js";
import { hasLabels, refusalOf, TEAM_CHAT_ALL } from "./socket.js";
import {
  type Appended,
  type Skip,
  type SkipReason,
  type SocketNumber,
  type SocketRow,
  type Storage,
  TEAM_NUMBER,
} from "./storage.js";

/** One message and its address, its shape already checked. */
export interface WriteRequest {
  /** A socket's id, or `team-chat-all`. */
  readonly socketId: string;
  /** The author's id; empty when it did not say. */
  readonly sender: string;
  /** Whether a broadcast also goes to its own sender. */
  readonly includeSender: boolean;
  /** A broadcast is for the sockets that have all these labels; empty: for all. */
  readonly matchLabels: Readonly<Record<string, string>>;
  /** The id of the message that this one answers, as its author gave it. */
  readonly replyTo: string;
  /** Whether it is a question, which is nothing that the team says. */
  readonly isQuestion: boolean;
  /** The fields that all copies share, encoded as they go to the wire. */
  readonly body: Uint8Array;
  /** Undefined without a request_id. */
  readonly retry: RetryKey | undefined;
}

export interface WriteResult {
  readonly socketId: string;
  readonly sequence: number;
  readonly skipReason: SkipReason | undefined;
}

export interface WriteAnswer {
  readonly revision: number;
  readonly timeMs: number;
  readonly messageId: string;
  readonly deliveredCount: number;
  readonly skippedCount: number;
  readonly results: readonly WriteResult[];
  /** Whether it is that to an earlier request with the same request_id. */
  readonly duplicate: boolean;
}

/**
 * Decides whom a message goes to and appends it: one entry of the log, whatever the number of recipients. What comes
 * back may leave the server once the storage is durable.
 */
export class Writes {
  readonly #storage: Storage;
  readonly #limits: Limits;
  readonly #deliveries: Deliveries;
  readonly #expiry: Expiry;
  readonly #room: Room;

  constructor(storage: Storage, limits: Limits, deliveries: Deliveries, expiry: Expiry) {
    this.#storage = storage;
    this.#limits = limits;
    this.#deliveries = deliveries;
    this.#expiry = expiry;
    this.#room = new Room(storage, limits);
  }

  /** A socket is new or has changed, which can change whether it takes messages. */
  look(row: SocketRow): void {
    this.#room.look(row);
  }

  write(request: WriteRequest): WriteAnswer {
    this.#checkSpace(request);
    if (request.socketId !== TEAM_CHAT_ALL) return this.#toOne(request);
    return Object.keys(request.matchLabels).length > 0 ? this.#toLabelled(request) : this.#toEveryone(request);
  }

  #toOne(request: WriteRequest): WriteAnswer {
    const row = this.#storage.find(request.socketId);
    if (row === undefined) throw socketNotFound(request.socketId);
    const { sender } = request;
    // What a socket writes to itself is its answer to the team, and no state of it can refuse that.
    if (sender === request.socketId) return this.#append(request, [], true);
    this.#makeRoomAt(row, request.body.length);
    const answer = this.#append(request, [row], sender === "" && !request.isQuestion);
    this.#room.look(row);
    return answer;
  }

  #toEveryone(request: WriteRequest): WriteAnswer {
    const skipped = this.#skips(request);
    const isSigned = request.sender !== "";
    if (isSigned) this.#makeRoomOnFeed(request.body.length);
    const appended = this.#appendMessage(request, isSigned ? [TEAM_NUMBER] : [], true, skipped);
    return this.#answer(appended, this.#storage.socketCount - skipped.length, skipped.length, this.#results(skipped));
  }

  /** A broadcast to those who have some labels goes to each of them by name. */
  #toLabelled(request: WriteRequest): WriteAnswer {
    const { sender, includeSender, matchLabels, body } = request;
    const rows: SocketRow[] = [];
    const skipped: Skip[] = [];
    for (const row of this.#storage.sockets(TEAM_NUMBER)) {
      if (!hasLabels(row, matchLabels)) continue;
      const isAuthor = row.socketId === sender && !includeSender;
      const reason = isAuthor ? "SENDER" : this.#refusal(row, body.length);
      if (reason === undefined) rows.push(row);
      else skipped.push({ number: row.number, reason });
    }
    if (sender !== "") this.#makeRoomOnFeed(body.length);
    const targets = rows.map(({ number }) => number);
    const onFeed = sender === "" ? [] : [TEAM_NUMBER];
    const appended = this.#appendMessage(request, [...targets, ...onFeed], false, skipped);
    for (const row of rows) this.#room.look(row);
    const results = [
      ...skipped.map((skip) => this.#skipResult(skip)),
      ...rows.map(({ socketId }, place) => resultAt(socketId, appended.sequences[place])),
    ];
    return this.#answer(appended, rows.length, skipped.length, results.slice(0, RESULTS_MAX));
  }

  #append(request: WriteRequest, rows: readonly SocketRow[], onFeed: boolean): WriteAnswer {
    if (onFeed) this.#makeRoomOnFeed(request.body.length);
    const targets = rows.map((row) => row.number);
    const onBoth = onFeed ? [...targets, TEAM_NUMBER] : targets;
    const appended = this.#appendMessage(request, onBoth, false, []);
    const socketId = rows.length > 0 ? request.socketId : TEAM_CHAT_ALL;
    return this.#answer(appended, 1, 0, [resultAt(socketId, appended.sequences[0])]);
  }

  #appendMessage(
    request: WriteRequest,
    targets: readonly SocketNumber[],
    everyone: boolean,
    skipped: readonly Skip[],
  ): Appended {
    const { socketId, body, sender } = request;
    const replyTo = request.replyTo === "" ? 0 : revisionOf(this.#storage.instance, request.replyTo);
    const routes = { recipient: socketId, targets, everyone, skipped, replyTo };
    return this.#storage.append({ kind: "message", body, sender, ...routes });
  }

  #answer(
    { revision, timeMs }: Appended,
    deliveredCount: number,
    skippedCount: number,
    results: readonly WriteResult[],
  ): WriteAnswer {
    const messageId = messageIdOf(this.#storage.instance, revision);
    return { revision, timeMs, messageId, deliveredCount, skippedCount, results, duplicate: false };
  }

  /** Skips first, because they are what an author must know; then deliveries, as many as fit. */
  #results(skipped: readonly Skip[]): WriteResult[] {
    const results: WriteResult[] = [];
    const isSkipped = new Set(skipped.map(({ number }) => number));
    for (const skip of skipped.slice(0, RESULTS_MAX)) results.push(this.#skipResult(skip));
    for (const row of this.#storage.sockets(TEAM_NUMBER)) {
      if (results.length >= RESULTS_MAX) break;
      if (isSkipped.has(row.number)) continue;
      results.push(resultAt(row.socketId, this.#storage.queue(row.number).tail));
    }
    return results;
  }

  #skipResult({ number, reason }: Skip): WriteResult {
    return { socketId: this.#storage.socket(number)?.socketId ?? "", sequence: 0, skipReason: reason };
  }

  /** Whom a broadcast passes by, and why; a full queue that drops its oldest makes room here. Ascending by number. */
  #skips(request: WriteRequest): Skip[] {
    const { sender, includeSender, body } = request;
    const author = sender === "" || includeSender ? undefined : this.#storage.find(sender);
    const skips: Skip[] = author === undefined ? [] : [{ number: author.number, reason: "SENDER" }];
    for (const row of this.#room.doubtful(body.length)) {
      if (row.number === author?.number) continue;
      const reason = this.#refusal(row, body.length);
      if (reason !== undefined) skips.push({ number: row.number, reason });
    }
    return skips.sort((a, b) => a.number - b.number);
  }

  #makeRoomAt(row: SocketRow, bytes: number): void {
    const { socketId, state } = row;
    const refusal = refusalOf(row);
    if (refusal === "SOCKET_INACTIVE" || refusal === "SOCKET_UNRESPONSIVE") {
      throw new RegistryError(refusal, `${socketId} is ${state.toLowerCase()} and takes no messages`, {
        socket_id: socketId,
        state,
      });
    }
    if (this.#fit(row, bytes)) return;
    const queue = this.#storage.queue(row.number);
    throw new RegistryError("QUEUE_FULL", `the queue of ${socketId} is full`, {
      socket_id: socketId,
      queue_size: String(queue.depth),
      queue_bytes: String(queue.bytes),
    });
  }

  #refusal(row: SocketRow, bytes: number): SkipReason | undefined {
    return refusalOf(row) ?? (this.#fit(row, bytes) ? undefined : "QUEUE_FULL");
  }

  /** Whether a message fits into a queue, once what has outlived its time is gone and its policy has made room. */
  #fit(row: SocketRow, bytes: number): boolean {
    if (this.#room.fits(row, bytes)) return true;
    this.#expiry.expire(row);
    if (this.#room.fits(row, bytes)) return true;
    if (row.config.overflowPolicy !== "DROP_OLDEST" || bytes > this.#room.bytesMax(row)) return false;
    while (!this.#room.fits(row, bytes)) this.#dropOldest(row);
    return true;
  }

  /** The feed refuses nothing: its oldest messages go first. */
  #makeRoomOnFeed(bytes: number): void {
    const row = this.#storage.socket(TEAM_NUMBER);
    const feed = this.#storage.queue(TEAM_NUMBER);
    const { maxQueueMessages, maxQueueBytes } = this.#limits;
    const isFull = (held: number): boolean => held >= maxQueueMessages || feed.bytes + bytes > maxQueueBytes;
    for (let held = feed.depth + feed.parked; row !== undefined && held > 0 && isFull(held); held--) {
      this.#dropOldest(row);
    }
  }

  /** Drops the oldest message that no reader has; when readers have them all, the oldest; and what is parked last. */
  #dropOldest(row: SocketRow): void {
    const { oldestUnsettled, tail, marks } = this.#storage.queue(row.number);
    const free = this.#deliveries.oldestFree(row);
    const oldest = free ?? (oldestUnsettled <= tail ? oldestUnsettled : Math.min(...marks.keys()));
    this.#deliveries.drop(row, [oldest], "OVERFLOW");
  }

  #checkSpace(request: WriteRequest): void {
    const { maxStoreBytes } = this.#limits;
    if (this.#storage.bytes + request.body.length <= maxStoreBytes) return;
    throw storageFull(this.#storage, maxStoreBytes);
  }
}

function resultAt(socketId: string, sequence = 0): WriteResult {
  return { socketId, sequence, skipReason: undefined };
}

/** The store has reached its limit; reading, settling, resetting and deleting make room. */
export function storageFull(storage: Storage, limit: number): RegistryError {
  return new RegistryError("STORAGE_FULL", "the store is full", {
    store_bytes: String(storage.bytes),
    limit: String(limit),
  });
}
