import { orRefuse } from "./answer.js";
import { type RegistryError, socketDeleted, socketNotFound } from "./errors.js";
import type { Frame, Gap, Position, ReadEvent } from "./frames.js";
import type { Limits } from "./limits.js";
import { Looking, type Source, startAfter, Taking } from "./reader.js";
import type { Readers } from "./readers.js";
import type { SocketRow, Storage, Stored } from "./storage.js";

/** What to read, from where and how. */
export interface ReadRequest {
  readonly socketId: string;
  /** AUTO settles what it hands over, NONE settles nothing. */
  readonly ackMode: "AUTO" | "NONE";
  /** End when nothing more can be handed over now. */
  readonly noWait: boolean;
  /** End after this many messages; 0: no such end. */
  readonly maxMessages: number;
  /** Start after this place; undefined: at the oldest message that is not settled. */
  readonly after: Position | undefined;
  /** Send STARTED, CAUGHT_UP, and HEARTBEAT after this long without a frame; undefined: none of them. */
  readonly heartbeatMs: number | undefined;
  /** Leave out, as read, what this sender wrote. */
  readonly excludeSender: string;
}

export interface ReadContext {
  readonly storage: Storage;
  readonly readers: Readers;
  readonly limits: Limits;
}

/**
 * Streams a socket's messages until the request's end, the socket's, or the signal's. The next frame is asked for when
 * the one before is with the transport, and that is when its messages count as handed over.
 *
 * Between a look at the state and what follows from it nothing is awaited, so that no reset, deletion or wake-up can
 * come in between; after everything that was awaited the loop looks again. It is one generator, and not a chain of
 * them, because ten thousand idle ones are kept in memory.
 *
 * @throws SOCKET_NOT_FOUND, SOCKET_DELETED, READER_LIMIT, POSITION_LOST
 */
export async function* read(
  context: ReadContext,
  request: ReadRequest,
  signal: AbortSignal,
): AsyncGenerator<Frame, void, undefined> {
  const { storage } = context;
  const open = await orRefuse(storage, () => new OpenRead(context, request));
  try {
    const started = open.started();
    await storage.durable();
    if (started !== undefined) yield started;
    while (!open.isDone) {
      signal.throwIfAborted();
      const news = open.news();
      if (news !== undefined) {
        await storage.durable();
        if (news instanceof Error) throw news;
        yield news;
        open.handed();
      } else if (open.isReady) {
        await open.take();
        // No variable holds the frame: while nothing comes it would keep its messages alive.
        if (open.frame === undefined) continue;
        yield open.frame;
        open.handed();
      } else if (request.noWait) {
        return;
      } else {
        const event = open.dueEvent();
        if (event === undefined) {
          await open.wait(signal);
        } else {
          yield event;
          open.handed();
        }
      }
    }
  } finally {
    open.close();
  }
}

/** One open Read of one socket. While it is used the socket must be as `news` has just seen it. */
class OpenRead {
  readonly #context: ReadContext;
  readonly #request: ReadRequest;
  #row: SocketRow;
  #source: Source;
  #frame: Frame | undefined;
  /** Messages that turned out damaged and are still to be announced. */
  #damaged = 0;
  #messagesLeft: number;
  #isCaughtUp = false;
  #silentSinceMs = performance.now();

  /** @throws SOCKET_NOT_FOUND, READER_LIMIT, POSITION_LOST */
  constructor(context: ReadContext, request: ReadRequest) {
    const { storage, readers } = context;
    const row = storage.find(request.socketId);
    if (row === undefined) throw socketNotFound(request.socketId);
    const { after } = request;
    const start = after === undefined ? undefined : startAfter(row, storage.queue(row.number), after);
    readers.enter(row, request.ackMode === "AUTO");
    this.#context = context;
    this.#request = request;
    this.#row = row;
    this.#source = this.#open(start);
    this.#messagesLeft = request.maxMessages || Number.POSITIVE_INFINITY;
  }

  /** Whether all the messages that were asked for have been handed over. */
  get isDone(): boolean {
    return this.#messagesLeft <= 0;
  }

  get isReady(): boolean {
    return this.#source.isReady();
  }

  /** The messages that were taken and are not with the transport yet. */
  get frame(): Frame | undefined {
    return this.#frame;
  }

  started(): Frame | undefined {
    return this.#request.heartbeatMs === undefined ? undefined : this.#event("STARTED");
  }

  /** What the reader must know before it reads on, a reset or a loss, or why it cannot. It may not be durable yet. */
  news(): Frame | RegistryError | undefined {
    const row = this.#context.storage.socket(this.#row.number);
    if (row === undefined) return socketDeleted(this.#row.socketId);
    const isReset = row.epoch !== this.#row.epoch;
    this.#row = row;
    if (isReset) {
      this.#source.release();
      this.#source = this.#open(undefined);
      this.#damaged = 0;
      return this.#event("RESET");
    }
    const damaged: Gap | undefined = this.#damaged > 0 ? { reason: "DAMAGED", count: this.#damaged } : undefined;
    this.#damaged = 0;
    const gap = damaged ?? this.#source.gap();
    return gap && this.#event("GAP", gap);
  }

  /** Takes the next messages. There is no frame afterwards when the reader may see none of them. */
  async take(): Promise<void> {
    const { limits } = this.#context;
    const taken = await this.#source.take({
      messages: Math.min(limits.maxFrameMessages, this.#messagesLeft),
      bytes: limits.maxFrameBytes,
    });
    // The socket may have been reset or deleted while they were read: then they are nobody's any more.
    if (!this.#isCurrent()) return;
    this.#damaged += taken.filter((message) => message.damaged).length;
    const messages = taken.filter((message) => !message.damaged && !this.#isExcluded(message));
    if (messages.length > 0) this.#frame = this.#frameOf(messages, undefined, undefined);
    else this.#source.handed();
  }

  /** What was yielded last is with the transport. */
  handed(): void {
    this.#silentSinceMs = performance.now();
    if (this.#frame === undefined) return;
    this.#messagesLeft -= this.#frame.messages.length;
    this.#frame = undefined;
    if (this.#isCurrent()) this.#source.handed();
  }

  /** The event that it is time for, when there is nothing else to say. */
  dueEvent(): Frame | undefined {
    const { heartbeatMs } = this.#request;
    if (heartbeatMs === undefined) return undefined;
    if (!this.#isCaughtUp) {
      this.#isCaughtUp = true;
      return this.#event("CAUGHT_UP");
    }
    return performance.now() - this.#silentSinceMs < heartbeatMs ? undefined : this.#event("HEARTBEAT");
  }

  /** Waits until there may be something to say. */
  wait(signal: AbortSignal): Promise<void> {
    const { storage } = this.#context;
    const { heartbeatMs } = this.#request;
    const { number } = this.#row;
    const timeoutMs = heartbeatMs && this.#silentSinceMs + heartbeatMs - performance.now();
    return storage.waitAfter(number, storage.queue(number).durableTail, signal, timeoutMs);
  }

  /** Gives back what was not handed over. */
  close(): void {
    this.#source.release();
    this.#context.readers.leave(this.#row.number, this.#request.ackMode === "AUTO");
  }

  #open(after: number | undefined): Source {
    const { storage, readers } = this.#context;
    if (this.#request.ackMode === "AUTO") return new Taking(storage, this.#row, readers.delivery(this.#row), after);
    return new Looking(storage, this.#row, after ?? storage.queue(this.#row.number).floor);
  }

  #isCurrent(): boolean {
    return this.#context.storage.socket(this.#row.number)?.epoch === this.#row.epoch;
  }

  #isExcluded(message: Stored): boolean {
    return this.#request.excludeSender !== "" && message.sender === this.#request.excludeSender;
  }

  #event(event: ReadEvent, gap?: Gap): Frame {
    return this.#frameOf([], event, gap);
  }

  #frameOf(messages: readonly Stored[], event: ReadEvent | undefined, gap: Gap | undefined): Frame {
    return {
      socket: this.#row,
      messages,
      deliveryAttempt: this.#request.ackMode === "AUTO" ? 1 : 0,
      event,
      position: { epoch: this.#row.epoch, sequence: this.#source.position },
      backlogCount: this.#source.backlog,
      droppedCount: gap?.count ?? 0,
      gapReason: gap?.reason,
    };
  }
}
