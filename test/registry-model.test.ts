/**
 * The registry against a model that is lists and loops: random histories of everything that clients, time and crashes
 * can do. A failure prints the seed, the path and the shortest history that fails, which this makes again:
 *
 *     SEED=<seed> REPLAY=<path> npx vitest run test/registry-model.test.ts -t memory
 *
 * RUNS=<n> tries so many histories in memory, and a twentieth of it on disk.
 */
import { rmSync } from "node:fs";
import fc from "fast-check";
import { test } from "vitest";
import { configWith, limitsOf } from "../src/config.js";
import type { Storage } from "../src/registry/storage.js";
import { FakeClock } from "./support/fake-clock.js";
import { MemoryStorage } from "./support/memory-storage.js";
import { ModelDisk } from "./support/model-disk.js";
import { history, type Step, socketIds } from "./support/model-plans.js";
import { ModelTeam } from "./support/model-team.js";

const isLong = process.env["LONG"] === "1";
const runs = Number(process.env["RUNS"] ?? (isLong ? 100_000 : 2_000));
const seed = process.env["SEED"];
/** The same histories each time, so that a change is judged by what it changes; the long suite looks for new ones. */
const again =
  seed !== undefined ? { seed: Number(seed), path: process.env["REPLAY"] ?? "" } : isLong ? {} : { seed: 3 };

/** Small, so that queues fill up, the feed overflows and readers are refused. */
const limits = limitsOf(
  configWith({
    ...{ maxQueueMessages: 6, maxReadersPerSocket: 4, maxFrameMessages: 3, maxConsumers: 2, dedupeKeys: 4 },
    ...{ ackDeadlineMs: 10_000, maxDeliveryAttempts: 3, returnGraceMs: 1_500, leaseStartGraceMs: 6_000 },
    ...{ consumerIdleMs: 300_000, dedupeWindowMs: 60_000, retainedAgeMs: 1e13 },
  }),
);

/** A team of three, what happens to it, and the end of everything: nothing may be left that cannot be read. */
async function live(
  storage: Storage,
  clock: FakeClock,
  steps: readonly Step[],
  reopen: (storage: Storage, isClean: boolean) => Promise<Storage>,
): Promise<void> {
  const team = new ModelTeam(storage, limits, clock);
  try {
    for (const socketId of socketIds) {
      team.create({ socketId, onConflict: "FAIL", config: {}, labels: { team: "red" }, requestId: 0 });
    }
    for (const step of steps) {
      await team.rest();
      await step(team, reopen);
    }
    await team.compare();
    await team.drain();
  } finally {
    await team.close();
  }
}

test("in memory every history agrees with the model", { timeout: isLong ? 3_600_000 : 300_000 }, async () => {
  const property = fc.asyncProperty(history, async (steps) => {
    const clock = new FakeClock();
    await live(new MemoryStorage(clock.wallMs), clock, steps, async (storage) => storage);
  });
  await fc.assert(property, { numRuns: runs, ...again });
});

test("on disk every history agrees with the model", { timeout: isLong ? 3_600_000 : 300_000 }, async () => {
  const property = fc.asyncProperty(history, async (steps) => {
    const clock = new FakeClock();
    const disk = new ModelDisk(clock.wallMs);
    try {
      await live(await disk.open(), clock, steps, (_, isClean) => disk.reopen(isClean));
    } finally {
      rmSync(disk.top, { recursive: true });
    }
  });
  await fc.assert(property, { numRuns: Math.ceil(runs / 20), ...again });
});
