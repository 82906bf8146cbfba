/**
 * What lies in a log at an Engram of summer 2025: texts that are found by a part of them. Each is one JSON object, in
 * ASCII (half of a surrogate pair in a text breaks every search that finds it there), without spaces and with its fields
 * in one order, so that the beginning of a text can be searched for.
 */
import { createHash } from "node:crypto";
import type { PeerRecord } from "./dialect.js";
import { isObject } from "./peer-answer.js";

/** One state of a record: the one with the highest revision counts. */
export interface Entry extends PeerRecord {
  readonly revision: number;
  /** Who wrote it: decides between two that have one revision. */
  readonly writer: string;
  /** Whether it says that the record is deleted. Data and metadata are empty then. */
  readonly isDeleted: boolean;
}

/** An entry and the text it was read from. */
export interface LoggedEntry extends Entry {
  readonly content: string;
}

/** The text of an entry. */
export function entryText(namespace: string, entry: Entry): string {
  const { key, revision, writer, isDeleted, data, metadata } = entry;
  const head = ascii({ ns: namespace, k: key, rev: revision, inst: writer, del: isDeleted });
  const tail = ascii({ data, meta: metadata });
  return joined(head, digestOf(head, tail), tail);
}

/**
 * The entry of this namespace that a text is; undefined when it is none, or damaged. Searches find more than was asked
 * for: they do not tell capital letters from small ones, nor a text from a part of another.
 */
export function parseEntry(content: string, namespace: string): LoggedEntry | undefined {
  const parsed = parseObject(content);
  if (parsed === undefined || parsed["ns"] !== namespace) return undefined;
  const { k: key, rev: revision, inst: writer, del: isDeleted, sum, data, meta: metadata } = parsed;
  if (typeof key !== "string" || typeof writer !== "string" || typeof isDeleted !== "boolean") return undefined;
  if (typeof revision !== "number" || !Number.isSafeInteger(revision) || revision < 1) return undefined;
  if (typeof sum !== "string" || !isObject(data) || !isObject(metadata) || !isWhole(content, sum)) return undefined;
  return { key, revision, writer, isDeleted, data, metadata, content };
}

/** Whether the first entry counts, and not the second. */
export function isNewer(entry: Entry, other: Entry | undefined): boolean {
  if (other === undefined || entry.revision > other.revision) return true;
  return entry.revision === other.revision && entry.writer > other.writer;
}

/** A text that says: this generation of the log has everything that was in the one before. */
export function sealText(namespace: string, generation: number, writer: string): string {
  return ascii({ ns: namespace, complete: generation, inst: writer });
}

/** The generation that a text seals; undefined when it is no seal of this namespace. */
export function parseSeal(content: string, namespace: string): number | undefined {
  const { ns, complete } = parseObject(content) ?? {};
  if (ns !== namespace || typeof complete !== "number" || !Number.isSafeInteger(complete)) return undefined;
  return complete;
}

/** Texts to search for. What each finds holds what it is for, and may hold more. */
export const queries = {
  all: (namespace: string): string => `"ns":${ascii(namespace)}`,
  key: (namespace: string, key: string): string => `"ns":${ascii(namespace)},"k":${ascii(key)}`,
  seals: (namespace: string): string => `"ns":${ascii(namespace)},"complete":`,
  seal: (namespace: string, generation: number): string => `"ns":${ascii(namespace)},"complete":${generation},`,
} as const;

/** `{"a":1}`, a digest and `{"b":2}` as one object, with the digest between the two. */
function joined(head: string, sum: string, tail: string): string {
  return `${head.slice(0, -1)},"sum":"${sum}",${tail.slice(1)}`;
}

/** Looks at the text and not at what it says: whoever reads JSON and writes it again may write it another way. */
function isWhole(content: string, sum: string): boolean {
  const seam = `,"sum":"${sum}",`;
  const at = content.indexOf(seam);
  if (at === -1) return false;
  return digestOf(`${content.slice(0, at)}}`, `{${content.slice(at + seam.length)}`) === sum;
}

function digestOf(head: string, tail: string): string {
  return createHash("sha256").update(head).update(tail).digest("hex");
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function ascii(value: unknown): string {
  return JSON.stringify(value).replace(/[\u007f-\uffff]/g, (unit) => {
    return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}
