/**
 * The registry against a model that is lists and loops: random histories of calls, Reads that come, stall and go, held
 * commits, restarts and crashes. A failure prints the seed, the path and the shortest history that fails.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers";
import fc from "fast-check";
import { Level } from "level";
import { expect, test } from "vitest";
import type { Storage } from "../src/registry/storage.js";
import { logRange } from "../src/storage/keys.js";
import { LevelStorage } from "../src/storage/level.js";
import { crashCopy } from "./support/crash-copy.js";
import { Lines } from "./support/level-storage.js";
import { MemoryStorage } from "./support/memory-storage.js";
import { ModelTeam } from "./support/model-team.js";
import { TEAM } from "./support/team-model.js";

const isLong = process.env["LONG"] === "1";
const numRuns = 300 * (isLong ? 20 : 1);
const timeout = 180_000 * (isLong ? 20 : 1);

const sockets = ["a", "b", "c"] as const;
const socketId = fc.constantFrom(...sockets);
const anySocket = fc.constantFrom(...sockets, TEAM);
const sender = fc.constantFrom("", "", ...sockets, "stranger");

const create = fc.record({
  call: fc.constant("create"),
  socketId,
  onConflict: fc.constantFrom("FAIL", "USE_EXISTING", "REPLACE"),
  config: fc.constantFrom(
    {},
    { maxQueueSize: 0 },
    { maxQueueSize: 2 },
    { maxQueueSize: 2, overflowPolicy: "DROP_OLDEST" as const },
  ),
});
const write = fc.record({ call: fc.constant("write"), socketId, sender, includeSender: fc.constant(false) });
const broadcast = fc.record({
  call: fc.constant("write"),
  socketId: fc.constant(TEAM),
  sender,
  includeSender: fc.boolean(),
});
const read = fc.record({
  call: fc.constant("read"),
  socketId: anySocket,
  ackMode: fc.constantFrom("AUTO", "AUTO", "NONE"),
  noWait: fc.boolean(),
  maxMessages: fc.constantFrom(0, 0, 1, 4),
  after: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined, freq: 2 }),
  stalls: fc.array(fc.boolean(), { maxLength: 3 }),
});
const nudge = fc.record({
  call: fc.constant("nudge"),
  which: fc.nat(10),
  how: fc.constantFrom("resume", "abort", "return"),
});
const reset = fc.record({
  call: fc.constant("reset"),
  socketId: anySocket,
  scope: fc.constantFrom("ALL", "QUEUE", "CONTEXT"),
});
const remove = fc.record({ call: fc.constant("delete"), socketId });
const mark = fc.record({
  call: fc.constant("mark"),
  socketId,
  state: fc.constantFrom("ACTIVE", "INACTIVE", "UNRESPONSIVE"),
});
const pause = fc.record({ call: fc.constantFrom("turn", "turn", "settle") });
/** A crash of the store in memory is none, and a hold of the one on disk neither: there they are passed over. */
const special = fc.record({ call: fc.constantFrom("hold", "restart", "crash") });

const calls = [
  { arbitrary: create, weight: 2 },
  { arbitrary: write, weight: 8 },
  { arbitrary: broadcast, weight: 6 },
  { arbitrary: read, weight: 6 },
  { arbitrary: nudge, weight: 4 },
  { arbitrary: reset, weight: 1 },
  { arbitrary: remove, weight: 1 },
  { arbitrary: mark, weight: 2 },
  { arbitrary: pause, weight: 6 },
  { arbitrary: special, weight: 1 },
] as const;

const history = fc.array(fc.oneof(...calls), { minLength: 5, maxLength: 80, size: "max" });
type Call = typeof history extends fc.Arbitrary<(infer T)[]> ? T : never;

/** Makes a call and does not wait for its answer. */
async function make(team: ModelTeam, step: Call, reopen?: (isClean: boolean) => Promise<Storage>): Promise<void> {
  switch (step.call) {
    case "create":
      return team.create(step);
    case "write":
      return team.write(step);
    case "read":
      return team.read(step);
    case "nudge":
      return team.nudge(step.which, step.how);
    case "reset":
      return team.reset(step);
    case "delete":
      return team.delete(step.socketId);
    case "mark":
      return team.mark(step.socketId, step.state);
    case "hold":
      return team.hold();
    case "settle":
      return await team.settle();
    case "turn":
      return await new Promise((resolve) => setImmediate(resolve));
    case "restart":
    case "crash":
      if (reopen !== undefined) await team.restart(() => reopen(step.call === "restart"), step.call === "restart");
  }
}

/** A team of three to begin with. */
function createTeam(storage: Storage): ModelTeam {
  const team = new ModelTeam(storage);
  for (const id of sockets) team.create({ socketId: id, onConflict: "FAIL", config: {} });
  return team;
}

test("in memory, with commits held back, every history agrees with the model", { timeout }, async () => {
  await fc.assert(
    fc.asyncProperty(history, async (steps) => {
      const team = createTeam(new MemoryStorage());
      try {
        for (const step of steps) await make(team, step);
        await team.settle();
        await team.drain();
      } finally {
        await team.close();
      }
    }),
    { numRuns },
  );
});

test("on disk, with restarts and crashes, every history agrees with the model", { timeout }, async () => {
  await fc.assert(
    fc.asyncProperty(history, socketId, async (steps, idle) => {
      const disk = new Disk();
      const team = createTeam(await disk.open());
      try {
        for (const step of steps) await make(team, step, (isClean) => disk.reopen(isClean));
        await team.settle();
        await team.drain(idle);
        // What a socket has not read is all that is left of the log: it pins nobody else's mail.
        await disk.storage?.retain({ messages: 0, bytes: 0, ageMs: 0 });
        await team.close();
        const entries = team.model.boxes.get(idle)?.epoch.entries ?? [];
        const first = entries.findIndex(({ state }) => state === "waiting");
        expect(await disk.logEntries()).toBe(first < 0 ? 0 : entries.length - first);
      } finally {
        await team.close();
        disk.remove();
      }
    }),
    { numRuns },
  );
});

/** The store of one history on disk. */
class Disk {
  storage: LevelStorage | undefined;
  readonly #top = mkdtempSync(join(tmpdir(), "socket-registry-"));
  #openings = 0;

  /** Opens what is there. */
  async open(): Promise<LevelStorage> {
    this.storage = await LevelStorage.open({
      folder: this.#folder,
      durability: "os",
      recentBytes: 500,
      log: new Lines(),
    });
    return this.storage;
  }

  /** Opens it again, after it was closed or, if that was no clean end, as it lies on the disk at this moment. */
  async reopen(isClean: boolean): Promise<LevelStorage> {
    const before = this.storage;
    if (isClean) await before?.close();
    else this.#copy();
    const after = await this.open();
    await before?.close();
    return after;
  }

  /** How many entries the closed log holds. */
  async logEntries(): Promise<number> {
    const level = new Level<Buffer, Buffer>(join(this.#folder, "log"), {
      keyEncoding: "buffer",
      valueEncoding: "buffer",
    });
    const keys = await level.keys(logRange(0)).all();
    await level.close();
    return keys.length;
  }

  remove(): void {
    rmSync(this.#top, { recursive: true });
  }

  get #folder(): string {
    return join(this.#top, String(this.#openings));
  }

  #copy(): void {
    const before = this.#folder;
    this.#openings++;
    crashCopy(before, this.#folder);
  }
}
