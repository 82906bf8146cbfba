import type { Clock } from "./clock.js";
import type { Consumers } from "./consumers.js";
import type { Deliveries } from "./deliveries.js";
import { type RegistryError, socketDeleted, socketNotFound } from "./errors.js";
import type { Expiry } from "./expiry.js";
import type { Frame, Gap, ReadEvent } from "./frames.js";
import { Holding } from "./holding.js";
import type { Limits } from "./limits.js";
import type { Liveness } from "./liveness.js";
import { holderOf, type ReadRequest } from "./read-request.js";
import { Looking, type Source, startAfter, Taking } from "./reader.js";
import type { Reader, Readers } from "./readers.js";
import type { Holder } from "./slots.js";
import type { MaybePromise, SocketNumber, SocketRow, Storage, Stored } from "./storage.js";

/**
 * A client that cancels a Read and reads again may be heard in the wrong order. For this long a new reader that wants
 * its messages in order takes another stream, which has something in flight, for its own former one.
 */
const TAKEOVER_MS = 100;

export interface ReadContext {
  readonly storage: Storage;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly readers: Readers;
  readonly consumers: Consumers;
  readonly deliveries: Deliveries;
  readonly liveness: Liveness;
  readonly expiry: Expiry;
}

/** The call that a stream belongs to: its signal tells when to stop, and an exclusive reader may abort it. */
export type StreamCall = Pick<AbortController, "signal" | "abort">;

/** One open Read of one queue. While it is used the socket must be as `news` has just seen it. */
export class OpenRead implements Reader {
  readonly holder: Holder | undefined;
  readonly #context: ReadContext;
  readonly #request: ReadRequest;
  readonly #call: StreamCall;
  /** The queue's number: the socket's own, or a consumer's. */
  readonly #number: SocketNumber;
  #row: SocketRow;
  #source: Source;
  #frame: Frame | undefined;
  /** Messages that turned out damaged and are still to be announced. */
  #damaged = 0;
  #messagesLeft: number;
  #isCaughtUp = false;
  /** The newest message that was there when the stream opened. */
  #backlogEnd: number;
  #silentSinceMs = performance.now();

  /** @throws SOCKET_NOT_FOUND, READER_LIMIT, READER_SUPERSEDED, POSITION_LOST */
  constructor(context: ReadContext, request: ReadRequest, call: StreamCall) {
    const { storage, readers, consumers, liveness } = context;
    const row = storage.find(request.socketId);
    if (row === undefined) throw socketNotFound(request.socketId);
    const feed = storage.queue(row.number);
    // A consumer that is there knows what it has not settled, as any queue does in EXPLICIT mode.
    const isKnown = request.ackMode === "EXPLICIT" && storage.consumer(request.consumer) !== undefined;
    const start = request.after === undefined || isKnown ? undefined : startAfter(row, feed, request.after);
    this.#number = request.consumer === "" ? row.number : consumers.open(request.consumer, start ?? feed.tail).number;
    this.#context = context;
    this.#request = request;
    this.#call = call;
    this.#row = row;
    this.holder = request.ackMode === "EXPLICIT" ? holderOf(request) : undefined;
    this.#messagesLeft = request.maxMessages || Number.POSITIVE_INFINITY;
    readers.enter(row, this.#number, this);
    this.#source = this.#open(start);
    this.#backlogEnd = storage.queue(this.#number).durableTail;
    if (this.takes && this.#isOwn) liveness.seen(row);
  }

  get takes(): boolean {
    return this.#request.ackMode !== "NONE";
  }

  get isExclusive(): boolean {
    return this.#request.exclusive;
  }

  end(error: RegistryError): void {
    this.#call.abort(error);
    // Its last frame may never leave; what is in it is somebody else's from now on.
    this.#source.release();
  }

  release(): void {
    this.#messagesLeft = 0;
    this.#source.release();
    this.#context.storage.wake(this.#number);
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

  /** Waits, when the order asks for it, until it is clear whether what is in flight comes back to this reader. */
  async settleIn(): Promise<void> {
    const { storage, clock, deliveries } = this.#context;
    if (this.holder?.messagesMax !== 1 || !this.#isCurrent()) return;
    const { outstanding } = deliveries.of(this.#row, this.#number);
    let isOver = false;
    // A timer may be a little early by the clock, so that it is the timer that says when it is over.
    const cancel = clock.after(TAKEOVER_MS, () => {
      isOver = true;
      storage.wake(this.#number);
    });
    try {
      while (this.#isCurrent() && outstanding.slots.isHeld && !isOver) {
        await storage.waitAfter(this.#number, Number.MAX_SAFE_INTEGER, this.#call.signal);
      }
    } finally {
      cancel();
    }
  }

  /** What the reader must know before it reads on, a reset or a loss, or why it cannot. It may not be durable yet. */
  news(): Frame | RegistryError | undefined {
    const { storage, expiry } = this.#context;
    const row = storage.socket(this.#row.number);
    if (row === undefined) return socketDeleted(this.#row.socketId);
    const isReset = row.epoch !== this.#row.epoch;
    this.#row = row;
    if (isReset) {
      this.#source.release();
      this.#source = this.#open(undefined);
      this.#backlogEnd = 0;
      this.#damaged = 0;
      return this.#event("RESET");
    }
    if (this.#isOwn) expiry.expire(row);
    const damaged: Gap | undefined = this.#damaged > 0 ? { reason: "DAMAGED", count: this.#damaged } : undefined;
    this.#damaged = 0;
    const gap = damaged ?? this.#source.gap();
    return gap && this.#event("GAP", gap);
  }

  /**
   * Takes the next messages, with a promise when they have to be waited for. There is no frame afterwards when the reader
   * may see none of them.
   */
  take(): MaybePromise<void> {
    const { limits } = this.#context;
    const taken = this.#source.take({
      messages: Math.min(limits.maxFrameMessages, this.#messagesLeft),
      bytes: limits.maxFrameBytes,
    });
    return taken instanceof Promise ? taken.then((messages) => this.#put(messages)) : this.#put(taken);
  }

  #put(taken: readonly Stored[]): void {
    // The socket may have been reset or deleted while they were read: then they are nobody's any more.
    if (!this.#isCurrent()) return;
    const messages = taken.filter((message) => !message.damaged && !this.#isExcluded(message));
    if (messages.length < taken.length) {
      this.#damaged += taken.filter((message) => message.damaged).length;
      const passed = taken.filter((message) => message.damaged || this.#isExcluded(message));
      this.#source.pass(passed.map(({ sequence }) => sequence));
    }
    if (messages.length > 0) this.#frame = this.#frameOf(messages, undefined, undefined);
    else this.#source.handed();
  }

  /** What was yielded last is with the transport. */
  handed(): void {
    this.#silentSinceMs = performance.now();
    this.#messagesLeft -= this.#frame?.messages.length ?? 0;
    this.#frame = undefined;
    if (this.#isCurrent()) this.#source.handed();
  }

  /** The event that it is time for, when there is nothing else to say. */
  dueEvent(): Frame | undefined {
    const { heartbeatMs } = this.#request;
    if (heartbeatMs === undefined) return undefined;
    if (!this.#isCaughtUp && this.#hasHadBacklog()) {
      this.#isCaughtUp = true;
      return this.#idle("CAUGHT_UP");
    }
    return performance.now() - this.#silentSinceMs < heartbeatMs ? undefined : this.#idle("HEARTBEAT");
  }

  /** Waits until there may be something to say. */
  wait(signal: AbortSignal): Promise<void> {
    const { storage } = this.#context;
    const { heartbeatMs } = this.#request;
    const number = this.#number;
    const timeoutMs = heartbeatMs && this.#silentSinceMs + heartbeatMs - performance.now();
    return storage.waitAfter(number, storage.queue(number).durableTail, signal, timeoutMs);
  }

  /** The stream is about to end as its client asked, which what it has in flight must know before the client does. */
  async finish(): Promise<void> {
    if (this.#isCurrent()) this.#source.finish();
    if (this.holder !== undefined) await this.#context.storage.durable();
  }

  /** Gives back what was not handed over. */
  close(): void {
    const { readers, deliveries, liveness } = this.#context;
    this.#source.release();
    if (readers.leave(this.#number, this)) deliveries.leave(this.#number);
    if (this.takes && this.#isOwn) liveness.left(this.#number);
  }

  /** Whether it reads the socket's own queue, and not for a consumer. */
  get #isOwn(): boolean {
    return this.#number === this.#row.number;
  }

  #open(after: number | undefined): Source {
    const { storage, deliveries } = this.#context;
    const number = this.#number;
    if (this.#request.ackMode === "NONE") {
      const { oldest, oldestUnsettled } = storage.queue(number);
      return new Looking(storage, number, after ?? Math.max(oldest, oldestUnsettled) - 1);
    }
    const delivery = deliveries.of(this.#row, number);
    const { holder } = this;
    const isCurrent = (): boolean => this.#isCurrent();
    if (holder !== undefined) return new Holding(storage, number, delivery, { holder, isCurrent });
    return new Taking(storage, number, delivery, after);
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

  /** There is nothing to take, but in EXPLICIT mode that may be for want of an answer, and not of messages. */
  #hasHadBacklog(): boolean {
    const { position, backlog } = this.#source;
    return this.holder === undefined || position >= this.#backlogEnd || backlog === 0;
  }

  /** There is nothing to take: what others have settled is behind this reader too, or retention would overtake it. */
  #idle(event: ReadEvent): Frame {
    const frame = this.#event(event);
    if (!this.takes) return frame;
    const { oldestUnsettled } = this.#context.storage.queue(this.#number);
    const { epoch, sequence } = frame.position;
    return { ...frame, position: { epoch, sequence: Math.max(sequence, oldestUnsettled - 1) } };
  }

  #frameOf(messages: readonly Stored[], event: ReadEvent | undefined, gap: Gap | undefined): Frame {
    return {
      socket: this.#row,
      messages,
      attempt: (sequence) => this.#source.attempt(sequence),
      event,
      position: { epoch: this.#row.epoch, sequence: this.#source.position },
      backlogCount: this.#source.backlog,
      droppedCount: gap?.count ?? 0,
      gapReason: gap?.reason,
    };
  }
}
