import type { Asks, Listener } from "./asks.js";
import type { Clock } from "./clock.js";
import { RESULTS_MAX } from "./limits.js";
import { receiptOf, recipientsOf } from "./receipts.js";
import { type Letter, type SocketNumber, type Storage, TEAM_NUMBER } from "./storage.js";
import type { WriteAnswer, WriteRequest } from "./write.js";

export interface AskRequest {
  /** The question. */
  readonly write: WriteRequest;
  readonly timeoutMs: number;
  /** End after this many replies; 0: no such end. */
  readonly maxReplies: number;
}

export type MissingReason = "SKIPPED" | "NOT_DELIVERED" | "SILENT" | "DELETED";

export interface Missing {
  readonly socketId: string;
  readonly reason: MissingReason;
}

export type AskFrame =
  | { readonly kind: "asked"; readonly answer: AskedAnswer }
  | { readonly kind: "reply"; readonly letter: Letter }
  | {
      readonly kind: "summary";
      readonly answered: readonly string[];
      readonly answeredCount: number;
      readonly missing: readonly Missing[];
      readonly missingCount: number;
    };

export interface AskContext {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly asks: Asks;
}

/** What a Write of the question answers; a duplicate when it had been asked before. */
export type AskedAnswer = WriteAnswer & { readonly duplicate: boolean };

/** A question that was asked, and the one who listens to its replies. */
export interface Asked {
  readonly answer: AskedAnswer;
  readonly listener: Listener;
  /** Whether it had been asked before, and may have replies already. */
  readonly isAgain: boolean;
}

/** Streams the replies to a question until everybody answered, enough replies came, or the time is up. */
export async function* ask(
  context: AskContext,
  request: AskRequest,
  { answer, listener, isAgain }: Asked,
  signal: AbortSignal,
): AsyncGenerator<AskFrame, void, undefined> {
  const { storage, clock, asks } = context;
  const { timeoutMs, maxReplies } = request;
  const { revision } = answer;
  // A caller that comes again finds the question as old as it is. The wall clock may have jumped since.
  const ageMs = isAgain ? Math.min(Math.max(0, clock.wallMs() - answer.timeMs), timeoutMs) : 0;
  const endMs = clock.elapsedMs() + timeoutMs - ageMs;
  try {
    await storage.durable();
    // Before anybody knows that it was asked: who is deleted from here on is told as missing.
    const open = new OpenAsk(context, { revision, listener, maxReplies, endMs }, await storage.letter(revision));
    yield { kind: "asked", answer };
    if (isAgain) listener.replies.unshift(...(await storage.replies(revision, revision)));
    while (!open.isDone) {
      signal.throwIfAborted();
      const reply = open.next();
      if (reply === undefined) {
        if (open.leftMs <= 0) break;
        await open.wait(signal);
        continue;
      }
      await storage.durable();
      const found = await storage.letter(reply);
      if (found === undefined) continue;
      open.count(found);
      yield { kind: "reply", letter: found };
    }
    yield await open.summary();
  } finally {
    asks.close(answer.messageId, listener);
  }
}

/** What an open Ask waits for: replies to the message at a revision, so many, until then. */
interface Waiting {
  readonly revision: number;
  readonly listener: Listener;
  readonly maxReplies: number;
  /** By the clock that never jumps. */
  readonly endMs: number;
}

/** One open Ask: whom it waits for. */
class OpenAsk {
  readonly #context: AskContext;
  readonly #listener: Listener;
  readonly #revision: number;
  readonly #endMs: number;
  readonly #answered = new Set<string>();
  /** The recipients whose first reply has not come, by their ids. */
  readonly #pending = new Map<string, SocketNumber>();
  readonly #skipped: string[] = [];
  #repliesLeft: number;
  #last = 0;

  constructor(context: AskContext, { revision, listener, maxReplies, endMs }: Waiting, letter: Letter | undefined) {
    const { storage } = context;
    this.#context = context;
    this.#listener = listener;
    this.#revision = revision;
    this.#repliesLeft = maxReplies || Number.POSITIVE_INFINITY;
    this.#endMs = endMs;
    for (const { number, socketId, skipReason } of letter === undefined ? [] : recipientsOf(storage, letter)) {
      // The feed answers nobody.
      if (number === TEAM_NUMBER) continue;
      if (skipReason === undefined) this.#pending.set(socketId, number);
      else if (skipReason !== "SENDER") this.#skipped.push(socketId);
    }
  }

  get leftMs(): number {
    return this.#endMs - this.#context.clock.elapsedMs();
  }

  /** Whether enough replies have come, or no recipient is left that could answer. */
  get isDone(): boolean {
    if (this.#repliesLeft <= 0) return true;
    // One that has been looked at may be there a second time.
    if ((this.#listener.replies.at(-1) ?? 0) > this.#last) return false;
    for (const number of this.#pending.values()) if (this.#context.storage.socket(number) !== undefined) return false;
    return true;
  }

  /** The next reply that was not looked at yet. */
  next(): number | undefined {
    const { replies } = this.#listener;
    // What came while the earlier ones were looked for is there twice.
    while (replies[0] !== undefined && replies[0] <= this.#last) replies.shift();
    const reply = replies.shift();
    this.#last = reply ?? this.#last;
    return reply;
  }

  count({ sender, recipient }: Letter): void {
    this.#repliesLeft--;
    const author = sender || recipient;
    if (!this.#pending.delete(author)) return;
    this.#answered.add(author);
  }

  /** Waits for a reply, a deletion, or the end of the time. */
  wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        cancel();
        signal.removeEventListener("abort", abort);
        this.#listener.wake = () => {};
        settle();
      };
      const abort = (): void => end(() => reject(signal.reason));
      const cancel = this.#context.clock.after(this.leftMs, () => end(resolve));
      this.#listener.wake = () => end(resolve);
      signal.addEventListener("abort", abort);
    });
  }

  async summary(): Promise<AskFrame> {
    const missing: Missing[] = this.#skipped.slice(0, RESULTS_MAX).map((socketId) => ({ socketId, reason: "SKIPPED" }));
    for (const [socketId, number] of this.#pending) {
      if (missing.length >= RESULTS_MAX) break;
      missing.push({ socketId, reason: await this.#whyMissing(socketId, number) });
    }
    await this.#context.storage.durable();
    return {
      kind: "summary",
      answered: [...this.#answered].slice(0, RESULTS_MAX),
      answeredCount: this.#answered.size,
      missing,
      missingCount: this.#skipped.length + this.#pending.size,
    };
  }

  async #whyMissing(socketId: string, number: SocketNumber): Promise<MissingReason> {
    const { storage } = this.#context;
    if (storage.socket(number) === undefined) return "DELETED";
    const { fate } = await receiptOf(storage, { number, socketId, skipReason: undefined }, this.#revision);
    const wasDelivered = fate !== undefined && (fate.state === "SETTLED" || fate.attempt > 0);
    return wasDelivered ? "SILENT" : "NOT_DELIVERED";
  }
}
