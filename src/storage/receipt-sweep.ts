import { type ReceiptsPlace, receiptsKey, receiptsPlace, receiptsRange } from "./keys.js";
import type { Database } from "./level-files.js";
import type { State } from "./state.js";

/** How many queues are looked at in one go, so that a go does not take long however many there are. */
const QUEUES_PER_GO = 1_000;
/** How many rows are read in one step when there is something to remove, and removed in one batch. */
const ROWS_PER_STEP = 100;
const ROWS_PER_BATCH = 1_000;

/**
 * Finds the receipts that nobody can ask for any more: of messages that retention let go of, and of queues that ended.
 * It goes round over all of them, some queues each time, and keeps nothing for any queue: what a crash leaves behind is
 * found in the next round.
 */
export class ReceiptSweep {
  readonly #db: Database;
  readonly #state: State;
  /** Where it goes on; undefined between two rounds. */
  #at: Buffer | undefined;
  #isDue = true;

  constructor(db: Database, state: State) {
    this.#db = db;
    this.#state = state;
  }

  /** There is something new to find, behind or before the place where it is. */
  request(): void {
    this.#isDue = true;
  }

  /** The keys of rows to remove, as many at once as go in one batch. They must be removed before the next are taken. */
  async *go(): AsyncGenerator<readonly Buffer[]> {
    if (this.#at === undefined && !this.#isDue) return;
    if (this.#at === undefined) this.#isDue = false;
    let dead: Buffer[] = [];
    for await (const key of this.#unneeded(this.#at ?? receiptsRange.gte)) {
      dead.push(key);
      if (dead.length < ROWS_PER_BATCH) continue;
      yield dead;
      dead = [];
    }
    if (dead.length > 0) yield dead;
  }

  /** It skips what is needed, which may be very much, queue by queue. */
  async *#unneeded(from: Buffer): AsyncGenerator<Buffer> {
    const keys = this.#db.keys({ ...receiptsRange, gte: from, fillCache: false });
    let at = from;
    try {
      for (let queues = 0, size = 1; queues < QUEUES_PER_GO; ) {
        const step = await keys.nextv(size);
        const needed = step.find((key) => this.#isNeeded(receiptsPlace(key)));
        const unneeded = needed === undefined ? step : step.slice(0, step.indexOf(needed));
        yield* unneeded;
        if (step.length === 0) {
          this.#at = undefined;
          return;
        }
        size = needed === undefined ? ROWS_PER_STEP : 1;
        at = needed === undefined ? (step.at(-1) ?? at) : nextEpoch(receiptsPlace(needed));
        if (needed === undefined) continue;
        keys.seek(at);
        queues++;
      }
      this.#at = at;
    } finally {
      await keys.close();
    }
  }

  #isNeeded({ number, epochRevision, sequence }: ReceiptsPlace): boolean {
    const queue = this.#state.queue(number);
    return queue?.epochRevision === epochRevision && sequence >= queue.oldest;
  }
}

function nextEpoch({ number, epochRevision }: ReceiptsPlace): Buffer {
  return receiptsKey({ number, epochRevision: epochRevision + 1, sequence: 0 });
}
