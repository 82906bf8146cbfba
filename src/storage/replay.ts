import type { StoreRow } from "../../gen/ts/socketregistry/storage/v1/records.js";
import { type Consumer, type SocketNumber, type SocketRow, TEAM_NUMBER } from "../registry/storage.js";
import { partsOf, type QueueOrder } from "./checkpoint-pieces.js";
import type { Checkpoint } from "./checkpoint-reading.js";
import type { ParkedImage } from "./cursor-rows.js";
import { eachDigested } from "./digest.js";
import { BLOCK_SIZE, type EntryBlock } from "./entry-block.js";
import { logRange, number64 } from "./keys.js";
import type { Queue, QueueImage } from "./queue.js";
import type { RemovedNotes } from "./removal.js";
import { type Coming, type Routing, routingOf } from "./routing.js";
import { SocketQueue } from "./socket-queue.js";
import type { Source } from "./source.js";
import { State } from "./state.js";
import { Timeline, type TimelineImage } from "./timeline.js";

/**
 * This much of the log's end is read at every start, checkpoint or not, so that everything that can still lie in
 * LevelDB's own write-ahead log is checked: that is two write buffers of 4 MiB at most, and a batch or two.
 */
const CHECKED_BYTES = 16 * 1024 * 1024;

/** What is known before the log is read. */
export interface Known {
  readonly store: StoreRow;
  /** The newest revision. */
  readonly last: number;
  readonly notes: RemovedNotes;
  readonly rows: readonly SocketRow[];
  readonly cursors: ReadonlyMap<number, QueueImage>;
  readonly parked: ReadonlyMap<number, ParkedImage>;
  readonly consumers: readonly Consumer[];
}

export interface Replayed {
  readonly state: State;
  /** The revisions of entries that should be there and are not, or do not check. */
  readonly lost: readonly number[];
  /** The numbers of sockets that should have a row and have none. */
  readonly lostSockets: readonly number[];
  /** How many entries were read to know the state. */
  readonly read: number;
}

/** Builds the state once, with or without a checkpoint, and tells what it found missing. */
export async function replay(source: Source, known: Known, checkpoint: Checkpoint | undefined): Promise<Replayed> {
  const { store } = known;
  const state = new State();
  const { entries } = state;
  entries.settleAll(store.historyFloor);
  const images = restoreCheckpoint(state, checkpoint, known);
  const waiting: SocketQueue[] = [];
  for (const row of known.rows) {
    state.putRow(row);
    const image = images.get(row.epochRevision);
    images.delete(row.epochRevision);
    if (image !== undefined) state.putQueue(image.queue);
    else waiting.push(new SocketQueue(state, row.number, row.epochRevision, startOf(row, known)));
  }
  for (const consumer of known.consumers) state.consumers.put(consumer);
  // A number that has a row of any kind was given out.
  const numbers = [...known.consumers.map(({ number }) => number), ...known.cursors.keys()];
  for (const number of numbers) state.nextNumber = Math.max(state.nextNumber, number + 1);
  state.nextNumber = Math.max(state.nextNumber, store.nextNumber);
  const from = checkpoint?.revision ?? 0;
  const sockets = new Map<SocketNumber, number>();
  if (known.last > 0) sockets.set(TEAM_NUMBER, known.last);
  for (const { queue, endIndex } of images.values()) if (endIndex === undefined) sockets.set(queue.number, from);
  const { lost, read, unclaimed } = await readOn(source, checkpoint, { state, known, waiting, sockets });
  for (const queue of state.queues()) queue.restore(imageOf(queue, known));
  holdAll(state);
  entries.settleAll(store.historyFloor);
  const feed = [...state.queues()].find(({ number }) => number === TEAM_NUMBER);
  if (feed !== undefined) state.consumers.restore(feed, (queue) => imageOf(queue, known));
  // The messages of sockets that were deleted or reset since may not have been erased before the end.
  for (const revision of unclaimed) entries.erase(revision);
  for (const { queue, endIndex } of images.values()) state.addEnded(queue, endIndex);
  // What came after may be let go of, and then it may have told of the end of the socket.
  const lostSockets = [...sockets]
    .filter(([number, since]) => state.socket(number) === undefined && since >= store.historyFloor)
    .map(([number]) => number);
  return { state, lost, lostSockets, read };
}

/** Without a checkpoint a queue is counted from the oldest entry of which it is certain that nothing is missing. */
function startOf({ number, epochRevision }: SocketRow, { store, cursors }: Known): number {
  const cursor = cursors.get(number);
  const floor = cursor?.epochRevision === epochRevision ? cursor.floorRevision : epochRevision;
  return Math.max(epochRevision, Math.min(store.historyFloor, floor));
}

/** The delivery state that was kept of a queue in its epoch. */
function imageOf(queue: Queue, { cursors, parked }: Known): QueueImage {
  const { number, epochRevision } = queue;
  const cursor = cursors.get(number);
  const image = cursor?.epochRevision === epochRevision ? cursor : queue.image();
  const row = parked.get(number);
  return row?.epochRevision === epochRevision ? { ...image, marks: [...image.marks, ...row.marks] } : image;
}

/** A queue of the checkpoint, and where it ended if it had by then. */
interface Image {
  readonly queue: SocketQueue;
  readonly endIndex: number | undefined;
}

/** @returns the queues of the checkpoint, by the revision at which they began, which is another one for each */
function restoreCheckpoint(state: State, checkpoint: Checkpoint | undefined, known: Known): Map<number, Image> {
  const queues = new Map<number, Image>();
  const { entries } = state;
  state.timeMs = known.store.lastTimeMs;
  if (checkpoint === undefined) return queues;
  const { revision } = checkpoint;
  let timeline: TimelineImage = { chunks: [], revisions: [] };
  const images: QueueOrder[] = [];
  for (const piece of checkpoint.pieces) {
    const parts = partsOf(piece);
    timeline = parts.timeline ?? timeline;
    images.push(...parts.queues);
    for (const { number, block } of parts.blocks) {
      forgetRemoved(number, block, revision, known);
      entries.restore(number, block);
    }
  }
  entries.skipTo(revision);
  state.timeMs = Math.max(state.timeMs, entries.timeMs(revision) ?? 0);
  // The queues refer to it from the beginning.
  state.timeline = Timeline.from(timeline, entries);
  for (const { number, epochRevision, endIndex, order } of images) {
    const queue = new SocketQueue(state, number, epochRevision);
    queue.order.restore(order);
    queues.set(epochRevision, { queue, endIndex });
  }
  return queues;
}

/** Takes out of a block what was removed since, and what came while the checkpoint was written. */
function forgetRemoved(number: number, block: EntryBlock, last: number, { store, notes }: Known): void {
  const base = number * BLOCK_SIZE;
  const isWhole = base >= store.firstRevision && base + BLOCK_SIZE <= last && !notes.hasAny(number);
  if (isWhole) return;
  for (let place = 0; place < BLOCK_SIZE; place++) {
    if (base + place > last || isRemoved(base + place, { store, notes })) block.remove(place);
  }
}

function isRemoved(revision: number, { store, notes }: Pick<Known, "store" | "notes">): boolean {
  return revision < store.firstRevision || notes.has(revision);
}

interface Reading {
  readonly state: State;
  readonly known: Known;
  /** Queues that begin later than the checkpoint. */
  readonly waiting: SocketQueue[];
  /** The sockets that there were, each with the revision by which it was there. It is kept up. */
  readonly sockets: Map<SocketNumber, number>;
}

/** Takes the entries behind the checkpoint into the state: what was recorded of them, and the log's end. */
async function readOn(source: Source, checkpoint: Checkpoint | undefined, reading: Reading) {
  const { state, known } = reading;
  const starting = reading.waiting.sort((a, b) => a.order.startRevision - b.order.startRevision);
  let next = 0;
  const begin = (before: number): void => {
    for (let queue = starting[next]; queue && queue.order.startRevision < before; queue = starting[++next]) {
      queue.order.begin();
      state.putQueue(queue);
    }
  };
  /** The messages that no queue takes. */
  const unclaimed: number[] = [];
  const take = (routing: Routing, size: number): void => {
    begin(routing.revision);
    if (!apply(state, routing, size)) unclaimed.push(routing.revision);
    if (routing.coming !== undefined) keepUp(reading.sockets, routing.revision, routing.coming);
  };
  for (const digested of checkpoint?.digests ?? []) {
    eachDigested(digested, (routing, size) => {
      if (!isRemoved(routing.revision, known)) take(routing, size);
    });
    state.entries.skipTo(digested.last);
  }
  const from = checkpoint?.through ?? 0;
  // Without a checkpoint one is written soon.
  if (checkpoint !== undefined) state.digest.begin(from);
  const { lost, read } = await readLog(source, state, known, from, take);
  begin(Number.POSITIVE_INFINITY);
  return { lost, unclaimed, read };
}

/** Reads the log's end. Entries up to `from` are known already, and are only checked. */
async function readLog(
  source: Source,
  state: State,
  { last, notes, store }: Known,
  from: number,
  take: (routing: Routing, size: number) => void,
): Promise<{ lost: number[]; read: number }> {
  const lost: number[] = [];
  let read = 0;
  let expected = Math.max(1, store.firstRevision, Math.min(from + 1, state.entries.endStart(CHECKED_BYTES)));
  for await (const step of source.steps(logRange(expected, last))) {
    for (const [key, stored] of step) {
      const revision = number64(key);
      // Its entry is missed where it should be.
      if (Number.isNaN(revision)) continue;
      if (revision > expected) lost.push(...notes.missing(expected, revision));
      expected = revision + 1;
      const routing = routingOf(stored);
      if (routing?.revision !== revision) {
        lost.push(...notes.missing(revision, expected));
        continue;
      }
      if (revision <= from) continue;
      take(routing, stored.length);
      read++;
    }
  }
  for (const missing of notes.missing(expected, last + 1)) lost.push(missing);
  return { lost, read };
}

/** @returns false when the entry is a message that went to queues which have ended since, and to no other */
function apply(state: State, routing: Routing, size: number): boolean {
  const { revision, timeMs, coming, targets, everyone } = routing;
  if (coming !== undefined) {
    state.nextNumber = Math.max(state.nextNumber, coming.number + 1);
    state.addChange(revision, timeMs, size, coming);
    return true;
  }
  const sequences = state.addMessage(revision, timeMs, size, routing);
  return everyone || targets.length === 0 || sequences.some((sequence) => sequence > 0);
}

/** Adds or takes away the socket that came or went. */
function keepUp(sockets: Map<SocketNumber, number>, revision: number, { number, replaces, isGone }: Coming): void {
  sockets.delete(replaces);
  if (isGone) sockets.delete(number);
  else if (number > 0) sockets.set(number, revision);
}

/** Counts who holds which entry. A broadcast's holders are counted as the runs of the timeline that begin or end at it. */
function holdAll(state: State): void {
  const { timeline, entries } = state;
  const revisions = timeline.revisions();
  const changes = new Int32Array(revisions.length + 1);
  const bytesBefore = new Float64Array(revisions.length + 1);
  for (const [place, revision] of revisions.entries()) {
    bytesBefore[place + 1] = (bytesBefore[place] ?? 0) + entries.size(revision);
  }
  const change = (index: number, by: number): void => {
    const place = timeline.rank(index);
    changes[place] = (changes[place] ?? 0) + by;
  };
  const runBytes = (from: number, to: number): number =>
    (bytesBefore[timeline.rank(to)] ?? 0) - (bytesBefore[timeline.rank(from)] ?? 0);
  entries.forgetHolders();
  for (const queue of state.queues()) {
    queue.holdAll((from, to) => {
      change(from, 1);
      change(to, -1);
    }, runBytes);
  }
  let holders = 0;
  for (const [place, revision] of revisions.entries()) {
    holders += changes[place] ?? 0;
    entries.hold(revision, holders);
  }
}
