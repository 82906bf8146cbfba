import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Storage } from "../registry/storage.js";
import { LevelStorage } from "./level.js";
import { hasFiles, moveFiles, putAside } from "./level-files.js";
import type { LevelOptions } from "./level-options.js";
import { type Restored, restoreStore } from "./restore.js";

/** A piece as it came back from whoever kept it. */
interface KeptPiece {
  readonly key: string;
  readonly bytes: Buffer;
}

/** A data directory that no store is open on. */
export class DataDirectory {
  readonly #options: LevelOptions;

  constructor(options: LevelOptions) {
    this.#options = options;
  }

  /** Whether there is no store. */
  isEmpty(): boolean {
    return !hasFiles(this.#options.folder);
  }

  /** The history of the store that is there, and how far it goes. */
  describe(): Promise<{ readonly instance: string; readonly revision: number }> {
    return this.#use(this.#options.folder, async ({ instance, durableRevision }) => ({
      instance,
      revision: durableRevision,
    }));
  }

  /** Makes a store of pieces, where none is. */
  restore(pieces: AsyncIterable<KeptPiece>): Promise<Restored> {
    return restoreStore(this.#options.folder, pieces);
  }

  /** Makes a store of pieces in the place of the one that is there, which stays beside it as `log.replaced`. */
  async replace(pieces: AsyncIterable<KeptPiece>): Promise<Restored> {
    return await this.#beside(async (beside) => {
      const restored = await restoreStore(beside, pieces);
      // It is opened once, so that what is put in its place is a store like any other.
      await this.#use(beside, async () => {});
      // A start between these two finds no store, and restores once more.
      putAside(this.#options.folder);
      moveFiles(beside, this.#options.folder);
      return restored;
    });
  }

  /** Uses a store that is made of pieces, and the one that is there. */
  async merge<T>(pieces: AsyncIterable<KeptPiece>, use: (from: Storage, to: Storage) => Promise<T>): Promise<T> {
    return await this.#beside(async (beside) => {
      await restoreStore(beside, pieces);
      return await this.#use(beside, (from) => this.#use(this.#options.folder, (to) => use(from, to)));
    });
  }

  /** Makes a store where none is, by filling it. `setNow` sets its clock. */
  async fill<T>(fill: (storage: Storage, setNow: (ms: number) => void) => Promise<T>): Promise<T> {
    return await this.#beside(async (beside) => {
      let nowMs = 0;
      const setNow = (ms: number): void => {
        nowMs = ms;
      };
      const filled = await this.#use(
        beside,
        (storage) => fill(storage, setNow),
        () => nowMs,
      );
      moveFiles(beside, this.#options.folder);
      return filled;
    });
  }

  async #use<T>(folder: string, use: (storage: LevelStorage) => Promise<T>, now?: () => number): Promise<T> {
    const storage = await LevelStorage.open({ ...this.#options, folder, ...(now && { now }) });
    try {
      return await use(storage);
    } finally {
      await storage.close();
    }
  }

  /** What was begun beside the store and not finished is begun again. */
  async #beside<T>(use: (beside: string) => Promise<T>): Promise<T> {
    const beside = join(this.#options.folder, "restored");
    rmSync(beside, { recursive: true, force: true });
    mkdirSync(beside, { recursive: true });
    try {
      return await use(beside);
    } finally {
      rmSync(beside, { recursive: true, force: true });
    }
  }
}
