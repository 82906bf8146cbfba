import type { Batch } from "./commit.js";
import type { Growth } from "./growth.js";
import { isCursorKey, isSocketKey, number32, storeKey } from "./keys.js";
import { APART_BYTES, CURSORS_PER_PAGE, SOCKETS_PER_PAGE } from "./pieces.js";

/** What changed of the rows, by pages, and for whom. */
export interface Changes {
  /** Whether the store's own row did. */
  isStore: boolean;
  /** The first numbers of pages. */
  readonly sockets: Set<number>;
  readonly cursors: Set<number>;
  /** The keys, in hexadecimal, of rows that were too large for their page. */
  readonly large: Set<string>;
  /** The numbers of sockets and consumers of which something changed. */
  readonly numbers: Set<number>;
  /** Whether something changed for everyone. */
  isEveryone: boolean;
}

/** Notes what becomes durable, as long as somebody follows. It outlives the openings of the log. */
export class Notes {
  #changes: Changes | undefined;

  begin(): void {
    this.#changes = nothing();
  }

  end(): void {
    this.#changes = undefined;
  }

  /** A batch that tells of its rows once it is durable. */
  batch(batch: Batch): Batch {
    return this.#changes === undefined ? batch : new NotedBatch(batch, this);
  }

  /** These rows are durable now. */
  add(changes: Changes): void {
    const all = this.#changes;
    if (all === undefined) return;
    all.isStore ||= changes.isStore;
    for (const name of ["sockets", "cursors", "numbers"] as const) for (const one of changes[name]) all[name].add(one);
    for (const key of changes.large) all.large.add(key);
  }

  /** These got messages, durably. */
  grew({ numbers, everyone }: Growth): void {
    const all = this.#changes;
    if (all === undefined) return;
    all.isEveryone ||= everyone;
    for (const number of numbers) all.numbers.add(number);
  }

  /** What changed since this was asked last. */
  take(): Changes {
    const changes = this.#changes ?? nothing();
    if (this.#changes !== undefined) this.#changes = nothing();
    return changes;
  }
}

/** Every change of a row goes through a batch, so that none is missed here. There may be ten thousand cursors in one. */
class NotedBatch implements Batch {
  readonly #batch: Batch;
  readonly #notes: Notes;
  readonly #changes = nothing();

  constructor(batch: Batch, notes: Notes) {
    this.#batch = batch;
    this.#notes = notes;
  }

  put(key: Buffer, value: Buffer): void {
    this.#batch.put(key, value);
    if (this.#note(key) && value.length > APART_BYTES) this.#changes.large.add(key.toString("hex"));
  }

  del(key: Buffer): void {
    this.#batch.del(key);
    this.#note(key);
  }

  async write(options: { sync: boolean }): Promise<void> {
    await this.#batch.write(options);
    this.#notes.add(this.#changes);
  }

  /** @returns whether it is a row that lies in a page */
  #note(key: Buffer): boolean {
    const changes = this.#changes;
    if (isCursorKey(key)) {
      const number = number32(key);
      changes.cursors.add(number - (number % CURSORS_PER_PAGE));
      changes.numbers.add(number);
      return true;
    }
    if (isSocketKey(key)) {
      const number = number32(key);
      changes.sockets.add(number - (number % SOCKETS_PER_PAGE));
      changes.numbers.add(number);
      return true;
    }
    if (key.equals(storeKey)) changes.isStore = true;
    return false;
  }
}

function nothing(): Changes {
  return {
    isStore: false,
    sockets: new Set(),
    cursors: new Set(),
    large: new Set(),
    numbers: new Set(),
    isEveryone: false,
  };
}
