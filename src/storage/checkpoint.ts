import { CheckpointPiece, type EntryBlock, type QueueImage } from "../../gen/ts/socketregistry/storage/v1/records.js";
import type { Batch } from "./commit.js";
import { type Entries, EntryKind } from "./entries.js";
import { checkpointKey, checkpointRange, type KeyRange } from "./keys.js";
import { DamagedRecord, decodeRecord, encodeRecord } from "./records.js";
import type { State } from "./state.js";

/** A piece holds about this many numbers, so that encoding one does not hold the event loop for long. */
const PIECE_NUMBERS = 16_384;
/** A new checkpoint is due after this many entries. */
const INTERVAL_REVISIONS = 200_000;
/** There are two slots: while one checkpoint is written, the one before stays whole. */
const SLOTS = 2;

/** A checkpoint as recovery takes it: everything as it was at one revision. */
export interface Checkpoint {
  readonly slot: number;
  readonly revision: number;
  readonly pieces: readonly CheckpointPiece[];
}

/**
 * Writes the index of the queues now and then, so that a start needs only the log's tail. A checkpoint is copied in one
 * step, since it must be of one moment, and encoded and written piece by piece. Nothing depends on it: one that is
 * missing or damaged costs the time to read the whole log.
 */
export class Checkpoints {
  readonly #state: State;
  #slot: number;
  #revision: number;
  #isWriting = false;

  constructor(state: State, newest: Checkpoint | undefined) {
    this.#state = state;
    this.#slot = newest?.slot ?? 0;
    this.#revision = newest?.revision ?? 0;
  }

  /** How many entries a start would have to read. */
  get lag(): number {
    return this.#state.entries.last - this.#revision;
  }

  get isDue(): boolean {
    return !this.#isWriting && this.lag >= INTERVAL_REVISIONS;
  }

  /** Writes one now. `commit` gives the batch to add a piece to and resolves when that is durable. */
  async write(commit: (add: (batch: Batch) => void) => Promise<void>): Promise<void> {
    this.#isWriting = true;
    try {
      const slot = (this.#slot + 1) % SLOTS;
      const revision = this.#state.entries.last;
      const pieces = copyPieces(this.#state);
      for (const [index, piece] of pieces.entries()) {
        const record = encodeRecord(CheckpointPiece, { ...piece(), revision, pieces: pieces.length });
        await commit((batch) => batch.put(checkpointKey(slot, index), record));
      }
      this.#slot = slot;
      this.#revision = revision;
    } finally {
      this.#isWriting = false;
    }
  }
}

type Contents = Pick<CheckpointPiece, "blocks" | "timeline" | "queues">;

/** Copies what a checkpoint holds now, as pieces to encode later. */
function copyPieces(state: State): (() => Contents)[] {
  const timeline = state.timeline.image();
  const pieces: (() => Contents)[] = [
    () => ({ blocks: [], timeline: { ...timeline, revisions: differences(timeline.revisions, 1) }, queues: [] }),
  ];
  const blocks = state.entries.image();
  for (let from = 0; from < blocks.length; from += PIECE_NUMBERS / 256) {
    const part = blocks.slice(from, from + PIECE_NUMBERS / 256);
    pieces.push(() => ({ blocks: part.map(toBlock), timeline: undefined, queues: [] }));
  }
  let part: { number: number; epochRevision: number; anchors: number[] }[] = [];
  let numbers = 0;
  const finish = (): void => {
    const queues = part;
    pieces.push(() => ({ blocks: [], timeline: undefined, queues: queues.map(toQueue) }));
    part = [];
    numbers = 0;
  };
  for (const queue of state.queues()) {
    const anchors = queue.order.image();
    part.push({ number: queue.number, epochRevision: queue.epochRevision, anchors });
    numbers += anchors.length;
    if (numbers >= PIECE_NUMBERS) finish();
  }
  if (part.length > 0) finish();
  return pieces;
}

/** The newest checkpoint that is whole and not of a later time than the log. */
export async function readCheckpoint(
  rows: (range: KeyRange) => AsyncIterable<[Buffer, Buffer]>,
  lastRevision: number,
): Promise<Checkpoint | undefined> {
  let newest: Checkpoint | undefined;
  for (let slot = 0; slot < SLOTS; slot++) {
    const found = await readSlot(rows, slot);
    if (found !== undefined && found.revision <= lastRevision && found.revision > (newest?.revision ?? -1)) {
      newest = found;
    }
  }
  return newest;
}

async function readSlot(
  rows: (range: KeyRange) => AsyncIterable<[Buffer, Buffer]>,
  slot: number,
): Promise<Checkpoint | undefined> {
  const pieces: CheckpointPiece[] = [];
  try {
    for await (const [, value] of rows(checkpointRange(slot))) {
      const piece = decodeRecord(CheckpointPiece, value);
      // Pieces of a longer and older checkpoint may lie behind the last one.
      if (pieces.length > 0 && pieces.length === pieces[0]?.pieces) break;
      pieces.push(piece);
    }
  } catch (error) {
    if (error instanceof DamagedRecord) return undefined;
    throw error;
  }
  const first = pieces[0];
  const isWhole = first !== undefined && pieces.length === first.pieces;
  if (!isWhole || pieces.some((piece) => piece.revision !== first.revision)) return undefined;
  return { slot, revision: first.revision, pieces };
}

/** The anchors of a queue's image. */
export function anchorsOf(image: QueueImage): number[] {
  return sums(image.anchors, 3);
}

/** The revisions of the timeline's image. */
export function broadcastsOf(piece: CheckpointPiece): number[] {
  return sums(piece.timeline?.revisions ?? [], 1);
}

/** Puts the entries of a piece into the table. */
export function restoreEntries(piece: CheckpointPiece, entries: Entries): void {
  for (const block of piece.blocks) {
    const times = sums(block.times, 1);
    for (const [place, size] of block.sizes.entries()) {
      if (size === 0) continue;
      const kind = (block.kinds[place] ?? EntryKind.change) as EntryKind;
      entries.add(block.number * block.sizes.length + place, kind, size, times[place] ?? 0, 0);
    }
  }
}

function toBlock(block: { number: number; kinds: Uint8Array; sizes: Uint32Array; times: Float64Array }): EntryBlock {
  return {
    number: block.number,
    kinds: Buffer.from(block.kinds),
    sizes: [...block.sizes],
    times: differences(block.times, 1),
  };
}

function toQueue(image: { number: number; epochRevision: number; anchors: number[] }): QueueImage {
  return { ...image, anchors: differences(image.anchors, 3) };
}

/** Each number as the difference to the one `stride` places before: small numbers, which protobuf keeps small. */
function differences(values: ArrayLike<number>, stride: number): number[] {
  return Array.from(values, (value, place) => value - (place < stride ? 0 : (values[place - stride] ?? 0)));
}

function sums(values: readonly number[], stride: number): number[] {
  const result: number[] = [];
  for (const [place, value] of values.entries()) {
    result.push(value + (place < stride ? 0 : (result[place - stride] ?? 0)));
  }
  return result;
}
