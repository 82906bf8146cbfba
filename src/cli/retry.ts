/** Trying again: how long to pause between attempts, and calls that may be made twice because they have a key. */
import { setTimeout as pause } from "node:timers/promises";
import { status } from "@grpc/grpc-js";
import { CallError } from "./failure.js";

const pauseMsMin = 250;
const pauseMsMax = 5_000;
const triesMax = 5;

export interface RetryOptions {
  /** Ends the trying with the signal's reason. */
  signal: AbortSignal;
  /** Called before each pause, with a sentence for people. */
  announce: (text: string) => void;
  /** What is done again, as `writing`. */
  doing: string;
}

/**
 * Makes a call until it is answered, a few times. The call must be one that does no harm when it is carried out twice,
 * as the first attempt may have been.
 */
export async function retry<T>(call: () => Promise<T>, { signal, announce, doing }: RetryOptions): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await call();
    } catch (error) {
      if (tries === triesMax || !isUnavailable(error)) throw error;
      announce(againText(error, doing, tries));
    }
    await pauseAfter(tries, signal);
  }
}

export function isUnavailable(error: unknown): error is CallError {
  return error instanceof CallError && error.code === status.UNAVAILABLE;
}

export function againText(error: CallError, doing: string, failures: number): string {
  return `${error.describe()}; ${doing} again in ${pauseMsAfter(failures) / 1_000} s`;
}

/** Pauses after so many failures in a row; rejects with the signal's reason when it is aborted. */
export async function pauseAfter(failures: number, signal: AbortSignal): Promise<void> {
  await pause(pauseMsAfter(failures), undefined, { signal }).catch(() => signal.throwIfAborted());
}

function pauseMsAfter(failures: number): number {
  return Math.min(pauseMsMin * 2 ** (failures - 1), pauseMsMax);
}
