import { setTimeout as delay } from "node:timers/promises";

const PAUSE_MIN_MS = 250;
const PAUSE_MAX_MS = 30_000;

/**
 * How long to wait before the next attempt, when none has succeeded for so long: a tenth of that, within bounds. Short
 * faults are over soon after they end, and a peer that is away for good is asked twice a minute. The jitter, a quarter
 * either way, keeps many registries from asking at once.
 */
export function pauseMs(failingForMs: number, random: () => number = Math.random): number {
  const wait = Math.min(Math.max(failingForMs / 10, PAUSE_MIN_MS), PAUSE_MAX_MS);
  return wait * (0.75 + random() / 2);
}

/** Waits, or returns sooner when the signal aborts. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal, ref: false }).catch(() => {});
}
