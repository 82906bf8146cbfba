import { randomBytes } from "node:crypto";
import { storageUnavailable } from "../../src/registry/errors.js";
import {
  type Appended,
  type Change,
  type ChangesPage,
  type Fate,
  type Letter,
  type LogEvent,
  type Profile,
  type QueueView,
  type ReadLimits,
  type Remembered,
  type RetentionLimits,
  type SocketNumber,
  type SocketRow,
  type Storage,
  type Stored,
  TEAM_NUMBER,
} from "../../src/registry/storage.js";
import { CHANGES, Wakeups } from "../../src/storage/wakeups.js";
import { fateOf, letterOf, type MemoryEntry } from "./memory-fate.js";
import { MemoryAnswers, MemoryChanges } from "./memory-history.js";
import { MemoryQueue } from "./memory-queue.js";

type MessageEvent = Extract<LogEvent, { kind: "message" }>;

/**
 * The storage contract in the plainest way: every queue is a list of copies, and nothing outlives the process. It is
 * what the store on LevelDB is measured against, and what the rules are tested on. Tests hold a commit back with
 * `holdCommits`.
 */
export class MemoryStorage implements Storage {
  readonly instance = randomBytes(8).toString("hex");
  readonly #now: () => number;
  readonly #rows = new Map<SocketNumber, SocketRow>();
  readonly #profiles = new Map<SocketNumber, Profile>();
  readonly #queues = new Map<SocketNumber, MemoryQueue>();
  /** The entries of queues that ended. */
  readonly #ended = new Set<number>();
  readonly #log = new Map<number, MemoryEntry>();
  readonly #wakeups = new Wakeups();
  readonly #bounds = { durableRevision: 0, historyFloor: 0 };
  readonly #changes = new MemoryChanges(this.#bounds);
  readonly #answers = new MemoryAnswers();
  #revision = 0;
  #timeMs = 0;
  #nextNumber = TEAM_NUMBER;
  #pending: { durable: Promise<void>; finish: () => void } | undefined;
  #isHeld = false;
  #isClosed = false;

  constructor(now: () => number = Date.now) {
    this.#now = now;
    const draft = { socketId: "team-chat-all", model: "broadcast", state: "ACTIVE", stateReason: "NONE" } as const;
    this.append({
      kind: "create",
      draft: { ...draft, stateMessage: "", labels: {}, config: {} },
      profile: { prompt: "", context: undefined },
    });
  }

  /** It has no disk to go back to. */
  readonly generation = 0;

  get revision(): number {
    this.#assertOpen();
    return this.#revision;
  }

  get durableRevision(): number {
    this.#assertOpen();
    return this.#bounds.durableRevision;
  }

  get historyFloor(): number {
    this.#assertOpen();
    return this.#bounds.historyFloor;
  }

  get rememberedCount(): number {
    this.#assertOpen();
    return this.#answers.count;
  }

  get rememberedFrom(): number {
    this.#assertOpen();
    return this.#answers.oldest;
  }

  get bytes(): number {
    this.#assertOpen();
    return [...this.#log.values()].reduce((sum, { size }) => sum + size, 0);
  }

  get socketCount(): number {
    this.#assertOpen();
    return this.#rows.size - 1;
  }

  /** Keeps what is appended from becoming durable until the returned function is called. */
  holdCommits(): () => void {
    this.#isHeld = true;
    return () => {
      this.#isHeld = false;
      this.#pending?.finish();
    };
  }

  find(socketId: string): SocketRow | undefined {
    this.#assertOpen();
    return [...this.#rows.values()].find((row) => row.socketId === socketId);
  }

  socket(number: SocketNumber): SocketRow | undefined {
    this.#assertOpen();
    return this.#rows.get(number);
  }

  sockets(after = 0): Iterable<SocketRow> {
    this.#assertOpen();
    return [...this.#rows.values()].filter((row) => row.number > after);
  }

  async profile(number: SocketNumber): Promise<Profile> {
    this.#assertOpen();
    return this.#profiles.get(number) ?? { prompt: "", context: undefined };
  }

  append(event: LogEvent): Appended {
    this.#assertOpen();
    this.#assertKnown(event);
    const revision = ++this.#revision;
    const timeMs = Math.max(this.#timeMs, this.#now());
    this.#timeMs = timeMs;
    const size = event.kind === "message" ? event.body.length + 32 : 32;
    this.#log.set(revision, { event: event.kind === "message" ? event : undefined, timeMs, size });
    if (event.kind !== "message") {
      const before = event.kind === "delete" ? this.#row(event.number) : undefined;
      const row = this.#change(event, revision, timeMs);
      const changed = row ?? before;
      if (changed !== undefined) this.#changes.add({ revision, kind: kindOf(event), row: changed });
      const sequences = event.kind === "create" && row ? [row.number] : [];
      return { revision, timeMs, sequences, row, durable: this.#commit() };
    }
    const copy = { revision, size, timeMs };
    const sequences = event.targets.map((number) => this.#queue(number).copies.push({ ...copy, settled: false }));
    if (event.everyone) {
      const leftOut = new Set([TEAM_NUMBER, ...event.targets, ...event.skipped.map((skip) => skip.number)]);
      for (const [number, queue] of this.#queues) {
        if (!leftOut.has(number)) queue.copies.push({ ...copy, settled: false });
      }
    }
    return { revision, timeMs, sequences, row: undefined, durable: this.#commit() };
  }

  durable(): Promise<void> {
    return this.#isClosed ? Promise.reject(closed()) : (this.#pending?.durable ?? Promise.resolve());
  }

  queue(number: SocketNumber): QueueView {
    this.#assertOpen();
    return this.#queue(number);
  }

  async readAfter(number: SocketNumber, after: number, limits: ReadLimits): Promise<readonly Stored[]> {
    this.#assertOpen();
    const queue = this.#queue(number);
    const last = queue.durableTail;
    const sequences: number[] = [];
    let bytes = 0;
    for (let sequence = Math.max(after + 1, queue.oldest); sequence <= last; sequence++) {
      bytes += this.sizeAt(number, sequence);
      if (sequences.length > 0 && (sequences.length >= limits.messages || bytes > limits.bytes)) break;
      sequences.push(sequence);
    }
    return this.readAt(number, sequences);
  }

  async readAt(number: SocketNumber, sequences: readonly number[]): Promise<readonly Stored[]> {
    this.#assertOpen();
    const queue = this.#queue(number);
    const [oldest, last] = [queue.oldest, queue.durableTail];
    return sequences.flatMap((sequence) => {
      if (sequence < oldest || sequence > last) return [];
      const revision = queue.copies[sequence - 1]?.revision ?? 0;
      const entry = this.#log.get(revision);
      if (entry?.event === undefined) return [];
      const { sender, recipient, body } = entry.event;
      return [{ sequence, revision, timeMs: entry.timeMs, damaged: false, sender, recipient, body }];
    });
  }

  sizeAt(number: SocketNumber, sequence: number): number {
    this.#assertOpen();
    const queue = this.#queues.get(number);
    if (queue === undefined || sequence < queue.oldest) return 0;
    return queue.copies[sequence - 1]?.size ?? 0;
  }

  async waitAfter(number: SocketNumber, after: number, signal: AbortSignal, timeoutMs?: number): Promise<void> {
    this.#assertOpen();
    const queue = this.#queues.get(number);
    if (queue === undefined || queue.durableTail > after) return;
    await this.#wakeups.wait(number, signal, timeoutMs);
  }

  wake(number: SocketNumber): void {
    this.#wakeups.wake(number);
  }

  settle(number: SocketNumber, sequences: readonly number[]): void {
    this.#assertOpen();
    const queue = this.#queue(number);
    for (const sequence of sequences) {
      const copy = queue.copies[sequence - 1];
      if (copy === undefined || copy.settled) continue;
      copy.settled = true;
      queue.movedMs = Math.max(queue.movedMs, this.#now());
    }
  }

  drop(number: SocketNumber, through: number): number {
    this.#assertOpen();
    const queue = this.#queue(number);
    const { length } = queue.copies.slice(0, through).filter((copy) => !copy.settled);
    const sequences = queue.copies.slice(0, through).map((_, index) => index + 1);
    this.settle(number, sequences);
    queue.dropped += length;
    return length;
  }

  announceDrops(number: SocketNumber): void {
    this.#assertOpen();
    const queue = this.#queue(number);
    queue.announced = queue.dropped;
  }

  async changes(after: number, limit: number): Promise<ChangesPage | undefined> {
    this.#assertOpen();
    return this.#changes.after(after, limit);
  }

  async waitChange(after: number, signal: AbortSignal, timeoutMs?: number): Promise<void> {
    this.#assertOpen();
    if (this.#changes.newest > after) return;
    await this.#wakeups.wait(CHANGES, signal, timeoutMs);
  }

  async letter(revision: number): Promise<Letter | undefined> {
    this.#assertOpen();
    const entry = this.#log.get(revision);
    return entry && this.#isReadable(revision) ? letterOf(revision, entry) : undefined;
  }

  async fate(number: SocketNumber, revision: number): Promise<Fate | undefined> {
    this.#assertOpen();
    const queue = this.#queues.get(number);
    if (queue === undefined || revision > this.#bounds.durableRevision) return undefined;
    const fate = fateOf(queue, revision, this.#bounds);
    await this.durable();
    return fate;
  }

  async replies(question: number, after: number): Promise<readonly number[]> {
    this.#assertOpen();
    const replies = [...this.#log].filter(([, { event }]) => event?.replyTo === question);
    const revisions = replies.map(([revision]) => revision).filter((revision) => revision > Math.max(question, after));
    return revisions.filter((revision) => this.#isReadable(revision));
  }

  remember(remembered: Remembered): void {
    this.#assertOpen();
    this.#answers.add(remembered);
  }

  isRemembered(key: string): boolean {
    this.#assertOpen();
    return this.#answers.has(key);
  }

  async recall(key: string): Promise<Remembered | undefined> {
    this.#assertOpen();
    return this.#answers.get(key);
  }

  forget(through: number, countMax: number): void {
    this.#assertOpen();
    this.#answers.forget(through, countMax);
  }

  async retain(limits: RetentionLimits): Promise<number> {
    this.#assertOpen();
    const queues = [...this.#queues.values()];
    const isHeld = (revision: number): boolean => this.#isHeld(revision);
    const isReadable = (revision: number): boolean =>
      queues.some((queue) => queue.copies.slice(queue.oldest - 1).some((copy) => copy.revision === revision));
    const before = this.#log.size;
    for (const revision of this.#ended) if (!isReadable(revision)) this.#log.delete(revision);
    this.#ended.clear();
    const history = [...this.#log].filter(([revision]) => revision > this.#bounds.historyFloor && !isHeld(revision));
    let [count, bytes] = [history.length, history.reduce((sum, [, { size }]) => sum + size, 0)];
    while (this.#bounds.historyFloor < this.#bounds.durableRevision) {
      const entry = this.#log.get(this.#bounds.historyFloor + 1);
      const isKept = count <= limits.messages && bytes <= limits.bytes;
      if (entry !== undefined && isKept && entry.timeMs > this.#now() - limits.ageMs) break;
      this.#bounds.historyFloor++;
      if (entry === undefined || isHeld(this.#bounds.historyFloor)) continue;
      count--;
      bytes -= entry.size;
    }
    for (const revision of [...this.#log.keys()]) {
      if (revision <= this.#bounds.historyFloor && !isHeld(revision)) this.#log.delete(revision);
    }
    return before - this.#log.size;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#pending?.finish();
    this.#wakeups.failAll(closed());
  }

  #change(event: Exclude<LogEvent, MessageEvent>, revision: number, timeMs: number): SocketRow | undefined {
    if (event.kind === "create") {
      if (event.replaces !== undefined) this.#delete(event.replaces);
      return this.#create(event, revision, timeMs);
    }
    if (event.kind === "delete") {
      this.#delete(event.number);
      return undefined;
    }
    const before = this.#row(event.number);
    const isNewEpoch = event.kind === "reset" && event.queue;
    const epoch = isNewEpoch ? { epoch: randomBytes(4).toString("hex"), epochRevision: revision } : {};
    const { socketId, model, state, stateReason, stateMessage, labels, config } = event.draft;
    const changed = { socketId, model, state, stateReason, stateMessage, labels, config };
    const row = { ...before, ...changed, ...epoch, changedMs: timeMs, changedRevision: revision };
    this.#rows.set(row.number, row);
    if (isNewEpoch) {
      this.#end(row.number);
      this.#queues.set(row.number, new MemoryQueue(this.#bounds));
    }
    const { prompt, context } = this.#profiles.get(row.number) ?? { prompt: "", context: undefined };
    if (event.kind === "reset" && event.context) this.#profiles.set(row.number, { prompt, context: undefined });
    if (event.kind === "change" && event.profile !== undefined) {
      const { profile } = event;
      const after = profile.context === undefined ? context : profile.context.value;
      this.#profiles.set(row.number, { prompt: profile.prompt ?? prompt, context: after });
    }
    if (event.kind === "reset") this.#wakeups.wake(row.number);
    return row;
  }

  #create(event: Extract<LogEvent, { kind: "create" }>, revision: number, timeMs: number): SocketRow {
    const row: SocketRow = {
      ...event.draft,
      number: this.#nextNumber++,
      createdMs: timeMs,
      createdRevision: revision,
      changedMs: timeMs,
      epoch: randomBytes(4).toString("hex"),
      epochRevision: revision,
      changedRevision: revision,
    };
    this.#rows.set(row.number, row);
    this.#profiles.set(row.number, event.profile);
    this.#queues.set(row.number, new MemoryQueue(this.#bounds));
    return row;
  }

  #delete(number: SocketNumber): void {
    this.#end(number);
    this.#rows.delete(number);
    this.#profiles.delete(number);
    this.#queues.delete(number);
    this.#wakeups.wake(number);
  }

  #end(number: SocketNumber): void {
    for (const copy of this.#queue(number).copies) this.#ended.add(copy.revision);
  }

  #isHeld(revision: number): boolean {
    const isIn = (queue: MemoryQueue): boolean =>
      queue.copies.slice(queue.floor).some((copy) => copy.revision === revision);
    return [...this.#queues.values()].some(isIn);
  }

  #isReadable(revision: number): boolean {
    const { durableRevision, historyFloor } = this.#bounds;
    const isThere = this.#log.has(revision) && revision <= durableRevision;
    return isThere && (revision > historyFloor || this.#isHeld(revision));
  }

  #assertKnown(event: LogEvent): void {
    if (event.kind === "message") for (const number of event.targets) this.#row(number);
    else if (event.kind !== "create") this.#row(event.number);
    else if (event.replaces !== undefined) this.#row(event.replaces);
  }

  #row(number: SocketNumber): SocketRow {
    const row = this.#rows.get(number);
    if (row === undefined) throw new Error(`there is no socket number ${number}`);
    return row;
  }

  #queue(number: SocketNumber): MemoryQueue {
    const queue = this.#queues.get(number);
    if (queue === undefined) throw new Error(`there is no queue number ${number}`);
    return queue;
  }

  #commit(): Promise<void> {
    if (this.#pending === undefined) {
      let finish = (): void => {};
      const durable = new Promise<void>((resolve) => {
        finish = () => {
          this.#pending = undefined;
          const { newest } = this.#changes;
          this.#bounds.durableRevision = this.#revision;
          resolve();
          this.#wakeups.wakeAll();
          if (this.#changes.newest > newest) this.#wakeups.wake(CHANGES);
        };
      });
      this.#pending = { durable, finish };
      setImmediate(() => {
        if (!this.#isHeld) this.#pending?.finish();
      });
    }
    return this.#pending.durable;
  }

  #assertOpen(): void {
    if (this.#isClosed) throw closed();
  }
}

function kindOf(event: Exclude<LogEvent, MessageEvent>): Change["kind"] {
  if (event.kind === "change") return event.what;
  if (event.kind === "reset") return event.queue ? "RESET" : "UPDATED";
  return event.kind === "create" ? "CREATED" : "DELETED";
}

const closed = (): Error => storageUnavailable(new Error("the store is closed"));
