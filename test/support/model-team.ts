import { setImmediate } from "node:timers/promises";
import { expect } from "vitest";
import { configWith, limitsOf } from "../../src/config.js";
import { type Reason, RegistryError } from "../../src/registry/errors.js";
import type { ReadRequest } from "../../src/registry/read.js";
import { type CreateRequest, Registry, type ResetRequest } from "../../src/registry/registry.js";
import type { SocketState, Storage } from "../../src/registry/storage.js";
import type { WriteAnswer } from "../../src/registry/write.js";
import { MemoryStorage } from "./memory-storage.js";
import { ModelReader } from "./model-reader.js";
import { type Epoch, type Outcome, type Post, type Result, TEAM, TeamModel } from "./team-model.js";

/** Small, so that queues fill up and the feed overflows. */
const MAX_QUEUE_MESSAGES = 6;
const limits = limitsOf(
  configWith({ maxQueueMessages: MAX_QUEUE_MESSAGES, maxReadersPerSocket: 1_000, maxFrameMessages: 3 }),
);

/** What a model test reads: where it starts is a share of what the queue holds. */
export interface ReadPlan extends Pick<ReadRequest, "socketId" | "ackMode" | "noWait" | "maxMessages"> {
  readonly after: number | undefined;
  readonly stalls: readonly boolean[];
}

/** A registry and its model, side by side: every call goes to both at once, and the answers are compared as they come. */
export class ModelTeam {
  readonly model = new TeamModel(MAX_QUEUE_MESSAGES);
  #storage: Watched;
  #registry: Registry;
  #readers: ModelReader[] = [];
  #calls: Promise<void>[] = [];
  readonly #epochs = new Map<string, Epoch>();
  #count = 0;
  /** Lets commits through again, while they are held back. */
  #releaseHold: (() => void) | undefined;
  /** Announcements and settlements of the last moment may have been forgotten. */
  #hasCrashed = false;

  constructor(storage: Storage) {
    this.#storage = watched(storage);
    this.#registry = new Registry(this.#storage, limits);
    this.#name(TEAM);
  }

  create(request: Pick<CreateRequest, "socketId" | "onConflict" | "config">): void {
    const { socketId, config, onConflict } = request;
    const profile = { prompt: `prompt of ${socketId}`, context: undefined };
    const call = this.#registry.create({ ...request, model: "m", profile, labels: {} });
    const expected = this.model.create(socketId, config, onConflict);
    this.#name(socketId);
    const row = this.#storage.find(socketId);
    const answer = typeof expected === "string" ? expected : { socketId, state: expected.state, epoch: row?.epoch };
    this.#expect(call, answer, ({ row: { state, epoch } }) => ({ socketId, state, epoch }));
  }

  write(post: Omit<Post, "content">): void {
    const content = `message ${++this.#count}`;
    const call = this.#registry.write({ ...post, body: Buffer.from(content) });
    this.#expect(call, told(this.model.write({ ...post, content })), ({ deliveredCount, skippedCount, results }) => ({
      deliveredCount,
      skippedCount,
      results,
    }));
    if (this.#releaseHold === undefined) this.#mayBeSeen();
  }

  reset(request: Pick<ResetRequest, "socketId" | "scope">): void {
    const call = this.#registry.reset({ ...request, etag: "" });
    const expected = this.model.reset(request.socketId, request.scope);
    this.#name(request.socketId);
    this.#expect(call, expected, ({ droppedCount }) => droppedCount);
  }

  delete(socketId: string): void {
    const call = this.#registry.delete({ socketId, etag: "", allowMissing: false });
    this.#expect(call, this.model.delete(socketId), (droppedCount) => droppedCount);
  }

  mark(socketId: string, state: SocketState): void {
    const call = this.#registry.mark(socketId, state, "");
    this.#expect(call, this.model.mark(socketId, state) ?? state, ({ row }) => row.state);
  }

  read({ after: share, stalls, ...plan }: ReadPlan): void {
    const box = this.model.boxes.get(plan.socketId);
    const tail = box?.epoch.entries.length ?? 0;
    const after = share === undefined ? undefined : { epoch: "", sequence: Math.round(share * tail) };
    const request = { ...plan, after, heartbeatMs: this.#count % 2 === 0 ? undefined : 3_600_000, excludeSender: "" };
    const reader = new ModelReader(this.#registry, request, box, this.#epochs, stalls);
    if (box !== undefined) this.#readers.push(reader);
    else this.#expect(reader.done, "SOCKET_NOT_FOUND", () => undefined);
  }

  /** Lets one of the open Reads go on, or ends it. */
  nudge(which: number, how: "resume" | "abort" | "return"): void {
    const reader = this.#readers[which % this.#readers.length];
    if (how === "resume") reader?.resume();
    else reader?.end(how);
  }

  /** Keeps commits from becoming durable until `release`: nothing of what follows may be seen before that. */
  hold(): void {
    if (this.#releaseHold !== undefined || !(this.#storage instanceof MemoryStorage)) return;
    this.#releaseHold = this.#storage.holdCommits();
    // From here on every answer stands on something that is not durable.
    this.write({ socketId: TEAM, sender: "", includeSender: false });
  }

  release(): void {
    this.#mayBeSeen();
    this.#releaseHold?.();
    this.#releaseHold = undefined;
  }

  /** Waits for all answers and until no Read has anything more to take, and compares everything. */
  async settle(): Promise<void> {
    this.release();
    await Promise.all(this.#calls.splice(0));
    await this.#quiet();
    for (const box of this.model.boxes.values()) {
      const { socketId, state, epoch } = box;
      const { row, queueSize, tail, inFlightCount, droppedCount, readerCount } = await this.#registry.info(socketId);
      const open = this.#readers.filter((reader) => reader.isOpen && reader.box === box);
      const held = epoch.unsettled.filter(({ holder }) => holder !== undefined);
      expect({ state: row.state, queueSize, tail, inFlightCount, droppedCount, readerCount }).toEqual({
        state,
        queueSize: epoch.unsettled.length,
        tail: epoch.entries.length,
        inFlightCount: held.length,
        droppedCount: epoch.dropped,
        readerCount: open.length,
      });
      const waiting = epoch.unsettled.map(({ sequence, content }) => ({ sequence, content }));
      expect(await this.#peek(socketId)).toEqual(waiting);
    }
    const { sockets } = await this.#registry.list({
      pageSize: 1_000,
      pageToken: "",
      states: [],
      labels: {},
      model: "",
    });
    expect(sockets.map(({ row }) => row.socketId)).toEqual([...this.model.boxes.keys()]);
  }

  /** Goes on with another opening of the same store. What was settled last may be forgotten when it was no clean one. */
  async restart(reopen: () => Promise<Storage>, isClean: boolean): Promise<void> {
    await this.settle();
    await this.#endReads();
    this.#storage = watched(await reopen());
    this.#registry = new Registry(this.#storage, limits);
    if (isClean) return await this.settle();
    this.#hasCrashed = true;
    for (const { socketId, epoch } of this.model.boxes.values()) {
      const there = new Set((await this.#peek(socketId)).map(({ sequence }) => sequence));
      for (const entry of epoch.entries) {
        if (entry.state !== "settled" || !there.has(entry.sequence)) continue;
        entry.state = "waiting";
        entry.delivered = false;
      }
    }
    await this.settle();
  }

  /** Ends every Read and takes everything out of every queue but one. */
  async drain(but?: string): Promise<void> {
    await this.#endReads();
    for (const { socketId, epoch } of this.model.boxes.values()) {
      if (socketId === but) continue;
      const plan = { socketId, ackMode: "AUTO", noWait: true, maxMessages: 0, after: undefined, stalls: [] } as const;
      this.read(plan);
      await this.#endReads();
      expect(epoch.unsettled, `left in the queue of ${socketId}`).toEqual([]);
      if (this.#hasCrashed) expect(epoch.announced).toBeGreaterThanOrEqual(epoch.dropped);
      else expect(epoch.announced, `drops announced on ${socketId}`).toBe(epoch.dropped);
    }
    await this.settle();
  }

  async close(): Promise<void> {
    for (const reader of this.#readers) reader.end("abort");
    await Promise.allSettled([...this.#calls, ...this.#readers.map(({ done }) => done)]);
    await this.#storage.close();
  }

  async #endReads(): Promise<void> {
    for (const reader of this.#readers) if (!reader.request.noWait || reader.isStalled) reader.end("return");
    for (const reader of this.#readers) if (!reader.request.noWait) reader.end("abort");
    await Promise.all(this.#readers.splice(0).map(({ done }) => done));
  }

  /** Waits until nobody waits for the storage but those who wait for news. */
  async #quiet(): Promise<void> {
    for (let calmTurns = 0; calmTurns < 5; calmTurns++) {
      await setImmediate();
      if (this.#storage.awaited > 0) calmTurns = 0;
    }
    for (const reader of this.#readers.filter(({ isOpen }) => !isOpen)) await reader.done;
    this.#readers = this.#readers.filter(({ isOpen }) => isOpen);
  }

  async #peek(socketId: string): Promise<{ sequence: number; content: string }[]> {
    const { messages } = await this.#registry.peek({ socketId, pageSize: 1_000, pageToken: "" });
    return messages.map(({ sequence, body }) => ({ sequence, content: Buffer.from(body).toString() }));
  }

  /** Notes under which name the present queue of a socket goes. */
  #name(socketId: string): void {
    const [row, box] = [this.#storage.find(socketId), this.model.boxes.get(socketId)];
    if (row !== undefined && box !== undefined) this.#epochs.set(row.epoch, box.epoch);
  }

  #mayBeSeen(): void {
    for (const { entries } of this.#epochs.values()) for (const entry of entries) entry.pending = false;
  }

  #expect<T>(call: Promise<T>, expected: unknown, tell: (answer: T) => unknown): void {
    const hold = this.#releaseHold;
    const outcome = call.then(tell, reasonOf).then((actual) => {
      expect(hold !== undefined && hold === this.#releaseHold, "an answer stood on what is not durable").toBe(false);
      expect(actual).toEqual(expected);
    });
    outcome.catch(() => {});
    this.#calls.push(outcome);
  }
}

/** A storage that knows how many of its answers are awaited, the waits for news left out. */
type Watched = Storage & { readonly awaited: number };

function watched(storage: Storage): Watched {
  let awaited = 0;
  const leave = (): void => {
    awaited--;
  };
  return new Proxy(storage as Watched, {
    get(target, name: keyof Watched) {
      if (name === "awaited") return awaited;
      const found = target[name];
      if (typeof found !== "function") return found;
      return (...args: unknown[]) => {
        const result: unknown = Reflect.apply(found, target, args);
        if (name === "waitAfter" || !(result instanceof Promise)) return result;
        awaited++;
        result.then(leave, leave);
        return result;
      };
    },
  });
}

function told(outcome: Outcome): Reason | Pick<WriteAnswer, "deliveredCount" | "skippedCount" | "results"> {
  if (typeof outcome === "string") return outcome;
  const isSkip = ({ skipReason }: Result): boolean => skipReason !== undefined;
  const skippedCount = outcome.filter(isSkip).length;
  return { deliveredCount: outcome.length - skippedCount, skippedCount, results: outcome };
}

function reasonOf(error: unknown): Reason {
  if (error instanceof RegistryError) return error.reason;
  throw error;
}
