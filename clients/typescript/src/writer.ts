/** Many writes on one call: what is written at the same moment goes as one frame, and the answers come in order. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import { status } from "@grpc/grpc-js";
import {
  WriteRequest,
  type WriteResponse,
  type WriteStreamResult,
} from "../../../gen/ts/socketregistry/v1/socket_registry.js";
import { onAbort, settledWithin } from "./abort.js";
import { createBell } from "./bell.js";
import type { Activity, Connection } from "./connection.js";
import { ClosedError, isBroken, RegistryError, toWriteError } from "./errors.js";
import { createOutbox } from "./outbox.js";
import { pauseAfter } from "./reopen.js";
import { completeWrite, type Part } from "./stub.js";
import { present, type QueuedOptions } from "./write.js";

export interface WriterOptions {
  /** The author of what does not name one. Default: the connection's. */
  sender?: string | undefined;
  /**
   * How long to go on without an answer while the server is away, or cannot store anything; then all that is not answered
   * fails with UNAVAILABLE. Default 5 minutes. It must be less than the server remembers request ids, which is 10 minutes.
   */
  patienceMs?: number | undefined;
  /** Gives up: all that is not answered fails with the signal's reason, and the writer is closed. */
  signal?: AbortSignal | undefined;
}

/** How long the end of the connection waits for answers. */
const flushMs = 10_000;

/**
 * Writes that go together. Each is a write in every respect; they are appended in the order in which they were written,
 * and one that is refused holds up no other. When the server is started again, what was not answered is written again,
 * in its order and once.
 */
export class Writer {
  readonly #connection: Connection;
  readonly #sender: string;
  readonly #patienceMs: number;
  readonly #outbox = createOutbox();
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;
  /** Rings when there is something to send, or the end. Each call has one of its own. */
  #bell = createBell();
  #closed: unknown;
  /** How many attempts have failed since the last answer, and when that was. */
  #failures = 0;
  #answeredMs = 0;
  #awaitingRoom: (() => void)[] = [];

  /** @internal */
  constructor(connection: Connection, { sender, patienceMs = 300_000, signal }: WriterOptions = {}) {
    this.#connection = connection;
    this.#sender = sender ?? connection.sender;
    this.#patienceMs = patienceMs;
    const forget = onAbort(signal, () => this.#stopping.abort(signal?.reason));
    const activity: Activity = { stop: (reason) => this.#stop(reason) };
    connection.activities.add(activity);
    this.#running = this.#run().finally(() => {
      forget();
      connection.activities.delete(activity);
    });
  }

  /**
   * Puts a message into a socket's queue, or, for `team-chat-all`, into everybody's. Resolves when it is durable, and
   * rejects as `write` of a socket does. It is sent with what else is written in this turn of the event loop; beyond 4,096
   * writes, or 4 MiB, that are not answered, it waits for its turn.
   */
  write(socketId: string, text: string, options: QueuedOptions = {}): Promise<WriteResponse> {
    return new Promise((resolve, reject) => {
      if (this.#closed !== undefined) throw this.#closed;
      const request = { sender: this.#sender, ...present(options), socketId, message: text };
      if (this.#outbox.isEmpty) this.#answeredMs = performance.now();
      this.#outbox.add({ bytes: elementOf(request), resolve, reject });
      this.#bell.ring();
    });
  }

  /** Resolves when what is written next would be sent at once: for who writes more than should lie in memory. */
  async ready(): Promise<void> {
    while (!this.#outbox.hasRoom) await new Promise<void>((resolve) => this.#awaitingRoom.push(resolve));
  }

  /** Takes no more, and waits until everything is answered. */
  async close(): Promise<void> {
    this.#close(new ClosedError("writer"));
    await this.#running;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #close(reason: unknown): void {
    this.#closed ??= reason;
    this.#bell.ring();
  }

  /** The connection is closed: what is not answered soon never will be. */
  async #stop(reason: unknown): Promise<void> {
    this.#close(reason);
    if (!(await settledWithin(this.#running, flushMs))) this.#stopping.abort(reason);
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    const forget = onAbort(signal, () => this.#close(signal.reason));
    try {
      while (await this.#hasMore()) await this.#runCall();
    } catch (error) {
      this.#closed ??= error;
      this.#giveUp(error);
    } finally {
      forget();
    }
  }

  /** Waits for something to send. False: there will be none. */
  async #hasMore(): Promise<boolean> {
    for (;;) {
      this.#stopping.signal.throwIfAborted();
      if (!this.#outbox.isEmpty) return true;
      if (this.#closed !== undefined) return false;
      await this.#bell.heard();
    }
  }

  /** Writes on one call until that ends. Rejects when the writer is to end as well. */
  async #runCall(): Promise<void> {
    try {
      await this.#call();
    } catch (error) {
      this.#stopping.signal.throwIfAborted();
      if (error instanceof ClosedError) throw error;
      await this.#recover(error);
    }
  }

  async #call(): Promise<void> {
    const frames = this.#frames(this.#bell);
    const { signal } = this.#stopping;
    try {
      for await (const { results } of this.#connection.writeFrames(frames, { signal })) this.#settle(results);
      if (!this.#outbox.isEmpty) throw new RegistryError(status.UNAVAILABLE, "the stream ended");
    } finally {
      const over = this.#bell;
      this.#bell = createBell();
      over.ring();
    }
  }

  /** What waits, frame by frame, until the call for which it is made is over. */
  async *#frames(bell: ReturnType<typeof createBell>): AsyncGenerator<Buffer, void, undefined> {
    while (bell === this.#bell) {
      // What is written at the same moment goes with the same frame.
      await nextTurn();
      while (bell === this.#bell) {
        const frame = this.#outbox.takeFrame();
        if (frame === undefined) break;
        yield frame;
      }
      if (this.#closed !== undefined && this.#outbox.isSent) return;
      await bell.heard();
    }
  }

  #settle(results: readonly WriteStreamResult[]): void {
    for (const { outcome } of results) {
      const write = this.#outbox.takeSent();
      if (outcome?.$case === "response") write?.resolve(outcome.value);
      else if (outcome?.$case === "error") write?.reject(toWriteError(outcome.value));
      else write?.reject(new RegistryError(status.INTERNAL, "the registry answered without an outcome"));
    }
    this.#failures = 0;
    this.#answeredMs = performance.now();
    if (!this.#outbox.isSent) this.#bell.ring();
    this.#tellOfRoom();
  }

  /** After a call that broke: what is not answered waits again, or fails where there is no use in that. */
  async #recover(error: unknown): Promise<void> {
    if (this.#outbox.isEmpty) return;
    if (!isBroken(error) || performance.now() - this.#answeredMs > this.#patienceMs) {
      this.#failures = 0;
      this.#giveUp(error);
      return;
    }
    this.#failures += 1;
    this.#outbox.takeBack();
    const { signal } = this.#stopping;
    await pauseAfter(error, this.#failures, { signal, onReconnect: this.#connection.onReconnect, doing: "writing" });
  }

  #giveUp(error: unknown): void {
    this.#outbox.rejectAll(error);
    this.#tellOfRoom();
  }

  #tellOfRoom(): void {
    if (!this.#outbox.hasRoom) return;
    for (const tell of this.#awaitingRoom.splice(0)) tell();
  }
}

/** One for all, because making one costs more than what it writes. */
let elements = new BinaryWriter();
/** After one that is larger it is made anew, so that it does not stay large. */
const elementBytesMax = 64 * 1024;
const writesTag = (1 << 3) | 2;

/** A write as an element of `WriteStreamRequest.writes`: encoded once, however often it is sent. */
function elementOf(part: Part<WriteRequest>): Uint8Array {
  let isReusable = false;
  try {
    const element = WriteRequest.encode(completeWrite(part), elements.uint32(writesTag).fork()).join().finish();
    isReusable = element.length <= elementBytesMax;
    return element;
  } finally {
    // Where encoding fails it holds half a write, which must not become part of the next one.
    if (!isReusable) elements = new BinaryWriter();
  }
}
