import { type Digested, decodeDigest } from "./digest.js";
import { ImageReader } from "./image.js";
import { CHECKPOINT_SLOTS, checkpointKey, checkpointRange, digestRange } from "./keys.js";
import { DamagedRecord, unseal } from "./records.js";
import { readEach, type Source } from "./source.js";

/** A checkpoint as recovery takes it: everything as it was at one revision, and where the entries behind it went. */
export interface Checkpoint {
  readonly slot: number;
  /** The revision of everything that is in the pieces. */
  readonly revision: number;
  readonly pieces: readonly ImageReader[];
  /** What was recorded behind it, without a gap. */
  readonly digests: readonly Digested[];
  /** The revision up to which nothing of the log has to be read: that of the last digest. */
  readonly through: number;
}

/** The newest checkpoint that is whole and not of a later time than the log, and what of the digests goes on from it. */
export async function readCheckpoint(
  source: Source,
  lastRevision: number,
  digests: readonly Digested[],
): Promise<Checkpoint | undefined> {
  const heads = await Promise.all(Array.from({ length: CHECKPOINT_SLOTS }, (_, slot) => readHead(source, slot)));
  const usable = heads.flatMap((head) => (head !== undefined && head.revision <= lastRevision ? [head] : []));
  for (const head of usable.sort((a, b) => b.revision - a.revision)) {
    const pieces = await readPieces(source, head);
    if (pieces === undefined) continue;
    const { slot, revision } = head;
    let through = revision;
    const following: Digested[] = [];
    for (const digested of digests) {
      if (digested.after !== through || digested.last > lastRevision) continue;
      following.push(digested);
      through = digested.last;
    }
    return { slot, revision, pieces, digests: following, through };
  }
  return undefined;
}

/** All digests that check, in order, and the keys of all that there are. */
export async function readDigests({ rows }: Source): Promise<{ digests: Digested[]; keys: Buffer[] }> {
  const digests: Digested[] = [];
  const keys: Buffer[] = [];
  const damaged = await readEach(rows, digestRange, (key, value) => {
    digests.push(decodeDigest(value));
    keys.push(key);
  });
  return { digests, keys: [...keys, ...damaged] };
}

/** What every piece of a checkpoint begins with. */
interface Head {
  readonly slot: number;
  readonly revision: number;
  readonly count: number;
}

function headOf(piece: ImageReader, slot: number): Head {
  return { slot, revision: piece.number(), count: piece.number() };
}

async function readHead(source: Source, slot: number): Promise<Head | undefined> {
  const stored = await source.get(checkpointKey(slot, 0));
  try {
    return stored && headOf(new ImageReader(unseal(stored)), slot);
  } catch (error) {
    if (error instanceof DamagedRecord) return undefined;
    throw error;
  }
}

/** @returns undefined when a piece is missing, or is of another checkpoint */
async function readPieces({ rows }: Source, { slot, revision, count }: Head): Promise<ImageReader[] | undefined> {
  const pieces: ImageReader[] = [];
  await readEach(rows, checkpointRange(slot), (key, value) => {
    // Pieces of a longer and older checkpoint may lie behind the last one.
    if (pieces.length === count || !key.equals(checkpointKey(slot, pieces.length))) return;
    const piece = new ImageReader(unseal(value));
    const head = headOf(piece, slot);
    if (head.revision === revision && head.count === count) pieces.push(piece);
  });
  return pieces.length === count ? pieces : undefined;
}
