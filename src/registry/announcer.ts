import type { Gap } from "./frames.js";
import type { SocketNumber, Storage } from "./storage.js";

const DROP_REASONS = ["OVERFLOW", "EXPIRED"] as const;

/** Only its identity counts. */
type Teller = object;

/**
 * Tells the readers of one queue what was dropped from it. Told is what has been handed to a transport, and no sooner,
 * or a crash in between would leave a loss that nobody hears of; and one of them tells at a time, or two would tell
 * the same.
 */
export class Announcer {
  readonly #storage: Storage;
  readonly #number: SocketNumber;
  #telling:
    | { readonly teller: Teller; readonly reason: (typeof DROP_REASONS)[number]; readonly count: number }
    | undefined;

  constructor(storage: Storage, number: SocketNumber) {
    this.#storage = storage;
    this.#number = number;
  }

  /** What this reader is to tell next, for one reason at a time. It must say `told` or `release` afterwards. */
  next(teller: Teller): Gap | undefined {
    if (this.#telling !== undefined && this.#telling.teller !== teller) return undefined;
    const queue = this.#storage.queue(this.#number);
    for (const reason of DROP_REASONS) {
      const count = queue.unannounced(reason);
      if (count === 0) continue;
      this.#telling = { teller, reason, count };
      return { reason, count };
    }
    return undefined;
  }

  /** What this reader had to tell, if it had, is with its transport. */
  told(teller: Teller): void {
    const telling = this.#telling;
    if (telling?.teller !== teller) return;
    this.#telling = undefined;
    this.#storage.announceDrops(this.#number, telling.reason, telling.count);
  }

  /** This reader ends: another one tells what it had to. */
  release(teller: Teller): void {
    if (this.#telling?.teller !== teller) return;
    this.#telling = undefined;
    this.#storage.wake(this.#number);
  }
}
