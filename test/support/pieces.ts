/** A keeper of pieces as another place would be one, and what is restored from it. */
import type { Changed, Following, KeptPiece, Replicable } from "../../src/registry/storage.js";
import type { LevelOptions, LevelStorage } from "../../src/storage/level.js";
import { type Restored, restoreStore } from "../../src/storage/restore.js";
import { Lines, openStorage } from "./level-storage.js";
import { tempDir } from "./temp-dir.js";

/** What a keeper has of a piece. */
export interface Kept extends KeptPiece {
  readonly bytes: Buffer;
  readonly revision?: number;
  readonly socketCount?: number;
}

export class Keeper {
  readonly pieces = new Map<string, Kept>();
  /** The keys of what was sent, and of what was removed, in order. */
  readonly sent: string[] = [];
  readonly removed: string[] = [];
  /** Everything up to here was confirmed by a round that came to its end. */
  confirmed = 0;
  #following: Following | undefined;

  /** Follows a store with what is here. */
  follow(storage: Replicable): void {
    const kept = [...this.pieces.values()].map(({ key, messageCount }) => ({ key, messageCount }));
    this.#following = storage.follow(kept);
  }

  get following(): Following {
    if (this.#following === undefined) throw new Error("nothing is followed");
    return this.#following;
  }

  /**
   * Takes over what changed, or only the first few steps of it.
   * @param between what happens when the keeper has been told, and before each piece
   */
  async round(steps = Number.POSITIVE_INFINITY, between?: (isFirst: boolean) => Promise<void>): Promise<Changed> {
    const changed = await this.following.changed();
    await between?.(true);
    const missed = [...changed.keys, ...changed.removed];
    let left = steps;
    for (const key of changed.keys) {
      if (left-- <= 0) break;
      await between?.(false);
      const piece = await this.following.piece(key);
      missed.shift();
      if (piece === undefined) this.pieces.delete(key);
      else this.pieces.set(key, piece);
      this.sent.push(key);
    }
    for (const key of changed.removed) {
      if (left-- <= 0) break;
      this.pieces.delete(key);
      missed.splice(missed.indexOf(key), 1);
      this.removed.push(key);
    }
    this.following.missed(missed);
    if (missed.length === 0) this.confirmed = changed.revision;
    return changed;
  }

  /** Rounds until nothing is left to be told of. */
  async catchUp(storage: LevelStorage): Promise<void> {
    do await this.round();
    while (this.confirmed < storage.durableRevision);
  }

  keys(prefix: string): string[] {
    return [...this.pieces.keys()].filter((key) => key.startsWith(prefix)).sort();
  }

  /** Whether a text is in any piece. */
  has(text: string): boolean {
    return [...this.pieces.values()].some(({ bytes }) => bytes.includes(text));
  }

  async *contents(): AsyncGenerator<{ key: string; bytes: Buffer }> {
    for (const { key, bytes } of [...this.pieces.values()]) yield { key, bytes };
  }

  /** Makes a store of what is here. */
  async restore(options: Partial<LevelOptions> = {}): Promise<RestoredStore> {
    const folder = tempDir();
    const restored = await restoreStore(folder, this.contents());
    const log = new Lines();
    return { ...restored, folder, log, storage: await openStorage(folder, { ...options, log }) };
  }
}

export interface RestoredStore extends Restored {
  readonly folder: string;
  readonly log: Lines;
  readonly storage: LevelStorage;
}

/** A keeper that has everything of a store. */
export async function keeperOf(storage: LevelStorage): Promise<Keeper> {
  const keeper = new Keeper();
  keeper.follow(storage);
  await keeper.catchUp(storage);
  return keeper;
}
