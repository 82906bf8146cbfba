/** What a queue must do, said as plainly as it can be: a list of entries, each of them in one state. */
import { expect } from "vitest";
import type { DropReason } from "../../src/registry/storage.js";
import { check } from "./model-check.js";

/** Whoever takes messages: an open Read. */
export interface Taker {
  /** What its client calls it. Empty: nothing. */
  readonly name: string;
  /** How many messages may be in flight to it; undefined for an AUTO reader, which settles what it hands over. */
  readonly outstandingMax: number | undefined;
  /** A deadline passed on it, and nobody has acknowledged anything since. */
  isOverdue: boolean;
}

export interface Entry {
  readonly revision: number;
  readonly timeMs: number;
  readonly content: string;
  readonly sender: string;
  readonly recipient: string;
  readonly sequence: number;
  /**
   * fresh: nobody had it. claimed: with an AUTO reader that has not handed it over. out: in flight. again: waits to be
   * delivered once more. The rest is the end of it, or, when it is parked, until it is requeued.
   */
  state: "fresh" | "claimed" | "out" | "again" | "parked" | "settled" | "dropped" | "expired";
  /** Who has it while that is open. */
  holder: Taker | undefined;
  /** out: what the client of its stream calls that, also when it is not open any more. */
  reader: string;
  /** out: its stream broke. */
  isBroken: boolean;
  /** What the store has of it is of a stream that ended as asked. */
  isLent: boolean;
  /** It was given back before it left, which no client can know. */
  isUnsent: boolean;
  failures: number;
  /** When it was last delivered by the wall clock; 0: never. */
  deliveredMs: number;
  /** When its deadline, grace or delay is over. */
  dueMs: number;
  /** The same by the wall clock, as the store has it. */
  keptDueMs: number;
  /** At which attempt it was settled; undefined where nobody can tell. */
  settledAt: number | undefined;
  settledMs: number;
  /** In which period of the history its state changed last. */
  changedIn: number;
}

/** What a queue needs to know of the world around it. */
export interface World {
  readonly clock: { wallMs(): number; elapsedMs(): number };
  readonly graceMs: number;
  /** Counts up whenever everything has come to rest. */
  period: number;
}

export interface Terms {
  readonly deadlineMs: number;
  readonly attemptsMax: number;
}

/** One queue from its beginning to its end: a socket's, or a consumer's. */
export class ModelQueue {
  readonly entries: Entry[] = [];
  readonly dropped = { OVERFLOW: 0, EXPIRED: 0 };
  readonly announced = { OVERFLOW: 0, EXPIRED: 0 };
  /** What readers have been told of in frames that nobody knows to be with the transport. */
  readonly untold = { OVERFLOW: 0, EXPIRED: 0 };
  /** In which period of the history it began. */
  readonly beganIn: number;
  readonly #world: World;
  readonly #terms: () => Terms;

  constructor(world: World, terms: () => Terms) {
    this.#world = world;
    this.beganIn = world.period;
    this.#terms = terms;
  }

  put(letter: Pick<Entry, "revision" | "timeMs" | "content" | "sender" | "recipient">): number {
    const { revision, timeMs, content, sender, recipient } = letter;
    this.entries.push({
      ...{ revision, timeMs, content, sender, recipient, sequence: this.entries.length + 1 },
      ...{ state: "fresh", holder: undefined, reader: "", isBroken: false, isLent: false, isUnsent: false },
      ...{ failures: 0, deliveredMs: 0, dueMs: 0, keptDueMs: 0, settledAt: undefined, settledMs: 0 },
      changedIn: this.#world.period,
    });
    return this.entries.length;
  }

  /** What is neither settled nor parked. */
  get unsettled(): Entry[] {
    return this.entries.filter(({ state }) => ["fresh", "claimed", "out", "again"].includes(state));
  }

  get parked(): Entry[] {
    return this.entries.filter(({ state }) => state === "parked");
  }

  get inFlight(): Entry[] {
    return this.entries.filter(({ state }) => state === "claimed" || state === "out");
  }

  get droppedCount(): number {
    return this.dropped.OVERFLOW + this.dropped.EXPIRED;
  }

  heldBy(taker: Taker): Entry[] {
    return this.entries.filter(({ holder }) => holder === taker);
  }

  /** What nobody has: it may be dropped. */
  get free(): Entry[] {
    return this.entries.filter(({ state }) => state === "fresh" || state === "again");
  }

  isAvailable({ state, dueMs }: Entry): boolean {
    return state === "fresh" || (state === "again" && dueMs <= this.#world.clock.elapsedMs());
  }

  /** What may be delivered to this reader next. */
  next(taker: Taker): Entry | undefined {
    const { outstandingMax } = taker;
    if (outstandingMax !== undefined && this.heldBy(taker).length >= outstandingMax) return undefined;
    if (outstandingMax !== 1) return this.entries.find((entry) => this.isAvailable(entry));
    const first = this.entries.find(standsInLine);
    return first && this.isAvailable(first) ? first : undefined;
  }

  /** A message came to a reader. */
  deliver(entry: Entry, taker: Taker, attempt: number): void {
    const { outstandingMax } = taker;
    const told = `message ${entry.sequence} (${entry.state}) at attempt ${attempt}`;
    check(this.isAvailable(entry), true, `${told} is not to be delivered`);
    check(attempt, entry.failures + 1, told);
    if (outstandingMax === undefined) {
      this.#change(entry, { state: "claimed", holder: taker });
      return;
    }
    expect(this.heldBy(taker).length, "more in flight than asked for").toBeLessThan(outstandingMax);
    const { clock } = this.#world;
    const dueMs = clock.elapsedMs() + this.#terms().deadlineMs;
    const flight = {
      holder: taker,
      reader: taker.name,
      isBroken: false,
      isLent: false,
      isUnsent: false,
      deliveredMs: clock.wallMs(),
    };
    this.#change(entry, { state: "out", ...flight, dueMs });
    this.#keep(entry);
  }

  /** What an AUTO reader was given is with the transport. */
  handed(taker: Taker): void {
    for (const entry of this.heldBy(taker)) if (entry.state === "claimed") this.settle(entry);
  }

  /** A reader's stream is over: as it asked, or broken. */
  leave(taker: Taker, asAsked: boolean): void {
    const { clock, graceMs } = this.#world;
    for (const entry of this.heldBy(taker)) {
      if (entry.state === "claimed") {
        this.#change(entry, { state: entry.keptDueMs > 0 ? "again" : "fresh", holder: undefined });
      } else if (entry.state === "out" && asAsked) {
        this.#change(entry, { holder: undefined, isLent: true });
        this.#keep(entry);
      } else if (entry.state === "out") {
        const dueMs = Math.min(entry.dueMs, clock.elapsedMs() + graceMs);
        this.#change(entry, { holder: undefined, isBroken: true, dueMs });
      } else {
        entry.holder = undefined;
      }
    }
  }

  /** The streams of this name are read no more: what they have waits again. */
  release(name: string): void {
    for (const entry of this.entries.filter(({ state, reader }) => state === "out" && reader === name)) {
      const dueMs = this.#world.clock.elapsedMs();
      this.#change(entry, { state: "again", holder: undefined, isBroken: false, isLent: false, dueMs });
      this.#keep(entry);
    }
  }

  settle(entry: Entry): void {
    const { state, failures, deliveredMs } = entry;
    // A late acknowledgement looks to the store like a message that was delivered once more.
    const settledAt = state === "parked" ? failures : state === "again" ? undefined : failures + 1;
    const nowMs = this.#world.clock.wallMs();
    this.#change(entry, { state: "settled", holder: undefined, settledAt, settledMs: nowMs });
    entry.deliveredMs = deliveredMs || nowMs;
  }

  drop(entry: Entry, reason: DropReason): void {
    const state = reason === "EXPIRED" ? "expired" : "dropped";
    this.#change(entry, { state, holder: undefined, settledMs: this.#world.clock.wallMs() });
    this.dropped[reason]++;
  }

  /** Drops the oldest that no reader has; when readers have them all, the oldest; what is parked last. */
  dropOldest(): void {
    const oldest = this.free[0] ?? this.unsettled[0] ?? this.parked[0];
    if (oldest !== undefined) this.drop(oldest, "OVERFLOW");
  }

  ack(sequence: number): boolean {
    const entry = this.entries[sequence - 1];
    if (entry === undefined || !(entry.state === "parked" || isDelivered(entry))) return false;
    this.settle(entry);
    return true;
  }

  deliveredThrough(through: number): number[] {
    return this.entries.filter((entry) => entry.sequence <= through && isDelivered(entry)).map((one) => one.sequence);
  }

  nack(sequence: number, delayMs: number): boolean {
    const entry = this.entries[sequence - 1];
    if (entry?.state !== "out") return false;
    this.#fail(entry, this.#world.clock.elapsedMs() + delayMs);
    return true;
  }

  extend(sequence: number, deadlineMs: number | undefined): boolean {
    const entry = this.entries[sequence - 1];
    if (entry?.state !== "out") return false;
    const dueMs = this.#world.clock.elapsedMs() + (deadlineMs ?? this.#terms().deadlineMs);
    const isLent = entry.holder === undefined || entry.isLent;
    this.#change(entry, { dueMs, isLent, isBroken: false });
    this.#keep(entry);
    return true;
  }

  requeue(sequences: readonly number[]): number {
    const asked = this.parked.filter(({ sequence }) => sequences.length === 0 || sequences.includes(sequence));
    for (const entry of asked) {
      this.#change(entry, { state: "again", failures: 0, isBroken: false, dueMs: this.#world.clock.elapsedMs() });
      this.#keep(entry);
    }
    return asked.length;
  }

  /** When something happens here by time alone; Infinity: never. */
  get nextMs(): number {
    const nowMs = this.#world.clock.elapsedMs();
    const waits = this.entries.filter(({ state, dueMs }) => state === "out" || (state === "again" && dueMs > nowMs));
    return Math.min(...waits.map(({ dueMs }) => dueMs));
  }

  /** What time does to what is in flight or delayed. @returns the readers whose deadlines passed */
  passTime(): Taker[] {
    const nowMs = this.#world.clock.elapsedMs();
    const overdue: Taker[] = [];
    for (const entry of this.entries.filter(({ dueMs }) => dueMs <= nowMs)) {
      if (entry.state === "again" && entry.dueMs === nowMs) entry.changedIn = this.#world.period;
      if (entry.state !== "out") continue;
      if (entry.isBroken) {
        this.#change(entry, { state: "again", isBroken: false, isLent: false, dueMs: nowMs });
        this.#keep(entry);
      } else {
        if (entry.holder !== undefined) overdue.push(entry.holder);
        this.#fail(entry, nowMs);
      }
    }
    return overdue;
  }

  /** The server was started again: what its streams had is taken for broken. */
  restart(): void {
    const { clock, graceMs } = this.#world;
    for (const entry of this.entries) {
      [entry.holder, entry.reader] = [undefined, ""];
      if (entry.state === "claimed") this.#change(entry, { state: entry.keptDueMs > 0 ? "again" : "fresh" });
      const leftMs = entry.keptDueMs === Infinity ? Infinity : Math.max(0, entry.keptDueMs - clock.wallMs());
      const boundMs = Math.min(leftMs, 7 * 86_400_000);
      const keptMs = leftMs === Infinity ? leftMs : boundMs;
      if (entry.state === "again") this.#change(entry, { dueMs: clock.elapsedMs() + keptMs });
      if (entry.state !== "out") continue;
      const isBroken = !entry.isLent;
      this.#change(entry, { isBroken, dueMs: clock.elapsedMs() + (isBroken ? Math.min(keptMs, graceMs) : keptMs) });
    }
  }

  #fail(entry: Entry, dueMs: number): void {
    const failures = entry.failures + 1;
    const isParked = failures >= this.#terms().attemptsMax;
    const settledMs = isParked ? this.#world.clock.wallMs() : 0;
    const flags = { holder: undefined, isBroken: false, isLent: false };
    this.#change(entry, { state: isParked ? "parked" : "again", failures, dueMs, settledMs, ...flags });
    this.#keep(entry);
  }

  #change(entry: Entry, change: Partial<Entry>): void {
    Object.assign(entry, change);
    entry.changedIn = this.#world.period;
  }

  /** The store notes times by the wall clock. */
  #keep(entry: Entry): void {
    const { clock } = this.#world;
    entry.keptDueMs = entry.dueMs - clock.elapsedMs() + clock.wallMs();
  }
}

/** Whether a reader in order lets nothing newer pass it. */
export function standsInLine({ state, isBroken }: Entry): boolean {
  return state === "fresh" || state === "again" || (state === "out" && isBroken);
}

function isDelivered({ state, isUnsent }: Entry): boolean {
  return (state === "out" || state === "again") && !isUnsent;
}
