/** Durations of the wire, which are seconds and nanoseconds, and ours, which are milliseconds. */
import type { Duration } from "../../../gen/ts/google/protobuf/duration.js";

/** As in `config: { ackDeadline: durationOf(30_000) }`. */
export function durationOf(ms: number): Duration {
  const seconds = Math.trunc(ms / 1_000);
  return { seconds: BigInt(seconds), nanos: Math.round((ms - seconds * 1_000) * 1_000_000) };
}

export function msOf({ seconds, nanos }: Duration): number {
  return Number(seconds) * 1_000 + nanos / 1_000_000;
}
