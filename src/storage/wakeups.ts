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
 * How many waiters are woken in one turn of the event loop, when there are many: each looks at the state, takes what it
 * waited for and sends it, and whoever calls meanwhile should not have to wait for all of them.
 */
const WAKES_PER_TURN = 32;

/**
 * Who waits for a queue to grow. It knows numbers of queues and nothing of messages: whoever is woken looks again.
 */
export class Wakeups {
  /** The newest waiter of each queue. */
  readonly #waiting = new Map<number, Waiter>();
  /** Those who are woken in turns, and whose turn is next. */
  #line: Waiter[] = [];
  #next = 0;

  /** Resolves at the next wake of this queue, or after `timeoutMs`. Rejects with the signal's reason when it aborts. */
  wait(number: number, signal: AbortSignal, timeoutMs?: number): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const waiter = new Waiter(this, { number, signal, timeoutMs }, resolve, reject);
      waiter.next = this.#waiting.get(number);
      this.#waiting.set(number, waiter);
    });
  }

  /** Those who wait for changes take their turns; whoever waits on a queue is woken at once. */
  wake(number: number): void {
    if (number === CHANGES) this.#lineUp([number]);
    else this.#endAll(number);
  }

  /** Wakes everybody who waits on a queue, in turns. */
  wakeAll(): void {
    this.#lineUp([...this.#waiting.keys()].filter((number) => number !== CHANGES));
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

  #lineUp(numbers: readonly number[]): void {
    const isIdle = this.#line.length === 0;
    for (const number of numbers) {
      for (let waiter = this.#waiting.get(number); waiter !== undefined; waiter = waiter.next) this.#line.push(waiter);
      this.#waiting.delete(number);
    }
    if (isIdle && this.#line.length > 0) setImmediate(() => this.#wakeSome());
  }

  #wakeSome(): void {
    const to = this.#next + WAKES_PER_TURN;
    for (const waiter of this.#line.slice(this.#next, to)) waiter.settle(undefined);
    this.#next = to;
    if (to < this.#line.length) setImmediate(() => this.#wakeSome());
    else [this.#line, this.#next] = [[], 0];
  }

  #endAll(number: number, error?: unknown): void {
    let waiter = this.#waiting.get(number);
    this.#waiting.delete(number);
    for (; waiter !== undefined; waiter = waiter.next) waiter.settle(error);
  }
}
