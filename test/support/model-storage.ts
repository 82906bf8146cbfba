import { storageUnavailable } from "../../src/registry/errors.js";
import type { DropReason, LogEvent, Storage } from "../../src/registry/storage.js";

/** What a model hears of a storage: what the registry does at moments of its own choice. */
export interface StorageEars {
  readonly appended: (event: LogEvent) => void;
  readonly settled: (number: number, sequences: readonly number[]) => void;
  readonly dropped: (number: number, sequences: readonly number[], reason: DropReason) => void;
}

/** A storage as one run of a server sees it: it can be taken away, as a crash does, and knows what is awaited of it. */
export class WatchedStorage {
  /** What the registry is given. */
  readonly face: Storage;
  readonly #storage: Storage;
  #awaited = 0;
  #isDead = false;

  constructor(storage: Storage, ears: StorageEars) {
    this.#storage = storage;
    this.face = new Proxy(storage, {
      get: (target, name: keyof Storage) => {
        if (this.#isDead) throw storageUnavailable(new Error("the server was killed"));
        // The storage in memory counts no openings, and a registry takes up what it finds at the first.
        if (name === "generation") return target.generation + 1;
        const found = target[name];
        if (typeof found !== "function") return found;
        return (...args: unknown[]) => {
          if (this.#isDead) throw storageUnavailable(new Error("the server was killed"));
          if (name === "append") ears.appended(...(args as Parameters<Storage["append"]>));
          if (name === "settle") ears.settled(...(args as Parameters<Storage["settle"]>));
          if (name === "drop") ears.dropped(...(args as Parameters<Storage["drop"]>));
          const result: unknown = Reflect.apply(found, target, args);
          return result instanceof Promise ? this.#watch(name, result) : result;
        };
      },
    });
  }

  /** How many of its answers are awaited, the waits for news left out. */
  get awaited(): number {
    return this.#awaited;
  }

  /** The storage itself, which is there whatever became of the server. */
  get below(): Storage {
    return this.#storage;
  }

  /** From here on the server gets no answer any more. */
  kill(): void {
    this.#isDead = true;
  }

  #watch(name: keyof Storage, result: Promise<unknown>): Promise<unknown> {
    if (name === "waitAfter" || name === "waitChange") return result;
    this.#awaited++;
    const leave = (): void => {
      this.#awaited--;
    };
    result.then(leave, leave);
    return result;
  }
}
