import { Announcer } from "./announcer.js";
import type { Clock } from "./clock.js";
import type { DeliveryContext } from "./delivery-context.js";
import { Outstanding } from "./outstanding.js";
import { countBefore } from "./search.js";
import type { Holder } from "./slots.js";
import type { QueueView, ReadLimits, SocketNumber, SocketRow, Storage } from "./storage.js";

/**
 * Who has what of one queue in one epoch, and what comes next. Readers of one queue share it, so that each message goes
 * to one of them.
 *
 * What an AUTO reader has *claimed* and not yet handed to its transport is known here only: after a restart it simply
 * waits again. What EXPLICIT readers were given is *outstanding* until it is settled.
 */
export class Delivery {
  readonly epoch: string;
  readonly announcer: Announcer;
  readonly #storage: Storage;
  readonly #clock: Clock;
  readonly #number: SocketNumber;
  readonly #outstanding: Outstanding;
  /** What each AUTO reader has claimed, ascending. */
  readonly #claims = new Set<readonly number[]>();
  /** Every message before this sequence is settled, claimed or outstanding. */
  #next = 1;
  /** The oldest sequence that could be read when somebody last looked. */
  #oldest = 1;

  /** @param number the queue's: the socket's own, or a consumer's */
  constructor(context: DeliveryContext, row: SocketRow, number: SocketNumber) {
    this.epoch = row.epoch;
    this.announcer = new Announcer(context.storage, number);
    this.#storage = context.storage;
    this.#clock = context.clock;
    this.#number = number;
    this.#outstanding = new Outstanding(context, row, number);
    this.#queue();
  }

  /** What EXPLICIT readers have, or had and may be given again. */
  get outstanding(): Outstanding {
    this.#queue();
    return this.#outstanding;
  }

  /** Whether nobody has anything. */
  get isEmpty(): boolean {
    return this.#outstanding.slots.size === 0 && this.#claims.size === 0;
  }

  /** How many messages are with readers and not settled. What a full queue dropped meanwhile is settled. */
  get inFlight(): number {
    const queue = this.#queue();
    let count = this.#outstanding.slots.inFlight;
    for (const claim of this.#claims) for (const sequence of claim) if (!queue.isSettled(sequence)) count++;
    return count;
  }

  /** How many durable messages nobody has. */
  get waiting(): number {
    const { depth, tail, durableTail, floor } = this.#queue();
    // Of what is not durable only a full queue settles anything, and it settles everything before it too.
    const pending = tail - Math.max(durableTail, floor);
    return depth - pending - this.inFlight;
  }

  /** Which attempt it is that delivers a message now. */
  attempt(sequence: number): number {
    return (this.#outstanding.slots.get(sequence)?.failures ?? 0) + 1;
  }

  /** Whether there is something for an AUTO reader, or for this holder's stream. */
  canDeliver(holder?: Holder): boolean {
    const sequence = this.#candidate(this.#queue(), holder?.messagesMax === 1, this.#clock.elapsedMs());
    if (sequence === undefined) return false;
    return holder === undefined || hasRoom(holder, this.#storage.sizeAt(this.#number, sequence));
  }

  /** The next durable messages that nobody has, at least one if there is one. They are the caller's now. */
  claim(limits: ReadLimits): readonly number[] {
    const { slots } = this.outstanding;
    const claimed: number[] = [];
    this.#collect(claimed, limits, undefined, (sequence) => {
      const slot = slots.size === 0 ? undefined : slots.get(sequence);
      if (slot !== undefined) slots.put(Object.assign(slot, { state: "CLAIMED" }));
    });
    if (claimed.length > 0) this.#claims.add(claimed);
    return claimed;
  }

  /** What one `claim` gave was handed to the transport. */
  settle(claimed: readonly number[]): void {
    this.#claims.delete(claimed);
    this.#outstanding.forget(claimed);
    this.#storage.settle(this.#number, claimed);
  }

  /** These messages are settled though they were not handed over. */
  pass(sequences: readonly number[]): void {
    this.#outstanding.forget(sequences);
    this.#storage.settle(this.#number, sequences);
  }

  /** What one `claim` gave could not be handed over: others may have it, before anything newer. */
  release(claimed: readonly number[]): void {
    this.#claims.delete(claimed);
    for (const sequence of claimed) {
      const slot = this.#outstanding.slots.get(sequence);
      if (slot === undefined) this.#next = Math.min(this.#next, sequence);
      else this.#outstanding.slots.put(Object.assign(slot, { state: "WAITING" }));
    }
    if (claimed.length > 0) this.#storage.wake(this.#number);
  }

  /** The next messages for an EXPLICIT stream, as many as it may have. They may leave once they are durable. */
  take(holder: Holder, limits: ReadLimits): readonly number[] {
    const { outstanding } = this;
    const taken: number[] = [];
    this.#collect(taken, limits, holder, (sequence, bytes) => outstanding.give(sequence, bytes, holder));
    outstanding.keepGiven(taken);
    return taken;
  }

  /** What was taken is durable and leaves now. @returns what of it may, because nobody settled it meanwhile */
  start(holder: Holder, taken: readonly number[]): number[] {
    return this.#outstanding.start(holder, taken);
  }

  /** An EXPLICIT stream ends, not as its client asked. What it has just taken never left. Needs no store. */
  abandon(holder: Holder, taken: readonly number[]): void {
    this.#outstanding.giveBack(taken);
    this.#outstanding.leave(holder, false);
  }

  /** The queue is gone for good. */
  end(): void {
    this.#outstanding.end();
  }

  /** The oldest message, durable or not, that no reader has. */
  oldestFree(): number | undefined {
    const queue = this.#queue();
    const fresh = this.#seek(queue, queue.tail) ? this.#next : Number.POSITIVE_INFINITY;
    const oldest = Math.min(fresh, this.#outstanding.slots.firstWaiting);
    return Number.isFinite(oldest) ? oldest : undefined;
  }

  /** Adds the next messages to `found`, and tells of each as it becomes the caller's. */
  #collect(
    found: number[],
    limits: ReadLimits,
    holder: Holder | undefined,
    add: (sequence: number, size: number) => void,
  ): void {
    const queue = this.#queue();
    const nowMs = this.#clock.elapsedMs();
    let bytes = 0;
    while (found.length < limits.messages) {
      const sequence = this.#candidate(queue, holder?.messagesMax === 1, nowMs);
      if (sequence === undefined) break;
      const size = this.#storage.sizeAt(this.#number, sequence);
      bytes += size;
      if (found.length > 0 && bytes > limits.bytes) break;
      if (holder !== undefined && !hasRoom(holder, size)) break;
      add(sequence, size);
      found.push(sequence);
      if (sequence === this.#next) this.#next++;
    }
  }

  /** The next message to deliver. What comes again is older than what is new, as a rule, and then goes first. */
  #candidate(queue: QueueView, inOrder: boolean, nowMs: number): number | undefined {
    const fresh = this.#seek(queue, queue.durableTail) ? this.#next : Number.POSITIVE_INFINITY;
    const { slots } = this.#outstanding;
    if (slots.first < fresh) {
      const again = slots.next(nowMs, inOrder);
      if (again === "blocked") return undefined;
      if (again !== undefined && again.sequence < fresh) return again.sequence;
    }
    return Number.isFinite(fresh) ? fresh : undefined;
  }

  /** Moves to the next message up to `last` that was never handed out. @returns whether there is one */
  #seek(queue: QueueView, last: number): boolean {
    if (this.#next <= queue.floor) this.#next = queue.floor + 1;
    while (this.#next <= last && this.#isTaken(queue, this.#next)) this.#next++;
    return this.#next <= last;
  }

  #isTaken(queue: QueueView, sequence: number): boolean {
    if (queue.isSettled(sequence) || queue.marks.has(sequence)) return true;
    for (const claim of this.#claims) {
      if (claim[countBefore(claim.length, (place) => (claim[place] ?? 0) < sequence)] === sequence) return true;
    }
    return false;
  }

  /** The queue. When the store went back to its disk, what it had settled or marked last may be waiting again. */
  #queue(): QueueView {
    if (this.#outstanding.sync()) this.#next = 1;
    const queue = this.#storage.queue(this.#number);
    if (queue.oldest > this.#oldest) this.#forgetGone(queue);
    return queue;
  }

  /** What is let go of is nobody's any more, whoever had it: a consumer holds nothing back from retention. */
  #forgetGone(queue: QueueView): void {
    this.#oldest = queue.oldest;
    const all = [...this.#outstanding.slots.all()].map(({ sequence }) => sequence);
    this.#outstanding.forget(all.filter((sequence) => sequence < queue.oldest && queue.isSettled(sequence)));
  }
}

/** Whether a stream may have one more message of this size. The first one always fits. */
function hasRoom({ messages, messagesMax, bytes, bytesMax }: Holder, size: number): boolean {
  return messages === 0 || (messages < messagesMax && bytes + size <= bytesMax);
}
