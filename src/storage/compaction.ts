import { logKey } from "./keys.js";
import type { Database } from "./level-files.js";
import type { Removal } from "./removal.js";

/** What Level has on Node and its types do not tell. */
interface Compacts {
  compactRange(start: Buffer, end: Buffer): Promise<void>;
}

/** So much may lie in LevelDB's files that was removed, when nothing is removed just now. */
const REST_BYTES = 4 * 1024 * 1024;
/** And so much while there is always something to remove. */
const BUSY_BYTES = 64 * 1024 * 1024;

/**
 * Has LevelDB merge the files in which the beginning of the log was. It would do that by itself only when more is written
 * there, which is never: until then what was removed takes room, and a start passes over every note of its removal.
 */
export class Compaction {
  readonly #db: Compacts;
  readonly #removal: Removal;
  #bytes = 0;

  constructor(db: Database, removal: Removal) {
    this.#db = db as Database & Compacts;
    this.#removal = removal;
  }

  /** To be called after each removal, and when there was nothing to remove. It merges when it is time. */
  async go(): Promise<void> {
    const removed = this.#removal.takeRemovedBytes();
    this.#bytes += removed;
    if (this.#bytes < (removed > 0 ? BUSY_BYTES : REST_BYTES)) return;
    this.#bytes = 0;
    await this.#db.compactRange(logKey(0), logKey(this.#removal.firstRevision));
  }
}
