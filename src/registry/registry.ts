import {
  type AcknowledgeAnswer,
  type AcknowledgeRequest,
  acknowledge,
  type RequeueRequest,
  requeue,
} from "./acknowledge.js";
import { answer, orRefuse } from "./answer.js";
import { type AskFrame, type AskRequest, ask } from "./ask.js";
import { type Clock, machineClock } from "./clock.js";
import { RegistryError, socketNotFound } from "./errors.js";
import type { Frame } from "./frames.js";
import type { CreateRequest, DeleteRequest, ResetRequest } from "./lifecycle.js";
import type { Limits } from "./limits.js";
import { type ListRequest, listPage } from "./listing.js";
import type { StreamCall } from "./open-read.js";
import { Parts } from "./parts.js";
import { type MessagePage, type PeekRequest, peekPage } from "./peek.js";
import { read } from "./read.js";
import type { ReadRequest } from "./read-request.js";
import { type ReceiptsPage, type ReceiptsRequest, receiptsPage } from "./receipts.js";
import { checkEpoch, checkNotTeam, checkSocketId } from "./socket.js";
import { type SocketRow, type SocketState, type Storage, TEAM_NUMBER } from "./storage.js";
import type { UpdateRequest } from "./update.js";
import { upkeep } from "./upkeep.js";
import { type SocketView, viewOf, viewOfGone } from "./view.js";
import { type WatchFrame, type WatchRequest, watch } from "./watch.js";
import type { WriteAnswer, WriteRequest } from "./write.js";
import { type WriteFrame, type Written, writeStream } from "./write-stream.js";
import { Writing } from "./writing.js";

export type { CreateRequest, DeleteRequest, ResetRequest } from "./lifecycle.js";

/** An answer, and whether it is that to an earlier request with the same request_id. */
export type Maybe<T> = T & { readonly duplicate: boolean };

/**
 * What a socket is and what happens to its messages. It decides on what was appended, durable or not, and lets nothing
 * out, neither an answer nor a refusal, before what it stood on is durable.
 */
export class Registry {
  readonly #storage: Storage;
  readonly #limits: Limits;
  readonly #parts: Parts;
  readonly #writing: Writing;

  constructor(storage: Storage, limits: Limits, clock: Clock = machineClock) {
    this.#storage = storage;
    this.#limits = limits;
    this.#parts = new Parts(storage, limits, clock);
    this.#writing = new Writing(this.#parts);
  }

  /** The id of this history. */
  get instance(): string {
    return this.#storage.instance;
  }

  /** @throws SOCKET_EXISTS, INVALID_SOCKET_ID, BROADCAST_SOCKET_PROTECTED, SOCKET_LIMIT, STORAGE_FULL, REQUEST_ID_REUSED */
  async create(request: CreateRequest): Promise<Maybe<{ view: SocketView }>> {
    const { retries } = this.#parts;
    if (retries.has(request.retry)) {
      const earlier = await retries.earlier(request.retry);
      if (earlier?.answer.kind === "create") return { view: await this.#present(earlier.answer.row), duplicate: true };
    }
    return { view: await this.#create(request), duplicate: false };
  }

  /** @throws SOCKET_NOT_FOUND, SOCKET_INACTIVE, SOCKET_UNRESPONSIVE, QUEUE_FULL, STORAGE_FULL, REQUEST_ID_REUSED */
  write(request: WriteRequest): Promise<WriteAnswer> {
    return this.#writing.write(request);
  }

  /** Many Writes of one caller, in their order. What `write` throws is told of the single one. */
  writeStream(
    frames: AsyncIterable<WriteFrame>,
    signal: AbortSignal,
  ): AsyncGenerator<readonly Written[], void, undefined> {
    const decide = (request: WriteRequest) => this.#writing.decideInTurn(request);
    return writeStream({ storage: this.#storage, limits: this.#limits, decide }, frames, signal);
  }

  /**
   * Streams a socket's messages until the request's end, the socket's, or the signal's.
   * @throws SOCKET_NOT_FOUND, SOCKET_DELETED, READER_LIMIT, READER_SUPERSEDED, POSITION_LOST
   */
  read(request: ReadRequest, call: StreamCall): AsyncGenerator<Frame, void, undefined> {
    return read(this.#parts, request, call);
  }

  /** @throws SOCKET_NOT_FOUND */
  acknowledge(request: AcknowledgeRequest): Promise<AcknowledgeAnswer> {
    return this.#answer(() => acknowledge(this.#parts, request));
  }

  /** @returns how many messages wait again. @throws SOCKET_NOT_FOUND */
  requeue(request: RequeueRequest): Promise<number> {
    return this.#answer(() => requeue(this.#parts, request));
  }

  /**
   * Writes a question and streams the replies.
   * @throws READER_LIMIT and what `write` throws
   */
  async *ask(request: AskRequest, signal: AbortSignal): AsyncGenerator<AskFrame, void, undefined> {
    const { asks, retries } = this.#parts;
    const { retry } = request.write;
    const earlier = retries.has(retry) ? await this.#writing.before(request.write) : undefined;
    const isAgain = earlier !== undefined;
    const asked = await orRefuse(this.#storage, () => {
      asks.checkRoom();
      const answer = earlier ?? this.#writing.decide(request.write);
      // Before anybody can see the question, and answer it.
      return { answer, listener: asks.open(answer.messageId), isAgain };
    });
    yield* ask(this.#parts, request, asked, signal);
  }

  /** @returns the socket and how many messages its queue held. @throws SOCKET_NOT_FOUND, ETAG_MISMATCH */
  async reset(request: ResetRequest): Promise<{ socket: SocketView; droppedCount: number }> {
    const { view, droppedCount } = await this.#answer(() => {
      const { row, droppedCount } = this.#parts.lifecycle.reset(request);
      this.#parts.changed(row);
      return { view: this.#view(row), droppedCount };
    });
    return { socket: await this.#withProfile(view), droppedCount };
  }

  /** @returns how many messages the queue held. @throws SOCKET_NOT_FOUND, ETAG_MISMATCH, BROADCAST_SOCKET_PROTECTED */
  async delete(request: DeleteRequest): Promise<number> {
    const deleted = await this.#answer(() => this.#parts.lifecycle.delete(request));
    if (deleted === undefined) return 0;
    this.#parts.gone(deleted.row);
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
    const find = (): SocketView => this.#view(this.#parts.lifecycle.find(socketId));
    const view = await this.#withProfile(await this.#answer(find));
    if (view.profile === undefined) throw socketNotFound(socketId);
    return view;
  }

  /** Changes the state. @throws SOCKET_NOT_FOUND, BROADCAST_SOCKET_PROTECTED */
  mark(socketId: string, state: SocketState, stateMessage: string): Promise<SocketView> {
    return this.#change(() => this.#parts.lifecycle.mark(socketId, state, stateMessage));
  }

  /** @throws SOCKET_NOT_FOUND, ETAG_MISMATCH, BROADCAST_SOCKET_PROTECTED, STORAGE_FULL */
  update(request: UpdateRequest): Promise<SocketView> {
    return this.#change(() => this.#parts.lifecycle.update(request));
  }

  /** A sign of life. @throws SOCKET_NOT_FOUND, EPOCH_MISMATCH, BROADCAST_SOCKET_PROTECTED */
  heartbeat(socketId: string, epoch: string): Promise<SocketView> {
    return this.#answer(() => {
      checkNotTeam(socketId, "kept alive");
      const row = this.#parts.lifecycle.find(socketId);
      checkEpoch(row, epoch);
      this.#parts.liveness.seen(row);
      return this.#view(this.#parts.lifecycle.find(socketId));
    });
  }

  /** A page of what waits in a queue, or is parked; nothing changes. @throws SOCKET_NOT_FOUND, POSITION_LOST, INVALID_FIELD */
  peek(request: PeekRequest): Promise<MessagePage> {
    return peekPage(this.#storage, this.#limits, request);
  }

  /** A message and what became of it. @throws MESSAGE_NOT_FOUND, INVALID_FIELD */
  receipts(request: ReceiptsRequest): Promise<ReceiptsPage> {
    return receiptsPage(this.#storage, this.#limits, request);
  }

  /** Streams the changes of sockets. @throws POSITION_LOST, READER_LIMIT */
  watch(request: WatchRequest, signal: AbortSignal): AsyncGenerator<WatchFrame, void, undefined> {
    return watch(this.#parts, request, signal);
  }

  /** A socket as it is now, or, when it is gone, as the row says; without its profile. */
  viewNow(row: SocketRow): SocketView {
    return this.#storage.socket(row.number) === undefined ? viewOfGone(row) : this.#view(row);
  }

  /** The registry in numbers. */
  status(): Promise<{ epoch: string; socketCount: number; revision: number; dedupeMs: number }> {
    return this.#answer(() => ({
      epoch: this.#storage.instance,
      socketCount: this.#storage.socketCount,
      revision: this.#storage.revision,
      dedupeMs: this.#parts.retries.coveredMs(this.#parts.clock.elapsedMs()),
    }));
  }

  /** Lets time have its way with what needs no precise moment. Called about once a second. */
  upkeep(): Promise<void> {
    return upkeep(this.#parts);
  }

  /** Nothing happens by time any more. What is worth keeping goes into the storage's last batch. */
  close(): void {
    this.#parts.alarms.close();
    try {
      this.#parts.liveness.keep(true);
    } catch (error) {
      // Without a store it is a minute too old at most.
      if (!(error instanceof RegistryError)) throw error;
    }
  }

  async #create(request: CreateRequest): Promise<SocketView> {
    if (request.socketId !== "") checkSocketId(request.socketId);
    const { view, isNew, replaced } = await this.#answer(() => {
      const created = this.#parts.lifecycle.create(request);
      const { row, isNew } = created;
      this.#parts.changed(row);
      const { changedRevision: revision, changedMs: timeMs } = row;
      if (isNew && request.retry !== undefined) {
        this.#storage.remember({ ...request.retry, revision, timeMs, answer: { kind: "create", row } });
      }
      return { ...created, view: this.#view(row) };
    });
    if (replaced !== undefined) this.#parts.gone(replaced);
    return isNew ? { ...view, profile: request.profile } : await this.#withProfile(view);
  }

  async #change(change: () => SocketRow): Promise<SocketView> {
    const view = await this.#answer(() => {
      const row = change();
      this.#parts.changed(row);
      return this.#view(row);
    });
    return await this.#withProfile(view);
  }

  #answer<T>(decide: () => T): Promise<T> {
    return answer(this.#storage, decide);
  }

  /** A socket that was created earlier, as it is now, or, when it is gone, as it was then. */
  async #present(created: SocketRow): Promise<SocketView> {
    const row = await this.#answer(() => this.#storage.socket(created.number));
    return row === undefined ? viewOfGone(created) : await this.#withProfile(this.#view(row));
  }

  #view(row: SocketRow): SocketView {
    const { readers, consumers, deliveries, liveness } = this.#parts;
    const consumerReaders = row.number === TEAM_NUMBER ? consumers.readerCount : 0;
    return viewOf(row, this.#storage.queue(row.number), {
      count: readers.count(row.number) + consumerReaders,
      inFlight: deliveries.find(row)?.inFlight ?? 0,
      lastSeenMs: liveness.lastSeenMs(row.number),
      leaseExpireMs: liveness.leaseExpireMs(row.number),
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
