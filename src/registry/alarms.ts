import type { Clock } from "./clock.js";
import { RegistryError } from "./errors.js";

/** While the store cannot be used, what was to happen is tried again after this long. */
const AGAIN_MS = 500;

/** How many alarms ring in one turn of the event loop: ten thousand leases may run out at once. */
const RINGS_PER_TURN = 256;

/** Something that is to happen at a time which may still be put off. */
export class Alarm {
  readonly ring: () => void;
  /** When it is to ring; Infinity: never. */
  dueMs = Number.POSITIVE_INFINITY;
  /** When it will be looked at, which is no later. */
  lookMs = Number.POSITIVE_INFINITY;

  constructor(ring: () => void) {
    this.ring = ring;
  }
}

interface Look {
  readonly atMs: number;
  readonly alarm: Alarm;
}

/**
 * Rings alarms when they are due. An alarm that is put off, as a lease is again and again, costs one assignment: it is
 * looked at when it would have rung, and put back then. Times are those of `Clock.elapsedMs`.
 */
export class Alarms {
  readonly #clock: Clock;
  /** A binary heap, the earliest look first. A look whose time is not its alarm's any more is void. */
  readonly #looks: Look[] = [];
  #timer: { readonly atMs: number; readonly cancel: () => void } | undefined;
  #isClosed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Sets when an alarm rings, instead of when it was to ring before. */
  set(alarm: Alarm, dueMs: number): void {
    alarm.dueMs = dueMs;
    if (dueMs >= alarm.lookMs || this.#isClosed) return;
    alarm.lookMs = dueMs;
    this.#push({ atMs: dueMs, alarm });
    this.#wind();
  }

  /** No alarm rings any more. */
  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  #wind(): void {
    const next = this.#looks[0]?.atMs;
    if (next === undefined || (this.#timer !== undefined && this.#timer.atMs <= next)) return;
    this.#timer?.cancel();
    this.#timer = { atMs: next, cancel: this.#clock.after(next - this.#clock.elapsedMs(), () => this.#look()) };
  }

  #look(): void {
    this.#timer = undefined;
    if (this.#isClosed) return;
    const nowMs = this.#clock.elapsedMs();
    for (let rung = 0; rung < RINGS_PER_TURN && (this.#looks[0]?.atMs ?? Number.POSITIVE_INFINITY) <= nowMs; ) {
      const { atMs, alarm } = this.#pop();
      if (atMs !== alarm.lookMs) continue;
      alarm.lookMs = Number.POSITIVE_INFINITY;
      if (alarm.dueMs > nowMs) {
        this.set(alarm, alarm.dueMs);
        continue;
      }
      this.#ring(alarm, nowMs);
      rung++;
    }
    this.#wind();
  }

  #ring(alarm: Alarm, nowMs: number): void {
    alarm.dueMs = Number.POSITIVE_INFINITY;
    try {
      alarm.ring();
    } catch (error) {
      if (!(error instanceof RegistryError && error.reason === "STORAGE_UNAVAILABLE")) throw error;
      this.set(alarm, nowMs + AGAIN_MS);
    }
  }

  #push(look: Look): void {
    const heap = this.#looks;
    let place = heap.length;
    for (let parent = (place - 1) >> 1; place > 0 && this.#atMs(parent) > look.atMs; parent = (place - 1) >> 1) {
      heap[place] = heap[parent] as Look;
      place = parent;
    }
    heap[place] = look;
  }

  #pop(): Look {
    const heap = this.#looks;
    const first = heap[0] as Look;
    const last = heap.pop() as Look;
    if (heap.length === 0) return first;
    let place = 0;
    for (;;) {
      const left = 2 * place + 1;
      const child = left + 1 < heap.length && this.#atMs(left + 1) < this.#atMs(left) ? left + 1 : left;
      if (child >= heap.length || this.#atMs(child) >= last.atMs) break;
      heap[place] = heap[child] as Look;
      place = child;
    }
    heap[place] = last;
    return first;
  }

  #atMs(place: number): number {
    return this.#looks[place]?.atMs ?? Number.POSITIVE_INFINITY;
  }
}
