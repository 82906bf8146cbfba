import { RegistryError, socketNotFound } from "./errors.js";
import type { Frame } from "./frames.js";
import type { Limits } from "./limits.js";
import { type ListRequest, listPage, type MessagePage, type PeekRequest, peekPage } from "./listing.js";
import { Read, type ReadRequest } from "./read.js";
import { Readers } from "./readers.js";
import { checkEtag, checkNotTeam, checkSocketId, draftOf, generateSocketId } from "./socket.js";
import {
  type LogEvent,
  type Profile,
  type SocketConfig,
  type SocketDraft,
  type SocketRow,
  type SocketState,
  type StateReason,
  type Storage,
  TEAM_NUMBER,
} from "./storage.js";
import { type SocketView, viewOf } from "./view.js";
import { storageFull, type WriteAnswer, type WriteRequest, Writes } from "./write.js";

export interface CreateRequest {
  /** Empty: made from the model. */
  readonly socketId: string;
  readonly model: string;
  readonly profile: Profile;
  readonly labels: Readonly<Record<string, string>>;
  readonly config: SocketConfig;
  readonly onConflict: "FAIL" | "USE_EXISTING" | "REPLACE";
}

export interface ResetRequest {
  readonly socketId: string;
  readonly scope: "ALL" | "QUEUE" | "CONTEXT";
  readonly etag: string;
}

export interface DeleteRequest {
  readonly socketId: string;
  readonly etag: string;
  readonly allowMissing: boolean;
}

/**
 * What a socket is and what happens to its messages. It decides on what was appended, durable or not, and lets nothing
 * out, neither an answer nor a refusal, before what it stood on is durable.
 */
export class Registry {
  readonly #storage: Storage;
  readonly #limits: Limits;
  readonly #readers: Readers;
  readonly #writes: Writes;

  constructor(storage: Storage, limits: Limits) {
    this.#storage = storage;
    this.#limits = limits;
    this.#readers = new Readers(storage, limits.maxReadersPerSocket);
    this.#writes = new Writes(storage, limits);
  }

  /** @throws SOCKET_EXISTS, INVALID_SOCKET_ID, BROADCAST_SOCKET_PROTECTED, SOCKET_LIMIT, STORAGE_FULL */
  async create(request: CreateRequest): Promise<SocketView> {
    const socketId = request.socketId || this.#unusedId(request.model);
    checkSocketId(socketId);
    checkNotTeam(socketId, "created");
    const view = await this.#answer(() => this.#view(this.#create(socketId, request)));
    return await this.#withProfile(view);
  }

  /** @throws SOCKET_NOT_FOUND, SOCKET_INACTIVE, SOCKET_UNRESPONSIVE, QUEUE_FULL, STORAGE_FULL */
  async write(request: WriteRequest): Promise<WriteAnswer> {
    return await this.#answer(() => {
      const answer = this.#writes.write(request);
      const author = request.sender === "" ? undefined : this.#storage.find(request.sender);
      if (author !== undefined) this.#readers.seen(author.number);
      return answer;
    });
  }

  /**
   * Streams a socket's messages until the request's end, the socket's, or the signal's.
   * @throws SOCKET_NOT_FOUND, SOCKET_DELETED, READER_LIMIT, POSITION_LOST
   */
  async *read(request: ReadRequest, signal: AbortSignal): AsyncGenerator<Frame, void, undefined> {
    await this.#storage.durable();
    const row = this.#row(request.socketId);
    this.#readers.enter(row);
    try {
      const context = { storage: this.#storage, readers: this.#readers, limits: this.#limits };
      yield* new Read(context, row, request, signal).frames();
    } finally {
      this.#readers.leave(row.number);
    }
  }

  /** @returns the socket and how many messages its queue held. @throws SOCKET_NOT_FOUND, ETAG_MISMATCH */
  async reset(request: ResetRequest): Promise<{ socket: SocketView; droppedCount: number }> {
    const { socket, droppedCount } = await this.#answer(() => this.#reset(request));
    return { socket: await this.#withProfile(socket), droppedCount };
  }

  /** @returns how many messages the queue held. @throws SOCKET_NOT_FOUND, ETAG_MISMATCH */
  async delete({ socketId, etag, allowMissing }: DeleteRequest): Promise<number> {
    checkNotTeam(socketId, "deleted");
    return await this.#answer(() => {
      if (allowMissing && this.#storage.find(socketId) === undefined) return 0;
      const row = this.#row(socketId);
      checkEtag(row, etag);
      const { depth } = this.#storage.queue(row.number);
      this.#storage.append({ kind: "delete", number: row.number });
      this.#readers.forget(row.number);
      return depth;
    });
  }

  /** A page of the sockets that fit, without prompts and contexts. @throws INVALID_FIELD */
  async list(request: ListRequest): Promise<{ sockets: SocketView[]; nextPageToken: string; revision: number }> {
    return await this.#answer(() => {
      const { rows, nextPageToken, revision } = listPage(this.#storage, this.#limits, request);
      return { sockets: rows.map((row) => this.#view(row)), nextPageToken, revision };
    });
  }

  /** @throws SOCKET_NOT_FOUND */
  async info(socketId: string): Promise<SocketView> {
    return await this.#withProfile(await this.#answer(() => this.#view(this.#row(socketId))));
  }

  /** Changes the state. @throws SOCKET_NOT_FOUND, BROADCAST_SOCKET_PROTECTED */
  async mark(socketId: string, state: SocketState, stateMessage: string): Promise<SocketView> {
    checkNotTeam(socketId, "marked");
    const stateReason: StateReason = state === "INACTIVE" ? "CLIENT_LEFT" : "OPERATOR";
    const view = await this.#answer(() => {
      const row = this.#row(socketId);
      const draft = { ...draftOf(row), state, stateReason, stateMessage };
      return this.#view(this.#append({ kind: "change", number: row.number, draft }));
    });
    return await this.#withProfile(view);
  }

  /** A page of what waits in a queue; nothing changes. @throws SOCKET_NOT_FOUND, POSITION_LOST, INVALID_FIELD */
  async peek(request: PeekRequest): Promise<MessagePage & { instance: string; socket: SocketRow }> {
    await this.#storage.durable();
    const socket = this.#row(request.socketId);
    const page = await peekPage(this.#storage, this.#limits, socket, request);
    return { ...page, instance: this.#storage.instance, socket };
  }

  /** The registry in numbers. */
  async status(): Promise<{ epoch: string; socketCount: number; revision: number }> {
    return await this.#answer(() => ({
      epoch: this.#storage.instance,
      socketCount: this.#storage.socketCount,
      revision: this.#storage.revision,
    }));
  }

  /** Lets history go that is beyond the limits, on the feed and in the log. Called now and then. */
  async retain(nowMs: number): Promise<void> {
    const feed = this.#storage.queue(TEAM_NUMBER);
    const oldest = nowMs - this.#limits.retainedAgeMs;
    while ((feed.oldestUnsettledMs ?? nowMs) < oldest) this.#storage.drop(TEAM_NUMBER, feed.floor + 1);
    const { retainedMessages: messages, retainedBytes: bytes, retainedAgeMs: ageMs } = this.#limits;
    await this.#storage.retain({ messages, bytes, ageMs });
  }

  /** Decides now, and lets the outcome out, be it an answer or a refusal, when all it can stand on is durable. */
  async #answer<T>(decide: () => T): Promise<T> {
    let answer: T;
    try {
      answer = decide();
    } catch (error) {
      await this.#storage.durable();
      throw error;
    }
    await this.#storage.durable();
    return answer;
  }

  #create(socketId: string, request: CreateRequest): SocketRow {
    const existing = this.#storage.find(socketId);
    if (existing !== undefined && request.onConflict === "FAIL") {
      throw new RegistryError("SOCKET_EXISTS", `there is a socket ${socketId} already`, { socket_id: socketId });
    }
    if (existing !== undefined && request.onConflict === "USE_EXISTING") return existing;
    const { maxSockets, maxStoreBytes } = this.#limits;
    if (existing === undefined && this.#storage.socketCount >= maxSockets) {
      throw new RegistryError("SOCKET_LIMIT", `there are ${maxSockets} sockets, the most allowed`, {
        limit: String(maxSockets),
      });
    }
    if (this.#storage.bytes >= maxStoreBytes) throw storageFull(this.#storage, maxStoreBytes);
    const draft: SocketDraft = {
      ...FRESH,
      socketId,
      model: request.model,
      labels: request.labels,
      config: request.config,
    };
    const replaces = existing === undefined ? {} : { replaces: existing.number };
    return this.#append({ kind: "create", draft, profile: request.profile, ...replaces });
  }

  #reset({ socketId, scope, etag }: ResetRequest): { socket: SocketView; droppedCount: number } {
    if (scope === "CONTEXT") checkNotTeam(socketId, "reset but for its queue");
    const row = this.#row(socketId);
    checkEtag(row, etag);
    const queue = scope !== "CONTEXT";
    const droppedCount = queue ? this.#storage.queue(row.number).depth : 0;
    const after = this.#append({
      kind: "reset",
      number: row.number,
      draft: scope === "ALL" ? { ...draftOf(row), ...FRESH } : draftOf(row),
      queue,
      context: scope !== "QUEUE",
    });
    return { socket: this.#view(after), droppedCount };
  }

  /** Appends a change that leaves a row. */
  #append(event: Exclude<LogEvent, { kind: "message" | "delete" }>): SocketRow {
    const { row } = this.#storage.append(event);
    if (row === undefined) throw new Error(`the storage gave no row for a ${event.kind}`);
    return row;
  }

  #row(socketId: string): SocketRow {
    const row = this.#storage.find(socketId);
    if (row === undefined) throw socketNotFound(socketId);
    return row;
  }

  #view(row: SocketRow): SocketView {
    return viewOf(row, this.#storage.queue(row.number), {
      count: this.#readers.count(row.number),
      inFlight: this.#readers.inFlight(row),
      lastSeenMs: this.#readers.lastSeenMs(row.number),
    });
  }

  /** @throws SOCKET_NOT_FOUND when the socket is gone by now */
  async #withProfile(view: SocketView): Promise<SocketView> {
    const profile = await this.#storage.profile(view.row.number);
    return { ...view, profile };
  }

  #unusedId(model: string): string {
    let socketId = generateSocketId(model);
    while (this.#storage.find(socketId) !== undefined) socketId = generateSocketId(model);
    return socketId;
  }
}

/** A socket in the state that Create and Reset give it. */
const FRESH = { state: "ACTIVE", stateReason: "NONE", stateMessage: "" } as const;
