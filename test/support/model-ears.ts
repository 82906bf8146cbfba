import { expect } from "vitest";
import type { DropReason, LogEvent, Storage } from "../../src/registry/storage.js";
import { check } from "./model-check.js";
import type { ModelQueue } from "./model-queue.js";
import type { ModelReader } from "./model-reader.js";
import type { StorageEars } from "./model-storage.js";
import { TEAM, type TeamModel } from "./team-model.js";

/**
 * What the model hears of the storage: which names its sockets and queues have there, and what the registry does at
 * moments of its own choice. Each of those things must be due when it is done.
 */
export class ModelEars implements StorageEars {
  /** Every epoch that there was, by socket. */
  readonly epochs = new Map<string, string[]>();
  /** Whether what happens now is part of a call, which the model hears of by itself. */
  #isCalling = false;
  /** The authors of requests that were made again: each gives a sign of life, some turns later. */
  readonly #authors = new Set<string>();
  /** While the server may be killed nobody knows what of it all will be left. */
  isDeaf = false;
  /** What would have been heard. */
  #missed: (() => void)[] = [];
  readonly #model: TeamModel;
  /** The queues by their epochs and consumers. */
  readonly #queues = new Map<string, ModelQueue>();
  /** The same by the numbers that the storage gives them. */
  readonly #numbers = new Map<number, { readonly socketId: string; readonly consumer: string }>();

  constructor(model: TeamModel) {
    this.#model = model;
  }

  /** Makes a call. */
  during<T>(call: () => T): T {
    this.#isCalling = true;
    try {
      return call();
    } finally {
      this.#isCalling = false;
    }
  }

  /** A request was made again, and its author is alive. */
  repeated(author: string): void {
    this.#authors.add(author);
  }

  /** The server has ended, and with it what was under way. */
  restart(): void {
    this.isDeaf = false;
    this.#authors.clear();
    this.#missed = [];
  }

  /** Everything has come to rest. */
  rest(): void {
    for (const author of this.#authors) {
      const box = this.#model.boxes.get(author);
      if (box !== undefined) this.#model.signed(box);
    }
    this.#authors.clear();
  }

  queueOf(epoch: string, consumer: string): ModelQueue {
    return this.#queues.get(`${epoch}/${consumer}`) ?? expect.unreachable("a queue that never was");
  }

  /** Notes under which names the present queues of a socket go. */
  name(socketId: string, storage: Storage): void {
    const [row, box] = [storage.find(socketId), this.#model.boxes.get(socketId)];
    if (row === undefined || box === undefined) return;
    this.#numbers.set(row.number, { socketId, consumer: "" });
    this.#queues.set(`${row.epoch}/`, box.queue);
    const epochs = this.epochs.get(socketId) ?? [];
    if (!epochs.includes(row.epoch)) this.epochs.set(socketId, [...epochs, row.epoch]);
    if (socketId !== TEAM) return;
    for (const [consumer, { queue }] of this.#model.consumers) {
      this.#queues.set(`${row.epoch}/${consumer}`, queue);
      const number = storage.consumer(consumer)?.number;
      if (number !== undefined) this.#numbers.set(number, { socketId, consumer });
    }
  }

  appended(event: LogEvent): void {
    if (this.isDeaf || event.kind !== "change" || event.what !== "STATE_CHANGED") return;
    const { state, stateReason, socketId } = event.draft;
    const author = this.#model.boxes.get(socketId);
    if (state === "ACTIVE" && stateReason === "NONE" && !this.#isCalling && author !== undefined) {
      check(this.#authors.has(socketId), true, `a sign of life of ${socketId}`);
      this.#model.seen(author);
    }
    if (stateReason !== "LEASE_EXPIRED") return;
    const box = this.#model.overdue.find((one) => one.socketId === socketId);
    if (box === undefined) expect.unreachable(`the lease of ${socketId} is not over`);
    this.#model.expire(box);
  }

  /** A reader passes, as read, what it was told to leave out. */
  settled(number: number, sequences: readonly number[]): void {
    const { socketId, consumer } = this.#numbers.get(number) ?? { socketId: "", consumer: "" };
    const box = this.#model.boxes.get(socketId);
    const queue = consumer === "" ? box?.queue : this.#model.consumers.get(consumer)?.queue;
    if (this.isDeaf || this.#isCalling || box === undefined || queue === undefined) return;
    const readers = this.#model.readersOf(box, consumer) as ModelReader[];
    for (const sequence of sequences) {
      const entry = queue.entries[sequence - 1];
      if (entry === undefined || entry.sender === "" || !queue.isAvailable(entry)) continue;
      const isPassed = readers.some(({ takes, request }) => takes && request.excludeSender === entry.sender);
      if (isPassed) queue.settle(entry);
    }
  }

  dropped(number: number, sequences: readonly number[], reason: DropReason): void {
    if (reason !== "EXPIRED") return;
    if (this.isDeaf) {
      this.#missed.push(() => this.#expired(number, sequences));
      return;
    }
    this.#expired(number, sequences);
  }

  /** What was not heard since the last question, to be heard when it is clear that it holds. */
  missed(): () => void {
    const missed = this.#missed.splice(0);
    return () => {
      for (const hear of missed) hear();
    };
  }

  #expired(number: number, sequences: readonly number[]): void {
    const box = this.#model.boxes.get(this.#numbers.get(number)?.socketId ?? "");
    for (const sequence of sequences) {
      const entry = box?.queue.entries[sequence - 1];
      if (box === undefined || entry === undefined) expect.unreachable("a message that never was has expired");
      check(box.queue.free[0], entry, "the oldest that nobody has");
      check(this.#model.isExpired(box, entry.timeMs), true, "its time is over");
      box.queue.drop(entry, "EXPIRED");
    }
  }
}
