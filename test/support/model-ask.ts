import { expect } from "vitest";
import type { AskFrame } from "../../src/registry/ask.js";
import { RegistryError } from "../../src/registry/errors.js";
import { check } from "./model-check.js";
import type { Letter } from "./model-letter.js";
import type { Box, TeamModel } from "./team-model.js";

const cancelled = new Error("the test cancelled the Ask");

type Summary = Extract<AskFrame, { kind: "summary" }>;
type Next = Promise<IteratorResult<AskFrame, void>>;

/** One Ask of a model test: the replies come in order, and the summary says who did not answer. */
export class ModelAsk {
  /** Resolves when it has ended, with why when it was refused. */
  done: Promise<string | undefined> = Promise.resolve(undefined);
  readonly letter: Letter;
  readonly #model: TeamModel;
  readonly #call: AbortController;
  readonly #endMs: number;
  readonly #maxReplies: number;
  #recipients: readonly Box[];
  #skipped: readonly Box[];
  readonly #askedIn: number;
  /** No queue held the question any more when it was asked again, and then nobody knows whom it was for. */
  readonly #isErased: boolean;
  #received: number[] = [];
  #isOpen = true;
  /** How it ended, until that is checked. */
  #summary: Summary | undefined;

  constructor(model: TeamModel, letter: Letter, timeoutMs: number, maxReplies: number, call: AbortController) {
    this.#model = model;
    this.#call = call;
    this.#askedIn = model.period;
    this.#isErased = !model.isKept(letter);
    this.letter = letter;
    const ageMs = Math.min(Math.max(0, model.clock.wallMs() - letter.timeMs), timeoutMs);
    this.#endMs = model.clock.elapsedMs() + timeoutMs - ageMs;
    this.#maxReplies = maxReplies || Infinity;
    // Of those who were asked together, the ones that are gone by now are not known any more.
    const isListed = ({ isGone, socketId }: Box): boolean => !isGone || socketId === letter.recipient;
    this.#recipients = letter.copies.map(({ box }) => box).filter(isListed);
    const skips = letter.skips.filter(({ box, reason }) => reason !== "SENDER" && !box.isGone);
    this.#skipped = skips.map(({ box }) => box);
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** @param first the first frame, which is asked for already */
  begin(first: Next, frames: AsyncGenerator<AskFrame, void, undefined>, expected: object): void {
    this.done = this.#run(first, frames, expected);
    this.done.catch(() => {});
  }

  cancel(): void {
    this.#call.abort(cancelled);
  }

  /** When everything has come to rest it has every reply, and has ended when there is nothing to wait for. */
  rest(): void {
    if (this.#isErased) return;
    if (!this.#isOpen) {
      if (this.#summary !== undefined) this.#checkEnd(this.#summary);
      this.#summary = undefined;
      return;
    }
    check(this.#coming[0], undefined, "a reply that did not come");
    check(this.#isDone, false, "an Ask that is done is still open");
  }

  get #isDone(): boolean {
    const { clock } = this.#model;
    if (this.#received.length >= this.#maxReplies || clock.elapsedMs() >= this.#endMs) return true;
    return !this.#pending.some(({ isGone }) => !isGone);
  }

  /** The replies after the last one that came, but for those that are erased by now. */
  get #coming(): number[] {
    return this.#later.filter((revision) => !this.#lost.includes(revision));
  }

  get #lost(): number[] {
    const isLost = (letter: Letter | undefined): boolean => letter === undefined || !this.#model.isKept(letter);
    return this.#later.filter((revision) => isLost(this.#model.letters.get(revision)));
  }

  get #later(): number[] {
    return this.letter.replies.filter((revision) => revision > (this.#received.at(-1) ?? 0));
  }

  get #answered(): string[] {
    const authors = this.#received.map((revision) => this.#model.letters.get(revision)?.author ?? "");
    return [...new Set(authors)].filter((author) => this.#recipients.some(({ socketId }) => socketId === author));
  }

  get #pending(): Box[] {
    const answered = this.#answered;
    return this.#recipients.filter(({ socketId }) => !answered.includes(socketId));
  }

  #checkEnd({ answered, answeredCount, missing, missingCount }: Summary): void {
    check(this.#isDone, true, "an Ask ended that was not done");
    // Who went while the question was being asked is told as gone, or not known at all.
    const named = new Set([...answered, ...missing.map(({ socketId }) => socketId)]);
    const isKnown = (box: Box): boolean => named.has(box.socketId) || !box.isGone || box.goneIn !== this.#askedIn;
    this.#recipients = this.#recipients.filter(isKnown);
    this.#skipped = this.#skipped.filter(isKnown);
    const silent = this.#pending.map((box) => ({ socketId: box.socketId, reason: this.#whyMissing(box) }));
    const skipped = this.#skipped.map(({ socketId }) => ({ socketId, reason: "SKIPPED" }));
    const lacking = [...skipped, ...silent];
    expect({ answered, answeredCount, missing, missingCount }, "the summary").toEqual({
      answered: this.#answered,
      answeredCount: this.#answered.length,
      missing: lacking,
      missingCount: lacking.length,
    });
  }

  async #run(first: Next, frames: AsyncGenerator<AskFrame>, expected: object): Promise<string | undefined> {
    try {
      for (let next = await first; next.done !== true; next = await frames.next()) this.#arrived(next.value, expected);
      return undefined;
    } catch (error) {
      if (error === cancelled) return undefined;
      if (error instanceof RegistryError) return error.reason;
      throw error;
    } finally {
      this.#isOpen = false;
    }
  }

  #arrived(frame: AskFrame, expected: object): void {
    if (frame.kind === "asked") {
      expect(frame.answer).toMatchObject(expected);
      return;
    }
    if (frame.kind === "reply") {
      const { revision } = frame.letter;
      expect([this.#coming[0], ...this.#lost], "the next reply").toContain(revision);
      this.#received.push(revision);
      expect(this.#received.length, "more replies than asked for").toBeLessThanOrEqual(this.#maxReplies);
      return;
    }
    this.#summary = frame;
  }

  #whyMissing(box: Box): unknown {
    const { period } = this.#model;
    // What happened at the same moment may have come before or after.
    if (box.isGone ? box.goneIn === period : box.queue.beganIn === period) return expect.any(String);
    if (box.isGone) return "DELETED";
    const copy = this.letter.copies.find((one) => one.box === box);
    const entry = copy?.queue === box.queue ? box.queue.entries[copy.sequence - 1] : undefined;
    if (entry?.changedIn === period) return expect.stringMatching(/^(SILENT|NOT_DELIVERED)$/);
    const wasDelivered = entry !== undefined && (entry.state === "settled" || entry.deliveredMs > 0);
    return wasDelivered ? "SILENT" : "NOT_DELIVERED";
  }
}
