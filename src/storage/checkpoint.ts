import { CheckpointPiece, type EntryBlock, type QueueImage } from "../../gen/ts/socketregistry/storage/v1/records.js";
import type { Batch } from "./commit.js";
import { packDifferences, unpackDifferences } from "./differences.js";
import { BLOCK_SIZE, type Entries } from "./entries.js";
import { checkpointKey, checkpointRange } from "./keys.js";
import { decodeRecord, encodeRecord } from "./records.js";
import type { SocketQueue } from "./socket-queue.js";
import { type ReadRows, readEach } from "./source.js";
import type { State } from "./state.js";
import type { TimelineImage } from "./timeline.js";

/** A piece holds about this many numbers, so that encoding one does not hold the event loop for long. */
const PIECE_NUMBERS = 16_384;
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
  readonly #interval: number;
  #slot: number;
  #revision: number;
  #isWriting = false;

  /** @param interval a new checkpoint is due after this many entries */
  constructor(state: State, newest: Checkpoint | undefined, interval: number) {
    this.#state = state;
    this.#interval = interval;
    this.#slot = newest?.slot ?? 0;
    this.#revision = newest?.revision ?? 0;
  }

  /** How many entries a start would have to read. */
  get lag(): number {
    return this.#state.entries.last - this.#revision;
  }

  get isDue(): boolean {
    return !this.#isWriting && this.lag >= this.#interval;
  }

  /** Makes every checkpoint void: after a loss, the queues are numbered anew. */
  static forget(batch: Batch): void {
    for (let slot = 0; slot < SLOTS; slot++) batch.del(checkpointKey(slot, 0));
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

interface CopiedQueue {
  readonly number: number;
  readonly epochRevision: number;
  readonly anchors: number[];
  readonly endIndex: number | undefined;
}

const living = (queue: SocketQueue): { queue: SocketQueue; endIndex: undefined } => ({ queue, endIndex: undefined });

const NOTHING = new Uint8Array();

type Contents = Pick<CheckpointPiece, "blocks" | "timeline" | "queues">;

/** Copies what a checkpoint holds now, as pieces to encode later. */
function copyPieces(state: State): (() => Contents)[] {
  const { chunks, revisions } = state.timeline.image();
  const timeline = (): Contents["timeline"] => ({
    chunks: packDifferences(chunks, 1),
    revisions: packDifferences(revisions, 1),
  });
  const pieces: (() => Contents)[] = [() => ({ blocks: [], timeline: timeline(), queues: [] })];
  const blocks = state.entries.image();
  const blocksPerPiece = PIECE_NUMBERS / BLOCK_SIZE;
  for (let from = 0; from < blocks.length; from += blocksPerPiece) {
    const part = blocks.slice(from, from + blocksPerPiece);
    pieces.push(() => ({ blocks: part.map(toBlock), timeline: undefined, queues: [] }));
  }
  let part: CopiedQueue[] = [];
  let numbers = 0;
  const finish = (): void => {
    const queues = part;
    pieces.push(() => ({ blocks: [], timeline: undefined, queues: queues.map(toQueue) }));
    part = [];
    numbers = 0;
  };
  const ended = state.endedQueues();
  for (const { queue, endIndex } of [...[...state.queues()].map(living), ...ended]) {
    const anchors = queue.order.image();
    part.push({ number: queue.number, epochRevision: queue.epochRevision, anchors, endIndex });
    numbers += anchors.length;
    if (numbers >= PIECE_NUMBERS) finish();
  }
  if (part.length > 0) finish();
  return pieces;
}

/** The newest checkpoint that is whole and not of a later time than the log. */
export async function readCheckpoint(rows: ReadRows, lastRevision: number): Promise<Checkpoint | undefined> {
  let newest: Checkpoint | undefined;
  for (let slot = 0; slot < SLOTS; slot++) {
    const found = await readSlot(rows, slot);
    if (found !== undefined && found.revision <= lastRevision && found.revision > (newest?.revision ?? -1)) {
      newest = found;
    }
  }
  return newest;
}

async function readSlot(rows: ReadRows, slot: number): Promise<Checkpoint | undefined> {
  const pieces: CheckpointPiece[] = [];
  await readEach(rows, checkpointRange(slot), (key, value) => {
    // Pieces of a longer and older checkpoint may lie behind the last one.
    const isNext = key.equals(checkpointKey(slot, pieces.length));
    if (isNext && pieces.length !== pieces[0]?.pieces) pieces.push(decodeRecord(CheckpointPiece, value));
  });
  const first = pieces[0];
  const isWhole = first !== undefined && pieces.length === first.pieces;
  if (!isWhole || pieces.some((piece) => piece.revision !== first.revision)) return undefined;
  return { slot, revision: first.revision, pieces };
}

/** The anchors of a queue's image. */
export function anchorsOf(image: QueueImage): number[] {
  return unpackDifferences(image.anchors, 3);
}

/** The timeline of a checkpoint. */
export function timelineOf({ pieces }: Checkpoint): TimelineImage {
  const timeline = pieces[0]?.timeline;
  return {
    chunks: unpackDifferences(timeline?.chunks ?? NOTHING, 1),
    revisions: unpackDifferences(timeline?.revisions ?? NOTHING, 1),
  };
}

/** Puts the entries of a piece into the table, but for those that were removed since. */
export function restoreEntries(
  piece: CheckpointPiece,
  entries: Entries,
  isRemoved: (revision: number) => boolean,
): void {
  for (const block of piece.blocks) {
    const times = unpackDifferences(block.times, 1);
    for (const [place, size] of block.sizes.entries()) {
      const revision = block.number * BLOCK_SIZE + place;
      if (size === 0 || isRemoved(revision)) continue;
      entries.add(revision, size, times[place] ?? 0, 0);
    }
  }
}

function toBlock(block: { number: number; sizes: Uint32Array; times: Float64Array }): EntryBlock {
  return {
    number: block.number,
    sizes: [...block.sizes],
    times: packDifferences(block.times, 1),
  };
}

function toQueue(image: CopiedQueue): QueueImage {
  return { ...image, anchors: packDifferences(image.anchors, 3) };
}
