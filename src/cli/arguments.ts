/** Values of options and arguments, checked. Every fault is a UsageError that names the option. */
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

/** `EPOCH:SEQUENCE`; an empty epoch means the current one. Absent stays absent. */
export function parsePosition(option: string, text: string | undefined): Position | undefined {
  if (text === undefined) return undefined;
  const [, epoch, digits] = /^(.*):(\d{1,20})$/s.exec(text) ?? [];
  const sequence = digits === undefined ? -1n : BigInt(digits);
  if (epoch !== undefined && sequence >= 0n && sequence <= uint64Max) return { epoch, sequence };
  throw new UsageError(`${option} must be EPOCH:SEQUENCE, not "${text}"`);
}

/** More than zero, and not beyond what timers can do. */
export function parseSeconds(option: string, text: string): number {
  const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : 0;
  if (seconds > 0 && seconds <= 1_000_000) return seconds;
  throw new UsageError(`${option} must be a number of seconds above 0, not "${text}"`);
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
