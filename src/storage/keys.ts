/**
 * The keys of the store. A key is a letter for its kind and big-endian numbers, so that the order of bytes is the order
 * of numbers: the log lies in order of revision, which is the order of everything.
 */
const STORE = 0x00;
const LOG = 0x10;
const ROW = 0x20;
const PROMPT = 0x21;
const CONTEXT = 0x22;
const CONSUMER = 0x23;
const CURSOR = 0x30;
const PARKED = 0x31;
const REMOVED = 0x40;
const REMOVED_SPAN = 0x41;
const CHECKPOINT = 0x50;
const DIGEST = 0x51;
const RECEIPTS = 0x60;
const REMEMBERED = 0x70;

/** A letter and 64 bits. */
const LENGTH64 = 9;
/** A letter and 32 bits. */
const LENGTH32 = 5;

const SOCKET_LETTERS = [ROW, PROMPT, CONTEXT, CONSUMER];
const CURSOR_LETTERS = [CURSOR, PARKED];

/** The one row that describes the store. */
export const storeKey = Buffer.from([STORE]);

export const logKey = (revision: number): Buffer => key64(LOG, revision);
export const rowKey = (number: number): Buffer => key32(ROW, number);
export const promptKey = (number: number): Buffer => key32(PROMPT, number);
export const contextKey = (number: number): Buffer => key32(CONTEXT, number);
export const consumerKey = (number: number): Buffer => key32(CONSUMER, number);
export const cursorKey = (number: number): Buffer => key32(CURSOR, number);
/** The parked messages of a queue. */
export const parkedKey = (number: number): Buffer => key32(PARKED, number);
/** What was removed of one block of the log. */
export const removedKey = (block: number): Buffer => key64(REMOVED, block);
/** A span of blocks that were removed altogether. */
export const removedSpanKey = (span: number): Buffer => key64(REMOVED_SPAN, span);
/** The answer to the request that made this entry. */
export const rememberedKey = (revision: number): Buffer => key64(REMEMBERED, revision);
/** What became of messages of one epoch of a queue, the newest of which has this sequence. */
export const receiptsKey = ({ number, epochRevision, sequence }: ReceiptsPlace): Buffer => {
  const key = Buffer.allocUnsafe(21);
  key[0] = RECEIPTS;
  key.writeUInt32BE(number, 1);
  write64(key, epochRevision, 5);
  write64(key, sequence, 13);
  return key;
};
/** There are two slots for checkpoints: while one is written, the one before stays whole. */
export const CHECKPOINT_SLOTS = 2;
/** One piece of the checkpoint in one of the slots. */
export const checkpointKey = (slot: number, piece: number): Buffer => {
  const key = Buffer.allocUnsafe(6);
  key[0] = CHECKPOINT;
  key[1] = slot;
  key.writeUInt32BE(piece, 2);
  return key;
};

/** What was recorded of the log after a revision. */
export const digestKey = (after: number): Buffer => key64(DIGEST, after);

/** The number in a key of the log, of a note of removals or of an answer; NaN in a key that damage made another one. */
export const number64 = (key: Buffer): number => (key.length === LENGTH64 ? read64(key, 1) : Number.NaN);
/** The numbers in a key of `receiptsKey`. */
export const receiptsPlace = (key: Buffer): ReceiptsPlace => ({
  number: number32(key),
  epochRevision: read64(key, 5),
  sequence: read64(key, 13),
});
/** The number in a key of a socket, a consumer or a queue. */
export const number32 = (key: Buffer): number => key.readUInt32BE(1);

/** Whether a key is one of `logKey`. */
export const isLogKey = (key: Buffer): boolean => key[0] === LOG && key.length === LENGTH64;
/** Whether a key is of a row that tells of a socket or a consumer, but for its cursor. */
export const isSocketKey = (key: Buffer): boolean => isOneOf(SOCKET_LETTERS, key);
/** Whether a key is of a queue's cursor, or of what is parked in it. */
export const isCursorKey = (key: Buffer): boolean => isOneOf(CURSOR_LETTERS, key);
/** Whether a key is one of `rowKey`. */
export const isRowKey = (key: Buffer): boolean => key[0] === ROW;
/** Whether a key is one of `consumerKey`. */
export const isConsumerKey = (key: Buffer): boolean => key[0] === CONSUMER;

export interface ReceiptsPlace {
  readonly number: number;
  readonly epochRevision: number;
  readonly sequence: number;
}

/** Numbers from the first up to, and without, the end. */
export interface NumberRange {
  readonly first: number;
  readonly end: number;
}

export interface KeyRange {
  readonly gte: Buffer;
  readonly lt: Buffer;
}

/** The log from this revision on, up to and including `last` when it is given. */
export const logRange = (from: number, last?: number): KeyRange => ({
  gte: logKey(from),
  lt: last === undefined ? Buffer.from([LOG + 1]) : logKey(last + 1),
});
export const rowRange = kind(ROW);
export const promptRange = kind(PROMPT);
export const contextRange = kind(CONTEXT);
export const consumerRange = kind(CONSUMER);
export const cursorRange = kind(CURSOR);
export const parkedRange = kind(PARKED);
export const removedRange = kind(REMOVED);
export const removedSpanRange = kind(REMOVED_SPAN);
export const digestRange = kind(DIGEST);
export const rememberedRange = kind(REMEMBERED);
export const receiptsRange = kind(RECEIPTS);
/** The keys of `isSocketKey` of some numbers, in order. */
export const socketRanges = (numbers: NumberRange): KeyRange[] => rangesOf(SOCKET_LETTERS, numbers);
/** The keys of `isCursorKey` of some numbers, in order. */
export const cursorRanges = (numbers: NumberRange): KeyRange[] => rangesOf(CURSOR_LETTERS, numbers);
/** The receipts of one epoch of a queue from a sequence on. */
export const receiptsFrom = (place: ReceiptsPlace): KeyRange => ({
  gte: receiptsKey(place),
  lt: receiptsKey({ ...place, epochRevision: place.epochRevision + 1, sequence: 0 }),
});
export const checkpointRange = (slot: number): KeyRange => ({
  gte: Buffer.from([CHECKPOINT, slot]),
  lt: Buffer.from([CHECKPOINT, slot + 1]),
});

function isOneOf(letters: readonly number[], key: Buffer): boolean {
  return key.length === LENGTH32 && letters.includes(key[0] ?? 0);
}

function rangesOf(letters: readonly number[], { first, end }: NumberRange): KeyRange[] {
  return letters.map((letter) => ({ gte: key32(letter, first), lt: key32(letter, end) }));
}

function kind(letter: number): KeyRange {
  return { gte: Buffer.from([letter]), lt: Buffer.from([letter + 1]) };
}

function key64(letter: number, value: number): Buffer {
  const key = Buffer.allocUnsafe(9);
  key[0] = letter;
  write64(key, value, 1);
  return key;
}

function write64(key: Buffer, value: number, place: number): void {
  key.writeUInt32BE(Math.floor(value / 2 ** 32), place);
  key.writeUInt32BE(value >>> 0, place + 4);
}

function read64(key: Buffer, place: number): number {
  return key.readUInt32BE(place) * 2 ** 32 + key.readUInt32BE(place + 4);
}

function key32(letter: number, value: number): Buffer {
  const key = Buffer.allocUnsafe(5);
  key[0] = letter;
  key.writeUInt32BE(value, 1);
  return key;
}
