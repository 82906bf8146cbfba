import { copyPieces } from "./checkpoint-pieces.js";
import type { Checkpoint } from "./checkpoint-reading.js";
import type { Batch } from "./commit.js";
import { type Digest, type Digested, encodeDigest } from "./digest.js";
import { ImageWriter } from "./image.js";
import { CHECKPOINT_SLOTS, checkpointKey, digestKey } from "./keys.js";
import { seal } from "./records.js";
import type { State } from "./state.js";

/** The next checkpoint waits until the new entries are so large a part of what it has, because it has all of it. */
const NEW_PART = 1 / 4;
/** A queue takes about as much of a checkpoint as this many entries. */
const QUEUE_ENTRIES = 8;

/**
 * Writes the index of the queues now and then, so that a start needs only the log's tail. Nothing depends on it: what is
 * missing or damaged costs the time to read the log.
 *
 * A checkpoint has everything, and is written seldom. It is of one moment, and encoded and written piece by piece: what
 * may change meanwhile is copied, and the rest is only referred to. Between two checkpoints *digests* tell where the
 * entries went, a few bytes for each.
 */
export class Checkpoints {
  readonly #state: State;
  readonly #interval: number;
  #slot: number;
  #revision: number;
  #through: number;
  #isWriting = false;

  /** @param interval a start shall have to read about this many entries at most */
  constructor(state: State, newest: Checkpoint | undefined, interval: number) {
    this.#state = state;
    this.#interval = interval;
    this.#slot = newest?.slot ?? 0;
    this.#revision = newest?.revision ?? 0;
    this.#through = newest?.through ?? 0;
  }

  /** How many entries a start would have to read. */
  get lag(): number {
    return this.#state.entries.last - this.#through;
  }

  get isDue(): boolean {
    return !this.#isWriting && (this.#isLong || this.#isOld);
  }

  /** Makes every checkpoint void: after a loss, the queues are numbered anew. */
  static forget(batch: Batch, digest: Digest): void {
    for (let slot = 0; slot < CHECKPOINT_SLOTS; slot++) batch.del(checkpointKey(slot, 0));
    // Revisions may be given out again, and then one would tell of other entries.
    for (const key of digest.takeKeys(() => true)) batch.del(key);
  }

  /**
   * Adds to a batch that is about to be written what a start would have to read, when that is much: between two times that
   * `write` is called there may be hundreds of thousands of entries.
   */
  prepare(batch: Batch): void {
    const { entries, digest } = this.#state;
    if (this.#revision === 0 || this.#isWriting || !this.#isLong) return;
    const digested = digest.take(entries.last);
    if (digested !== undefined) this.#put(digested, batch);
  }

  /**
   * Writes what a start will need, a digest or a checkpoint. `commit` gives the batch to add to and resolves when that is
   * durable.
   */
  async write(commit: (add: (batch: Batch) => void) => Promise<void>): Promise<void> {
    const { entries, digest } = this.#state;
    this.#isWriting = true;
    try {
      const digested = this.#revision > 0 && !this.#isOld ? digest.take(entries.last) : undefined;
      if (digested === undefined) await this.#writePieces(commit);
      else await commit((batch) => this.#put(digested, batch));
    } finally {
      this.#isWriting = false;
    }
  }

  /** Whether much of the log came since anything was written. */
  get #isLong(): boolean {
    return this.lag >= this.#interval;
  }

  /** Whether much came since the checkpoint. */
  get #isOld(): boolean {
    const { entries, socketCount } = this.#state;
    const weight = entries.count + QUEUE_ENTRIES * socketCount;
    return entries.last - this.#revision >= Math.max(this.#interval, weight * NEW_PART);
  }

  #put(digested: Digested, batch: Batch): void {
    const key = digestKey(digested.after);
    this.#state.digest.keys.push(key);
    this.#through = digested.last;
    batch.put(key, encodeDigest(digested));
  }

  async #writePieces(commit: (add: (batch: Batch) => void) => Promise<void>): Promise<void> {
    const slot = (this.#slot + 1) % CHECKPOINT_SLOTS;
    const revision = this.#state.entries.last;
    const pieces = copyPieces(this.#state);
    this.#state.digest.begin(revision);
    for (const [index, fill] of pieces.entries()) {
      const image = new ImageWriter();
      image.number(revision);
      image.number(pieces.length);
      fill(image);
      await commit((batch) => batch.put(checkpointKey(slot, index), seal(image.finish())));
    }
    // The checkpoint before needs its digests as long as it may be needed itself.
    const needed = digestKey(this.#revision);
    this.#slot = slot;
    this.#revision = revision;
    this.#through = revision;
    const unneeded = this.#state.digest.takeKeys((key) => key.compare(needed) < 0);
    if (unneeded.length === 0) return;
    await commit((batch) => {
      for (const key of unneeded) batch.del(key);
    });
  }
}
