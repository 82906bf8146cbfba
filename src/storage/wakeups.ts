interface Waiter {
  /** Where the waiter is registered, so that it can leave in one step. */
  readonly number: number;
  readonly settle: (error?: unknown) => void;
}

/**
 * Who waits for a queue to grow. It knows numbers of queues and nothing of messages: whoever is woken looks again.
 */
export class Wakeups {
  readonly #waiting = new Map<number, Set<Waiter>>();

  /** Resolves at the next wake of this queue, or after `timeoutMs`. Rejects with the signal's reason when it aborts. */
  wait(number: number, signal: AbortSignal, timeoutMs?: number): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      let timer: NodeJS.Timeout | undefined;
      const abort = (): void => waiter.settle(signal.reason);
      const waiter: Waiter = {
        number,
        settle: (error) => {
          this.#leave(waiter);
          signal.removeEventListener("abort", abort);
          clearTimeout(timer);
          if (error === undefined) resolve();
          else reject(error);
        },
      };
      signal.addEventListener("abort", abort);
      if (timeoutMs !== undefined) timer = setTimeout(() => waiter.settle(), timeoutMs);
      const others = this.#waiting.get(number);
      if (others === undefined) this.#waiting.set(number, new Set([waiter]));
      else others.add(waiter);
    });
  }

  wake(number: number): void {
    const waiters = this.#waiting.get(number);
    if (waiters !== undefined) for (const waiter of [...waiters]) waiter.settle();
  }

  wakeAll(): void {
    for (const number of [...this.#waiting.keys()]) this.wake(number);
  }

  /** Ends every wait with an error. */
  failAll(error: unknown): void {
    for (const waiters of [...this.#waiting.values()]) {
      for (const waiter of [...waiters]) waiter.settle(error);
    }
  }

  #leave(waiter: Waiter): void {
    const others = this.#waiting.get(waiter.number);
    others?.delete(waiter);
    if (others?.size === 0) this.#waiting.delete(waiter.number);
  }
}
