import { randomBytes } from "node:crypto";
import { LogEntry, StoreRow } from "../../gen/ts/socketregistry/storage/v1/records.js";
import { anchorsOf, broadcastsOf, type Checkpoint, readCheckpoint, restoreEntries } from "./checkpoint.js";
import { cursorRange, type KeyRange, logRange, number32, number64, rowRange, storeKey } from "./keys.js";
import { type Cursor, Queue } from "./queue.js";
import { DamagedRecord, decodeRecord, UnknownVersion } from "./records.js";
import { RemovedNotes } from "./removal.js";
import { decodeCursor, decodeRow, decodeSkips } from "./rows.js";
import { State } from "./state.js";
import { Timeline } from "./timeline.js";

/** The layout of the store that this program knows. */
export const FORMAT = 1;
/**
 * This much of the log's end is read at every start, checkpoint or not, so that everything that can still lie in
 * LevelDB's own write-ahead log is checked: that is two write buffers of 4 MiB at most, and a batch or two.
 */
const CHECKED_BYTES = 16 * 1024 * 1024;

/** What recovery reads from. */
export interface Source {
  get(key: Buffer): Promise<Buffer | undefined>;
  rows(range: KeyRange): AsyncIterable<[Buffer, Buffer]>;
  /** The newest revision in the log; 0 when it is empty. */
  lastRevision(): Promise<number>;
}

export interface Recovered {
  readonly state: State;
  readonly store: StoreRow;
  readonly checkpoint: Checkpoint | undefined;
  /** The revisions of entries that should be there and are not, or do not check. Empty when all is well. */
  readonly lost: readonly number[];
  /** How many rows of sockets or cursors do not check. */
  readonly damagedRows: number;
  /** How many entries were read. */
  readonly replayed: number;
}

/**
 * Makes the state again from what is on disk: the rows, a checkpoint if there is a sound one, and the log after it. It
 * changes nothing on the disk and consults no clock.
 *
 * When an entry is missing, the checkpoint is not used, so that the queues hold what is there and nothing else.
 *
 * @param acknowledged the newest revision that anybody was told of; a log that ends before it has lost its end
 */
export async function recover(source: Source, acknowledged: number): Promise<Recovered> {
  const store = await readStore(source);
  const last = await source.lastRevision();
  const notes = await RemovedNotes.read(source.rows.bind(source));
  const rows = await readRows(source);
  const checkpoint = await readCheckpoint(source.rows.bind(source), last);
  const attempt = await replay(source, { store, last, notes, rows, checkpoint });
  const sound =
    checkpoint === undefined || attempt.lost.length === 0
      ? { ...attempt, checkpoint }
      : { ...(await replay(source, { store, last, notes, rows, checkpoint: undefined })), checkpoint: undefined };
  const end = Array.from({ length: Math.max(0, acknowledged - last) }, (_, index) => last + 1 + index);
  sound.state.entries.skipTo(acknowledged);
  sound.state.durableRevision = sound.state.entries.last;
  return { ...sound, store, lost: [...sound.lost, ...end], damagedRows: rows.damaged };
}

async function readStore(source: Source): Promise<StoreRow> {
  const stored = await source.get(storeKey);
  if (stored === undefined) {
    return { format: FORMAT, instance: randomBytes(8).toString("hex"), historyFloor: 0, firstRevision: 0 };
  }
  const store = decodeRecord(StoreRow, stored);
  if (store.format > FORMAT) {
    throw new UnknownVersion(`the store has format ${store.format}; this program knows format ${FORMAT}`);
  }
  return store;
}

interface Rows {
  readonly rows: ReturnType<typeof decodeRow>[];
  readonly cursors: Map<number, Cursor>;
  readonly damaged: number;
}

async function readRows(source: Source): Promise<Rows> {
  const rows: Rows["rows"] = [];
  const cursors = new Map<number, Cursor>();
  let damaged = 0;
  const read = async (range: KeyRange, take: (key: Buffer, value: Buffer) => void): Promise<void> => {
    for await (const [key, value] of source.rows(range)) {
      try {
        take(key, value);
      } catch (error) {
        if (!(error instanceof DamagedRecord)) throw error;
        damaged++;
      }
    }
  };
  await read(rowRange, (_, value) => rows.push(decodeRow(value)));
  await read(cursorRange, (key, value) => cursors.set(number32(key), decodeCursor(value)));
  return { rows, cursors, damaged };
}

interface Inputs {
  readonly store: StoreRow;
  readonly last: number;
  readonly notes: RemovedNotes;
  readonly rows: Rows;
  readonly checkpoint: Checkpoint | undefined;
}

/** Builds the state once, with or without a checkpoint, and tells what it found missing. */
async function replay(source: Source, inputs: Inputs): Promise<{ state: State; lost: number[]; replayed: number }> {
  const { store, last, notes, rows, checkpoint } = inputs;
  const state = new State();
  state.entries.settleAll(store.historyFloor);
  const images = restoreCheckpoint(state, checkpoint);
  const waiting: Queue[] = [];
  for (const row of rows.rows) {
    state.putRow(row);
    const image = images.get(row.number);
    if (image?.epochRevision === row.epochRevision) {
      state.putQueue(queueOf(state, row.number, image));
      images.delete(row.number);
    } else {
      waiting.push(new Queue(state, row.number, row.epochRevision, startOf(row.epochRevision, row.number, inputs)));
    }
  }
  const fresh = new Set(waiting.map((queue) => queue.number));
  const { lost, unclaimed } = await readLog(source, { state, inputs, waiting, from: checkpoint?.revision ?? 0 });
  for (const [number, cursor] of rows.cursors) {
    const queue = state.queue(number);
    if (queue?.epochRevision === cursor.epochRevision) queue.restore(cursor, fresh.has(number));
  }
  holdAll(state);
  state.entries.settleAll(store.historyFloor);
  // The messages of sockets that were deleted or reset since may not have been erased before the end.
  for (const revision of unclaimed) state.entries.erase(revision);
  for (const [number, image] of images) state.addEnded(queueOf(state, number, image));
  return { state, lost: lost.filter((revision) => !notes.has(revision)), replayed: last - (checkpoint?.revision ?? 0) };
}

/** Without a checkpoint a queue is counted from the oldest entry of which it is certain that nothing is missing. */
function startOf(epochRevision: number, number: number, { store, rows }: Inputs): number {
  const cursor = rows.cursors.get(number);
  const floor = cursor?.epochRevision === epochRevision ? cursor.floorRevision : epochRevision;
  return Math.max(epochRevision, Math.min(store.historyFloor, floor));
}

function queueOf(state: State, number: number, image: Image): Queue {
  const queue = new Queue(state, number, image.epochRevision);
  queue.order.restore(image.anchors);
  return queue;
}

interface Image {
  readonly epochRevision: number;
  readonly anchors: number[];
}

function restoreCheckpoint(state: State, checkpoint: Checkpoint | undefined): Map<number, Image> {
  const images = new Map<number, Image>();
  const pieces = checkpoint?.pieces ?? [];
  for (const piece of pieces) restoreEntries(piece, state.entries);
  for (const piece of pieces) {
    if (piece.timeline !== undefined) {
      state.timeline = Timeline.from(piece.timeline.base);
      for (const revision of broadcastsOf(piece)) {
        state.timeline.push(revision, state.entries.size(revision), state.entries.timeMs(revision) ?? 0);
      }
    }
    for (const image of piece.queues) {
      images.set(image.number, { epochRevision: image.epochRevision, anchors: anchorsOf(image) });
    }
  }
  return images;
}

interface Reading {
  readonly state: State;
  readonly inputs: Inputs;
  /** Queues that begin later than the place where reading starts. */
  readonly waiting: Queue[];
  /** Entries up to this revision are known already and are only checked. */
  readonly from: number;
}

/**
 * Reads the log's end into the state.
 * @returns the revisions that are not there, noted as removed or not, and those of messages that no queue takes
 */
async function readLog(
  source: Source,
  { state, inputs, waiting, from }: Reading,
): Promise<{ lost: number[]; unclaimed: number[] }> {
  const begin = checkedFrom(state, from);
  const starting = waiting.sort((a, b) => a.order.startRevision - b.order.startRevision);
  const missing: number[] = [];
  const unclaimed: number[] = [];
  let expected = begin;
  let next = 0;
  for await (const [key, stored] of source.rows(logRange(begin))) {
    const revision = number64(key);
    while (expected < revision) missing.push(expected++);
    expected = revision + 1;
    const entry = decodeEntry(stored, revision);
    if (entry === undefined) {
      missing.push(revision);
      continue;
    }
    if (revision <= from) continue;
    for (let queue = starting[next]; queue && queue.order.startRevision < revision; queue = starting[++next]) {
      queue.order.begin();
      state.putQueue(queue);
    }
    if (!apply(state, revision, entry, stored.length)) unclaimed.push(revision);
  }
  for (const queue of starting.slice(next)) {
    queue.order.begin();
    state.putQueue(queue);
  }
  while (expected <= inputs.last) missing.push(expected++);
  return { lost: missing, unclaimed };
}

/** Where reading begins so that the entries known already are checked as far back as they could be damaged. */
function checkedFrom(state: State, from: number): number {
  let begin = from + 1;
  let bytes = 0;
  while (begin > 1 && bytes < CHECKED_BYTES) bytes += state.entries.size(--begin);
  return Math.max(begin, Math.min(from + 1, state.entries.firstRevision()), 1);
}

function decodeEntry(stored: Buffer, revision: number): LogEntry | undefined {
  try {
    const entry = decodeRecord(LogEntry, stored);
    return entry.revision === revision ? entry : undefined;
  } catch (error) {
    if (error instanceof DamagedRecord) return undefined;
    throw error;
  }
}

/** @returns whether some queue may need the entry */
function apply(state: State, revision: number, { timeMs, message }: LogEntry, size: number): boolean {
  if (message === undefined) {
    state.addChange(revision, timeMs, size);
    return true;
  }
  const { targets, everyone } = message;
  const skipped = [...decodeSkips(message.skipped, message.skipReasons).keys()].map((number) => ({ number }));
  const sequences = state.addMessage(revision, timeMs, size, { targets, everyone, skipped }, 0);
  return everyone || sequences.some((sequence) => sequence > 0);
}

/** Counts who holds which entry. A broadcast's holders are counted as the runs of the timeline that begin or end at it. */
function holdAll(state: State): void {
  const { timeline, entries } = state;
  const length = timeline.end - timeline.start;
  const changes = new Int32Array(length + 1);
  const bytesBefore = new Float64Array(length + 1);
  for (let place = 0; place < length; place++) {
    bytesBefore[place + 1] = (bytesBefore[place] ?? 0) + entries.size(timeline.at(timeline.start + place));
  }
  const place = (index: number): number => Math.max(0, index - timeline.start);
  const change = (index: number, by: number): void => {
    changes[place(index)] = (changes[place(index)] ?? 0) + by;
  };
  const runBytes = (from: number, to: number): number =>
    (bytesBefore[place(to)] ?? 0) - (bytesBefore[place(from)] ?? 0);
  for (const queue of state.queues()) {
    queue.holdAll((from, to) => {
      change(from, 1);
      change(to, -1);
    }, runBytes);
  }
  let holders = 0;
  for (let index = 0; index < length; index++) {
    holders += changes[index] ?? 0;
    entries.hold(timeline.at(timeline.start + index), holders);
  }
}
