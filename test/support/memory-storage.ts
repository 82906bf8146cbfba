import { randomBytes } from "node:crypto";
import { storageUnavailable } from "../../src/registry/errors.js";
import {
  type Appended,
  type LogEvent,
  type Profile,
  type QueueView,
  type ReadLimits,
  type RetentionLimits,
  type SocketNumber,
  type SocketRow,
  type Storage,
  type Stored,
  TEAM_NUMBER,
} from "../../src/registry/storage.js";
import { Wakeups } from "../../src/storage/wakeups.js";

interface Copy {
  readonly revision: number;
  readonly size: number;
  readonly timeMs: number;
  settled: boolean;
}

interface MemoryQueue {
  readonly epochRevision: number;
  /** The copy of sequence n is at n - 1. */
  readonly copies: Copy[];
  oldest: number;
  dropped: number;
  announced: number;
  activityMs: number;
}

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
  readonly #log = new Map<number, { event: MessageEvent | undefined; timeMs: number; size: number }>();
  readonly #wakeups = new Wakeups();
  #revision = 0;
  #durableRevision = 0;
  #timeMs = 0;
  #nextNumber = TEAM_NUMBER;
  #historyFloor = 0;
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

  get revision(): number {
    return this.#revision;
  }

  get bytes(): number {
    return [...this.#log.values()].reduce((sum, { size }) => sum + size, 0);
  }

  get socketCount(): number {
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
    const revision = ++this.#revision;
    const timeMs = Math.max(this.#timeMs, this.#now());
    this.#timeMs = timeMs;
    const size = event.kind === "message" ? event.body.length + 32 : 32;
    this.#log.set(revision, { event: event.kind === "message" ? event : undefined, timeMs, size });
    if (event.kind !== "message") {
      const row = this.#change(event, revision, timeMs);
      const sequences = event.kind === "create" && row ? [row.number] : [];
      return { revision, timeMs, sequences, row, durable: this.#commit() };
    }
    const copy = { revision, size, timeMs };
    const sequences = event.targets.map((number) => this.#queue(number).copies.push({ ...copy, settled: false }));
    if (event.everyone) {
      const skipped = new Set(event.skipped.map((skip) => skip.number));
      for (const [number, queue] of this.#queues) {
        if (number !== TEAM_NUMBER && !skipped.has(number)) queue.copies.push({ ...copy, settled: false });
      }
    }
    return { revision, timeMs, sequences, row: undefined, durable: this.#commit() };
  }

  durable(): Promise<void> {
    return this.#isClosed ? Promise.reject(closed()) : (this.#pending?.durable ?? Promise.resolve());
  }

  queue(number: SocketNumber): QueueView {
    this.#assertOpen();
    const queue = this.#queue(number);
    const unsettled = queue.copies.filter((copy) => !copy.settled);
    const floor = queue.copies.findIndex((copy) => !copy.settled);
    return {
      tail: queue.copies.length,
      durableTail: this.#durableTail(queue),
      floor: floor < 0 ? queue.copies.length : floor,
      oldest: queue.oldest,
      depth: unsettled.length,
      bytes: unsettled.reduce((sum, copy) => sum + copy.size, 0),
      dropped: queue.dropped,
      droppedUnannounced: queue.dropped - queue.announced,
      activityMs: Math.max(queue.activityMs, queue.copies.at(-1)?.timeMs ?? 0),
      oldestUnsettledMs: unsettled[0]?.timeMs,
      isSettled: (sequence) => queue.copies[sequence - 1]?.settled === true,
    };
  }

  async readAfter(number: SocketNumber, after: number, limits: ReadLimits): Promise<readonly Stored[]> {
    this.#assertOpen();
    const queue = this.#queue(number);
    const last = this.#durableTail(queue);
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
    const { copies } = this.#queue(number);
    return sequences.flatMap((sequence) => {
      const revision = copies[sequence - 1]?.revision ?? 0;
      const entry = this.#log.get(revision);
      if (entry?.event === undefined) return [];
      const { sender, recipient, body } = entry.event;
      return [{ sequence, revision, timeMs: entry.timeMs, damaged: false, sender, recipient, body }];
    });
  }

  sizeAt(number: SocketNumber, sequence: number): number {
    return this.#queue(number).copies[sequence - 1]?.size ?? 0;
  }

  async waitAfter(number: SocketNumber, after: number, signal: AbortSignal, timeoutMs?: number): Promise<void> {
    this.#assertOpen();
    const queue = this.#queues.get(number);
    if (queue === undefined || this.#durableTail(queue) > after) return;
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
      queue.activityMs = Math.max(queue.activityMs, this.#now());
    }
  }

  drop(number: SocketNumber, through: number): number {
    const queue = this.#queue(number);
    const dropped = queue.copies.slice(0, through).filter((copy) => !copy.settled);
    for (const copy of dropped) copy.settled = true;
    queue.dropped += dropped.length;
    return dropped.length;
  }

  announceDrops(number: SocketNumber): void {
    const queue = this.#queue(number);
    queue.announced = queue.dropped;
  }

  async retain(limits: RetentionLimits): Promise<number> {
    this.#assertOpen();
    const queues = [...this.#queues.values()];
    const isHeld = (revision: number): boolean =>
      queues.some(({ copies }) => {
        const floor = copies.findIndex((copy) => !copy.settled);
        return floor >= 0 && copies.slice(floor).some((copy) => copy.revision === revision);
      });
    const isOrphan = (revision: number): boolean =>
      this.#log.get(revision)?.event !== undefined &&
      !queues.some((queue) => queue.copies.some((copy) => copy.revision === revision));
    const history = [...this.#log].filter(([revision]) => revision > this.#historyFloor && !isHeld(revision));
    let [count, bytes] = [history.length, history.reduce((sum, [, { size }]) => sum + size, 0)];
    for (const [revision, { size, timeMs }] of history) {
      const isOld = timeMs <= this.#now() - limits.ageMs;
      if ((count <= limits.messages && bytes <= limits.bytes && !isOld) || revision > this.#durableRevision) break;
      this.#historyFloor = revision;
      count--;
      bytes -= size;
    }
    let removed = 0;
    for (const revision of [...this.#log.keys()]) {
      if (isHeld(revision) || (revision > this.#historyFloor && !isOrphan(revision))) continue;
      this.#log.delete(revision);
      removed++;
    }
    for (const queue of queues) {
      const kept = queue.copies.findIndex((copy) => !copy.settled || copy.revision > this.#historyFloor);
      queue.oldest = Math.max(queue.oldest, (kept < 0 ? queue.copies.length : kept) + 1);
    }
    return removed;
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
    const before = this.#rows.get(event.number);
    if (before === undefined) throw new Error(`there is no socket number ${event.number}`);
    if (event.kind === "delete") {
      this.#delete(event.number);
      return undefined;
    }
    const isNewEpoch = event.kind === "reset" && event.queue;
    const epoch = isNewEpoch ? { epoch: randomBytes(4).toString("hex"), epochRevision: revision } : {};
    const row = { ...before, ...event.draft, ...epoch, changedMs: timeMs, changedRevision: revision };
    this.#rows.set(row.number, row);
    if (isNewEpoch) this.#queues.set(row.number, emptyQueue(revision));
    if (event.kind === "reset" && event.context) {
      const prompt = this.#profiles.get(row.number)?.prompt ?? "";
      this.#profiles.set(row.number, { prompt, context: undefined });
    }
    this.#wakeups.wake(row.number);
    return row;
  }

  #create(event: Extract<LogEvent, { kind: "create" }>, revision: number, timeMs: number): SocketRow {
    const row: SocketRow = {
      ...event.draft,
      number: this.#nextNumber++,
      createdMs: timeMs,
      changedMs: timeMs,
      epoch: randomBytes(4).toString("hex"),
      epochRevision: revision,
      changedRevision: revision,
    };
    this.#rows.set(row.number, row);
    this.#profiles.set(row.number, event.profile);
    this.#queues.set(row.number, emptyQueue(revision));
    return row;
  }

  #delete(number: SocketNumber): void {
    this.#rows.delete(number);
    this.#profiles.delete(number);
    this.#queues.delete(number);
    this.#wakeups.wake(number);
  }

  #queue(number: SocketNumber): MemoryQueue {
    const queue = this.#queues.get(number);
    if (queue === undefined) throw new Error(`there is no queue number ${number}`);
    return queue;
  }

  #durableTail(queue: MemoryQueue): number {
    const first = queue.copies.findIndex((copy) => copy.revision > this.#durableRevision);
    return first < 0 ? queue.copies.length : first;
  }

  #commit(): Promise<void> {
    if (this.#pending === undefined) {
      let finish = (): void => {};
      const durable = new Promise<void>((resolve) => {
        finish = () => {
          this.#pending = undefined;
          this.#durableRevision = this.#revision;
          resolve();
          this.#wakeups.wakeAll();
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

const closed = (): Error => storageUnavailable(new Error("the store is closed"));

const emptyQueue = (epochRevision: number): MemoryQueue => ({
  epochRevision,
  copies: [],
  oldest: 1,
  dropped: 0,
  announced: 0,
  activityMs: 0,
});
