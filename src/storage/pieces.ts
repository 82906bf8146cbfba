/**
 * The store's state in pieces, as it is replicated: LevelDB's own rows in bigger boxes. A store that is made of them is
 * opened by the way that exists for damage, which is why pieces of different ages go together.
 *
 *     store                   the row of the store
 *     sockets-<page>          everything of 64 numbers, sockets' and consumers', but for their cursors
 *     cursors-<page>          the cursors of 256 numbers, and what is parked in them
 *     row-<key>               a row that is too large for its page, which says "apart" in its place: the page decides
 *     log-<first>-<last>      those entries of a range of the log that some queue held when it was cut
 *
 * All numbers are hexadecimal. Ranges of which nothing is held have no piece, and changes of sockets are in none: the
 * rows say it.
 */
import { Piece as PieceRecord, type PieceRow } from "../../gen/ts/socketregistry/storage/v1/records.js";
import { isCursorKey, isLogKey, isSocketKey, type NumberRange, number32, number64, storeKey } from "./keys.js";
import { DamagedRecord, decodeRecord, encodeRecord, UnknownVersion, unseal } from "./records.js";

export const SOCKETS_PER_PAGE = 64;
export const CURSORS_PER_PAGE = 256;
/** A larger row is apart, so that what changes often does not carry it along. */
export const APART_BYTES = 16 * 1024;

/** What a piece holds, told from its key. */
export type PieceKind =
  | { readonly kind: "store" }
  | { readonly kind: "row"; readonly row: Buffer }
  | { readonly kind: "sockets" | "cursors"; readonly numbers: NumberRange }
  | { readonly kind: "log"; readonly first: number; readonly last: number };

/** In this order pieces are sent: a socket that was reset or deleted is so before its cursor goes. */
export const KINDS = ["store", "row", "sockets", "cursors", "log"] as const satisfies readonly PieceKind["kind"][];

const REVISION_DIGITS = 14;

export const STORE_PIECE = "store";
/** The key of the page that has a socket's or consumer's row. */
export const socketsPiece = (number: number): string => pageKey("sockets", number, SOCKETS_PER_PAGE);
/** The key of the page that has the cursor of a queue. */
export const cursorsPiece = (number: number): string => pageKey("cursors", number, CURSORS_PER_PAGE);
export const rowPiece = (row: Buffer): string => `row-${row.toString("hex")}`;
export const logPiece = (first: number, last: number): string => `log-${revisionText(first)}-${revisionText(last)}`;

/** What the piece of a key holds; undefined when it is no piece's key that this program makes. */
export function kindOfPiece(key: string): PieceKind | undefined {
  if (key === STORE_PIECE) return { kind: "store" };
  const [kind, first = "", last = ""] = key.split("-");
  switch (kind) {
    case "row": {
      const row = Buffer.from(first, "hex");
      return key === rowPiece(row) && (isSocketKey(row) || isCursorKey(row)) ? { kind, row } : undefined;
    }
    case "sockets":
      return kindOfPage(key, kind, Number.parseInt(first, 16), SOCKETS_PER_PAGE);
    case "cursors":
      return kindOfPage(key, kind, Number.parseInt(first, 16), CURSORS_PER_PAGE);
    case "log": {
      const range = { first: Number.parseInt(first, 16), last: Number.parseInt(last, 16) };
      if (!(range.first <= range.last && Number.isSafeInteger(range.last))) return undefined;
      return key === logPiece(range.first, range.last) ? { kind, ...range } : undefined;
    }
    default:
      return undefined;
  }
}

/** The key of the page that has a row. */
export function pageOf(row: Buffer): string {
  return isSocketKey(row) ? socketsPiece(number32(row)) : cursorsPiece(number32(row));
}

export function encodePiece(rows: PieceRow[]): Buffer {
  return encodeRecord(PieceRecord, { rows });
}

/**
 * The rows of a piece.
 * @throws DamagedRecord, naming the key, when it does not check or holds what does not belong in it; UnknownVersion when
 *   a newer program wrote it
 */
export function decodePiece(key: string, bytes: Buffer): PieceRow[] {
  const kind = kindOfPiece(key);
  if (kind === undefined) throw new DamagedRecord(`${key} is no key of a piece that this program knows`);
  const { rows } = inPiece(key, () => decodeRecord(PieceRecord, bytes));
  for (const { value, apart } of rows) if (!apart) inPiece(key, () => assertKnown(value));
  const stray = rows.find((row) => !belongs(kind, row));
  if (stray === undefined) return rows;
  throw new DamagedRecord(`the piece ${key} holds the row ${stray.key.toString("hex")}, which does not belong in it`);
}

/** Decodes something of a piece, whose key is named when that fails. */
export function inPiece<T>(key: string, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    if (!(error instanceof DamagedRecord || error instanceof UnknownVersion)) throw error;
    const Kind = error instanceof UnknownVersion ? UnknownVersion : DamagedRecord;
    throw new Kind(`the piece ${key} cannot be read: ${error.message}`, { cause: error });
  }
}

/** A row may be damaged, and the opening of the store deals with that. But it must not be a newer program's. */
function assertKnown(stored: Buffer): void {
  try {
    unseal(stored);
  } catch (error) {
    if (!(error instanceof DamagedRecord)) throw error;
  }
}

function belongs(kind: PieceKind, { key, apart }: PieceRow): boolean {
  switch (kind.kind) {
    case "store":
      return key.equals(storeKey) && !apart;
    case "row":
      return key.equals(kind.row) && !apart;
    case "log":
      return isLogKey(key) && number64(key) >= kind.first && number64(key) <= kind.last && !apart;
    default: {
      const isKind = kind.kind === "sockets" ? isSocketKey(key) : isCursorKey(key);
      return isKind && number32(key) >= kind.numbers.first && number32(key) < kind.numbers.end;
    }
  }
}

function kindOfPage(key: string, kind: "sockets" | "cursors", page: number, size: number): PieceKind | undefined {
  const numbers = { first: page * size, end: (page + 1) * size };
  // NaN is not below it either. The last page has no end that a key could have.
  if (!(numbers.end < 2 ** 32)) return undefined;
  return key === pageKey(kind, numbers.first, size) ? { kind, numbers } : undefined;
}

function pageKey(kind: "sockets" | "cursors", number: number, size: number): string {
  return `${kind}-${Math.floor(number / size).toString(16)}`;
}

function revisionText(revision: number): string {
  return revision.toString(16).padStart(REVISION_DIGITS, "0");
}
