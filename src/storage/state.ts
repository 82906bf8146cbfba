import { randomBytes } from "node:crypto";
import type { LogEvent, SocketDraft, SocketNumber, SocketRow } from "../registry/storage.js";
import { TEAM_NUMBER } from "../registry/storage.js";
import { Entries, EntryKind } from "./entries.js";
import { Queue, type Shared } from "./queue.js";
import { Timeline } from "./timeline.js";

/** Whom a message goes to. */
export type Routes = Pick<Extract<LogEvent, { kind: "message" }>, "targets" | "everyone"> & {
  readonly skipped: readonly { readonly number: SocketNumber }[];
};

/**
 * What the log says, in memory: the rows of the sockets and the index of their queues. It changes by the events of the
 * log and by nothing else, and holds no message.
 */
export class State implements Shared {
  timeline = new Timeline();
  readonly entries = new Entries();
  durableRevision = 0;
  /** The time of the newest entry. */
  timeMs = 0;
  readonly #rows = new Map<SocketNumber, SocketRow>();
  readonly #byId = new Map<string, SocketRow>();
  readonly #queues = new Map<SocketNumber, Queue>();
  /** The numbers in use, ascending. */
  #numbers: SocketNumber[] = [];
  #nextNumber: SocketNumber = TEAM_NUMBER;
  /** Queues that ended and whose messages may have to be erased: what is left to look at. */
  #ended: { queue: Queue; sequence: number; tail: number }[] = [];

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
    let place = this.#placeOf(after + 1);
    for (let number = this.#numbers[place]; number !== undefined; number = this.#numbers[++place]) {
      const row = this.#rows.get(number);
      if (row !== undefined) yield row;
    }
  }

  queue(number: SocketNumber): Queue | undefined {
    return this.#queues.get(number);
  }

  queues(): Iterable<Queue> {
    return this.#queues.values();
  }

  /**
   * Adds a message to the queues it goes to. Recovery adds messages too, before it knows who holds them: there the
   * number of holders is 0 and `holdAll` counts them later.
   * @returns its sequence at each target by name; 0 where that socket has no queue for it
   */
  addMessage(
    revision: number,
    timeMs: number,
    size: number,
    routes: Routes,
    holders = this.#holders(routes),
  ): number[] {
    const shared = routes.everyone || routes.targets.length > 2;
    this.entries.add(revision, shared ? EntryKind.broadcast : EntryKind.direct, size, timeMs, holders);
    const sequences = routes.targets.map((number) => this.#queues.get(number)?.push(revision, size, timeMs) ?? 0);
    if (routes.everyone) {
      for (const skip of routes.skipped) this.#queues.get(skip.number)?.skip(revision, size);
      this.#queues.get(TEAM_NUMBER)?.skip(revision, size);
      this.timeline.push(revision, size, timeMs);
    }
    this.timeMs = timeMs;
    return sequences;
  }

  /** The row that a create makes. */
  create(revision: number, timeMs: number, draft: SocketDraft): SocketRow {
    const row: SocketRow = {
      ...draft,
      number: this.#nextNumber,
      createdMs: timeMs,
      changedMs: timeMs,
      epoch: newEpoch(),
      epochRevision: revision,
      changedRevision: revision,
    };
    this.putRow(row);
    this.#queues.set(row.number, new Queue(this, row.number, revision));
    return row;
  }

  /** The row after a change, with a new and empty queue when `queue` says so. */
  change(revision: number, timeMs: number, number: SocketNumber, draft: SocketDraft, queue: boolean): SocketRow {
    const before = this.row(number);
    const row: SocketRow = { ...before, ...draft, changedMs: timeMs, changedRevision: revision };
    const after = queue ? { ...row, epoch: newEpoch(), epochRevision: revision } : row;
    this.putRow(after);
    if (queue) {
      this.#endQueue(number);
      this.#queues.set(number, new Queue(this, number, revision));
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
  addChange(revision: number, timeMs: number, size: number): void {
    this.entries.add(revision, EntryKind.change, size, timeMs, 0);
    this.timeMs = timeMs;
  }

  row(number: SocketNumber): SocketRow {
    const row = this.#rows.get(number);
    if (row === undefined) throw new Error(`there is no socket number ${number}`);
    return row;
  }

  /** Sets a row as it is, which recovery does with the rows of the disk. */
  putRow(row: SocketRow): void {
    if (!this.#rows.has(row.number)) {
      this.#numbers.splice(this.#placeOf(row.number), 0, row.number);
      this.#nextNumber = Math.max(this.#nextNumber, row.number + 1);
    }
    this.#rows.set(row.number, row);
    this.#byId.set(row.socketId, row);
  }

  putQueue(queue: Queue): void {
    this.#queues.set(queue.number, queue);
  }

  /** Notes a queue whose messages nobody can ask for any more. */
  addEnded(queue: Queue): void {
    // The tail is noted, because an order goes on with the timeline even when nobody has it any more.
    this.#ended.push({ queue, sequence: queue.oldest, tail: queue.tail });
  }

  /**
   * Takes messages of ended queues, about `budget` of them, out of the history unless another queue retains them.
   * @returns whether there may be more
   */
  erase(budget: number): boolean {
    for (let left = budget; left > 0 && this.#ended.length > 0; left--) {
      const ended = this.#ended[0];
      if (ended === undefined || ended.sequence > ended.tail) {
        this.#ended.shift();
        continue;
      }
      const revision = ended.queue.order.revisionAt(ended.sequence++);
      if (!this.#isRetained(revision)) this.entries.erase(revision);
    }
    return this.#ended.length > 0;
  }

  /**
   * Gives a socket a new epoch and keeps what its queue still holds, numbered from 1: positions that were handed out
   * before mean nothing any more.
   */
  renewEpoch(revision: number, timeMs: number, number: SocketNumber): SocketRow {
    this.#queues.get(number)?.renumber();
    const row = { ...this.row(number), epoch: newEpoch(), changedMs: timeMs, changedRevision: revision };
    this.putRow(row);
    return row;
  }

  /** Lets go of broadcasts that are history no longer. */
  trim(): void {
    const { entries } = this;
    this.timeline.trim((revision) => entries.size(revision) === 0);
  }

  #holders(routes: Routes): number {
    return routes.targets.length + (routes.everyone ? this.socketCount - routes.skipped.length : 0);
  }

  #isRetained(revision: number): boolean {
    if (this.entries.isHeld(revision)) return true;
    if (this.entries.kind(revision) === EntryKind.direct) {
      return this.#queues.get(TEAM_NUMBER)?.retains(revision) === true;
    }
    for (const queue of this.#queues.values()) if (queue.retains(revision)) return true;
    return false;
  }

  #endQueue(number: SocketNumber): void {
    const queue = this.#queues.get(number);
    if (queue === undefined) return;
    queue.end();
    this.addEnded(queue);
  }

  /** The place of the first number in use that is at least this one. */
  #placeOf(number: SocketNumber): number {
    let low = 0;
    let high = this.#numbers.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#numbers[middle] ?? 0) < number) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function newEpoch(): string {
  return randomBytes(4).toString("hex");
}
