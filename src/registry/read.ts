import { socketDeleted } from "./errors.js";
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
 * One open Read of one socket. The next frame is asked for when the one before is with the transport, and that is when
 * its messages count as handed over.
 */
export class Read {
  readonly #context: ReadContext;
  readonly #request: ReadRequest;
  readonly #signal: AbortSignal;
  #row: SocketRow;
  #source: Source;
  /** Messages that turned out damaged and are still to be announced. */
  #damaged = 0;
  #messagesLeft: number;
  #silentSinceMs = performance.now();

  /** The caller must have entered `readers`. @throws POSITION_LOST */
  constructor(context: ReadContext, row: SocketRow, request: ReadRequest, signal: AbortSignal) {
    this.#context = context;
    this.#request = request;
    this.#signal = signal;
    this.#row = row;
    this.#source = this.#open(request.after);
    this.#messagesLeft = request.maxMessages || Number.POSITIVE_INFINITY;
  }

  async *frames(): AsyncGenerator<Frame, void, undefined> {
    const wantsEvents = this.#request.heartbeatMs !== undefined;
    let isCaughtUp = !wantsEvents;
    try {
      if (wantsEvents) yield this.#frame("STARTED");
      while (this.#messagesLeft > 0) {
        const frame = await this.#ready();
        if (frame !== undefined) {
          yield frame;
          this.#handed(frame);
        } else if (this.#request.noWait) {
          return;
        } else if (!isCaughtUp) {
          isCaughtUp = true;
          yield this.#frame("CAUGHT_UP");
        } else if (await this.#wait()) {
          this.#silentSinceMs = performance.now();
          yield this.#frame("HEARTBEAT");
        }
      }
    } finally {
      this.#source.release();
    }
  }

  /** What can be sent now, if anything can. @throws SOCKET_DELETED */
  async #ready(): Promise<Frame | undefined> {
    const { storage, limits } = this.#context;
    for (;;) {
      const change = await this.#change();
      if (change !== undefined) return change;
      const taken = await this.#source.take({
        messages: Math.min(limits.maxFrameMessages, this.#messagesLeft),
        bytes: limits.maxFrameBytes,
      });
      if (taken.length === 0) return undefined;
      // While the messages were read the socket may have been reset or deleted: then nobody may see them.
      if (storage.socket(this.#row.number)?.epoch !== this.#row.epoch) continue;
      this.#damaged += taken.filter((message) => message.damaged).length;
      const messages = taken.filter((message) => !message.damaged && !this.#isExcluded(message));
      if (messages.length > 0) return this.#frame(undefined, messages);
      this.#source.handed();
    }
  }

  /** What readers must know before they read on: a reset or a loss. */
  async #change(): Promise<Frame | undefined> {
    const { storage } = this.#context;
    const row = storage.socket(this.#row.number);
    if (row?.epoch !== this.#row.epoch) {
      await storage.durable();
      if (row === undefined) throw socketDeleted(this.#row.socketId);
      this.#source.release();
      this.#row = row;
      this.#source = this.#open(undefined);
      return this.#frame("RESET");
    }
    this.#row = row;
    const damaged: Gap | undefined = this.#damaged > 0 ? { reason: "DAMAGED", count: this.#damaged } : undefined;
    this.#damaged = 0;
    const gap = damaged ?? this.#source.gap();
    if (gap === undefined) return undefined;
    await storage.durable();
    return this.#frame("GAP", [], gap);
  }

  #handed(frame: Frame): void {
    const { storage, readers } = this.#context;
    this.#silentSinceMs = performance.now();
    this.#messagesLeft -= frame.messages.length;
    if (frame.event !== undefined) return;
    if (storage.socket(this.#row.number)?.epoch === this.#row.epoch) this.#source.handed();
    if (this.#request.ackMode === "AUTO") readers.seen(this.#row.number);
  }

  /** Waits until there may be something. @returns whether it is time for a heartbeat */
  async #wait(): Promise<boolean> {
    const { storage } = this.#context;
    const { heartbeatMs } = this.#request;
    const { number, epoch } = this.#row;
    const silentMs = performance.now() - this.#silentSinceMs;
    if (heartbeatMs !== undefined && silentMs >= heartbeatMs) return true;
    // From here to the wait nothing can happen in between, so no wake-up is missed.
    if (storage.socket(number)?.epoch !== epoch || this.#source.isReady()) return false;
    const timeoutMs = heartbeatMs === undefined ? undefined : heartbeatMs - silentMs;
    await storage.waitAfter(number, storage.queue(number).durableTail, this.#signal, timeoutMs);
    return false;
  }

  #open(after: Position | undefined): Source {
    const { storage, readers } = this.#context;
    const queue = storage.queue(this.#row.number);
    const start = after === undefined ? undefined : startAfter(this.#row, queue, after);
    if (this.#request.ackMode === "NONE") return new Looking(storage, this.#row, start ?? queue.floor);
    return new Taking(storage, this.#row, readers.delivery(this.#row), start);
  }

  #isExcluded(message: Stored): boolean {
    return this.#request.excludeSender !== "" && message.sender === this.#request.excludeSender;
  }

  #frame(event: ReadEvent | undefined, messages: readonly Stored[] = [], gap?: Gap): Frame {
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
