import { RegistryError } from "./errors.js";
import type { Storage } from "./storage.js";
import type { WriteAnswer, WriteRequest } from "./write.js";

/** Many writes that came together. */
export interface WriteFrame {
  readonly count: number;
  readonly bytes: number;
  /** The write at a place, counted from 0. Throws when it is none. */
  readonly read: (place: number) => WriteRequest;
}

/** What became of one write. */
export type Written = { readonly answer: WriteAnswer } | { readonly error: unknown };

/** How much may be under way, what came and is not answered; one frame always may. And how large an answer may be. */
export interface WriteStreamLimits {
  readonly maxUnansweredWrites: number;
  readonly maxUnansweredBytes: number;
  readonly maxResponseBytes: number;
}

export interface WriteStreamContext {
  readonly storage: Storage;
  readonly limits: WriteStreamLimits;
  /** Decides about one write; a promise when that takes a look at the disk. Its answer may leave once all is durable. */
  readonly decide: (request: WriteRequest) => WriteAnswer | Promise<WriteAnswer>;
}

/** One frame whose writes are decided. */
interface Decided {
  readonly bytes: number;
  readonly written: readonly Written[];
  isDurable: boolean;
}

/**
 * Many writes of one caller, decided in their order and answered in their order as they become durable. Whatever became
 * durable meanwhile is answered together, as far as it fits into one response.
 *
 * A write whose outcome nobody knows ends it: were the next one written all the same, the caller could not repeat the
 * first without changing their order.
 *
 * @param signal ends it; what is not answered then may have been written
 * @throws STORAGE_UNAVAILABLE, and what `frames` throws, when what came before is answered
 */
export async function* writeStream(
  context: WriteStreamContext,
  frames: AsyncIterable<WriteFrame>,
  signal: AbortSignal,
): AsyncGenerator<readonly Written[], void, undefined> {
  const line = new Line(context, signal);
  const feeding = line.feed(frames);
  // Its failure is told below, in its turn.
  feeding.catch(() => {});
  try {
    while (await line.hasNext()) yield* line.take();
    await feeding;
  } finally {
    line.close();
  }
}

/** The frames under way, in order. */
class Line {
  readonly #context: WriteStreamContext;
  readonly #signal: AbortSignal;
  readonly #decided: Decided[] = [];
  #count = 0;
  #bytes = 0;
  #isFed = false;
  #isClosed = false;
  /** Why nothing more can be known of what was decided. */
  #failure: unknown;
  /** Who waits for something to answer, and who for room. */
  #answering: (() => void) | undefined;
  #feeding: (() => void) | undefined;

  constructor(context: WriteStreamContext, signal: AbortSignal) {
    this.#context = context;
    this.#signal = signal;
    signal.addEventListener("abort", this);
  }

  /** What the signal calls when it aborts. */
  handleEvent(): void {
    this.#wake();
  }

  /** Takes frames as long as there is room, until there are no more. */
  async feed(frames: AsyncIterable<WriteFrame>): Promise<void> {
    try {
      for await (const frame of frames) {
        // Nothing to decide and nothing to answer.
        if (frame.count === 0) continue;
        while (this.#isFull(frame) && !this.#isOver) await new Promise<void>((resolve) => (this.#feeding = resolve));
        if (this.#isOver) return;
        await this.#decide(frame);
      }
    } finally {
      this.#isFed = true;
      this.#wake();
    }
  }

  /** Waits for something to answer. @returns false when all is answered. Throws when the signal aborts. */
  async hasNext(): Promise<boolean> {
    for (;;) {
      this.#signal.throwIfAborted();
      if (this.#decided[0]?.isDurable === true) return true;
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#isFed && this.#decided.length === 0) return false;
      await new Promise<void>((resolve) => (this.#answering = resolve));
    }
  }

  /** The answers to everything at the front that is durable, in portions that fit into a response. */
  *take(): Generator<readonly Written[], void, undefined> {
    let ready = 0;
    while (this.#decided[ready]?.isDurable === true) ready++;
    const taken = this.#decided.splice(0, ready);
    let portion: Written[] = [];
    let size = 0;
    for (const { written } of taken) {
      for (const one of written) {
        size += sizeOf(one);
        if (portion.length > 0 && size > this.#context.limits.maxResponseBytes) {
          yield portion;
          portion = [];
          size = sizeOf(one);
        }
        portion.push(one);
      }
    }
    yield portion;
    for (const { written, bytes } of taken) {
      this.#count -= written.length;
      this.#bytes -= bytes;
    }
    this.#feeding?.();
  }

  close(): void {
    this.#isClosed = true;
    this.#signal.removeEventListener("abort", this);
    this.#wake();
  }

  get #isOver(): boolean {
    return this.#isClosed || this.#failure !== undefined || this.#signal.aborted;
  }

  #isFull({ count, bytes }: WriteFrame): boolean {
    const { maxUnansweredWrites, maxUnansweredBytes } = this.#context.limits;
    if (this.#count === 0) return false;
    return this.#count + count > maxUnansweredWrites || this.#bytes + bytes > maxUnansweredBytes;
  }

  async #decide({ count, bytes, read }: WriteFrame): Promise<void> {
    const written: Written[] = [];
    this.#count += count;
    this.#bytes += bytes;
    for (let place = 0; place < count; place++) {
      try {
        const answer = this.#context.decide(read(place));
        // Only an earlier answer is waited for. What comes behind it waits as well, so that the order is the caller's.
        written.push({ answer: answer instanceof Promise ? await answer : answer });
      } catch (error) {
        if (isUnknown(error)) return this.#fail(error);
        written.push({ error });
      }
    }
    const decided: Decided = { bytes, written, isDurable: false };
    this.#decided.push(decided);
    // A refusal waits too: what it stood on may not be durable yet.
    this.#context.storage.durable().then(
      () => {
        decided.isDurable = true;
        this.#answering?.();
      },
      (error: unknown) => this.#fail(error),
    );
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    this.#wake();
  }

  #wake(): void {
    this.#answering?.();
    this.#feeding?.();
  }
}

/** Whether an error says that what was asked for may have happened or not. */
function isUnknown(error: unknown): boolean {
  return error instanceof RegistryError && error.reason === "STORAGE_UNAVAILABLE";
}

/** About how many bytes one answer takes in a response, and at least that many. */
function sizeOf(written: Written): number {
  if ("error" in written) return ERROR_BYTES;
  let size = ANSWER_BYTES;
  for (const { socketId } of written.answer.results) size += socketId.length + RESULT_BYTES;
  return size;
}

/** What an answer takes without its results, a result without its socket's id, and a refusal with its details. */
const ANSWER_BYTES = 64;
const RESULT_BYTES = 24;
const ERROR_BYTES = 2_048;
