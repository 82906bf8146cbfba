/** How long a stream may let us wait for an answer. It knows no calls: what it does is to abort a signal. */

export interface PatienceOptions {
  timeoutMs: number;
  /** Passed on: when it is aborted, the stream's is too. */
  signal: AbortSignal;
  /** The reason of an abort because no answer came. */
  late: () => Error;
}

export type Patience = ReturnType<typeof createPatience>;

export function createPatience({ timeoutMs, signal, late }: PatienceOptions) {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let isHeld = false;
  const pass = () => controller.abort(signal.reason);
  signal.addEventListener("abort", pass, { once: true });
  if (signal.aborted) pass();

  function stop(): void {
    clearTimeout(timer);
    timer = undefined;
  }

  return {
    /** The stream's. */
    signal: controller.signal,
    /** An answer is owed from now on, unless one was before. */
    begin(): void {
      if (isHeld) return;
      timer ??= setTimeout(() => controller.abort(late()), timeoutMs);
    },
    /** An answer came. While it is worked on, nobody listens for the next one, so that one cannot be late. */
    hold(): void {
      isHeld = true;
      stop();
    },
    /** We listen again. */
    resume(): void {
      isHeld = false;
    },
    /** The stream is over. */
    end(): void {
      stop();
      isHeld = true;
      signal.removeEventListener("abort", pass);
    },
  };
}
