import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LevelStorage } from "../../src/storage/level.js";
import { crashCopy } from "./crash-copy.js";
import { Lines } from "./level-storage.js";

/** The store of one history on disk. */
export class ModelDisk {
  readonly top = mkdtempSync(join(tmpdir(), "socket-registry-"));
  readonly #now: () => number;
  #storage: LevelStorage | undefined;
  #openings = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Opens what is there. */
  async open(): Promise<LevelStorage> {
    this.#storage = await LevelStorage.open({
      ...{ folder: this.#folder, durability: "os", recentBytes: 500, log: new Lines(), now: this.#now },
    });
    return this.#storage;
  }

  /** Opens it again, after it was closed or, if that was no clean end, as it lies on the disk at this moment. */
  async reopen(isClean: boolean): Promise<LevelStorage> {
    const before = this.#storage;
    if (isClean) await before?.close();
    else this.#copy();
    const after = await this.open();
    await before?.close();
    return after;
  }

  get #folder(): string {
    return join(this.top, String(this.#openings));
  }

  #copy(): void {
    const before = this.#folder;
    this.#openings++;
    crashCopy(before, this.#folder);
  }
}
