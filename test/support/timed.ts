/** A server in whose time a test decides: leases, deadlines and times to live pass when it says so, and no sooner. */
import { onTestFinished } from "vitest";
import { type Config, configWith } from "../../src/config.js";
import type { Clock } from "../../src/registry/clock.js";
import { LevelStorage } from "../../src/storage/level.js";
import type { Service } from "./client.js";
import { Lines } from "./level-storage.js";
import { serve } from "./served.js";
import { tempDir } from "./temp-dir.js";

/** A clock that a test moves by hand. */
export class HandClock implements Clock {
  #elapsedMs = 1_000;
  #wallMs = Date.UTC(2_030, 0, 1);
  readonly #timers = new Set<{ readonly atMs: number; readonly ring: () => void }>();

  wallMs = (): number => this.#wallMs;

  elapsedMs(): number {
    return this.#elapsedMs;
  }

  after(ms: number, ring: () => void): () => void {
    const timer = { atMs: this.#elapsedMs + Math.max(0, ms), ring };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** Lets time pass, and everything happen that comes with it, each at its moment. */
  pass(ms: number): void {
    const endMs = this.#elapsedMs + ms;
    for (let timer = this.#next(endMs); timer !== undefined; timer = this.#next(endMs)) {
      this.#timers.delete(timer);
      this.#move(timer.atMs);
      timer.ring();
    }
    this.#move(endMs);
  }

  /** Somebody sets the clock on the wall. */
  jump(ms: number): void {
    this.#wallMs += ms;
  }

  #move(elapsedMs: number): void {
    this.#wallMs += elapsedMs - this.#elapsedMs;
    this.#elapsedMs = elapsedMs;
  }

  #next(endMs: number) {
    const due = [...this.#timers].filter(({ atMs }) => atMs <= endMs);
    return due.sort((a, b) => a.atMs - b.atMs)[0];
  }
}

/** What a test has of such a server beside its service. */
export interface Timed {
  readonly clock: HandClock;
  readonly dataDir: string;
  /** What comes about once a second otherwise. */
  upkeep(): Promise<void>;
  stop(): Promise<void>;
}

/** The real registry on LevelDB behind real gRPC. To start it again give it its clock and its data directory. */
export async function startTimed(
  { dataDir = tempDir(), ...overrides }: Partial<Config> = {},
  clock: HandClock = new HandClock(),
): Promise<Service & Timed> {
  const config = configWith({ durability: "os", ...overrides });
  const { durability, recentBytes } = config;
  const storage = await LevelStorage.open({
    ...{ folder: dataDir, durability, recentBytes },
    now: clock.wallMs,
    log: new Lines(),
  });
  onTestFinished(() => storage.close());
  const { service, registry, stop } = await serve(storage, config, clock);
  return Object.assign(service, {
    clock,
    dataDir,
    upkeep: () => registry.upkeep(),
    async stop() {
      await stop();
      await storage.close();
    },
  });
}
