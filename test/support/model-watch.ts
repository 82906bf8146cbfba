import { expect } from "vitest";
import { RegistryError } from "../../src/registry/errors.js";
import type { Registry } from "../../src/registry/registry.js";
import type { WatchFrame } from "../../src/registry/watch.js";
import { check } from "./model-check.js";
import type { TeamModel, Told } from "./team-model.js";

const cancelled = new Error("the test cancelled the Watch");

/** One Watch of a model test: what it is told is the model's list of changes, one after the other. */
export class ModelWatch {
  done: Promise<void> = Promise.resolve();
  /** Up to where it has seen everything. */
  revision: number;
  readonly #model: TeamModel;
  readonly #socketId: string;
  readonly #call = new AbortController();
  #isOpen = true;
  /** The sockets of the snapshot that are still to come. */
  #snapshot: Told[] = [];
  #isSynced: boolean;

  /** @param afterRevision 0: a snapshot first */
  constructor(model: TeamModel, afterRevision: number, socketId: string) {
    this.#model = model;
    this.#socketId = socketId;
    this.#isSynced = afterRevision > 0;
    this.revision = afterRevision || model.revision;
    if (this.#isSynced) return;
    const boxes = [...model.boxes.values()].filter((box) => socketId === "" || box.socketId === socketId);
    this.#snapshot = boxes.map(({ socketId: id, state, labels }) => {
      return { revision: model.revision, kind: "CREATED", socketId: id, state, labels };
    });
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  begin(registry: Registry): void {
    const request = { afterRevision: this.#isSynced ? this.revision : 0, socketId: this.#socketId };
    this.done = this.#run(registry.watch({ ...request, heartbeatMs: undefined }, this.#call.signal));
    this.done.catch(() => {});
  }

  cancel(): void {
    this.#call.abort(cancelled);
  }

  /** When everything has come to rest it has been told everything. */
  rest(): void {
    if (!this.#isOpen) return;
    check(this.#isSynced, true, "a Watch is not in step");
    check(this.#next, undefined, "a change that was not told");
  }

  async #run(frames: AsyncGenerator<WatchFrame, void, undefined>): Promise<void> {
    try {
      for await (const frame of frames) this.#arrived(frame);
      expect.unreachable("a Watch ended with OK");
    } catch (error) {
      if (error === cancelled) return;
      if (error instanceof RegistryError && error.reason === "STORAGE_UNAVAILABLE") return;
      throw error;
    } finally {
      this.#isOpen = false;
    }
  }

  get #next(): Told | undefined {
    return this.#model.changes.find(
      ({ revision, socketId }) => revision > this.revision && (this.#socketId === "" || socketId === this.#socketId),
    );
  }

  #arrived(frame: WatchFrame): void {
    if (frame.kind === "SYNCED") {
      check(this.#snapshot, [], "sockets that the snapshot left out");
      check(frame.revision, this.revision);
      this.#isSynced = true;
      return;
    }
    const expected = frame.kind === "SNAPSHOT" ? this.#snapshot.shift() : this.#next;
    const { revision, row } = frame;
    const kind = frame.kind === "SNAPSHOT" ? "CREATED" : frame.kind;
    const told = { revision, kind, socketId: row?.socketId, state: row?.state, labels: row?.labels };
    check(told, expected, "what a Watch is told");
    this.revision = revision;
  }
}
