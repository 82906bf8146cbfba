import { ChangeKind, LogEntry } from "../../gen/ts/socketregistry/storage/v1/records.js";
import type { SocketNumber } from "../registry/storage.js";
import { DamagedRecord, decodeIfSound, unseal } from "./records.js";
import { VarintReader } from "./varint-reader.js";

/** What a change of a socket says of which sockets there are. */
export interface Coming {
  readonly number: SocketNumber;
  /** The number of the socket that this one replaced; 0 when it replaced none. */
  readonly replaces: SocketNumber;
  /** Whether it is gone. */
  readonly isGone: boolean;
}

/** Whom a message goes to. */
export interface Routes {
  readonly targets: readonly SocketNumber[];
  readonly everyone: boolean;
  readonly skipped: readonly { readonly number: SocketNumber }[];
}

/** Where an entry of the log went, without what it says: all that a start needs to know of it. */
export interface Routing extends Routes {
  readonly revision: number;
  readonly timeMs: number;
  /** Of a change of a socket; undefined when the entry is a message. */
  readonly coming: Coming | undefined;
}

const NONE: readonly never[] = [];

/** Fields of records as protobuf numbers them, each with the way it lies there. */
const VARINT = 0;
const BYTES = 2;
const ENTRY_REVISION = (1 << 3) | VARINT;
const ENTRY_TIME = (2 << 3) | VARINT;
const ENTRY_MESSAGE = (3 << 3) | BYTES;
const MESSAGE_TARGETS = (4 << 3) | BYTES;
const MESSAGE_EVERYONE = (5 << 3) | VARINT;
const MESSAGE_SKIPPED = (6 << 3) | BYTES;

/**
 * Reads where a stored entry went. It passes over everything else, which is most of an entry and most of the time that
 * the generated decoder takes. @returns undefined when the entry does not check
 * @throws UnknownVersion when a newer program wrote it
 */
export function routingOf(stored: Buffer): Routing | undefined {
  try {
    return scan(new VarintReader(unseal(stored))) ?? routingOfChange(stored);
  } catch (error) {
    if (error instanceof DamagedRecord) return undefined;
    throw error;
  }
}

/** @returns undefined when the entry is no message */
function scan(record: VarintReader): Routing | undefined {
  let revision = 0;
  let timeMs = 0;
  let isMessage = false;
  let targets: readonly number[] = NONE;
  let skipped: readonly { number: number }[] = NONE;
  let everyone = false;
  // A message within the entry has nothing behind it, so that its fields can be read as if they were the entry's own.
  while (!record.isAtEnd) {
    const tag = record.next();
    if (!isMessage && tag === ENTRY_REVISION) revision = record.next();
    else if (!isMessage && tag === ENTRY_TIME) timeMs = record.next();
    else if (!isMessage && tag === ENTRY_MESSAGE) {
      isMessage = record.next() === record.left;
      if (!isMessage) return undefined;
    } else if (isMessage && tag === MESSAGE_TARGETS) targets = record.list();
    else if (isMessage && tag === MESSAGE_EVERYONE) everyone = record.next() !== 0;
    else if (isMessage && tag === MESSAGE_SKIPPED) skipped = sums(record.list());
    else if ((tag & 7) === BYTES) record.skip(record.next());
    else if ((tag & 7) === VARINT) record.next();
    else return undefined;
  }
  return isMessage ? { revision, timeMs, targets, everyone, skipped, coming: undefined } : undefined;
}

/** Anything else: by the decoder, which knows every way in which a record may lie. */
function routingOfChange(stored: Buffer): Routing | undefined {
  const entry = decodeIfSound(LogEntry, stored);
  if (entry === undefined) return undefined;
  const { revision, timeMs, message, socket } = entry;
  if (message !== undefined) {
    const { targets, everyone, skipped } = message;
    return { revision, timeMs, targets, everyone, skipped: sums(skipped), coming: undefined };
  }
  const isGone = socket?.kind === ChangeKind.CHANGE_KIND_DELETED;
  const coming = { number: socket?.socket?.number ?? 0, replaces: socket?.replaces ?? 0, isGone };
  return { revision, timeMs, targets: NONE, everyone: false, skipped: NONE, coming };
}

/** The numbers of the sockets that were skipped, which are kept as differences. */
function sums(differences: readonly number[]): { number: SocketNumber }[] {
  let number = 0;
  return differences.map((difference) => {
    number += difference;
    return { number };
  });
}
