import { Alarm } from "./alarms.js";
import type { DeliveryContext } from "./delivery-context.js";
import { type Holder, leaveHolder, markOf, type Slot, Slots, slotFor, slotOf, wasDelivered } from "./slots.js";
import type { Mark, SocketNumber, SocketRow } from "./storage.js";
import { type Terms, termsOf } from "./terms.js";

/**
 * What EXPLICIT readers of one queue were given and nobody has settled. Each such message has a *mark* in the storage,
 * which is durable before the message leaves, and a *slot* here, which knows the stream, and the deadline by the clock
 * that never jumps. The slots are made again from the marks when the server or the store starts again.
 */
export class Outstanding {
  readonly slots = new Slots();
  readonly #context: DeliveryContext;
  readonly #row: SocketRow;
  readonly #number: SocketNumber;
  readonly #alarm = new Alarm(() => this.#passDeadlines());
  #generation = 0;

  /** @param number the queue's: the socket's own, or a consumer's */
  constructor(context: DeliveryContext, row: SocketRow, number: SocketNumber) {
    this.#context = context;
    this.#row = row;
    this.#number = number;
  }

  /** A message of so many bytes goes to this holder's stream. `keepGiven` follows and, once that is durable, `start`. */
  give(sequence: number, bytes: number, holder: Holder): void {
    this.slots.put(slotFor(holder, sequence, this.slots.get(sequence)?.failures ?? 0, bytes));
    holder.messages++;
    holder.bytes += bytes;
  }

  /** Has it kept that these messages were given just now. */
  keepGiven(sequences: readonly number[]): void {
    const { clock } = this.#context;
    const [deliveredMs, dueMs] = [clock.wallMs(), clock.elapsedMs() + this.#terms.ackDeadlineMs];
    const slots = sequences.map((sequence) => this.slots.get(sequence)).filter((slot) => slot !== undefined);
    for (const slot of slots) [slot.deliveredMs, slot.dueMs] = [deliveredMs, dueMs];
    this.#keep(slots);
    // The time that the disk takes is not the client's.
    for (const slot of slots) slot.dueMs = Number.POSITIVE_INFINITY;
  }

  /** What was given leaves now, and its deadline counts from here. @returns what is still that stream's to send */
  start(holder: Holder, sequences: readonly number[]): number[] {
    const dueMs = this.#context.clock.elapsedMs() + this.#terms.ackDeadlineMs;
    this.#lookBy(dueMs);
    return this.slots.start(holder, sequences, dueMs);
  }

  /** What was given never left: it comes back at once. Needs no store, because a stream may end for want of one. */
  giveBack(sequences: readonly number[]): void {
    for (const sequence of sequences) {
      const slot = this.slots.get(sequence);
      if (slot?.state !== "OUT") continue;
      slot.deliveredMs = 0;
      this.#break(slot, 0);
    }
  }

  /** A stream ended. What it had comes back within the grace, or, when it ended as asked, keeps its deadline. */
  leave(holder: Holder, asAsked: boolean): void {
    const lent: Slot[] = [];
    for (const slot of this.slots.all()) {
      if (slot.holder !== holder) continue;
      if (asAsked) {
        this.#letGo(slot);
        slot.isLent = true;
        lent.push(slot);
      } else {
        this.#break(slot, this.#context.limits.returnGraceMs);
      }
    }
    this.#keep(lent);
  }

  /** Streams of this name are read no more: what they had waits again, which is no failed attempt. @returns how much */
  release(reader: string): number {
    const released = [...this.slots.all()].filter((slot) => slot.state === "OUT" && slot.reader === reader);
    for (const slot of released) {
      this.#letGo(slot);
      this.#wait(slot, this.#context.clock.elapsedMs());
    }
    return released.length;
  }

  /** Settles what was delivered, also when it came back since or is parked. @returns those that there was nothing of */
  ack(sequences: readonly number[]): number[] {
    const { storage } = this.#context;
    const { marks } = storage.queue(this.#number);
    const stale: number[] = [];
    const settled = new Set<number>();
    for (const sequence of sequences) {
      const slot = this.slots.get(sequence);
      const isDelivered = slot !== undefined && wasDelivered(slot);
      if (!isDelivered && (marks.get(sequence)?.state !== "PARKED" || settled.has(sequence))) {
        stale.push(sequence);
      } else {
        this.#drop(slot);
        settled.add(sequence);
      }
    }
    if (settled.size > 0) {
      storage.settle(this.#number, [...settled]);
      // It may have been what a reader in order waited for, and there is room for more.
      storage.wake(this.#number);
    }
    return stale;
  }

  /** Counts an attempt as failed. @returns whether the message was in flight */
  nack(sequence: number, retryDelayMs: number): boolean {
    const slot = this.slots.get(sequence);
    if (slot?.state !== "OUT") return false;
    this.#fail(slot, this.#context.clock.elapsedMs() + retryDelayMs);
    return true;
  }

  /** Sets a new deadline, also for what came of a stream that broke. @returns whether the message was in flight */
  extend(sequence: number, ackDeadlineMs = this.#terms.ackDeadlineMs): boolean {
    const slot = this.slots.get(sequence);
    if (slot?.state !== "OUT") return false;
    slot.dueMs = this.#context.clock.elapsedMs() + ackDeadlineMs;
    // Without a stream it is now as if that had ended in good order: its worker lives.
    if (slot.holder === undefined) {
      Object.assign(slot, { isBroken: false, isLent: true });
      // Nor does it hold up a reader in order any more.
      this.#context.storage.wake(this.#number);
    }
    this.slots.put(slot);
    this.#keep([slot]);
    this.#lookBy(slot.dueMs);
    return true;
  }

  /** Puts parked messages back into the line. @returns how many of them were parked */
  requeue(sequences: readonly number[]): number {
    const { storage } = this.#context;
    let count = 0;
    for (const sequence of sequences) {
      // Looked at anew, because one that is named twice has another mark by then.
      const mark = storage.queue(this.#number).marks.get(sequence);
      if (mark?.state !== "PARKED") continue;
      const slot = this.#slotOf({ ...mark, state: "WAITING", failures: 0, dueMs: 0 });
      this.slots.put(slot);
      this.#keep([slot]);
      count++;
    }
    if (count > 0) storage.wake(this.#number);
    return count;
  }

  /** The queue is gone for good: no deadline of it passes any more. */
  end(): void {
    this.#context.alarms.set(this.#alarm, Number.POSITIVE_INFINITY);
  }

  /** The messages are settled, or dropped from the queue, whoever has them. */
  forget(sequences: readonly number[]): void {
    if (this.slots.size === 0) return;
    const { size } = this.slots;
    for (const sequence of sequences) this.#drop(this.slots.get(sequence));
    // One of them may have been what a reader in order waited for.
    if (this.slots.size < size) this.#context.storage.wake(this.#number);
  }

  /** After a start, and when the store went back to its disk: looks at the marks again. @returns whether it had to */
  sync(): boolean {
    if (this.#generation === this.#context.storage.generation) return false;
    this.#generation = this.#context.storage.generation;
    this.#recover();
    return true;
  }

  /** Makes the slots from the marks. What an open stream has stays with it; other streams are taken for broken. */
  #recover(): void {
    const before = [...this.slots.all()];
    const held = new Map<number, Slot>();
    for (const slot of before) {
      if (slot.holder === undefined) continue;
      held.set(slot.sequence, { ...slot });
      this.#letGo(slot);
    }
    this.slots.clear();
    for (const mark of this.#context.storage.queue(this.#number).marks.values()) {
      if (mark.state === "PARKED") continue;
      const slot = this.#slotOf(mark);
      const old = mark.state === "HELD" ? held.get(mark.sequence) : undefined;
      if (old?.holder !== undefined) {
        Object.assign(slot, { holder: old.holder, reader: old.reader, dueMs: old.dueMs, isBroken: false });
        old.holder.messages++;
        old.holder.bytes += slot.bytes;
      }
      this.slots.put(slot);
      this.#lookBy(slot.dueMs);
    }
  }

  #slotOf(mark: Mark): Slot {
    const bytes = this.#context.storage.sizeAt(this.#number, mark.sequence);
    return slotOf(mark, bytes, this.#context.clock, this.#context.limits.returnGraceMs);
  }

  /** An attempt failed: the message waits again from `dueMs` on, or is parked. */
  #fail(slot: Slot, dueMs: number): void {
    const { storage, clock } = this.#context;
    this.#letGo(slot);
    slot.failures++;
    if (slot.failures < this.#terms.maxDeliveryAttempts) {
      this.#wait(slot, dueMs);
      return;
    }
    this.slots.delete(slot.sequence);
    const { sequence, failures, deliveredMs } = slot;
    storage.mark(this.#number, [{ sequence, state: "PARKED", failures, deliveredMs, dueMs: clock.wallMs() }]);
    storage.wake(this.#number);
  }

  #wait(slot: Slot, dueMs: number): void {
    Object.assign(slot, { state: "WAITING", isBroken: false, isLent: false, dueMs });
    this.slots.put(slot);
    this.#keep([slot]);
    if (dueMs > this.#context.clock.elapsedMs()) this.#lookBy(dueMs);
    else this.#context.storage.wake(this.#number);
  }

  /** The stream of a message broke: it comes back after the grace, which is no failed attempt. */
  #break(slot: Slot, graceMs: number): void {
    this.#letGo(slot);
    slot.isBroken = true;
    slot.dueMs = Math.min(slot.dueMs, this.#context.clock.elapsedMs() + graceMs);
    this.slots.put(slot);
    this.#lookBy(slot.dueMs);
  }

  /** What the message took of its stream's share is free again. */
  #letGo(slot: Slot): void {
    if (leaveHolder(slot)) this.#context.storage.wake(this.#number);
  }

  /** Nobody has the message any more. The caller wakes the readers. */
  #drop(slot: Slot | undefined): void {
    if (slot === undefined) return;
    leaveHolder(slot);
    this.slots.delete(slot.sequence);
  }

  /** Acts on every deadline, delay and grace that is over. */
  #passDeadlines(): void {
    if (!this.#isCurrent()) return;
    this.sync();
    const nowMs = this.#context.clock.elapsedMs();
    let nextMs = Number.POSITIVE_INFINITY;
    let isDue = false;
    for (const slot of [...this.slots.all()]) {
      if (slot.state === "CLAIMED") continue;
      if (slot.dueMs > nowMs) nextMs = Math.min(nextMs, slot.dueMs);
      else if (slot.state === "WAITING") isDue = true;
      else if (slot.isBroken) this.#wait(slot, nowMs);
      else this.#miss(slot, nowMs);
    }
    this.#lookBy(nextMs);
    if (isDue) this.#context.storage.wake(this.#number);
  }

  /** A deadline passed. */
  #miss(slot: Slot, nowMs: number): void {
    const { holder } = slot;
    this.#fail(slot, nowMs);
    if (holder === undefined || holder.isOverdue) return;
    holder.isOverdue = true;
    this.#context.overdue(this.#number);
  }

  #isCurrent(): boolean {
    return this.#context.storage.socket(this.#row.number)?.epoch === this.#row.epoch;
  }

  /** Writes the marks of these messages as their slots are now. */
  #keep(slots: readonly Slot[]): void {
    if (slots.length === 0) return;
    const { storage, clock } = this.#context;
    const offsetMs = clock.wallMs() - clock.elapsedMs();
    storage.mark(
      this.#number,
      slots.map((slot) => markOf(slot, offsetMs)),
    );
  }

  #lookBy(dueMs: number): void {
    if (dueMs < this.#alarm.dueMs) this.#context.alarms.set(this.#alarm, dueMs);
  }

  /** How the socket wants its messages delivered now. */
  get #terms(): Terms {
    return termsOf(this.#context.storage.socket(this.#row.number) ?? this.#row, this.#context.limits);
  }
}
