import { RegistryError, socketNotFound } from "./errors.js";
import { type Limits, RESULTS_MAX } from "./limits.js";
import { messageIdOf } from "./message.js";
import { Room } from "./room.js";
import { refusalOf, TEAM_CHAT_ALL } from "./socket.js";
import { type Skip, type SkipReason, type SocketRow, type Storage, TEAM_NUMBER } from "./storage.js";

/** One message and its address, its shape already checked. */
export interface WriteRequest {
  /** A socket's id, or `team-chat-all`. */
  readonly socketId: string;
  /** The author's id; empty when it did not say. */
  readonly sender: string;
  /** Whether a broadcast also goes to its own sender. */
  readonly includeSender: boolean;
  /** The fields that all copies share, encoded as they go to the wire. */
  readonly body: Uint8Array;
}

export interface WriteResult {
  readonly socketId: string;
  readonly sequence: number;
  readonly skipReason: SkipReason | undefined;
}

export interface WriteAnswer {
  readonly messageId: string;
  readonly deliveredCount: number;
  readonly skippedCount: number;
  readonly results: readonly WriteResult[];
}

/**
 * Decides whom a message goes to and appends it: one entry of the log, whatever the number of recipients. What comes
 * back may leave the server once the storage is durable.
 */
export class Writes {
  readonly #storage: Storage;
  readonly #limits: Limits;
  readonly #room: Room;

  constructor(storage: Storage, limits: Limits) {
    this.#storage = storage;
    this.#limits = limits;
    this.#room = new Room(storage, limits);
  }

  /** A socket is new or has changed, which can change whether it takes messages. */
  look(row: SocketRow): void {
    this.#room.look(row);
  }

  write(request: WriteRequest): WriteAnswer {
    this.#checkSpace(request);
    return request.socketId === TEAM_CHAT_ALL ? this.#toEveryone(request) : this.#toOne(request);
  }

  #toOne(request: WriteRequest): WriteAnswer {
    const row = this.#storage.find(request.socketId);
    if (row === undefined) throw socketNotFound(request.socketId);
    const { sender } = request;
    // What a socket writes to itself is its answer to the team, and no state of it can refuse that.
    if (sender === request.socketId) return this.#append(request, [], true);
    this.#makeRoomAt(row, request.body.length);
    const answer = this.#append(request, [row], sender === "");
    this.#room.look(row);
    return answer;
  }

  #toEveryone(request: WriteRequest): WriteAnswer {
    const skipped = this.#skips(request);
    const isSigned = request.sender !== "";
    if (isSigned) this.#makeRoomOnFeed(request.body.length);
    const { revision } = this.#storage.append({
      kind: "message",
      body: request.body,
      sender: request.sender,
      recipient: request.socketId,
      targets: isSigned ? [TEAM_NUMBER] : [],
      everyone: true,
      skipped,
    });
    return {
      messageId: messageIdOf(this.#storage.instance, revision),
      deliveredCount: this.#storage.socketCount - skipped.length,
      skippedCount: skipped.length,
      results: this.#results(skipped),
    };
  }

  #append(request: WriteRequest, rows: readonly SocketRow[], onFeed: boolean): WriteAnswer {
    if (onFeed) this.#makeRoomOnFeed(request.body.length);
    const targets = rows.map((row) => row.number);
    const { revision, sequences } = this.#storage.append({
      kind: "message",
      body: request.body,
      sender: request.sender,
      recipient: request.socketId,
      targets: onFeed ? [...targets, TEAM_NUMBER] : targets,
      everyone: false,
      skipped: [],
    });
    const socketId = rows.length > 0 ? request.socketId : TEAM_CHAT_ALL;
    return {
      messageId: messageIdOf(this.#storage.instance, revision),
      deliveredCount: 1,
      skippedCount: 0,
      results: [{ socketId, sequence: sequences[0] ?? 0, skipReason: undefined }],
    };
  }

  /** Skips first, because they are what an author must know; then deliveries, as many as fit. */
  #results(skipped: readonly Skip[]): WriteResult[] {
    const results: WriteResult[] = [];
    const isSkipped = new Set(skipped.map(({ number }) => number));
    for (const { number, reason } of skipped.slice(0, RESULTS_MAX)) {
      results.push({ socketId: this.#storage.socket(number)?.socketId ?? "", sequence: 0, skipReason: reason });
    }
    for (const row of this.#storage.sockets(TEAM_NUMBER)) {
      if (results.length >= RESULTS_MAX) break;
      if (isSkipped.has(row.number)) continue;
      results.push({
        socketId: row.socketId,
        sequence: this.#storage.queue(row.number).tail,
        skipReason: undefined,
      });
    }
    return results;
  }

  /** Whom a broadcast passes by, and why; a full queue that drops its oldest makes room here. Ascending by number. */
  #skips(request: WriteRequest): Skip[] {
    const { sender, includeSender, body } = request;
    const author = sender === "" || includeSender ? undefined : this.#storage.find(sender);
    const skips: Skip[] = author === undefined ? [] : [{ number: author.number, reason: "SENDER" }];
    for (const row of this.#room.doubtful(body.length)) {
      if (row.number === author?.number) continue;
      const reason = refusalOf(row) ?? (this.#fit(row, body.length) ? undefined : "QUEUE_FULL");
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

  /** Whether a message fits into a queue, once its policy has made the room it may make. */
  #fit(row: SocketRow, bytes: number): boolean {
    if (this.#room.fits(row, bytes)) return true;
    if (row.config.overflowPolicy !== "DROP_OLDEST" || bytes > this.#room.bytesMax(row)) return false;
    const queue = this.#storage.queue(row.number);
    while (!this.#room.fits(row, bytes)) this.#storage.drop(row.number, queue.floor + 1);
    return true;
  }

  /** The feed refuses nothing: its oldest messages go first. */
  #makeRoomOnFeed(bytes: number): void {
    const feed = this.#storage.queue(TEAM_NUMBER);
    const { maxQueueMessages, maxQueueBytes } = this.#limits;
    while (feed.depth > 0 && (feed.depth >= maxQueueMessages || feed.bytes + bytes > maxQueueBytes)) {
      this.#storage.drop(TEAM_NUMBER, feed.floor + 1);
    }
  }

  #checkSpace(request: WriteRequest): void {
    const { maxStoreBytes } = this.#limits;
    if (this.#storage.bytes + request.body.length <= maxStoreBytes) return;
    throw storageFull(this.#storage, maxStoreBytes);
  }
}

/** The store has reached its limit; reading, settling, resetting and deleting make room. */
export function storageFull(storage: Storage, limit: number): RegistryError {
  return new RegistryError("STORAGE_FULL", "the store is full", {
    store_bytes: String(storage.bytes),
    limit: String(limit),
  });
}
