import { expect } from "vitest";
import { RegistryError } from "../../src/registry/errors.js";
import type { Frame } from "../../src/registry/frames.js";
import type { ReadRequest } from "../../src/registry/read-request.js";
import type { Registry } from "../../src/registry/registry.js";
import type { DropReason } from "../../src/registry/storage.js";
import { check } from "./model-check.js";
import { type Entry, type ModelQueue, standsInLine } from "./model-queue.js";
import type { Box, Open, TeamModel } from "./team-model.js";

/** A new reader in order waits for so long while another stream has something in flight. */
const TAKEOVER_MS = 100;

/** Why a Read of a model test was ended from outside. */
const cancelled = new Error("the test cancelled the Read");

/** What the readers of a history share. */
export interface Reading {
  readonly model: TeamModel;
  readonly ears: {
    /** The queue of this epoch: the socket's own, or a consumer's. */
    queueOf(epoch: string, consumer: string): ModelQueue;
  };
  /** The newest revision that may be seen. */
  readonly visible: number;
}

/**
 * One Read of a model test: it takes frames, compares them with the model, and tells the model what it has. A Read may
 * stall with a frame, as a slow client does, until it is told to go on or to end.
 */
export class ModelReader implements Open {
  /** Resolves when the Read has ended, with why when it was refused; rejects when something was wrong. */
  done: Promise<string | undefined> = Promise.resolve(undefined);
  readonly box: Box;
  readonly request: ReadRequest;
  queue: ModelQueue;
  isOverdue = false;
  isStalled = false;
  /** It was ended from outside, and closes. */
  isEnding = false;
  isSuperseded = false;
  /** Its client reads it no more. */
  isReleased = false;
  readonly #reading: Reading;
  readonly #stalls: boolean[];
  readonly #call = new AbortController();
  /** Messages up to here that are settled may be handed out once more, as history. */
  #historyEnd = 0;
  /** Those of them that were settled when the Read began and have not come yet. */
  #history: number[] = [];
  #epoch: string;
  #received = 0;
  /** Where a Read that only looks has come to. */
  #last: number;
  /** What it took since everything was at rest, and since when that had been there. */
  #taken: { readonly sequence: number; readonly since: number }[] = [];
  /** What it could have taken, as it seemed, when it ended. */
  #leftOver: Entry | undefined;
  /** The loss that it was told of in a frame that it has not let go of. */
  #untold: { readonly reason: DropReason; readonly count: number } | undefined;
  readonly #settlesInMs: number;
  readonly #openedIn: number;
  #hasSettledIn: boolean;
  #goOn: (() => void) | undefined;

  /** What came while nobody could know what would be left of it, and whether it was handed over. */
  #unheard: { readonly frame: Frame; isHanded: boolean }[] | undefined;
  /** It ended with OK at that time, and others may have gone on since. */
  #hasEndedUnheard = false;

  constructor(reading: Reading, box: Box, queue: ModelQueue, epoch: string, request: ReadRequest, stalls: boolean[]) {
    const { model } = reading;
    this.#reading = reading;
    this.box = box;
    this.queue = queue;
    this.request = request;
    this.#epoch = epoch;
    this.#stalls = [...stalls];
    const { after, ackMode } = request;
    const first = queue.unsettled[0]?.sequence ?? queue.entries.length + 1;
    this.#last = after?.sequence ?? first - 1;
    if (after !== undefined && ackMode === "AUTO") {
      this.#historyEnd = queue.entries.length;
      const old = queue.entries.slice(after.sequence).filter(({ state }) => isOver(state));
      this.#history = old.map(({ sequence }) => sequence);
    }
    this.#openedIn = model.period;
    this.#settlesInMs = model.clock.elapsedMs() + TAKEOVER_MS;
    this.#hasSettledIn = this.outstandingMax !== 1;
  }

  get takes(): boolean {
    return this.request.ackMode !== "NONE";
  }

  get isExclusive(): boolean {
    return this.request.exclusive;
  }

  get consumer(): string {
    return this.request.consumer;
  }

  get name(): string {
    return this.outstandingMax === undefined ? "" : this.request.reader;
  }

  get outstandingMax(): number | undefined {
    return this.request.ackMode === "EXPLICIT" ? this.request.maxOutstanding || 1 : undefined;
  }

  get isOpen(): boolean {
    return this.#reading.model.open.has(this);
  }

  begin(registry: Registry): void {
    this.#call.signal.addEventListener("abort", () => this.#stop());
    this.done = this.#run(registry);
    // Whoever waits for it later meets the failure then.
    this.done.catch(() => {});
  }

  /** Goes on after a stall. */
  resume(): void {
    this.#goOn?.();
  }

  /** The client cancels the call, or is gone. */
  cancel(): void {
    this.#call.abort(cancelled);
  }

  /** Another Read has taken over: what it had in hand is not its own any more. */
  supersede(): void {
    this.isSuperseded = true;
    this.queue.leave(this, false);
  }

  /** Its client reads it no more: a loss that it is on the point of being told of is told to another. */
  release(): void {
    this.isReleased = true;
    this.#untell();
  }

  /** From here on the server may be killed: what comes is kept, and heard when it is clear what is left. */
  hold(): void {
    this.#unheard = [];
  }

  /** @returns what it was handed for good in AUTO mode, as far as its client knows */
  hear(): Entry[] {
    const handed: Entry[] = [];
    for (const { frame, isHanded } of this.#unheard ?? []) {
      this.#arrived(frame);
      if (!isHanded || this.request.ackMode !== "AUTO") continue;
      handed.push(...this.queue.heldBy(this));
      this.queue.handed(this);
    }
    if (this.#hasEndedUnheard) this.queue.leave(this, true);
    return handed;
  }

  /** When everything has come to rest: it took nothing out of turn, and left nothing that it could have taken. */
  rest(): void {
    const { model } = this.#reading;
    const isThere = !this.box.isGone && model.queues.includes(this.queue);
    // What another reader had taken at that moment has reached it by now, unless it went with the queue.
    this.#taken.forEach(({ sequence }, place) => {
      if (isThere) this.#checkTurn(sequence, this.#taken.slice(place + 1));
    });
    this.#taken = [];
    const isLeft = this.#leftOver !== undefined && this.#leftOver.changedIn < model.period;
    check(isLeft && isThere, false, `a Read ended that could take message ${this.#leftOver?.sequence}`);
    if (!this.isOpen || this.isStalled) return;
    check(this.box.isGone, false, "a Read of a socket that is gone is still open");
    check(this.isEnding, false, "a Read that was ended is still open");
    const isHeld = this.queue.entries.some(({ state, holder }) => state === "out" && holder !== undefined);
    this.#hasSettledIn ||= !isHeld || model.clock.elapsedMs() >= this.#settlesInMs;
    if (!this.takes) {
      check(this.#last, this.queue.entries.length, "a Read that looks has not come to the end");
      return;
    }
    if (this.#hasSettledIn) {
      check(this.queue.next(this)?.sequence, undefined, "a reader was not given what it may have");
      check(this.#history, [], "history was left out");
    }
  }

  #stop(): void {
    this.isEnding = true;
    this.#goOn?.();
  }

  async #run(registry: Registry): Promise<string | undefined> {
    const frames = registry.read(this.request, this.#call);
    let hasEnded = false;
    try {
      for (;;) {
        const next = await frames.next();
        if (this.#unheard !== undefined) {
          this.#hasEndedUnheard = next.done === true;
          if (next.done === true) return undefined;
          const heard = { frame: fixed(next.value), isHanded: false };
          this.#unheard.push(heard);
          if (this.isEnding) return undefined;
          heard.isHanded = true;
          continue;
        }
        if (next.done === true) {
          hasEnded = true;
          this.#ended();
          return undefined;
        }
        this.#arrived(next.value);
        // It was on its way when the reader was released.
        if (this.isReleased) this.queue.release(this.name);
        if (this.#stalls.shift() === true && !this.isEnding) await this.#stall();
        if (this.#unheard !== undefined) return undefined;
        if (this.isEnding) {
          // The frame may have left or not: what is in it is given back, or comes back.
          this.queue.leave(this, false);
          await frames.return();
          return undefined;
        }
        // Asking for the next frame says that this one is with the transport.
        this.#handed();
      }
    } catch (error) {
      if (error === cancelled) return undefined;
      if (error instanceof RegistryError) return error.reason;
      throw error;
    } finally {
      if (this.#unheard === undefined) this.#left(hasEnded);
    }
  }

  #left(hasEnded: boolean): void {
    const { model } = this.#reading;
    const wasOpen = model.open.delete(this);
    this.#untell();
    this.queue.leave(this, hasEnded);
    if (wasOpen && this.takes && this.consumer === "" && !this.box.isGone) model.signed(this.box);
  }

  async #stall(): Promise<void> {
    this.isStalled = true;
    await new Promise<void>((resolve) => {
      this.#goOn = resolve;
    });
    this.isStalled = false;
    this.#goOn = undefined;
  }

  #arrived(frame: Frame): void {
    const { epoch } = frame.position;
    if (frame.event === "RESET") {
      this.#epoch = epoch;
      this.queue = this.#reading.ears.queueOf(epoch, this.consumer);
      this.#last = frame.position.sequence;
      [this.#taken, this.#history, this.#historyEnd] = [[], [], 0];
    }
    check(epoch, this.#epoch, "a frame of another epoch");
    if (frame.event === "GAP") this.#told(frame);
    this.#received += frame.messages.length;
    if (this.request.maxMessages > 0) expect(this.#received).toBeLessThanOrEqual(this.request.maxMessages);
    let before = 0;
    for (const message of frame.messages) {
      const { sequence, sender, recipient, body, damaged, revision, timeMs } = message;
      const entry = this.queue.entries[sequence - 1] ?? expect.unreachable(`message ${sequence} was never written`);
      const { content } = entry;
      check(
        { content: Buffer.from(body).toString(), sender, recipient, damaged, revision, timeMs },
        {
          ...{ content, sender: entry.sender, recipient: entry.recipient, damaged: false },
          ...{ revision: entry.revision, timeMs: entry.timeMs },
        },
        `message ${sequence}`,
      );
      check(revision <= this.#reading.visible, true, `message ${sequence} was seen before it was durable`);
      check(sender !== "" && sender === this.request.excludeSender, false, "a sender that was to be left out");
      check(sequence > before, true, "the order of a frame");
      before = sequence;
      this.#take(entry, frame.attempt(sequence));
    }
  }

  #take(entry: Entry, attempt: number): void {
    const { sequence, state } = entry;
    if (!this.takes) {
      check(sequence, ++this.#last, "the order of a Read that looks");
      check(attempt, 0);
      return;
    }
    if (isOver(state) && sequence <= this.#historyEnd) {
      this.#history = this.#history.filter((one) => one !== sequence);
      return;
    }
    const { model } = this.#reading;
    if (!this.#hasSettledIn && model.clock.elapsedMs() < this.#settlesInMs) {
      const isHeld = ({ state, holder, changedIn }: Entry): boolean =>
        state === "out" && holder !== undefined && holder !== this && changedIn < this.#openedIn;
      check(this.queue.entries.some(isHeld), false, "a reader in order took while another had something");
    }
    // While commits are held back no mark can be durable, and without one nothing leaves.
    const mayLeave = this.outstandingMax === undefined || this.#reading.visible === Infinity;
    check(mayLeave, true, `message ${sequence} left before that was durable`);
    this.#taken.push({ sequence, since: entry.changedIn });
    this.queue.deliver(entry, this, attempt);
  }

  /** Nothing older that it had to take first was there all the time, left or taken later. */
  #checkTurn(sequence: number, later: readonly { readonly sequence: number; readonly since: number }[]): void {
    const { queue } = this;
    const { period } = this.#reading.model;
    const isPassed = later.some((one) => one.sequence < sequence && one.since < period);
    check(isPassed, false, `message ${sequence} came before an older one`);
    for (const entry of queue.entries.slice(0, sequence - 1)) {
      if (entry.changedIn === period) continue;
      const stands = this.outstandingMax === 1 ? standsInLine(entry) : queue.isAvailable(entry);
      check(stands, false, `message ${sequence} overtook message ${entry.sequence} (${entry.state})`);
    }
  }

  #told({ gapReason, droppedCount }: Frame): void {
    const { announced, dropped, untold } = this.queue;
    if (gapReason !== "OVERFLOW" && gapReason !== "EXPIRED") expect.unreachable(`a gap for ${gapReason}`);
    expect(droppedCount).toBeGreaterThan(0);
    untold[gapReason] += droppedCount;
    // What was dropped while the server was killed is not clear yet.
    if (this.#unheard !== undefined) return;
    this.#untold = { reason: gapReason, count: droppedCount };
    const told = announced[gapReason] + untold[gapReason];
    expect(told, "announced drops").toBeLessThanOrEqual(dropped[gapReason]);
  }

  /** The frame is with the transport. */
  #handed(): void {
    if (this.#untold !== undefined) this.queue.announced[this.#untold.reason] += this.#untold.count;
    this.#untell();
    this.queue.handed(this);
  }

  /** Nobody is on the point of telling it any more. */
  #untell(): void {
    if (this.#untold !== undefined) this.queue.untold[this.#untold.reason] -= this.#untold.count;
    this.#untold = undefined;
  }

  /** It ended with OK, which only its client can ask for. */
  #ended(): void {
    const { noWait, maxMessages } = this.request;
    if (this.isReleased) return;
    if (maxMessages > 0 && this.#received === maxMessages) return;
    check(noWait, true, "a Read ended that was to follow");
    this.#leftOver = this.takes ? this.queue.next(this) : undefined;
  }
}

/** A frame as it left: which attempt it is is looked up when it leaves. */
function fixed(frame: Frame): Frame {
  const attempts = new Map(frame.messages.map(({ sequence }) => [sequence, frame.attempt(sequence)]));
  return { ...frame, attempt: (sequence) => attempts.get(sequence) ?? 0 };
}

function isOver(state: Entry["state"]): boolean {
  return state === "settled" || state === "dropped" || state === "expired";
}
