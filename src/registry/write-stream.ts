import type { Storage } from "./storage.js";
import type { WriteAnswer, WriteRequest } from "./write.js";

/** Many writes that came together. Each is given by a function, which throws when it is none. */
export interface WriteFrame {
  readonly bytes: number;
  readonly writes: readonly (() => WriteRequest)[];
}

/** What became of one write. */
export type Written = { readonly answer: WriteAnswer } | { readonly error: unknown };

/** How much may be under way: what came and is not answered. One frame always may. */
export interface WriteStreamLimits {
  readonly maxUnansweredWrites: number;
  readonly maxUnansweredBytes: number;
}

export interface WriteStreamContext {
  readonly storage: Storage;
  readonly limits: WriteStreamLimits;
  /** Decides about one write; a promise when that takes a look at the disk. Its answer may leave once all is durable. */
  readonly decide: (request: WriteRequest) => WriteAnswer | Promise<WriteAnswer>;
}

/** One frame whose writes are decided. */
interface Decided {
  readonly count: number;
  readonly bytes: number;
  written: readonly Written[];
  isDurable: boolean;
}

/**
 * Many writes of one caller, decided in their order and answered in their order as they become durable. Whatever became
 * durable meanwhile is answered together.
 *
 * @param signal ends it; what is not answered then may have been written
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
    while (await line.hasNext()) yield line.take();
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
      if (this.#isFed && this.#decided.length === 0) return false;
      await new Promise<void>((resolve) => (this.#answering = resolve));
    }
  }

  /** The answers to everything at the front that is durable. */
  take(): readonly Written[] {
    let ready = 0;
    while (this.#decided[ready]?.isDurable === true) ready++;
    const taken = this.#decided.splice(0, ready);
    for (const { count, bytes } of taken) {
      this.#count -= count;
      this.#bytes -= bytes;
    }
    this.#feeding?.();
    return taken.length === 1 ? (taken[0]?.written ?? []) : taken.flatMap(({ written }) => written);
  }

  close(): void {
    this.#isClosed = true;
    this.#signal.removeEventListener("abort", this);
    this.#wake();
  }

  get #isOver(): boolean {
    return this.#isClosed || this.#signal.aborted;
  }

  #isFull({ writes, bytes }: WriteFrame): boolean {
    const { maxUnansweredWrites, maxUnansweredBytes } = this.#context.limits;
    if (this.#count === 0) return false;
    return this.#count + writes.length > maxUnansweredWrites || this.#bytes + bytes > maxUnansweredBytes;
  }

  async #decide({ writes, bytes }: WriteFrame): Promise<void> {
    const written: Written[] = [];
    const decided: Decided = { count: writes.length, bytes, written, isDurable: false };
    this.#count += decided.count;
    this.#bytes += bytes;
    for (const write of writes) {
      try {
        const answer = this.#context.decide(write());
        // Only an earlier answer is waited for. What comes behind it waits as well, so that the order is the caller's.
        written.push({ answer: answer instanceof Promise ? await answer : answer });
      } catch (error) {
        written.push({ error });
      }
    }
    this.#decided.push(decided);
    // A refusal waits too: what it stood on may not be durable yet.
    this.#context.storage.durable().then(
      () => this.#settle(decided, written),
      (error: unknown) =>
        this.#settle(
          decided,
          written.map((one) => ("error" in one ? one : { error })),
        ),
    );
  }

  #settle(decided: Decided, written: readonly Written[]): void {
    decided.written = written;
    decided.isDurable = true;
    this.#answering?.();
  }

  #wake(): void {
    this.#answering?.();
    this.#feeding?.();
  }
}
