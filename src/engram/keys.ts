/**
 * The keys of the store: a letter for what the row is, names that end with NUL, and what is left. Names have no NUL in
 * them, so the order of keys is the order of names, and within a name the order of what comes behind.
 */
import type { Range } from "./store.js";

/** The kinds of rows. */
export const letters = {
  /** namespace, key -> metadata of a memory, JSON. */
  metadata: "m",
  /** namespace, key -> data of a memory, JSON. */
  data: "v",
  /** client, namespace, time -> a memory that was added, JSON. */
  added: "l",
  /** client, time -> a text that searches of this client leave out. */
  forgotten: "f",
  /** client, id -> a compartment, JSON. */
  compartment: "c",
} as const;
export type Letter = (typeof letters)[keyof typeof letters];

const TIME_BYTES = 8;

/** The key of a row that belongs to these names. The last part is a name, or a time in microseconds. */
export function keyOf(letter: Letter, names: readonly string[], last: string | number): Buffer {
  return Buffer.concat([prefixOf(letter, names), typeof last === "number" ? timeOf(last) : Buffer.from(last)]);
}

/** All rows that belong to these names, in order. */
export function rangeOf(letter: Letter, names: readonly string[]): Range {
  const gte = prefixOf(letter, names);
  const lt = Buffer.from(gte);
  const end = lt.length - 1;
  lt.writeUInt8(lt.readUInt8(end) + 1, end);
  return { gte, lt };
}

/** The last part of a key of these names, when it is a name. */
export function lastName(key: Buffer, { gte }: Range): string {
  return key.toString("utf8", gte.length);
}

/** The key of the row of another kind that has the same names. */
export function sibling(key: Buffer, letter: Letter): Buffer {
  return Buffer.concat([Buffer.from(letter), key.subarray(1)]);
}

function prefixOf(letter: Letter, names: readonly string[]): Buffer {
  return Buffer.from(letter + names.map((name) => `${name}\0`).join(""));
}

function timeOf(micros: number): Buffer {
  const bytes = Buffer.alloc(TIME_BYTES);
  bytes.writeBigUInt64BE(BigInt(micros));
  return bytes;
}
