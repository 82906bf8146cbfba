/** The part of the storage contract that is about what became of messages. */
import { expect, test } from "vitest";
import { type Fate, type Mark, TEAM_NUMBER } from "../../src/registry/storage.js";
import type { Open } from "./storage-contract-queues.js";
import { broadcast, Clock, create, createSocket, direct, draft, FOREVER, write } from "./storage-events.js";

const NEVER = { attempt: 0, deliveredMs: 0, settledMs: 0 };
/** What is told of a message that left a queue so long ago that the queue knows nothing more. */
export const FORGOTTEN: Fate = { sequence: 0, state: "SETTLED", ...NEVER };

export function receipts(open: Open): void {
  /** A queue with `count` messages; the first has the revision 3. */
  async function filled(count: number) {
    const clock = new Clock();
    const storage = await open(clock);
    const a = await createSocket(storage, "a");
    for (let index = 1; index <= count; index++) storage.append(direct(`${index}`, a));
    await storage.durable();
    clock.ms += 1_000;
    return { storage, clock, a, at: (sequence: number) => storage.fate(a, sequence + 2) };
  }

  test("a message is queued until it is settled, and then the receipt says when", async () => {
    const { storage, clock, a, at } = await filled(3);
    expect(await at(1)).toEqual({ sequence: 1, state: "QUEUED", ...NEVER });
    storage.settle(a, [1, 2]);
    // Not durable when it is asked for; the answer waits until it is.
    const settled = { state: "SETTLED", attempt: 1, deliveredMs: clock.ms, settledMs: clock.ms };
    expect(await at(1)).toEqual({ sequence: 1, ...settled });
    clock.ms += 5;
    storage.settle(a, [3]);
    await storage.durable();
    expect(await at(2)).toEqual({ sequence: 2, ...settled });
    expect(await at(3)).toEqual({ sequence: 3, ...settled, deliveredMs: clock.ms, settledMs: clock.ms });
  });

  test("what was dropped and what outlived its time says so, and when", async () => {
    const { storage, clock, a, at } = await filled(4);
    storage.drop(a, [1, 2], "OVERFLOW");
    storage.drop(a, [4], "EXPIRED");
    const { ms } = clock;
    clock.ms += 5;
    storage.settle(a, [3]);
    expect(await at(1)).toEqual({ sequence: 1, state: "DROPPED", ...NEVER, settledMs: ms });
    expect(await at(2)).toEqual({ sequence: 2, state: "DROPPED", ...NEVER, settledMs: ms });
    expect(await at(4)).toEqual({ sequence: 4, state: "EXPIRED", ...NEVER, settledMs: ms });
    expect(await at(3)).toMatchObject({ sequence: 3, state: "SETTLED", settledMs: clock.ms });
  });

  test("what is out, waits again or is parked is told with the newest attempt", async () => {
    const { storage, clock, a, at } = await filled(7);
    const deliveredMs = clock.ms;
    const dueMs = clock.ms + 30_000;
    const mark = (sequence: number, state: Mark["state"], failures: number): Mark => ({
      sequence,
      state,
      failures,
      deliveredMs,
      dueMs,
    });
    storage.mark(a, [mark(1, "HELD", 0), mark(2, "LENT", 2), mark(3, "WAITING", 2), mark(4, "WAITING", 0)]);
    storage.mark(a, [mark(6, "PARKED", 5), mark(7, "HELD", 1)]);
    const told = { deliveredMs, settledMs: 0 };
    expect(await at(1)).toEqual({ sequence: 1, state: "DELIVERED", attempt: 1, ...told });
    expect(await at(2)).toEqual({ sequence: 2, state: "DELIVERED", attempt: 3, ...told });
    expect(await at(3)).toEqual({ sequence: 3, state: "QUEUED", attempt: 2, ...told });
    expect(await at(4)).toEqual({ sequence: 4, state: "QUEUED", attempt: 1, ...told });
    expect(await at(5)).toEqual({ sequence: 5, state: "QUEUED", ...NEVER });
    expect(await at(6)).toEqual({ sequence: 6, state: "PARKED", attempt: 5, deliveredMs, settledMs: dueMs });
    clock.ms += 5;
    storage.settle(a, [7, 2]);
    expect(await at(2)).toEqual({ sequence: 2, state: "SETTLED", attempt: 3, deliveredMs, settledMs: clock.ms });
    expect(await at(7)).toEqual({ sequence: 7, state: "SETTLED", attempt: 2, deliveredMs, settledMs: clock.ms });
  });

  test("receipts are found whatever the order of settling, near and far apart", async () => {
    const { storage, clock, a, at } = await filled(9_000);
    const groups = [[8_999, 2], [5, 4, 3, 7], [9_000], [4_000, 4_200, 4_100, 1], [6]];
    const times = new Map<number, number>();
    for (const sequences of groups) {
      clock.ms += 10;
      storage.settle(a, sequences);
      await storage.durable();
      for (const sequence of sequences) times.set(sequence, clock.ms);
    }
    for (const [sequence, settledMs] of times) expect(await at(sequence)).toMatchObject({ sequence, settledMs });
    for (const sequence of [8, 3_999, 4_150, 8_998]) expect(await at(sequence)).toMatchObject({ state: "QUEUED" });
  });

  test("a queue knows nothing of what it never held, and of what is not durable", async () => {
    const storage = await open();
    const [a, b] = [await createSocket(storage, "a"), await createSocket(storage, "b")];
    await write(storage, direct("1", a), broadcast("2", [a]), direct("3", b), direct("4", a));
    const c = await createSocket(storage, "c");
    const early = storage.append(direct("5", a));
    const fates = async (number: number): Promise<(number | undefined)[]> => {
      const found = await Promise.all([2, 4, 5, 6, 7, 8, 9].map((revision) => storage.fate(number, revision)));
      return found.map((fate) => fate?.sequence);
    };
    const none = undefined;
    expect(await storage.fate(a, early.revision)).toBeUndefined();
    await storage.durable();
    expect(await fates(a)).toEqual([none, 1, none, none, 2, none, 3]);
    expect(await fates(b)).toEqual([none, none, 1, 2, none, none, none]);
    expect(await fates(c)).toEqual([none, none, none, none, none, none, none]);
    expect(await fates(TEAM_NUMBER)).toEqual([none, none, none, none, none, none, none]);
    expect(await fates(99)).toEqual([none, none, none, none, none, none, none]);
  });

  test("receipts go with their messages, and of what was let go of is known only that it was settled", async () => {
    const { storage, clock, a, at } = await filled(6);
    storage.mark(a, [{ sequence: 1, state: "HELD", failures: 0, deliveredMs: 7, dueMs: 0 }]);
    storage.settle(a, [2, 3, 5]);
    await storage.durable();
    await storage.retain({ ...FOREVER, messages: 0 });
    expect(await at(1)).toMatchObject({ sequence: 1, state: "DELIVERED" });
    expect(await at(2)).toEqual(FORGOTTEN);
    expect(await at(3)).toEqual(FORGOTTEN);
    expect(await at(4)).toMatchObject({ sequence: 4, state: "QUEUED" });
    expect(await at(5)).toMatchObject({ sequence: 5, state: "SETTLED", settledMs: clock.ms });
    storage.settle(a, [1]);
    expect(await at(1)).toEqual(FORGOTTEN);
    await write(storage, direct("x", TEAM_NUMBER));
    expect(await storage.fate(a, storage.revision)).toBeUndefined();
  });

  test("a reset and a delete take the receipts of the queue along", async () => {
    const { storage, a, at } = await filled(3);
    storage.settle(a, [1, 2, 3]);
    await storage.durable();
    const reset = { kind: "reset", number: a, draft: draft("a"), context: false } as const;
    await write(storage, { ...reset, queue: false });
    expect(await at(2)).toMatchObject({ sequence: 2, state: "SETTLED", attempt: 1 });
    await write(storage, { ...reset, queue: true });
    expect(await at(2)).toBeUndefined();
    await storage.retain(FOREVER);
    await write(storage, direct("4", a));
    expect(await storage.fate(a, storage.revision)).toEqual({ sequence: 1, state: "QUEUED", ...NEVER });
    await write(storage, create("a", {}, a));
    expect(await storage.fate(a, storage.revision - 1)).toBeUndefined();
    await storage.retain(FOREVER);
  });
}
