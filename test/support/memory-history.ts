import type { Change, ChangesPage, Remembered } from "../../src/registry/storage.js";
import type { Bounds } from "./memory-queue.js";

/** The changes of sockets, as the storage in memory keeps them: all of them, and those that retention passed for nobody. */
export class MemoryChanges {
  readonly #all: Change[] = [];
  readonly #bounds: Bounds;

  constructor(bounds: Bounds) {
    this.#bounds = bounds;
  }

  /** The newest durable one; 0 when there is none. */
  get newest(): number {
    return this.#durable.at(-1)?.revision ?? 0;
  }

  add(change: Change): void {
    this.#all.push(change);
  }

  after(revision: number, limit: number): ChangesPage | undefined {
    const { historyFloor, durableRevision } = this.#bounds;
    const found = this.#durable.filter((change) => change.revision > revision);
    if (found.some((change) => change.revision <= historyFloor)) return undefined;
    const changes = found.slice(0, limit);
    const last = changes.at(-1)?.revision ?? revision;
    return { changes, through: found.length > limit ? last : Math.max(revision, durableRevision) };
  }

  get #durable(): Change[] {
    return this.#all.filter((change) => change.revision <= this.#bounds.durableRevision);
  }
}

/** The answers that the storage in memory remembers, in order of revision. */
export class MemoryAnswers {
  readonly #all = new Map<string, Remembered>();

  get count(): number {
    return this.#all.size;
  }

  get oldest(): number {
    return [...this.#all.values()][0]?.revision ?? 0;
  }

  has(key: string): boolean {
    return this.#all.has(key);
  }

  get(key: string): Remembered | undefined {
    return this.#all.get(key);
  }

  add(remembered: Remembered): void {
    this.#all.delete(remembered.key);
    this.#all.set(remembered.key, remembered);
  }

  forget(through: number, countMax: number): void {
    for (const { key, revision } of [...this.#all.values()]) {
      if (revision <= through || this.#all.size > countMax) this.#all.delete(key);
    }
  }
}
