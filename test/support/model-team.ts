import { setImmediate } from "node:timers/promises";
import { expect } from "vitest";
import { RegistryError } from "../../src/registry/errors.js";
import type { Limits } from "../../src/registry/limits.js";
import { type CreateRequest, Registry } from "../../src/registry/registry.js";
import type { SocketConfig, SocketState, Storage } from "../../src/registry/storage.js";
import type { FakeClock } from "./fake-clock.js";
import { MemoryStorage } from "./memory-storage.js";
import { acknowledgement, type Told } from "./model-acknowledgement.js";
import { ModelAsk } from "./model-ask.js";
import { check } from "./model-check.js";
import { compare } from "./model-comparison.js";
import { ModelEars } from "./model-ears.js";
import { quietly, type Written } from "./model-letter.js";
import type { AckPlan, AskPlan, ReadPlan, WritePlan } from "./model-plans.js";
import { ModelReader } from "./model-reader.js";
import { ModelRetries, retryOf } from "./model-retries.js";
import { WatchedStorage } from "./model-storage.js";
import { ModelWatch } from "./model-watch.js";
import { ModelWritings, told } from "./model-writings.js";
import { TEAM, TeamModel } from "./team-model.js";

/** A call that is to be made, and what its answer must be. */
export interface Making {
  readonly make: () => Promise<unknown>;
  readonly expected: () => unknown;
}

type Stream = ModelReader | ModelWatch | ModelAsk;

/** A registry and its model, side by side: every call goes to both at once, and the answers are compared as they come. */
export class ModelTeam {
  readonly model: TeamModel;
  readonly ears: ModelEars;
  readonly clock: FakeClock;
  readonly limits: Limits;
  readers: ModelReader[] = [];
  watches: ModelWatch[] = [];
  asks: ModelAsk[] = [];
  storage: WatchedStorage;
  registry: Registry;
  #calls: { readonly done: Promise<void>; isOver: boolean }[] = [];
  readonly retries: ModelRetries<Written | undefined>;
  readonly #writings: ModelWritings;
  /** Lets commits through again, while they are held back. */
  #releaseHold: (() => void) | undefined;
  /** The newest revision that may be seen while they are. */
  #heldAt = Infinity;

  constructor(storage: Storage, limits: Limits, clock: FakeClock) {
    this.clock = clock;
    this.limits = limits;
    this.retries = new ModelRetries(clock, limits);
    this.model = new TeamModel(clock, limits, storage.revision);
    this.ears = new ModelEars(this.model);
    this.ears.name(TEAM, storage);
    this.#writings = new ModelWritings(this.model, this.retries, this.ears, storage.instance);
    this.storage = new WatchedStorage(storage, this.ears);
    this.registry = new Registry(this.storage.face, limits, clock);
  }

  /** The newest revision that may be seen. */
  get visible(): number {
    return this.#heldAt;
  }

  create(plan: Pick<CreateRequest, "socketId" | "onConflict" | "config" | "labels"> & { requestId: number }): void {
    const { requestId, ...asked } = plan;
    const profile = { prompt: `prompt of ${asked.socketId}`, context: undefined };
    const retry = retryOf("create", requestId, asked);
    const request = { ...asked, model: "m", profile, retry };
    const earlier = this.retries.earlier(retry, this.storage.below);
    const call = this.registry.create(request);
    if (earlier !== undefined) {
      this.#expect(call, earlier === "REQUEST_ID_REUSED" ? earlier : true, ({ duplicate }) => duplicate);
      return;
    }
    const before = this.model.boxes.get(asked.socketId);
    const box = this.model.create({ ...asked, prompt: profile.prompt }, asked.onConflict);
    this.ears.name(asked.socketId, this.storage.below);
    const row = this.storage.below.find(asked.socketId);
    if (typeof box !== "string" && box !== before) this.retries.keep(retry, undefined);
    const expected =
      typeof box === "string"
        ? box
        : { ...asked, config: box.config, labels: box.labels, state: box.state, epoch: row?.epoch, duplicate: false };
    this.#expect(call, expected, ({ view, duplicate }) => {
      const { socketId, state, epoch, config, labels } = view.row;
      return { socketId, onConflict: asked.onConflict, config, labels, state, epoch, duplicate };
    });
  }

  write(plan: WritePlan): void {
    const { make, expected } = this.writing(plan);
    this.#expect(make(), expected(), (answer) => answer);
  }

  /** A Write: to be made, and what its answer must be, to be asked for afterwards, and once. */
  writing(plan: WritePlan): Making {
    const request = this.#writings.request(plan);
    const earlier = this.retries.earlier(request.retry, this.storage.below);
    return {
      make: () => this.ears.during(() => this.registry.write(request)).then(told),
      expected: () =>
        this.#writings.written(request, earlier ?? this.retries.earlier(request.retry, this.storage.below)),
    };
  }

  ask(plan: AskPlan): void {
    const write = { ...this.#writings.request(plan), isQuestion: true };
    const earlier = this.retries.earlier(write.retry, this.storage.below);
    const call = new AbortController();
    const frames = this.registry.ask({ write, timeoutMs: plan.timeoutMs, maxReplies: plan.maxReplies }, call.signal);
    const first = this.ears.during(() => frames.next());
    const expected = this.#writings.written(write, earlier);
    if (typeof expected === "string") {
      this.#expect(first, expected, () => undefined);
      return;
    }
    const letter = this.model.letters.get(expected.revision) ?? expect.unreachable("a question that never was");
    const ask = new ModelAsk(this.model, letter, plan.timeoutMs, plan.maxReplies, call);
    ask.begin(first, frames, expected);
    this.asks.push(ask);
  }

  acknowledge(plan: AckPlan): void {
    const { make, expected } = this.acknowledging(plan);
    this.#expect(make(), expected(), (answer) => answer);
  }

  /** The same of an acknowledgement. */
  acknowledging(plan: AckPlan): Making {
    const { request, expected } = acknowledgement(this, plan);
    const told = ({ acknowledgedCount, staleSequences }: Told): Told => ({ acknowledgedCount, staleSequences });
    return { make: () => this.ears.during(() => this.registry.acknowledge(request)).then(told), expected };
  }

  requeue(socketId: string, places: readonly number[]): void {
    const call = this.registry.requeue({ socketId, consumer: "", sequences: places });
    const expected = this.model.boxes.get(socketId)?.queue.requeue(places) ?? "SOCKET_NOT_FOUND";
    this.#expect(call, expected, (count) => count);
  }

  reset(socketId: string, scope: "ALL" | "QUEUE" | "CONTEXT"): void {
    const call = this.registry.reset({ socketId, scope, etag: "" });
    const expected = this.model.reset(socketId, scope);
    this.ears.name(socketId, this.storage.below);
    this.#expect(call, expected, ({ droppedCount }) => droppedCount);
  }

  delete(socketId: string): void {
    const call = this.registry.delete({ socketId, etag: "", allowMissing: false });
    this.#expect(call, this.model.delete(socketId), (droppedCount) => droppedCount);
  }

  mark(socketId: string, state: SocketState): void {
    const call = this.registry.mark(socketId, state, "");
    this.#expect(call, this.model.mark(socketId, state), ({ row }) => row.state);
  }

  update(socketId: string, config: SocketConfig, labels: Readonly<Record<string, string>> | undefined): void {
    const mask = labels === undefined ? ["config"] : ["config", "labels"];
    const none = { etag: "", model: "", prompt: "", context: undefined };
    const call = this.registry.update({ ...none, socketId, mask, config, labels: labels ?? {} });
    const change = labels === undefined ? { config } : { config, labels };
    this.#expect(call, this.model.update(socketId, change), () => true);
  }

  heartbeat(socketId: string, isOld: boolean): void {
    const old = this.ears.epochs.get(socketId)?.[0] ?? "";
    const current = this.storage.below.find(socketId)?.epoch;
    const epoch = isOld ? old : "";
    const call = this.ears.during(() => this.registry.heartbeat(socketId, epoch));
    const expected = this.model.heartbeat(socketId, epoch === "" || epoch === current);
    this.#expect(call, expected, ({ row }) => row.state);
  }

  read(plan: ReadPlan): void {
    const { model } = this;
    const { stalls, after: share, ...asked } = plan;
    const box = model.boxes.get(plan.socketId);
    const consumer = plan.socketId === TEAM ? plan.consumer : "";
    const tail = box?.queue.entries.length ?? 0;
    const isPlaced = share !== undefined && (plan.ackMode !== "EXPLICIT" || consumer !== "");
    const after = isPlaced ? { epoch: "", sequence: Math.round(share * tail) } : undefined;
    const heartbeatMs = stalls.length === 0 && this.#writings.count % 2 === 0 ? 3_600_000 : undefined;
    const request = { ...asked, consumer, after, heartbeatMs, maxOutstandingBytes: 0 };
    const queue = consumer === "" ? box?.queue : model.useConsumer(consumer, after?.sequence ?? tail);
    const epoch = this.storage.below.find(plan.socketId)?.epoch ?? "";
    if (box === undefined || queue === undefined) {
      const reason = box === undefined ? "SOCKET_NOT_FOUND" : "READER_LIMIT";
      this.#expect(this.registry.read(request, new AbortController()).next(), reason, () => undefined);
      return;
    }
    const reader = new ModelReader(this, box, queue, epoch, request, stalls);
    const others = model.readersOf(box, consumer);
    const takers = others.filter(({ takes }) => takes && reader.takes);
    if (reader.isExclusive) for (const other of takers) (other as ModelReader).supersede();
    const isTaken = !reader.isExclusive && takers.some(({ isExclusive }) => isExclusive);
    const isFull = others.length - (reader.isExclusive ? takers.length : 0) >= this.limits.maxReadersPerSocket;
    if (!isTaken && !isFull) {
      model.open.add(reader);
      this.readers.push(reader);
    }
    this.ears.during(() => reader.begin(this.registry));
    this.ears.name(plan.socketId, this.storage.below);
    if (isTaken || isFull) this.#expect(reader.done, isTaken ? "READER_SUPERSEDED" : "READER_LIMIT", (why) => why);
    else if (reader.takes && consumer === "") model.seen(box);
  }

  watch(isResumed: boolean, place: number, socketId: string): void {
    const revisions = this.model.changes.map(({ revision }) => revision);
    const after = isResumed ? (revisions[place % Math.max(1, revisions.length)] ?? 0) : 0;
    const watch = new ModelWatch(this.model, after, socketId);
    watch.begin(this.registry);
    this.watches.push(watch);
  }

  /** What comes with time and needs no precise moment. */
  async upkeep(): Promise<void> {
    const { model } = this;
    const call = this.registry.upkeep();
    model.sweep();
    this.#expect(call, undefined, () => undefined);
    await this.rest();
    for (const box of model.boxes.values()) {
      const expired = box.queue.free.filter(({ timeMs }) => model.isExpired(box, timeMs));
      check(expired, [], `what has outlived its time on ${box.socketId}`);
    }
    this.retries.sweep(this.storage.below);
  }

  /** Lets time pass, moment by moment. */
  async pass(ms: number): Promise<void> {
    const endMs = this.clock.elapsedMs() + ms;
    while (this.clock.elapsedMs() < endMs) {
      this.clock.moveTo(Math.min(endMs, this.clock.nextMs, this.model.nextMs));
      this.model.passTime();
      await this.rest();
    }
  }

  /** Keeps commits from becoming durable until everything rests: nothing of what follows may be seen before that. */
  hold(): void {
    const { below } = this.storage;
    if (!(below instanceof MemoryStorage)) return;
    this.#releaseHold = below.holdCommits();
    this.#heldAt = this.model.revision;
    // From here on every answer stands on something that is not durable.
    this.write({ ...quietly, socketId: TEAM });
  }

  /** Waits for all answers and until no stream has anything more to say, and looks whether each has what it may have. */
  async rest(): Promise<void> {
    this.#releaseHold?.();
    [this.#releaseHold, this.#heldAt] = [undefined, Infinity];
    for (let calmTurns = 0; calmTurns < 3; calmTurns++) {
      await setImmediate();
      await this.storage.below.durable();
      if (this.clock.ring() || this.storage.awaited > 0) calmTurns = 0;
    }
    check(
      this.#calls.every(({ isOver }) => isOver),
      true,
      "every call has its answer",
    );
    await Promise.all(this.#calls.splice(0).map(({ done }) => done));
    for (const reader of this.readers) {
      reader.rest();
      if (!reader.isOpen) this.#checkEnd(reader, await reader.done);
    }
    this.readers = this.readers.filter(({ isOpen }) => isOpen);
    for (const watch of this.watches) watch.rest();
    for (const ask of this.asks) ask.rest();
    await Promise.all([...this.watches, ...this.asks].filter(({ isOpen }) => !isOpen).map(({ done }) => done));
    this.watches = this.watches.filter(({ isOpen }) => isOpen);
    this.asks = this.asks.filter(({ isOpen }) => isOpen);
    this.ears.rest();
    check(this.model.overdue, [], "leases that are over");
    check(this.storage.below.revision, this.model.revision, "how many entries there are");
    this.model.period++;
  }

  /** Compares everything that can be asked for. */
  async compare(): Promise<void> {
    await this.rest();
    await compare(this);
  }

  /** The server ends, in good order or not, and another one goes on with what the storage has. */
  async restart(isClean: boolean, reopen: (storage: Storage) => Promise<Storage>): Promise<void> {
    await this.rest();
    await this.storage.below.durable();
    const { below } = this.storage;
    if (isClean) {
      await this.endStreams();
      this.registry.close();
      await below.durable();
    }
    this.storage.kill();
    this.model.restart();
    await this.endStreams();
    this.clock.forget();
    await this.goOn(await reopen(below), isClean);
  }

  /** Another server takes up what a storage has. */
  async goOn(storage: Storage, isClean: boolean): Promise<void> {
    this.ears.restart();
    this.storage = new WatchedStorage(storage, this.ears);
    this.registry = new Registry(this.storage.face, this.limits, this.clock);
    for (const box of this.model.boxes.values()) {
      const { seenMs } = storage.queue(storage.find(box.socketId)?.number ?? 0);
      // When somebody was seen last is kept once a minute.
      if (isClean) check(seenMs, box.lastSeenMs);
      box.lastSeenMs = seenMs;
    }
    // By the wall clock much may be over that had some time left.
    this.model.passTime();
    await this.compare();
  }

  /** The end: whatever waits can be read, and whatever was dropped is told. */
  async drain(): Promise<void> {
    await this.endStreams();
    await this.pass(7 * 86_400_000);
    for (const { socketId, queue } of this.model.boxes.values()) {
      const from = { socketId, consumer: "", ackMode: "AUTO", noWait: true, maxMessages: 0, after: undefined } as const;
      this.read({ ...from, maxOutstanding: 0, exclusive: false, excludeSender: "", stalls: [], reader: "" });
      await this.rest();
      // Without a deadline a worker may have it for ever.
      const left = queue.unsettled.filter(({ dueMs }) => dueMs < Infinity);
      check(left, [], `left in the queue of ${socketId}`);
      check(queue.announced, queue.dropped, `drops that were told on ${socketId}`);
    }
    await this.compare();
  }

  /** Clients go: all of them, or some. */
  async endStreams(streams: readonly Stream[] = [...this.readers, ...this.watches, ...this.asks]): Promise<void> {
    for (const stream of streams) stream.cancel();
    await Promise.all(streams.map(({ done }) => done));
    this.readers = this.readers.filter((reader) => !streams.includes(reader));
    this.watches = this.watches.filter((watch) => !streams.includes(watch));
    this.asks = this.asks.filter((ask) => !streams.includes(ask));
  }

  async close(): Promise<void> {
    this.#releaseHold?.();
    const streams = [...this.readers, ...this.watches, ...this.asks];
    for (const stream of streams) stream.cancel();
    await Promise.allSettled(streams.map(({ done }) => done));
    this.clock.forget();
    await this.storage.below.close();
  }

  #checkEnd(reader: ModelReader, reason: string | undefined): void {
    if (reason === undefined) return;
    const isDue = reader.isSuperseded ? "READER_SUPERSEDED" : reader.box.isGone ? "SOCKET_DELETED" : "no end";
    check(reason, isDue, "why a Read ended");
  }

  #expect<T>(call: Promise<T>, expected: unknown, tell: (answer: T) => unknown): void {
    const hold = this.#releaseHold;
    const outcome = call.then(tell, reasonOf).then((actual) => {
      check(hold !== undefined && hold === this.#releaseHold, false, "an answer stood on what is not durable");
      check(actual, expected);
    });
    const made = { done: outcome, isOver: false };
    const end = (): void => {
      made.isOver = true;
    };
    outcome.then(end, end);
    this.#calls.push(made);
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof RegistryError) return error.reason;
  throw error;
}
