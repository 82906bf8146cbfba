import { randomBytes } from "node:crypto";
import { countBefore } from "../registry/search.js";
import type { Consumer, LogEvent, SocketDraft, SocketNumber, SocketRow } from "../registry/storage.js";
import { TEAM_NUMBER } from "../registry/storage.js";
import { Consumers } from "./consumers.js";
import { Digest } from "./digest.js";
import { Entries } from "./entries.js";
import { type Ended, erase } from "./erasure.js";
import type { Queue, Shared } from "./queue.js";
import type { Coming, Routes } from "./routing.js";
import { SocketQueue } from "./socket-queue.js";
import { Timeline } from "./timeline.js";

/**
 * What the log says, in memory: the rows of the sockets and the index of their queues. It changes by the events of the
 * log and by nothing else, and holds no message.
 */
export class State implements Shared {
  timeline = new Timeline();
  readonly entries = new Entries();
  readonly consumers = new Consumers(this);
  /** What a start will have to know of the entries behind the newest checkpoint. */
  readonly digest = new Digest();
  durableRevision = 0;
  /** The time of the newest entry. */
  timeMs = 0;
  /** The number of the next socket. */
  nextNumber: SocketNumber = TEAM_NUMBER;
  readonly #rows = new Map<SocketNumber, SocketRow>();
  readonly #byId = new Map<string, SocketRow>();
  readonly #queues = new Map<SocketNumber, SocketQueue>();
  /** The numbers in use, ascending. */
  #numbers: SocketNumber[] = [];
  /** Queues that ended and whose messages may have to be erased. */
  #ended: Ended[] = [];

  get socketCount(): number {
    return this.#numbers.length - 1;
  }

  find(socketId: string): SocketRow | undefined {
    return this.#byId.get(socketId);
  }

  socket(number: SocketNumber): SocketRow | undefined {
    return this.#rows.get(number);
  }

  *sockets(after = 0): Iterable<SocketRow> {
    // The place is looked up each time, because sockets may come and go between two steps.
    let last = after;
    for (let row = this.#rowAfter(last); row !== undefined; row = this.#rowAfter(last)) {
      last = row.number;
      yield row;
    }
  }

  /** The queue of a socket or of a consumer. */
  queue(number: SocketNumber): Queue | undefined {
    return this.#queues.get(number) ?? this.consumers.queue(number);
  }

  /** The queues of the sockets. */
  queues(): Iterable<SocketQueue> {
    return this.#queues.values();
  }

  /** The queues that ended and are not erased yet. */
  endedQueues(): readonly Ended[] {
    return this.#ended;
  }

  /**
   * Adds a message to the queues it goes to. Recovery adds messages too, and counts who holds them later.
   * @returns its sequence at each target by name; 0 where that socket has no queue for it
   */
  addMessage(revision: number, timeMs: number, size: number, routes: Routes): number[] {
    const { targets, everyone } = routes;
    let holders = 0;
    const sequences = targets.map((number) => {
      const queue = this.#queues.get(number);
      if (queue !== undefined) holders++;
      return queue?.push(revision, size, timeMs) ?? 0;
    });
    if (everyone) {
      holders += this.#queues.size;
      const leaveOut = (number: SocketNumber): void => {
        if (this.#queues.get(number)?.skip(revision, size)) holders--;
      };
      leaveOut(TEAM_NUMBER);
      for (const number of targets) leaveOut(number);
      for (const { number } of routes.skipped) leaveOut(number);
      this.timeline.push(revision, size, timeMs);
    }
    this.entries.add(revision, size, timeMs, holders);
    this.digest.message(revision, timeMs, size, routes);
    this.timeMs = Math.max(this.timeMs, timeMs);
    return sequences;
  }

  /** The row that a create makes. */
  create(revision: number, timeMs: number, draft: SocketDraft): SocketRow {
    const row: SocketRow = {
      ...fieldsOf(draft),
      // The first socket is the feed, and so is the first one after the feed's row was lost.
      number: this.#rows.has(TEAM_NUMBER) ? this.nextNumber : TEAM_NUMBER,
      createdMs: timeMs,
      createdRevision: revision,
      changedMs: timeMs,
      epoch: newEpoch(),
      epochRevision: revision,
      changedRevision: revision,
    };
    this.putRow(row);
    this.#beginQueue(row);
    return row;
  }

  /** The row after a change, with a new and empty queue when `queue` says so. */
  change(revision: number, timeMs: number, number: SocketNumber, draft: SocketDraft, queue: boolean): SocketRow {
    const before = this.row(number);
    const row: SocketRow = { ...before, ...fieldsOf(draft), changedMs: timeMs, changedRevision: revision };
    const after = queue ? { ...row, epoch: newEpoch(), epochRevision: revision } : row;
    this.putRow(after);
    if (queue) {
      const seenMs = this.#queues.get(number)?.seenMs ?? 0;
      this.#endQueue(number);
      this.#beginQueue(after).seen(seenMs);
    }
    return after;
  }

  /** Removes a socket. @returns the row it had */
  delete(number: SocketNumber): SocketRow {
    const row = this.row(number);
    this.#endQueue(number);
    this.#queues.delete(number);
    this.#rows.delete(number);
    if (this.#byId.get(row.socketId) === row) this.#byId.delete(row.socketId);
    this.#numbers.splice(this.#placeOf(number), 1);
    return row;
  }

  /** A change that no queue holds. */
  addChange(revision: number, timeMs: number, size: number, coming: Coming): void {
    this.entries.add(revision, size, timeMs, 0);
    this.digest.change(revision, timeMs, size, coming);
    this.timeMs = Math.max(this.timeMs, timeMs);
  }

  row(number: SocketNumber): SocketRow {
    const row = this.#rows.get(number);
    if (row === undefined) throw new Error(`there is no socket number ${number}`);
    return row;
  }

  /** Throws what would be a defect of ours, before an event changes anything. */
  assertKnown(event: LogEvent): void {
    if (event.kind === "message") for (const number of event.targets) this.row(number);
    else if (event.kind !== "create") this.row(event.number);
    else if (event.replaces !== undefined) this.row(event.replaces);
  }

  /** Sets a row as it is, which recovery does with the rows of the disk. */
  putRow(row: SocketRow): void {
    if (!this.#rows.has(row.number)) {
      this.#numbers.splice(this.#placeOf(row.number), 0, row.number);
      this.nextNumber = Math.max(this.nextNumber, row.number + 1);
    }
    this.#rows.set(row.number, row);
    this.#byId.set(row.socketId, row);
  }

  putQueue(queue: SocketQueue): void {
    this.#queues.set(queue.number, queue);
  }

  /** Notes a queue whose messages nobody can ask for any more. */
  addEnded(queue: SocketQueue, endIndex = this.timeline.end): void {
    this.#ended.push({ queue, endIndex });
  }

  /** Takes the messages of ended queues out of the history, step by step, unless another queue retains them. */
  *erase(): Generator<void> {
    const ended = new Set(this.#ended);
    if (ended.size === 0) return;
    yield* erase(this, ended, this.#queues.values());
    // Others may have ended meanwhile. Until here these are in every checkpoint.
    this.#ended = this.#ended.filter((one) => !ended.has(one));
  }

  /**
   * Gives a socket a new epoch and keeps what its queue still holds, numbered from 1: positions that were handed out
   * before mean nothing any more.
   */
  renewEpoch(revision: number, timeMs: number, number: SocketNumber): SocketRow {
    this.#queues.get(number)?.renumber();
    if (number === TEAM_NUMBER) this.consumers.renumber();
    const row = { ...this.row(number), epoch: newEpoch(), changedMs: timeMs, changedRevision: revision };
    this.putRow(row);
    return row;
  }

  /** Makes a consumer of the feed that starts after a sequence, or notes that the one there is is used. */
  openConsumer(name: string, after: number, usedMs: number): { consumer: Consumer; opened: Queue | undefined } {
    const before = this.consumers.find(name);
    const consumer = { name, number: before?.number ?? this.nextNumber++, usedMs };
    this.consumers.put(consumer);
    const feed = this.#queues.get(TEAM_NUMBER);
    if (before !== undefined || feed === undefined) return { consumer, opened: undefined };
    return { consumer, opened: this.consumers.begin(consumer.number, feed, after) };
  }

  /** The cursor of a queue moved: what its order need not know any more goes. @returns the queues that moved with it */
  moved(queue: Queue): readonly Queue[] {
    const followers = queue.number === TEAM_NUMBER ? this.consumers.follow() : [];
    queue.trim();
    return followers;
  }

  /** Lets go of what the index knows of messages that are history no longer. */
  trim(): void {
    const { entries } = this;
    for (const queue of this.#queues.values()) queue.trim();
    this.timeline.trim((revision) => entries.size(revision) === 0);
  }

  #beginQueue({ number, epochRevision }: SocketRow): SocketQueue {
    const queue = new SocketQueue(this, number, epochRevision);
    this.#queues.set(number, queue);
    if (number === TEAM_NUMBER) this.consumers.beginAll(queue);
    return queue;
  }

  #endQueue(number: SocketNumber): void {
    const queue = this.#queues.get(number);
    if (queue === undefined) return;
    queue.end();
    this.addEnded(queue);
  }

  #rowAfter(number: SocketNumber): SocketRow | undefined {
    return this.#rows.get(this.#numbers[this.#placeOf(number + 1)] ?? 0);
  }

  /** The place of the first number in use that is at least this one. */
  #placeOf(number: SocketNumber): number {
    return countBefore(this.#numbers.length, (place) => (this.#numbers[place] ?? 0) < number);
  }
}

/** What a draft says; a row that is handed in as one says more, which may be out of date. */
function fieldsOf({ socketId, model, state, stateReason, stateMessage, labels, config }: SocketDraft): SocketDraft {
  return { socketId, model, state, stateReason, stateMessage, labels, config };
}

function newEpoch(): string {
  return randomBytes(4).toString("hex");
}
