import { countBefore } from "../registry/search.js";
import type { Change, ChangesPage } from "../registry/storage.js";

/** At most so many changes are kept, and about so many bytes of them. */
const CHANGES_MAX = 4_096;
const BYTES_MAX = 8 * 1024 * 1024;

/**
 * The newest changes of sockets, durable or not, so that those who watch need no disk, and so that all of them are given
 * the same objects. What is not here is in the log.
 */
export class RecentChanges {
  #changes: { readonly change: Change; readonly bytes: number }[] = [];
  #head = 0;
  #bytes = 0;
  #floor: number;

  /** @param floor the changes after this revision will be added */
  constructor(floor: number) {
    this.#floor = floor;
  }

  /** Every change after this revision is here. */
  get floor(): number {
    return this.#floor;
  }

  /** Adds a change that is newer than all that are here. */
  add(change: Change, bytes: number): void {
    this.#changes.push({ change, bytes });
    this.#bytes += bytes;
    while (this.#changes.length - this.#head > CHANGES_MAX || this.#bytes > BYTES_MAX) this.#dropOldest();
    // Not each time, because that would move all the others.
    if (this.#head < CHANGES_MAX) return;
    this.#changes = this.#changes.slice(this.#head);
    this.#head = 0;
  }

  /** The changes after a revision that is not below the floor, up to `durable`. */
  after(revision: number, limit: number, durable: number): ChangesPage {
    const first = this.#firstAfter(revision);
    const end = this.#firstAfter(durable);
    const changes = this.#changes.slice(first, Math.min(end, first + limit)).map(({ change }) => change);
    const isAll = first + limit >= end;
    return { changes, through: isAll ? Math.max(revision, durable) : (changes.at(-1)?.revision ?? revision) };
  }

  /** The place of the first change after a revision. */
  #firstAfter(revision: number): number {
    const count = this.#changes.length - this.#head;
    const isBefore = (place: number): boolean => (this.#changes[this.#head + place]?.change.revision ?? 0) <= revision;
    return this.#head + countBefore(count, isBefore);
  }

  #dropOldest(): void {
    const oldest = this.#changes[this.#head];
    if (oldest === undefined) return;
    this.#floor = oldest.change.revision;
    this.#bytes -= oldest.bytes;
    this.#head++;
  }
}
