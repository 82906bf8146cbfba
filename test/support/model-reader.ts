import { expect } from "vitest";
import { RegistryError } from "../../src/registry/errors.js";
import type { Frame } from "../../src/registry/frames.js";
import type { ReadRequest } from "../../src/registry/read.js";
import type { Registry } from "../../src/registry/registry.js";
import type { Box, Epoch } from "./team-model.js";

/** Why a Read of a model test was ended from outside. */
const ended = new Error("the test ended the Read");

/**
 * One Read of a model test: it takes frames, compares them with the model, and tells the model what it has. A Read may
 * stall with a frame, as a slow client does, until it is told to go on or to end.
 */
export class ModelReader {
  /** Resolves when the Read has ended; rejects when something was wrong. */
  readonly done: Promise<void>;
  isOpen = true;
  isStalled = false;
  readonly request: ReadRequest;
  /** The socket as the model has it; another one that takes its id later is not it. */
  readonly box: Box | undefined;
  readonly #epochs: ReadonlyMap<string, Epoch>;
  readonly #stalls: boolean[];
  readonly #abort = new AbortController();
  /** Where history ends that a Read with a position is handed once more. */
  readonly #historyEnd: number;
  #frame: Frame | undefined;
  /** Where a Read that only looks has come to. */
  #last: number;
  #received = 0;
  #goOn: (() => void) | undefined;
  #isEnding = false;

  /**
   * @param epochs the model's queues by the names of their epochs
   * @param stalls at which of its frames it stalls
   */
  constructor(
    registry: Registry,
    request: ReadRequest,
    box: Box | undefined,
    epochs: ReadonlyMap<string, Epoch>,
    stalls: readonly boolean[],
  ) {
    this.request = request;
    this.box = box;
    this.#historyEnd = box?.epoch.entries.length ?? 0;
    this.#epochs = epochs;
    this.#stalls = [...stalls];
    this.#last = request.after?.sequence ?? box?.epoch.floor ?? 0;
    this.done = this.#run(registry);
    // Whoever waits for it later meets the failure then.
    this.done.catch(() => {});
  }

  /** Goes on after a stall. */
  resume(): void {
    this.isStalled = false;
    this.#goOn?.();
  }

  /** Ends it: by its signal as a cancelled call does, or where it stands as a broken one does. */
  end(how: "abort" | "return"): void {
    if (how === "abort") this.#abort.abort(ended);
    this.#isEnding = true;
    this.resume();
  }

  async #run(registry: Registry): Promise<void> {
    const frames = registry.read(this.request, this.#abort.signal);
    try {
      for (;;) {
        // Asking for the next frame says that the one before is with the transport.
        if (this.#frame !== undefined) this.#handed(this.#frame);
        const next = await frames.next();
        if (next.done === true) return;
        this.#frame = next.value;
        this.#arrived(next.value);
        if (this.#stalls.shift() === true && !this.#isEnding) {
          this.isStalled = true;
          await new Promise<void>((resolve) => {
            this.#goOn = resolve;
          });
        }
        if (!this.#isEnding) continue;
        this.#returned(next.value);
        await frames.return();
        return;
      }
    } catch (error) {
      if (error === ended) return;
      // Of sockets that are no more nothing else can be read.
      if (error instanceof RegistryError && error.reason === "SOCKET_DELETED") return;
      throw error;
    } finally {
      this.isOpen = false;
    }
  }

  #epochOf({ position }: Frame): Epoch {
    return this.#epochs.get(position.epoch) ?? expect.unreachable("a frame of a queue that never was");
  }

  #arrived(frame: Frame): void {
    const epoch = this.#epochOf(frame);
    const takes = this.request.ackMode === "AUTO";
    if (frame.event === "RESET") this.#last = frame.position.sequence;
    if (frame.gapReason === "OVERFLOW") epoch.announced += frame.droppedCount;
    this.#received += frame.messages.length;
    if (this.request.maxMessages > 0) expect(this.#received).toBeLessThanOrEqual(this.request.maxMessages);
    let before = 0;
    for (const { sequence, sender, recipient, body, damaged } of frame.messages) {
      const entry = epoch.entries[sequence - 1] ?? expect.unreachable(`a message ${sequence} that was never written`);
      const content = Buffer.from(body).toString();
      const { content: written, sender: author, recipient: address } = entry;
      expect({ content, sender, recipient, damaged }).toEqual({
        content: written,
        sender: author,
        recipient: address,
        damaged: false,
      });
      expect(entry.pending, `message ${sequence} was seen before it was durable`).toBe(false);
      expect(sequence, "the order of a frame").toBeGreaterThan(before);
      before = sequence;
      if (!takes) {
        expect(sequence, "the order of a Read that looks").toBe(++this.#last);
        continue;
      }
      const isHistory = entry.state !== "waiting" && this.request.after !== undefined && sequence <= this.#historyEnd;
      if (isHistory) continue;
      expect(entry.delivered, `message ${sequence} was handed out twice`).toBe(false);
      entry.delivered = true;
      entry.holder = this;
    }
  }

  #handed(frame: Frame): void {
    for (const entry of this.#held(frame)) {
      if (entry.state === "waiting") entry.state = "settled";
      entry.holder = undefined;
    }
  }

  /** What was not handed over is there for others. */
  #returned(frame: Frame): void {
    for (const entry of this.#held(frame)) {
      entry.delivered = false;
      entry.holder = undefined;
    }
  }

  #held(frame: Frame) {
    const { entries } = this.#epochOf(frame);
    return frame.messages
      .map(({ sequence }) => entries[sequence - 1])
      .filter((entry) => entry !== undefined)
      .filter(({ holder }) => holder === this);
  }
}
