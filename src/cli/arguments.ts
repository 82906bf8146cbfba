/** Values of options and arguments, checked. Every fault is a UsageError that names the option. */
import type { Duration } from "../../gen/ts/google/protobuf/duration.js";
import type { Position } from "../../gen/ts/socketregistry/v1/socket_registry.js";
import { UsageError } from "./failure.js";

export type Struct = { [key: string]: unknown };

/** A JSON object, as metadata and context are. Absent stays absent. */
export function parseStruct(option: string, text: string | undefined): Struct | undefined {
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${option} is not JSON: ${String(error)}`);
  }
  if (isStruct(value)) return value;
  throw new UsageError(`${option} must be a JSON object such as {"key": "value"}`);
}

function isStruct(value: unknown): value is Struct {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `key=value` pairs. A value may hold further equals signs. */
export function parseLabels(pairs: readonly string[] = []): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const end = pair.indexOf("=");
      if (end < 1) throw new UsageError(`--label must be key=value, not "${pair}"`);
      return [pair.slice(0, end), pair.slice(end + 1)];
    }),
  );
}

const uint32Max = 2 ** 32 - 1;
const uint64Max = 2n ** 64n - 1n;

/** A count. Absent stays absent. */
export function parseCount(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const count = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (count <= uint32Max) return count;
  throw new UsageError(`${option} must be a number from 0 to ${uint32Max}, not "${text}"`);
}

/** A sequence or a revision. Absent stays absent. */
export function parseUint64(option: string, text: string | undefined): bigint | undefined {
  if (text === undefined) return undefined;
  const value = /^\d{1,20}$/.test(text) ? BigInt(text) : -1n;
  if (value >= 0n && value <= uint64Max) return value;
  throw new UsageError(`${option} must be a whole number, not "${text}"`);
}

/** The sequences among the arguments of a command. */
export function parseSequences(texts: readonly string[]): bigint[] {
  return texts.flatMap((text) => parseUint64("SEQUENCE", text) ?? []);
}

/** `EPOCH:SEQUENCE`; an empty epoch means the current one. Absent stays absent. */
export function parsePosition(option: string, text: string | undefined): Position | undefined {
  if (text === undefined) return undefined;
  const [, epoch, digits] = /^(.*):(\d{1,20})$/s.exec(text) ?? [];
  const sequence = digits === undefined ? -1n : BigInt(digits);
  if (epoch !== undefined && sequence >= 0n && sequence <= uint64Max) return { epoch, sequence };
  throw new UsageError(`${option} must be EPOCH:SEQUENCE, not "${text}"`);
}

const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const durationMsMax = 10 * 366 * unitMs.d;
const timerMsMax = 1_000_000_000;

/** `1.5`, which are seconds, or `500ms`, `30s`, `5m`, `2h`, `7d`. Absent stays absent. */
export function parseMs(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const [, digits, unit = "s"] = /^(\d{1,12}(?:\.\d{1,9})?)(ms|s|m|h|d)?$/.exec(text) ?? [];
  const ms = digits !== undefined && isUnit(unit) ? Number(digits) * unitMs[unit] : Number.NaN;
  if (ms <= durationMsMax) return ms;
  throw durationFault(option, text);
}

/** The same as the service wants it, to the millisecond. Absent stays absent. */
export function parseDuration(option: string, text: string | undefined): Duration | undefined {
  const ms = parseMs(option, text);
  return ms === undefined ? undefined : durationOf(ms);
}

/** How long to wait: more than zero, and not beyond what timers can do. Absent stays absent. */
export function parseWaitMs(option: string, text: string | undefined): number | undefined {
  const ms = parseMs(option, text);
  if (ms === undefined || (ms > 0 && ms <= timerMsMax)) return ms;
  throw durationFault(option, text);
}

export function durationOf(ms: number): Duration {
  const whole = Math.round(ms);
  return { seconds: BigInt(Math.floor(whole / 1_000)), nanos: (whole % 1_000) * 1_000_000 };
}

function isUnit(text: string): text is keyof typeof unitMs {
  return Object.hasOwn(unitMs, text);
}

function durationFault(option: string, text: string | undefined): UsageError {
  return new UsageError(`${option} must be a number of seconds, or one like 500ms, 5m, 2h or 7d, not "${text}"`);
}

/** One of a few words, and what it stands for. Absent stays absent. */
export function parseWord<T>(
  option: string,
  words: Readonly<Record<string, T>>,
  text: string | undefined,
): T | undefined {
  if (text === undefined) return undefined;
  const value = Object.hasOwn(words, text) ? words[text] : undefined;
  if (value !== undefined) return value;
  throw new UsageError(`${option} must be ${Object.keys(words).join(" or ")}, not "${text}"`);
}
