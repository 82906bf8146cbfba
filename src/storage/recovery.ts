import { randomBytes } from "node:crypto";
import { StoreRow } from "../../gen/ts/socketregistry/storage/v1/records.js";
import type { Consumer } from "../registry/storage.js";
import { type Checkpoint, readCheckpoint, readDigests } from "./checkpoint-reading.js";
import { decodeConsumer, decodeCursor, decodeParked, type ParkedImage } from "./cursor-rows.js";
import { BLOCK_SIZE } from "./entries.js";
import { consumerRange, cursorRange, number32, parkedRange, rowKey, rowRange, storeKey } from "./keys.js";
import type { QueueImage } from "./queue.js";
import { DamagedRecord, decodeRecord, UnknownVersion } from "./records.js";
import { RemovedNotes } from "./removal.js";
import { type Known, type Replayed, replay } from "./replay.js";
import { decodeRow } from "./rows.js";
import { readEach, type Source } from "./source.js";
import type { State } from "./state.js";

/** The layout of the store that this program knows. */
const FORMAT = 1;

export interface Recovered {
  readonly state: State;
  readonly store: StoreRow;
  /** Whether the store has no row of its own yet. */
  readonly isNew: boolean;
  readonly checkpoint: Checkpoint | undefined;
  /** How many entries were read to know the state. */
  readonly replayed: number;
  readonly damage: Damage;
}

export interface Damage {
  /** The revisions of entries that should be there and are not, or do not check. */
  readonly lost: readonly number[];
  /** The keys of other rows that do not check, and of rows of sockets that should be there and are not. */
  readonly damagedKeys: readonly Buffer[];
  /** Whether LevelDB's files were damaged and made anew, in which rows may be missing without a trace. */
  readonly isSalvaged: boolean;
  /** Whether the store was made out of pieces, which may be of different ages. It is mended like a damaged one. */
  readonly isRestored: boolean;
}

export function isDamaged({ lost, damagedKeys, isSalvaged }: Damage): boolean {
  return lost.length > 0 || damagedKeys.length > 0 || isSalvaged;
}

/** Whether the messages are numbered anew, in new epochs. */
export function isRenewed(damage: Damage): boolean {
  return damage.isRestored || isDamaged(damage);
}

/**
 * Makes the state again from what is on disk: the rows, a checkpoint if there is a sound one, and the log after it. It
 * changes nothing on the disk and consults no clock.
 *
 * When something is missing, the checkpoint is not used, so that the queues hold what is there and nothing else.
 *
 * @param acknowledged the newest revision that anybody was told of; a log that ends before it has lost its end
 */
export async function recover(source: Source, acknowledged: number, isSalvaged: boolean): Promise<Recovered> {
  const { store, isNew, damaged } = await readStore(source);
  const { notes, damaged: damagedNotes } = await RemovedNotes.read(source.rows);
  const { damaged: damagedRows, ...rows } = await readRows(source);
  const damagedKeys = [...damaged, ...damagedNotes, ...damagedRows];
  const last = Math.max(await source.lastRevision(), store.lastRevision);
  const known: Known = { store, last, notes, ...rows };
  const { digests, keys } = await readDigests(source);
  const isBelieved = damagedKeys.length === 0 && !isSalvaged;
  const checkpoint = isBelieved ? await readCheckpoint(source, last, digests) : undefined;
  const attempt = await replay(source, known, checkpoint);
  const isSound = checkpoint === undefined || attempt.lost.length + attempt.lostSockets.length === 0;
  const replayed: Replayed = isSound ? attempt : await replay(source, known, undefined);
  const { state } = replayed;
  state.digest.keys = keys;
  // Only the checkpoint may have known of a socket that is gone.
  const lostRows = [...new Set([...attempt.lostSockets, ...replayed.lostSockets])]
    .map(rowKey)
    .filter((key) => !damagedKeys.some((other) => other.equals(key)));
  const lost = [...replayed.lost];
  for (let revision = last + 1; revision <= acknowledged; revision++) lost.push(revision);
  state.entries.skipTo(Math.max(last, acknowledged));
  state.durableRevision = state.entries.last;
  const damage = { lost, damagedKeys: [...damagedKeys, ...lostRows], isSalvaged, isRestored: store.restored };
  // The feed may have to be numbered anew before.
  if (!isRenewed(damage)) state.consumers.follow();
  return {
    state,
    store,
    isNew,
    // When the queues are numbered anew, it says nothing any more.
    checkpoint: isSound && !isRenewed(damage) ? checkpoint : undefined,
    replayed: replayed.read,
    damage,
  };
}

async function readStore(source: Source): Promise<{ store: StoreRow; isNew: boolean; damaged: Buffer[] }> {
  const stored = await source.get(storeKey);
  if (stored === undefined && (await source.lastRevision()) === 0) {
    return { store: newStore(0), isNew: true, damaged: [] };
  }
  try {
    if (stored === undefined) throw new DamagedRecord("the store's own row is not there");
    return { store: decodeStore(stored), isNew: false, damaged: [] };
  } catch (error) {
    if (!(error instanceof DamagedRecord)) throw error;
    // Where the log began is unknown now: the blocks before its first entry count as removed.
    const first = await source.firstRevision();
    const firstRevision = first - (first % BLOCK_SIZE);
    return { store: newStore(firstRevision), isNew: false, damaged: [storeKey] };
  }
}

/** The row of a store. @throws DamagedRecord; UnknownVersion when a newer program wrote it */
export function decodeStore(stored: Buffer): StoreRow {
  const store = decodeRecord(StoreRow, stored);
  if (store.format <= FORMAT) return store;
  throw new UnknownVersion(`the store has format ${store.format}; this program knows format ${FORMAT}`);
}

function newStore(firstRevision: number): StoreRow {
  const instance = randomBytes(8).toString("hex");
  return {
    format: FORMAT,
    instance,
    historyFloor: 0,
    firstRevision,
    lastRevision: 0,
    lastTimeMs: 0,
    nextNumber: 0,
    restored: false,
  };
}

type Rows = Pick<Known, "rows" | "cursors" | "parked" | "consumers">;

async function readRows({ rows: read }: Source): Promise<Rows & { damaged: Buffer[] }> {
  const rows: ReturnType<typeof decodeRow>[] = [];
  const cursors = new Map<number, QueueImage>();
  const parked = new Map<number, ParkedImage>();
  const consumers: Consumer[] = [];
  const damaged = await readEach(read, rowRange, (key, value) => {
    const row = decodeRow(value);
    if (row.number !== number32(key)) throw new DamagedRecord("a socket's row has another socket's key");
    rows.push(row);
  });
  const damagedConsumers = await readEach(read, consumerRange, (key, value) => {
    const consumer = decodeConsumer(value);
    if (consumer.number !== number32(key)) throw new DamagedRecord("a consumer's row has another consumer's key");
    consumers.push(consumer);
  });
  const damagedCursors = await readEach(read, cursorRange, (key, value) => {
    cursors.set(number32(key), decodeCursor(value));
  });
  const damagedParked = await readEach(read, parkedRange, (key, value) => {
    parked.set(number32(key), decodeParked(value));
  });
  // The floor has passed what was parked: without the cursor it comes again, and with it it would be lost.
  for (const key of damagedParked) cursors.delete(number32(key));
  return {
    rows,
    cursors,
    parked,
    consumers,
    damaged: [...damaged, ...damagedConsumers, ...damagedCursors, ...damagedParked],
  };
}
