/** Times as they are sent. */
import type { Duration } from "../../gen/ts/google/protobuf/duration.js";

export function toDate(ms: number | undefined): Date | undefined {
  return ms === undefined ? undefined : new Date(ms);
}

export function toDuration(ms: number | undefined): Duration | undefined {
  if (ms === undefined) return undefined;
  return { seconds: BigInt(Math.floor(ms / 1_000)), nanos: (ms % 1_000) * 1_000_000 };
}
