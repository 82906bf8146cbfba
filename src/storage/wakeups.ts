/**
 * One who waits, and a link in the list of those who wait on the same queue. There may be very many, so it is its own
 * listener and costs no closures.
 */
class Waiter {
  readonly number: number;
  next: Waiter | undefined;
  readonly #wakeups: Wakeups;
  readonly #signal: AbortSignal;
  readonly #resolve: () => void;
  readonly #reject: (error: unknown) => void;
  readonly #timer: NodeJS.Timeout | undefined;

  constructor(
    wakeups: Wakeups,
    { number, signal, timeoutMs }: { number: number; signal: AbortSignal; timeoutMs: number | undefined },
    resolve: () => void,
    reject: (error: unknown) => void,
  ) {
    this.#wakeups = wakeups;
    this.number = number;
    this.#signal = signal;
    this.#resolve = resolve;
    this.#reject = reject;
    signal.addEventListener("abort", this);
    this.#timer = timeoutMs === undefined ? undefined : setTimeout(() => this.#wakeups.end(this), timeoutMs);
  }

  /** What the signal calls when it aborts. */
  handleEvent(): void {
    this.#wakeups.end(this, this.#signal.reason);
  }

  settle(error: unknown): void {
    this.#signal.removeEventListener("abort", this);
    clearTimeout(this.#timer);
    if (error === undefined) this.#resolve();
    else this.#reject(error);
  }
}

/** What those wait on who wait for a change of a socket. No queue has this number. */
export const CHANGES = 0;

/**
 * How many waiters are woken in one turn of the event loop. Each looks at the state, takes what it waited for and sends
 * it, and whoever calls meanwhile should not have to wait for all of them.
 */
const READERS_PER_TURN = 32;
/** Fewer, because they are woken by the calls of people who wait for an answer. */
const WATCHERS_PER_TURN = 4;

/** Tells when the batch that collects is durable, if it has enough by now; undefined while there is room in it. */
export type Crowded = () => Promise<void> | undefined;

/**
 * Waiters who are woken in turns, and no more than one batch can take: each of them moves the cursor of a queue, and
 * what a slow disk has collected meanwhile is encoded in one step.
 */
class Line {
  readonly #perTurn: number;
  readonly #crowded: Crowded;
  #waiters: Waiter[] = [];
  #next = 0;

  constructor(perTurn: number, crowded: Crowded) {
    this.#perTurn = perTurn;
    this.#crowded = crowded;
  }

  /** Adds one who waits on nothing else any more, and those behind him in his list. */
  add(newest: Waiter | undefined): void {
    if (newest === undefined) return;
    if (this.#waiters.length === 0) setImmediate(() => this.#wakeSome());
    let waiter: Waiter | undefined = newest;
    for (; waiter !== undefined; waiter = waiter.next) this.#waiters.push(waiter);
  }

  #wakeSome(): void {
    const emptied = this.#crowded();
    if (emptied === undefined) this.#wakeNext();
    // Should the batch fail, they find that out for themselves.
    else void emptied.catch(() => {}).then(() => this.#wakeNext());
  }

  #wakeNext(): void {
    const to = this.#next + this.#perTurn;
    for (const waiter of this.#waiters.slice(this.#next, to)) waiter.settle(undefined);
    this.#next = to;
    if (to < this.#waiters.length) setImmediate(() => this.#wakeSome());
    else [this.#waiters, this.#next] = [[], 0];
  }
}

/**
 * Who waits for a queue to grow. It knows numbers of queues and nothing of messages: whoever is woken looks again.
 */
export class Wakeups {
  /** The newest waiter of each queue. */
  readonly #waiting = new Map<number, Waiter>();
  readonly #readers: Line;
  readonly #watchers: Line;

  constructor(crowded: Crowded = () => undefined) {
    this.#readers = new Line(READERS_PER_TURN, crowded);
    this.#watchers = new Line(WATCHERS_PER_TURN, () => undefined);
  }

  /** Resolves at the next wake of this queue, or after `timeoutMs`. Rejects with the signal's reason when it aborts. */
  wait(number: number, signal: AbortSignal, timeoutMs?: number): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const waiter = new Waiter(this, { number, signal, timeoutMs }, resolve, reject);
      waiter.next = this.#waiting.get(number);
      this.#waiting.set(number, waiter);
    });
  }

  /** Those who wait for changes are woken in turns, whoever waits on a queue at once. */
  wake(number: number): void {
    if (number === CHANGES) this.#lineUp(number, this.#watchers);
    else this.#endAll(number);
  }

  /** Wakes everybody who waits on a queue, in turns. */
  wakeAll(): void {
    for (const number of [...this.#waiting.keys()]) if (number !== CHANGES) this.#lineUp(number, this.#readers);
  }

  /** Ends every wait with an error. */
  failAll(error: unknown): void {
    for (const number of [...this.#waiting.keys()]) this.#endAll(number, error);
  }

  /** Ends one wait before its queue is woken. */
  end(waiter: Waiter, error?: unknown): void {
    const newest = this.#waiting.get(waiter.number);
    if (newest !== waiter) {
      for (let other = newest; other !== undefined; other = other.next) {
        if (other.next === waiter) other.next = waiter.next;
      }
    } else if (waiter.next !== undefined) this.#waiting.set(waiter.number, waiter.next);
    else this.#waiting.delete(waiter.number);
    waiter.settle(error);
  }

  #lineUp(number: number, line: Line): void {
    line.add(this.#waiting.get(number));
    this.#waiting.delete(number);
  }

  #endAll(number: number, error?: unknown): void {
    let waiter = this.#waiting.get(number);
    this.#waiting.delete(number);
    for (; waiter !== undefined; waiter = waiter.next) waiter.settle(error);
  }
}
