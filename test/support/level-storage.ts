import { onTestFinished } from "vitest";
import { type LevelOptions, LevelStorage, type StoreLog } from "../../src/storage/level.js";

/** Keeps what a store says. */
export class Lines implements StoreLog {
  readonly lines: { level: "info" | "warn" | "error"; values: Readonly<Record<string, unknown>>; text: string }[] = [];
  readonly #listeners = new Set<() => void>();

  /** The values of every error so far. */
  get errors(): Readonly<Record<string, unknown>>[] {
    return this.lines.filter(({ level }) => level === "error").map(({ values }) => values);
  }

  /** Resolves when this has been said so many times, counted from the beginning. */
  said(text: string, times = 1): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (this.lines.filter((line) => line.text === text).length < times) return;
        this.#listeners.delete(look);
        resolve();
      };
      this.#listeners.add(look);
      look();
    });
  }

  info = (values: object, text: string): void => this.#add("info", values, text);
  warn = (values: object, text: string): void => this.#add("warn", values, text);
  error = (values: object, text: string): void => this.#add("error", values, text);

  #add(level: "info" | "warn" | "error", values: object, text: string): void {
    this.lines.push({ level, values: { ...values }, text });
    for (const listener of [...this.#listeners]) listener();
  }
}

/** Makes the batch that collects fail: it is to keep a time that cannot be stored. */
export function failNextBatch(storage: LevelStorage, number: number): void {
  storage.seen(number, Number.NaN);
}

/** Opens the store of a data directory until the test ends. It does not wait for the disk unless it is told to. */
export async function openStorage(folder: string, options: Partial<LevelOptions> = {}): Promise<LevelStorage> {
  const defaults = { durability: "os", recentBytes: 1024 * 1024, log: new Lines() } as const;
  const storage = await LevelStorage.open({ ...defaults, ...options, folder });
  onTestFinished(() => storage.close());
  return storage;
}
