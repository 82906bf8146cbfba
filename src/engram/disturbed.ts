import { type Letter, letters, sibling } from "./keys.js";
import type { Change, Range, Rows, Snapshot, Store } from "./store.js";

/** The faults of a store that answers as if nothing was wrong. */
export type RowFault = "none" | "stale-reads" | "lie-on-delete" | "lie-on-store" | "list-omits";

/** What a lie does not do. */
const unmade: Partial<Record<RowFault, Change["type"]>> = { "lie-on-store": "put", "lie-on-delete": "del" };

/** The store, which can be told to lose things and to lie. With the fault `none` it is the store and nothing else. */
export class DisturbedRows implements Rows {
  readonly #store: Store;
  #fault: RowFault = "none";
  #snapshot: Snapshot | undefined;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Ends the fault that is on and begins this one. */
  async set(fault: RowFault): Promise<void> {
    const before = this.#snapshot;
    this.#snapshot = fault === "stale-reads" ? await this.#store.snapshot() : undefined;
    this.#fault = fault;
    await before?.close();
  }

  get(keys: readonly Buffer[]): Promise<(Buffer | undefined)[]> {
    return this.#store.get(keys, this.#snapshot);
  }

  has(key: Buffer): Promise<boolean> {
    return this.#store.has(key);
  }

  async *rows(range: Range): AsyncGenerator<[Buffer, Buffer][]> {
    const omits = this.#fault === "list-omits";
    let place = 0;
    for await (const step of this.#store.rows(range, this.#snapshot)) {
      if (!omits) yield step;
      else yield step.filter(() => place++ % 2 === 1);
    }
  }

  async write(changes: readonly Change[]): Promise<void> {
    const made = changes.filter(({ type }) => type !== unmade[this.#fault]);
    if (made.length > 0) await this.#store.write(made);
  }

  /** Loses every row. */
  async loseAll(): Promise<void> {
    await this.#loseSome(() => true);
    await this.#lose(letters.forgotten, () => true);
  }

  /** Loses every second memory, with whatever belongs to it. */
  async loseHalf(): Promise<void> {
    let count = 0;
    await this.#loseSome(() => ++count % 2 === 0);
  }

  /** What belongs together goes in one step, so that a memory that is stored meanwhile is lost or kept as a whole. */
  async #loseSome(isLost: () => boolean): Promise<void> {
    await this.#lose(letters.metadata, isLost, letters.data);
    await this.#lose(letters.added, isLost);
  }

  async #lose(letter: Letter, isLost: () => boolean, beside?: Letter): Promise<void> {
    const gte = Buffer.from(letter);
    const lt = Buffer.from([letter.charCodeAt(0) + 1]);
    for await (const step of this.#store.rows({ gte, lt })) {
      const lost = step.map(([key]) => key).filter(isLost);
      const keys = beside === undefined ? lost : lost.flatMap((key) => [key, sibling(key, beside)]);
      if (keys.length > 0) await this.#store.write(keys.map((key) => ({ type: "del", key })));
    }
  }
}
