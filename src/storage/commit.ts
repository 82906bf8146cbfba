import { storageUnavailable } from "../registry/errors.js";

/** What is collected for one write to the store. */
export interface Batch {
  put(key: Buffer, value: Buffer): unknown;
  del(key: Buffer): unknown;
  write(options: { sync: boolean }): Promise<void>;
}

interface Options {
  readonly open: () => Batch;
  /** Whether a batch is on the disk before it counts, or only with the operating system. */
  readonly sync: boolean;
  /** Called just before a batch is written, to add what changes too often to be added each time. */
  readonly prepare: (batch: Batch) => void;
  /** Called when a batch is durable, before anybody who waits for it. When it throws, the batch counts as failed. */
  readonly committed: () => void;
  /** Called once, when a batch failed. Nothing is written after it. */
  readonly failed: (error: unknown) => void;
}

interface Pending {
  readonly batch: Batch;
  readonly durable: Promise<void>;
  readonly settle: (error?: unknown) => void;
}

/**
 * Group commit: everything that is added in one turn of the event loop, and everything that arrives while a batch is
 * being written, becomes the next batch, with one fsync. One batch is under way at a time, so batches are durable in
 * the order of their changes.
 *
 * After a failed batch nothing more is written: LevelDB would take later writes and forget them on reopening.
 */
export class GroupCommit {
  readonly #options: Options;
  #pending: Pending | undefined;
  #writing: Pending | undefined;
  #failure: unknown;

  constructor(options: Options) {
    this.#options = options;
  }

  /** The batch to add to. @throws STORAGE_UNAVAILABLE after a failure */
  batch(): Batch {
    return this.#next().batch;
  }

  /** Asks for a batch though nothing is added yet: `prepare` will add it. */
  touch(): void {
    this.#next();
  }

  /** Resolves when everything added so far is durable. */
  durable(): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(storageUnavailable(this.#failure));
    return (this.#pending ?? this.#writing)?.durable ?? Promise.resolve();
  }

  #next(): Pending {
    if (this.#failure !== undefined) throw storageUnavailable(this.#failure);
    if (this.#pending === undefined) {
      this.#pending = pending(this.#options.open());
      if (this.#writing === undefined) setImmediate(() => this.#write());
    }
    return this.#pending;
  }

  async #write(): Promise<void> {
    const next = this.#pending;
    if (next === undefined || this.#writing !== undefined || this.#failure !== undefined) return;
    this.#pending = undefined;
    this.#writing = next;
    try {
      this.#options.prepare(next.batch);
      await next.batch.write({ sync: this.#options.sync });
      this.#options.committed();
    } catch (error) {
      this.#fail(next, error);
      return;
    }
    this.#writing = undefined;
    next.settle();
    // Those who are answered now may write again in this turn, and then share the next batch.
    if (this.#pending !== undefined) setImmediate(() => this.#write());
  }

  #fail(written: Pending, error: unknown): void {
    this.#failure = error;
    this.#writing = undefined;
    const unavailable = storageUnavailable(error);
    written.settle(unavailable);
    this.#pending?.settle(unavailable);
    this.#options.failed(error);
  }
}

function pending(batch: Batch): Pending {
  let settle: Pending["settle"] = () => {};
  const durable = new Promise<void>((resolve, reject) => {
    settle = (error) => (error === undefined ? resolve() : reject(error));
  });
  // A batch of cursors has nobody who waits for it, and its failure is reported by `failed`.
  durable.catch(() => {});
  return { batch, durable, settle };
}
