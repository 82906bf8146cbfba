import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { expect } from "vitest";
import { RegistryError } from "../../src/registry/errors.js";
import type { Limits } from "../../src/registry/limits.js";
import { messageIdOf } from "../../src/registry/message.js";
import { type CreateRequest, Registry } from "../../src/registry/registry.js";
import type { RetryKey } from "../../src/registry/retries.js";
import type { SocketConfig, SocketState, Storage } from "../../src/registry/storage.js";
import type { WriteAnswer, WriteRequest } from "../../src/registry/write.js";
import type { FakeClock } from "./fake-clock.js";
import { MemoryStorage } from "./memory-storage.js";
import { ModelAsk } from "./model-ask.js";
import { compare } from "./model-comparison.js";
import type { AckPlan, AskPlan, ReadPlan, WritePlan } from "./model-plans.js";
import type { ModelQueue } from "./model-queue.js";
import { ModelReader } from "./model-reader.js";
import { WatchedStorage } from "./model-storage.js";
import { ModelWatch } from "./model-watch.js";
import { TEAM, TeamModel, type Written } from "./team-model.js";

/** An answer that is remembered for its request_id. */
interface Kept {
  readonly fingerprint: string;
  readonly revision: number;
  readonly atMs: number;
  readonly answer: Written | { readonly epoch: string };
}

/** A registry and its model, side by side: every call goes to both at once, and the answers are compared as they come. */
export class ModelTeam {
  readonly model: TeamModel;
  readonly clock: FakeClock;
  readonly limits: Limits;
  readers: ModelReader[] = [];
  watches: ModelWatch[] = [];
  asks: ModelAsk[] = [];
  storage: WatchedStorage;
  registry: Registry;
  #calls: Promise<void>[] = [];
  /** The queues by their epochs and consumers. */
  readonly #queues = new Map<string, ModelQueue>();
  /** The same by the numbers that the storage gives them. */
  readonly #numbers = new Map<number, { readonly socketId: string; readonly consumer: string }>();
  readonly #kept = new Map<string, Kept>();
  readonly #retried = new Map<string, WriteRequest>();
  /** Every epoch that there was, by socket. */
  readonly epochs = new Map<string, string[]>();
  #count = 0;
  /** Lets commits through again, while they are held back. */
  #releaseHold: (() => void) | undefined;
  /** The newest revision that may be seen while they are. */
  #heldAt = Infinity;

  constructor(storage: Storage, limits: Limits, clock: FakeClock) {
    this.clock = clock;
    this.limits = limits;
    this.storage = this.#watched(storage);
    this.registry = new Registry(this.storage.face, limits, clock);
    this.model = new TeamModel(clock, limits, storage.revision);
    this.#name(TEAM);
  }

  /** The newest revision that may be seen. */
  get visible(): number {
    return this.#heldAt;
  }

  queueOf(epoch: string, consumer: string): ModelQueue {
    return this.#queues.get(`${epoch}/${consumer}`) ?? expect.unreachable("a queue that never was");
  }

  create(plan: Pick<CreateRequest, "socketId" | "onConflict" | "config" | "labels"> & { requestId: number }): void {
    const { requestId, ...asked } = plan;
    const profile = { prompt: `prompt of ${asked.socketId}`, context: undefined };
    const retry = retryOf("create", requestId, asked);
    const request = { ...asked, model: "m", profile, retry };
    const earlier = this.#earlier(retry);
    const call = this.registry.create(request);
    if (earlier !== undefined) {
      this.#expect(call, earlier === "REQUEST_ID_REUSED" ? earlier : true, ({ duplicate }) => duplicate);
      return;
    }
    const before = this.model.boxes.get(asked.socketId);
    const box = this.model.create({ ...asked, prompt: profile.prompt }, asked.onConflict);
    this.#name(asked.socketId);
    const row = this.storage.below.find(asked.socketId);
    if (typeof box !== "string" && box !== before) {
      this.#keep(retry, { revision: this.model.revision, answer: { epoch: row?.epoch ?? "" } });
    }
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
    const request = this.#request(plan);
    const earlier = this.#earlier(request.retry);
    const call = this.registry.write(request);
    const expected = this.#written(request, earlier);
    this.#expect(call, expected, told);
  }

  ask(plan: AskPlan): void {
    const write = { ...this.#request(plan), isQuestion: true };
    const earlier = this.#earlier(write.retry);
    const call = new AbortController();
    const frames = this.registry.ask({ write, timeoutMs: plan.timeoutMs, maxReplies: plan.maxReplies }, call.signal);
    const first = frames.next();
    const expected = this.#written(write, earlier);
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
    const { model } = this;
    const { socketId, consumer, whose, delayMs, deadlineMs } = plan;
    const box = model.boxes.get(socketId);
    const isConsumer = consumer !== "" && socketId === TEAM;
    const queue = isConsumer ? model.consumers.get(consumer)?.queue : box?.queue;
    const pick = (places: readonly number[]): number[] => {
      const all = queue?.entries ?? [];
      const flying = all.filter(({ state }) => state === "out").map(({ sequence }) => sequence);
      // Mostly of what is in flight; else anything, also what was never there.
      return places.map((place) => (place % 4 > 0 ? flying[place % Math.max(1, flying.length)] : undefined) ?? place);
    };
    const lists = { sequences: pick(plan.acks), nacks: pick(plan.nacks), extends: pick(plan.extends) };
    const through = plan.through === 0 ? 0 : (pick([plan.through])[0] ?? 0);
    const current = this.storage.below.find(socketId)?.epoch ?? "";
    const epochs = this.epochs.get(socketId) ?? [];
    const epoch = whose === "none" ? "" : whose === "old" ? (epochs[0] ?? "gone") : current;
    const call = this.registry.acknowledge({
      ...{ socketId, consumer: isConsumer ? consumer : "", epoch, retryDelayMs: delayMs, ackDeadlineMs: deadlineMs },
      ...{ sequences: lists.sequences, throughSequence: through },
      ...{ nackSequences: lists.nacks, extendSequences: lists.extends },
    });
    const named = [...lists.sequences, ...lists.nacks, ...lists.extends];
    const isCurrent = epoch === "" || epoch === current;
    if (box === undefined) return this.#expect(call, "SOCKET_NOT_FOUND", (answer) => answer);
    if (queue === undefined || !isCurrent) {
      return this.#expect(call, { acknowledgedCount: 0, staleSequences: named }, (answer) => answer);
    }
    const staleSequences: number[] = [];
    let acknowledgedCount = 0;
    const each = (sequences: readonly number[], act: (sequence: number) => boolean): void => {
      for (const sequence of sequences) {
        if (act(sequence)) acknowledgedCount++;
        else staleSequences.push(sequence);
      }
    };
    each(lists.sequences, (sequence) => queue.ack(sequence));
    each(queue.deliveredThrough(through), (sequence) => queue.ack(sequence));
    each(lists.nacks, (sequence) => queue.nack(sequence, delayMs));
    each(lists.extends, (sequence) => queue.extend(sequence, deadlineMs));
    for (const one of model.readersOf(box, isConsumer ? consumer : "")) one.isOverdue = false;
    if (!isConsumer) model.seen(box);
    this.#expect(call, { acknowledgedCount, staleSequences }, (answer) => answer);
  }

  requeue(socketId: string, places: readonly number[]): void {
    const call = this.registry.requeue({ socketId, consumer: "", sequences: places });
    const expected = this.model.boxes.get(socketId)?.queue.requeue(places) ?? "SOCKET_NOT_FOUND";
    this.#expect(call, expected, (count) => count);
  }

  reset(socketId: string, scope: "ALL" | "QUEUE" | "CONTEXT"): void {
    const call = this.registry.reset({ socketId, scope, etag: "" });
    const expected = this.model.reset(socketId, scope);
    this.#name(socketId);
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
    const old = this.epochs.get(socketId)?.[0] ?? "";
    const current = this.storage.below.find(socketId)?.epoch;
    const epoch = isOld ? old : "";
    const call = this.registry.heartbeat(socketId, epoch);
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
    const heartbeatMs = stalls.length === 0 && this.#count % 2 === 0 ? 3_600_000 : undefined;
    const request = { ...asked, consumer, after, heartbeatMs, maxOutstandingBytes: 0 };
    const queue = consumer === "" ? box?.queue : model.useConsumer(consumer, after?.sequence ?? tail);
    const epoch = this.storage.below.find(plan.socketId)?.epoch ?? "";
    if (box === undefined || queue === undefined) {
      const reason = box === undefined ? "SOCKET_NOT_FOUND" : "READER_LIMIT";
      return this.#expect(this.registry.read(request, new AbortController()).next(), reason, () => undefined);
    }
    this.#queues.set(`${epoch}/${consumer}`, queue);
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
    reader.begin(this.registry);
    if (consumer !== "") {
      const number = this.storage.below.consumer(consumer)?.number ?? 0;
      this.#numbers.set(number, { socketId: TEAM, consumer });
    }
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
      expect(expired, `what has outlived its time on ${box.socketId}`).toEqual([]);
    }
    const aged = [...this.#kept].filter(([, { atMs }]) => this.#isAged(atMs));
    for (const [key] of aged) if (!this.storage.below.isRemembered(key)) this.#kept.delete(key);
    const surplus = this.#kept.size - this.limits.dedupeKeys;
    for (const [key] of [...this.#kept].slice(0, Math.max(0, surplus))) this.#kept.delete(key);
    expect(this.storage.below.rememberedCount).toBe(this.#kept.size);
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
    const quiet = { sender: "", includeSender: false, labels: {}, requestId: 0, isSame: false, replyTo: 0 };
    this.write({ ...quiet, socketId: TEAM });
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
    await Promise.all(this.#calls.splice(0));
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
    expect(this.model.overdue, "leases that are over").toEqual([]);
    expect(this.storage.below.revision, "how many entries there are").toBe(this.model.revision);
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
    this.storage = this.#watched(await reopen(below));
    this.registry = new Registry(this.storage.face, this.limits, this.clock);
    for (const box of this.model.boxes.values()) {
      const number = this.storage.below.find(box.socketId)?.number ?? 0;
      const seenMs = this.storage.below.queue(number).seenMs;
      // When somebody was seen last is kept once a minute.
      if (isClean) expect(seenMs).toBe(box.lastSeenMs);
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
      this.read({ ...from, maxOutstanding: 0, exclusive: false, excludeSender: "", stalls: [] });
      await this.rest();
      // Without a deadline a worker may have it for ever.
      const left = queue.unsettled.filter(({ dueMs }) => dueMs < Infinity);
      expect(left, `left in the queue of ${socketId}`).toEqual([]);
      expect(queue.announced, `drops that were told on ${socketId}`).toEqual(queue.dropped);
    }
    await this.compare();
  }

  /** All clients go. */
  async endStreams(): Promise<void> {
    const streams = [...this.readers, ...this.watches, ...this.asks];
    for (const stream of streams) stream.cancel();
    await Promise.all(streams.map(({ done }) => done));
    [this.readers, this.watches, this.asks] = [[], [], []];
  }

  async close(): Promise<void> {
    this.#releaseHold?.();
    const streams = [...this.readers, ...this.watches, ...this.asks];
    for (const stream of streams) stream.cancel();
    await Promise.allSettled([...this.#calls, ...streams.map(({ done }) => done)]);
    this.clock.forget();
    await this.storage.below.close();
  }

  #checkEnd(reader: ModelReader, reason: string | undefined): void {
    if (reason === undefined) return;
    const isDue = reader.isSuperseded ? "READER_SUPERSEDED" : reader.box.isGone ? "SOCKET_DELETED" : "no end";
    expect(reason, "why a Read ended").toBe(isDue);
  }

  #written(request: WriteRequest, earlier: Kept | "REQUEST_ID_REUSED" | undefined): ReturnType<typeof told> | string {
    if (earlier === "REQUEST_ID_REUSED") return earlier;
    const { socketId, sender, includeSender, matchLabels: labels, isQuestion, body } = request;
    const replyTo = [...this.model.letters.keys()].find((revision) => this.#id(revision) === request.replyTo) ?? 0;
    const post = {
      socketId,
      sender,
      includeSender,
      labels,
      isQuestion,
      replyTo,
      content: Buffer.from(body).toString(),
    };
    const written = (earlier?.answer as Written | undefined) ?? this.model.write(post);
    if (typeof written === "string") return written;
    if (earlier === undefined) this.#keep(request.retry, { revision: written.revision, answer: written });
    const { revision, results } = written;
    const skippedCount = results.filter(({ skipReason }) => skipReason !== undefined).length;
    const counts = { deliveredCount: results.length - skippedCount, skippedCount };
    return { revision, messageId: this.#id(revision), ...counts, results, duplicate: earlier !== undefined };
  }

  #request(plan: WritePlan): WriteRequest {
    const { socketId, sender, includeSender, requestId, isSame } = plan;
    const method = "timeoutMs" in plan ? "ask" : "write";
    const again = this.#retried.get(`${method} ${requestId}`);
    if (requestId > 0 && isSame && again !== undefined) return again;
    const questions = [...this.model.letters.values()].slice(-8);
    const replyTo = plan.replyTo === 0 ? undefined : questions[plan.replyTo % Math.max(1, questions.length)];
    const asked = {
      ...{ socketId, sender, includeSender, matchLabels: socketId === TEAM ? plan.labels : {} },
      ...{ replyTo: replyTo === undefined ? "" : this.#id(replyTo.revision), isQuestion: false },
    };
    const body = Buffer.from(`message ${++this.#count}`);
    const request = { ...asked, body, retry: retryOf(method, requestId, [asked, this.#count]) };
    if (requestId > 0 && again === undefined) this.#retried.set(`${method} ${requestId}`, request);
    return request;
  }

  #earlier(retry: RetryKey | undefined): Kept | "REQUEST_ID_REUSED" | undefined {
    const kept = retry && this.#kept.get(retry.key);
    if (retry === undefined || kept === undefined) return undefined;
    // What is older than the window may be remembered or not.
    if (this.#isAged(kept.atMs) && !this.storage.below.isRemembered(retry.key)) return undefined;
    return kept.fingerprint === retry.fingerprint ? kept : "REQUEST_ID_REUSED";
  }

  #keep(retry: RetryKey | undefined, kept: Pick<Kept, "revision" | "answer">): void {
    if (retry === undefined) return;
    this.#kept.delete(retry.key);
    this.#kept.set(retry.key, { ...kept, fingerprint: retry.fingerprint, atMs: this.clock.elapsedMs() });
  }

  #isAged(atMs: number): boolean {
    return this.clock.elapsedMs() - atMs >= this.limits.dedupeWindowMs;
  }

  #id(revision: number): string {
    return messageIdOf(this.storage.below.instance, revision);
  }

  /** Notes under which names the present queues of a socket go. */
  #name(socketId: string): void {
    const [row, box] = [this.storage.below.find(socketId), this.model.boxes.get(socketId)];
    if (row === undefined || box === undefined) return;
    this.#numbers.set(row.number, { socketId, consumer: "" });
    this.#queues.set(`${row.epoch}/`, box.queue);
    const epochs = this.epochs.get(socketId) ?? [];
    if (!epochs.includes(row.epoch)) this.epochs.set(socketId, [...epochs, row.epoch]);
    if (socketId !== TEAM) return;
    for (const [name, { queue }] of this.model.consumers) this.#queues.set(`${row.epoch}/${name}`, queue);
  }

  #watched(storage: Storage): WatchedStorage {
    return new WatchedStorage(storage, {
      appended: (event) => {
        if (event.kind !== "change" || event.what !== "STATE_CHANGED") return;
        if (event.draft.stateReason === "LEASE_EXPIRED") this.#ranOut(event.draft.socketId);
      },
      settled: (number, sequences) => this.#settled(number, sequences),
      dropped: (number, sequences, reason) => {
        if (reason === "EXPIRED") this.#expired(number, sequences);
      },
    });
  }

  /** A reader passes, as read, what it was told to leave out. */
  #settled(number: number, sequences: readonly number[]): void {
    const { socketId, consumer } = this.#numbers.get(number) ?? { socketId: "", consumer: "" };
    const box = this.model.boxes.get(socketId);
    const queue = consumer === "" ? box?.queue : this.model.consumers.get(consumer)?.queue;
    if (box === undefined || queue === undefined) return;
    const readers = this.model.readersOf(box, consumer) as ModelReader[];
    for (const sequence of sequences) {
      const entry = queue.entries[sequence - 1];
      if (entry === undefined || !queue.isAvailable(entry)) continue;
      const isPassed = readers.some(({ takes, request }) => takes && request.excludeSender === entry.sender);
      if (isPassed && entry.sender !== "") queue.settle(entry);
    }
  }

  #ranOut(socketId: string): void {
    const box = this.model.overdue.find((one) => one.socketId === socketId);
    if (box === undefined) expect.unreachable(`the lease of ${socketId} is not over`);
    this.model.expire(box);
  }

  #expired(number: number, sequences: readonly number[]): void {
    const box = this.model.boxes.get(this.#numbers.get(number)?.socketId ?? "");
    for (const sequence of sequences) {
      const entry = box?.queue.entries[sequence - 1];
      if (box === undefined || entry === undefined) expect.unreachable("a message that never was has expired");
      expect(box.queue.free[0], "the oldest that nobody has").toBe(entry);
      expect(this.model.isExpired(box, entry.timeMs), "its time is over").toBe(true);
      box.queue.drop(entry, "EXPIRED");
    }
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

/** The digests of a request; undefined without a request_id. */
function retryOf(method: string, requestId: number, rest: unknown): RetryKey | undefined {
  if (requestId === 0) return undefined;
  const digest = (value: unknown): string =>
    createHash("md5").update(JSON.stringify(value)).digest().toString("latin1");
  return { key: digest([method, requestId]), fingerprint: digest(rest) };
}

function told({
  revision,
  messageId,
  deliveredCount,
  skippedCount,
  results,
  duplicate,
}: WriteAnswer & { duplicate: boolean }) {
  return { revision, messageId, deliveredCount, skippedCount, results, duplicate };
}

function reasonOf(error: unknown): string {
  if (error instanceof RegistryError) return error.reason;
  throw error;
}
