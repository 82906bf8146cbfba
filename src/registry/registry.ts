import { answer } from "./answer.js";
import { socketNotFound } from "./errors.js";
import type { Frame } from "./frames.js";
import { type CreateRequest, type DeleteRequest, Lifecycle, type ResetRequest } from "./lifecycle.js";
import type { Limits } from "./limits.js";
import { type ListRequest, listPage, type MessagePage, type PeekRequest, peekPage } from "./listing.js";
import { type ReadRequest, read } from "./read.js";
import { Readers } from "./readers.js";
import { checkSocketId } from "./socket.js";
import { type SocketRow, type SocketState, type Storage, TEAM_NUMBER } from "./storage.js";
import { type SocketView, viewOf } from "./view.js";
import { type WriteAnswer, type WriteRequest, Writes } from "./write.js";

export type { CreateRequest, DeleteRequest, ResetRequest } from "./lifecycle.js";

/**
 * What a socket is and what happens to its messages. It decides on what was appended, durable or not, and lets nothing
 * out, neither an answer nor a refusal, before what it stood on is durable.
 */
export class Registry {
  readonly #storage: Storage;
  readonly #limits: Limits;
  readonly #readers: Readers;
  readonly #writes: Writes;
  readonly #lifecycle: Lifecycle;

  constructor(storage: Storage, limits: Limits) {
    this.#storage = storage;
    this.#limits = limits;
    this.#readers = new Readers(storage, limits.maxReadersPerSocket);
    this.#writes = new Writes(storage, limits);
    this.#lifecycle = new Lifecycle(storage, limits);
  }

  /** @throws SOCKET_EXISTS, INVALID_SOCKET_ID, BROADCAST_SOCKET_PROTECTED, SOCKET_LIMIT, STORAGE_FULL */
  async create(request: CreateRequest): Promise<SocketView> {
    if (request.socketId !== "") checkSocketId(request.socketId);
    const { view, isNew, replaced } = await this.#answer(() => {
      const created = this.#lifecycle.create(request);
      this.#writes.look(created.row);
      return { ...created, view: this.#view(created.row) };
    });
    if (replaced !== undefined) this.#readers.forget(replaced.number);
    return isNew ? { ...view, profile: request.profile } : await this.#withProfile(view);
  }

  /** @throws SOCKET_NOT_FOUND, SOCKET_INACTIVE, SOCKET_UNRESPONSIVE, QUEUE_FULL, STORAGE_FULL */
  write(request: WriteRequest): Promise<WriteAnswer> {
    return this.#answer(() => {
      const written = this.#writes.write(request);
      const author = request.sender === "" ? undefined : this.#storage.find(request.sender);
      if (author !== undefined) this.#readers.seen(author.number);
      return written;
    });
  }

  /**
   * Streams a socket's messages until the request's end, the socket's, or the signal's.
   * @throws SOCKET_NOT_FOUND, SOCKET_DELETED, READER_LIMIT, POSITION_LOST
   */
  read(request: ReadRequest, signal: AbortSignal): AsyncGenerator<Frame, void, undefined> {
    return read({ storage: this.#storage, readers: this.#readers, limits: this.#limits }, request, signal);
  }

  /** @returns the socket and how many messages its queue held. @throws SOCKET_NOT_FOUND, ETAG_MISMATCH */
  async reset(request: ResetRequest): Promise<{ socket: SocketView; droppedCount: number }> {
    const { view, droppedCount } = await this.#answer(() => {
      const { row, droppedCount } = this.#lifecycle.reset(request);
      this.#writes.look(row);
      return { view: this.#view(row), droppedCount };
    });
    return { socket: await this.#withProfile(view), droppedCount };
  }

  /** @returns how many messages the queue held. @throws SOCKET_NOT_FOUND, ETAG_MISMATCH, BROADCAST_SOCKET_PROTECTED */
  async delete(request: DeleteRequest): Promise<number> {
    const deleted = await this.#answer(() => this.#lifecycle.delete(request));
    if (deleted === undefined) return 0;
    this.#readers.forget(deleted.row.number);
    return deleted.droppedCount;
  }

  /** A page of the sockets that fit, without prompts and contexts. @throws INVALID_FIELD */
  list(request: ListRequest): Promise<{ sockets: SocketView[]; nextPageToken: string; revision: number }> {
    return this.#answer(() => {
      const { rows, nextPageToken, revision } = listPage(this.#storage, this.#limits, request);
      return { sockets: rows.map((row) => this.#view(row)), nextPageToken, revision };
    });
  }

  /** @throws SOCKET_NOT_FOUND */
  async info(socketId: string): Promise<SocketView> {
    const view = await this.#withProfile(await this.#answer(() => this.#view(this.#lifecycle.find(socketId))));
    if (view.profile === undefined) throw socketNotFound(socketId);
    return view;
  }

  /** Changes the state. @throws SOCKET_NOT_FOUND, BROADCAST_SOCKET_PROTECTED */
  async mark(socketId: string, state: SocketState, stateMessage: string): Promise<SocketView> {
    const view = await this.#answer(() => {
      const row = this.#lifecycle.mark(socketId, state, stateMessage);
      this.#writes.look(row);
      return this.#view(row);
    });
    return await this.#withProfile(view);
  }

  /** A page of what waits in a queue; nothing changes. @throws SOCKET_NOT_FOUND, POSITION_LOST, INVALID_FIELD */
  async peek(request: PeekRequest): Promise<MessagePage & { instance: string }> {
    return { ...(await peekPage(this.#storage, this.#limits, request)), instance: this.#storage.instance };
  }

  /** The registry in numbers. */
  status(): Promise<{ epoch: string; socketCount: number; revision: number }> {
    return this.#answer(() => ({
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

  #answer<T>(decide: () => T): Promise<T> {
    return answer(this.#storage, decide);
  }

  #view(row: SocketRow): SocketView {
    return viewOf(row, this.#storage.queue(row.number), {
      count: this.#readers.count(row.number),
      inFlight: this.#readers.inFlight(row),
      lastSeenMs: this.#readers.lastSeenMs(row.number),
    });
  }

  /** Adds the profile, but for a socket that is gone by now: what was done to it before is answered all the same. */
  async #withProfile(view: SocketView): Promise<SocketView> {
    const profile = await this.#storage.profile(view.row.number);
    if (this.#storage.socket(view.row.number) !== undefined) return { ...view, profile };
    await this.#storage.durable();
    return view;
  }
}
