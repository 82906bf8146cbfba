import type { Clock } from "./clock.js";
import { ACK_DEADLINE_MAX_MS } from "./limits.js";
import { countBefore } from "./search.js";
import type { Mark } from "./storage.js";

/** One EXPLICIT stream, and how much of what it was given is still in flight. */
export interface Holder {
  /** What its client calls it. Empty: nothing. */
  readonly reader: string;
  readonly messagesMax: number;
  readonly bytesMax: number;
  messages: number;
  bytes: number;
  /** Whether a deadline passed since the last sign that somebody works here: then an open stream is no sign of life. */
  isOverdue: boolean;
}

/** A message that was handed out and is not settled, with what only this run of the server knows of it. */
export interface Slot {
  readonly sequence: number;
  /** OUT: in flight. WAITING: to be delivered again. CLAIMED: with an AUTO reader, which is about to settle it. */
  state: "OUT" | "WAITING" | "CLAIMED";
  failures: number;
  /** When it was last delivered, by the wall clock; 0: never, because its stream broke before. */
  deliveredMs: number;
  /** OUT: when the deadline passes. WAITING: from when on. By the clock that never jumps; Infinity: never. */
  dueMs: number;
  /** OUT: its stream broke, and it comes back when it is due, which is no failed attempt. */
  isBroken: boolean;
  /** OUT: its stream ended as its client asked. */
  isLent: boolean;
  /** OUT: the stream it went to, while that is open. */
  holder: Holder | undefined;
  /** OUT: what the client of that stream calls it, also when it is not open any more. */
  reader: string;
  readonly bytes: number;
}

/** The slots of one queue, and which of them stand before everything newer. */
export class Slots {
  readonly #slots = new Map<number, Slot>();
  /** Ascending: what waits to be delivered again, or will when its grace is over. A reader in order passes none. */
  #line: number[] = [];

  get size(): number {
    return this.#slots.size;
  }

  get(sequence: number): Slot | undefined {
    return this.#slots.get(sequence);
  }

  all(): Iterable<Slot> {
    return this.#slots.values();
  }

  /** Adds a slot, or takes note that one has changed. */
  put(slot: Slot): void {
    this.#slots.set(slot.sequence, slot);
    const shouldStand = slot.state === "WAITING" || (slot.state === "OUT" && slot.isBroken);
    if (!shouldStand && this.#line.length === 0) return;
    const place = this.#placeOf(slot.sequence);
    const stands = this.#line[place] === slot.sequence;
    if (shouldStand && !stands) this.#line.splice(place, 0, slot.sequence);
    if (!shouldStand && stands) this.#line.splice(place, 1);
  }

  delete(sequence: number): void {
    this.#slots.delete(sequence);
    if (this.#line.length === 0) return;
    const place = this.#placeOf(sequence);
    if (this.#line[place] === sequence) this.#line.splice(place, 1);
  }

  clear(): void {
    this.#slots.clear();
    this.#line = [];
  }

  /** Sets the deadline of what leaves now, unless it has one. @returns what of it this stream still has */
  start(holder: Holder, sequences: readonly number[], dueMs: number): number[] {
    return sequences.filter((sequence) => {
      const slot = this.#slots.get(sequence);
      if (slot?.holder !== holder) return false;
      slot.dueMs = Number.isFinite(slot.dueMs) ? slot.dueMs : dueMs;
      return true;
    });
  }

  /** What was delivered up to a sequence and is not settled, but for what is parked. */
  deliveredThrough(through: number): number[] {
    const sequences: number[] = [];
    if (through === 0) return sequences;
    for (const slot of this.#slots.values()) {
      if (slot.sequence <= through && wasDelivered(slot)) sequences.push(slot.sequence);
    }
    // In order, because what is settled in order is kept as one.
    return sequences.sort((a, b) => a - b);
  }

  /** The oldest slot that can be delivered again now; `blocked` when one that cannot yet stands before it, in order. */
  next(nowMs: number, inOrder: boolean): Slot | "blocked" | undefined {
    for (const sequence of this.#line) {
      const slot = this.#slots.get(sequence);
      if (slot?.state === "WAITING" && slot.dueMs <= nowMs) return slot;
      if (inOrder) return "blocked";
    }
    return undefined;
  }

  /** The oldest sequence that stands in the line; Infinity when none does. */
  get first(): number {
    return this.#line[0] ?? Number.POSITIVE_INFINITY;
  }

  /** Whether an open stream has something in flight. */
  get isHeld(): boolean {
    for (const { holder } of this.#slots.values()) if (holder !== undefined) return true;
    return false;
  }

  /** How many messages are in flight. */
  get inFlight(): number {
    let count = 0;
    for (const { state } of this.#slots.values()) if (state === "OUT") count++;
    return count;
  }

  /** The oldest message that waits to be delivered again, now or later; Infinity when none does. */
  get firstWaiting(): number {
    return this.#line.find((sequence) => this.#slots.get(sequence)?.state === "WAITING") ?? Number.POSITIVE_INFINITY;
  }

  #placeOf(sequence: number): number {
    return countBefore(this.#line.length, (place) => (this.#line[place] ?? 0) < sequence);
  }
}

/** Whether it has been with a reader. One who is about to settle it does so himself. */
export function wasDelivered({ state, deliveredMs }: Slot): boolean {
  return state !== "CLAIMED" && deliveredMs > 0;
}

/** A slot as the storage keeps it. `offsetMs` is what the wall clock is ahead of the other. */
export function markOf(slot: Slot, offsetMs: number): Mark {
  const { sequence, failures, deliveredMs, dueMs } = slot;
  return {
    sequence,
    state: slot.state !== "OUT" ? "WAITING" : slot.isLent ? "LENT" : "HELD",
    failures,
    deliveredMs,
    dueMs: Number.isFinite(dueMs) ? Math.max(0, Math.round(dueMs + offsetMs)) : 0,
  };
}

/** A slot as its mark tells after a start: whoever held the message then has lost his stream. */
export function slotOf(mark: Mark, bytes: number, clock: Clock, returnGraceMs: number): Slot {
  const { sequence, state, failures, deliveredMs } = mark;
  const leftMs = leftOf(mark, clock.wallMs());
  return {
    sequence,
    state: state === "WAITING" ? "WAITING" : "OUT",
    failures,
    deliveredMs,
    dueMs: clock.elapsedMs() + (state === "HELD" ? Math.min(leftMs, returnGraceMs) : leftMs),
    isBroken: state === "HELD",
    isLent: state === "LENT",
    holder: undefined,
    reader: "",
    bytes,
  };
}

/** A slot of what goes to this stream now, field by field: there is one for every message that is handed out. */
export function slotFor(holder: Holder, sequence: number, failures: number, bytes: number): Slot {
  return {
    sequence,
    state: "OUT",
    failures,
    deliveredMs: 0,
    dueMs: Number.POSITIVE_INFINITY,
    isBroken: false,
    isLent: false,
    holder,
    reader: holder.reader,
    bytes,
  };
}

/** What a message took of its stream's share is free again. @returns whether it was with a stream */
export function leaveHolder(slot: Slot): boolean {
  const { holder } = slot;
  if (holder === undefined) return false;
  slot.holder = undefined;
  holder.messages--;
  holder.bytes -= slot.bytes;
  return true;
}

/** What is left of a time that was noted by the wall clock, which may have jumped since. */
function leftOf({ state, dueMs }: Mark, nowMs: number): number {
  if (dueMs === 0) return state === "WAITING" ? 0 : Number.POSITIVE_INFINITY;
  return Math.min(Math.max(0, dueMs - nowMs), ACK_DEADLINE_MAX_MS);
}
