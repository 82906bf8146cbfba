/** The part of the storage contract that is about what was handed out and is not settled. */
import { expect, test } from "vitest";
import type { Mark, QueueView } from "../../src/registry/storage.js";
import type { Open } from "./storage-contract-queues.js";
import { Clock, create, createSocket, direct, draft, FOREVER, readAll, write } from "./storage-events.js";

export function mark(sequence: number, state: Mark["state"], fields: Partial<Mark> = {}): Mark {
  return { sequence, state, failures: 1, deliveredMs: 5, dueMs: 7, ...fields };
}

/** What is marked, in order, as the registry sees it. */
export function marksOf({ marks }: QueueView): Mark[] {
  const plain = [...marks.values()].map(({ sequence, state, failures, deliveredMs, dueMs }) => {
    return { sequence, state, failures, deliveredMs, dueMs };
  });
  return plain.sort((a, b) => a.sequence - b.sequence);
}

export function marking(open: Open): void {
  /** A queue with messages named by their sequences. */
  async function filled(count: number, clock = new Clock()) {
    const storage = await open(clock);
    const a = await createSocket(storage, "a");
    for (let sequence = 1; sequence <= count; sequence++) storage.append(direct(`${sequence}`, a));
    await storage.durable();
    return { storage, a, queue: storage.queue(a) };
  }

  test("a mark is not a settlement, and the floor passes both", async () => {
    const { storage, a, queue } = await filled(5);
    const { bytes } = queue;
    storage.mark(a, [mark(1, "HELD"), mark(3, "WAITING")]);
    expect(queue).toMatchObject({ floor: 1, oldest: 1, oldestUnsettled: 1, depth: 5, parked: 0, bytes });
    expect(marksOf(queue)).toEqual([mark(1, "HELD"), mark(3, "WAITING")]);
    storage.settle(a, [2]);
    expect(queue).toMatchObject({ floor: 3, oldestUnsettled: 1, depth: 4 });
    expect([1, 2, 3, 4].map((sequence) => queue.isSettled(sequence))).toEqual([false, true, false, false]);
    expect([...queue.unsettledAfter(0)]).toEqual([1, 3, 4, 5]);
    expect([...queue.unsettledAfter(1)]).toEqual([3, 4, 5]);
    storage.settle(a, [1, 3, 3]);
    expect(queue).toMatchObject({ floor: 3, oldestUnsettled: 4, depth: 2 });
    expect(marksOf(queue)).toEqual([]);
    await storage.durable();
  });

  test("a mark takes the place of the one before", async () => {
    const { storage, a, queue } = await filled(2);
    storage.mark(a, [mark(1, "HELD", { failures: 0 })]);
    storage.mark(a, [mark(1, "LENT", { failures: 0, dueMs: 9 })]);
    storage.mark(a, [mark(1, "WAITING", { failures: 2 })]);
    expect(marksOf(queue)).toEqual([mark(1, "WAITING", { failures: 2 })]);
    expect(queue).toMatchObject({ floor: 1, depth: 2 });
  });

  test("what is settled or not there takes no mark", async () => {
    const { storage, a, queue } = await filled(3);
    storage.settle(a, [1, 3]);
    storage.mark(a, [mark(0, "HELD"), mark(1, "HELD"), mark(3, "HELD"), mark(4, "HELD"), mark(-1, "HELD")]);
    expect(marksOf(queue)).toEqual([]);
    expect(queue).toMatchObject({ floor: 1, depth: 1, tail: 3 });
  });

  test("what is parked is counted by itself, and comes back when its mark says so", async () => {
    const clock = new Clock();
    const { storage, a, queue } = await filled(3, clock);
    const { bytes } = queue;
    storage.mark(a, [mark(1, "PARKED"), mark(2, "PARKED")]);
    expect(queue).toMatchObject({ floor: 2, depth: 1, parked: 2, oldestUnsettled: 3, bytes });
    expect([...queue.unsettledAfter(0)]).toEqual([3]);
    storage.settle(a, [3]);
    expect(queue).toMatchObject({ depth: 0, parked: 2, oldestUnsettled: 4, oldestUnsettledMs: undefined });
    expect(queue.bytes).toBe(storage.sizeAt(a, 1) + storage.sizeAt(a, 2));
    storage.mark(a, [mark(2, "WAITING", { failures: 0 })]);
    expect(queue).toMatchObject({ depth: 1, parked: 1, oldestUnsettled: 2, oldestUnsettledMs: clock.ms });
    expect([...queue.unsettledAfter(0)]).toEqual([2]);
    storage.settle(a, [1]);
    expect(queue).toMatchObject({ depth: 1, parked: 0 });
  });

  test("only durable messages are told of", async () => {
    const { storage, a, queue } = await filled(1);
    storage.append(direct("2", a));
    storage.append(direct("3", a));
    storage.mark(a, [mark(1, "HELD"), mark(2, "HELD")]);
    expect([...queue.unsettledAfter(0)]).toEqual([1]);
    expect((await storage.readAt(a, [1])).map(({ sequence }) => sequence)).toEqual([1]);
    await storage.durable();
    expect([...queue.unsettledAfter(0)]).toEqual([1, 2, 3]);
  });

  test("what is marked stays readable by its sequence when history has gone past it", async () => {
    const { storage, a, queue } = await filled(6);
    storage.mark(a, [mark(2, "PARKED"), mark(4, "LENT")]);
    storage.settle(a, [1, 3, 5]);
    await storage.durable();
    const [time, size] = [storage.timeAt(a, 2), storage.sizeAt(a, 2)];
    await storage.retain({ ...FOREVER, messages: 0 });
    expect(queue).toMatchObject({ floor: 5, oldest: 6, oldestUnsettled: 4, depth: 2, parked: 1 });
    expect(await readAll(storage, a)).toEqual(["6:6"]);
    const found = await storage.readAt(a, [1, 2, 3, 4, 5, 6]);
    expect(found.map(({ sequence, body }) => `${sequence}:${Buffer.from(body)}`)).toEqual(["2:2", "4:4", "6:6"]);
    expect([storage.timeAt(a, 2), storage.sizeAt(a, 2)]).toEqual([time, size]);
    expect([storage.timeAt(a, 3), storage.sizeAt(a, 3)]).toEqual([undefined, 0]);
    storage.settle(a, [2, 4]);
    await storage.durable();
    expect(await storage.readAt(a, [2, 4])).toEqual([]);
    expect(await storage.retain({ ...FOREVER, messages: 0 })).toBe(2);
  });

  test("what is marked can be dropped", async () => {
    const { storage, a, queue } = await filled(3);
    storage.mark(a, [mark(1, "WAITING"), mark(2, "PARKED"), mark(3, "HELD")]);
    expect(storage.drop(a, [1, 2], "EXPIRED")).toBe(2);
    expect(queue).toMatchObject({ dropped: 2, depth: 1, parked: 0, floor: 3 });
    expect(marksOf(queue)).toEqual([mark(3, "HELD")]);
  });

  test("a reset takes marks away, a delete too, and what only they held is removed", async () => {
    const { storage, a } = await filled(3);
    const b = await createSocket(storage, "b");
    await write(storage, direct("b1", b));
    storage.mark(a, [mark(1, "PARKED"), mark(2, "HELD"), mark(3, "WAITING")]);
    storage.mark(b, [mark(1, "PARKED")]);
    await storage.durable();
    await storage.retain({ ...FOREVER, messages: 0 });
    await write(storage, { kind: "reset", number: a, draft: draft("a"), queue: true, context: false });
    expect(storage.queue(a)).toMatchObject({ floor: 0, depth: 0, parked: 0, bytes: 0, tail: 0 });
    expect(marksOf(storage.queue(a))).toEqual([]);
    storage.append(create("b", {}, b));
    await storage.durable();
    await storage.retain({ ...FOREVER, messages: 0 });
    expect(storage.bytes).toBe(0);
  });

  test("when the agent was seen is kept over a reset of the queue, but not by the socket that takes the name", async () => {
    const { storage, a, queue } = await filled(0);
    expect(queue.seenMs).toBe(0);
    storage.seen(a, 77);
    expect(queue.seenMs).toBe(77);
    await write(storage, { kind: "reset", number: a, draft: draft("a"), queue: true, context: false });
    expect(storage.queue(a).seenMs).toBe(77);
    const { row } = storage.append(create("a", {}, a));
    expect(storage.queue(row?.number ?? 0).seenMs).toBe(0);
    await storage.durable();
  });
}
