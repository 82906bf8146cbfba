/** Abort signals without AbortSignal.any, which leaks on Node 20. */

/** Node warns of more than ten listeners on a signal, so each signal gets one of ours, which calls all callbacks. */
const fans = new WeakMap<AbortSignal, { callbacks: Set<() => void>; listener: () => void }>();

/** Calls back when the signal is aborted; at once if it is already. The result takes that back. */
export function onAbort(signal: AbortSignal | undefined, callback: () => void): () => void {
  if (signal?.aborted) callback();
  if (signal === undefined || signal.aborted) return () => {};
  const fan = fans.get(signal) ?? createFan(signal);
  const own = () => callback();
  fan.callbacks.add(own);
  return () => {
    fan.callbacks.delete(own);
    if (fan.callbacks.size > 0 || fans.get(signal) !== fan) return;
    fans.delete(signal);
    signal.removeEventListener("abort", fan.listener);
  };
}

function createFan(signal: AbortSignal) {
  const callbacks = new Set<() => void>();
  const listener = () => {
    fans.delete(signal);
    for (const callback of [...callbacks]) callback();
  };
  const fan = { callbacks, listener };
  fans.set(signal, fan);
  signal.addEventListener("abort", listener, { once: true });
  return fan;
}

/** Pauses; rejects with the signal's reason when it is aborted. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    let forget = () => {};
    const timer = setTimeout(() => {
      forget();
      resolve();
    }, ms);
    forget = onAbort(signal, () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}

/** Waits for a promise, but not longer than this. Gives whether it was settled. Never rejects. */
export function settledWithin(promise: Promise<unknown>, ms: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), ms);
    const done = () => {
      clearTimeout(timer);
      resolve(true);
    };
    promise.then(done, done);
  });
}
