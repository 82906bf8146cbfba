/** The part of the storage contract that is about the named cursors of the feed. */
import { expect, test } from "vitest";
import { type Storage, TEAM_NUMBER } from "../../src/registry/storage.js";
import { mark, marksOf } from "./storage-contract-marks.js";
import type { Open } from "./storage-contract-queues.js";
import { Clock, createSocket, direct, draft, FOREVER, never, readAll, write } from "./storage-events.js";

export function consuming(open: Open): void {
  /** A feed with messages named by their sequences. */
  async function filled(count: number, clock = new Clock()): Promise<Storage> {
    const storage = await open(clock);
    for (let sequence = 1; sequence <= count; sequence++) storage.append(direct(`${sequence}`, TEAM_NUMBER));
    await storage.durable();
    return storage;
  }

  test("a consumer is opened once, and is noted as used each time", async () => {
    const clock = new Clock();
    const storage = await filled(3, clock);
    expect([...storage.consumers()]).toEqual([]);
    const first = storage.openConsumer("c", 1);
    expect(first).toMatchObject({ name: "c", usedMs: clock.ms });
    clock.ms += 10;
    const again = storage.openConsumer("c", 3);
    expect(again).toEqual({ ...first, usedMs: clock.ms });
    expect(storage.consumer("c")).toEqual(again);
    expect([...storage.consumers()]).toEqual([again]);
    expect(storage.queue(first.number).floor).toBe(1);
    expect(storage.consumer("d")).toBeUndefined();
    await storage.durable();
  });

  test("a consumer is no socket, and its number is not given twice", async () => {
    const storage = await filled(0);
    const a = await createSocket(storage, "a");
    const { number } = storage.openConsumer("a", 0);
    expect(number).toBe(a + 1);
    expect([storage.socket(number), storage.socketCount]).toEqual([undefined, 1]);
    expect([...storage.sockets()].map((row) => row.number)).toEqual([TEAM_NUMBER, a]);
    storage.closeConsumer(number);
    expect(storage.consumer("a")).toBeUndefined();
    expect(() => storage.queue(number)).toThrow();
    expect(storage.openConsumer("a", 0).number).toBe(number + 1);
    expect(await createSocket(storage, "b")).toBe(number + 2);
  });

  test("each consumer has the feed's messages and settles and marks for itself", async () => {
    const storage = await filled(4);
    const [c, d] = [storage.openConsumer("c", 0).number, storage.openConsumer("d", 2).number];
    storage.settle(c, [2]);
    storage.mark(c, [mark(1, "HELD"), mark(3, "PARKED")]);
    storage.settle(TEAM_NUMBER, [1]);
    expect(storage.queue(c)).toMatchObject({
      tail: 4,
      durableTail: 4,
      floor: 3,
      oldestUnsettled: 1,
      depth: 2,
      parked: 1,
    });
    expect([...storage.queue(c).unsettledAfter(0)]).toEqual([1, 4]);
    expect(storage.queue(d)).toMatchObject({ tail: 4, floor: 2, oldestUnsettled: 3, depth: 2, parked: 0, oldest: 1 });
    expect(storage.queue(TEAM_NUMBER)).toMatchObject({ floor: 1, depth: 3, parked: 0 });
    expect(storage.queue(c).bytes).toBe([1, 3, 4].reduce((sum, sequence) => sum + storage.sizeAt(c, sequence), 0));
    expect(await readAll(storage, d, 2)).toEqual(["3:3", "4:4"]);
    expect((await storage.readAt(c, [3, 1])).map(({ body }) => Buffer.from(body).toString())).toEqual(["3", "1"]);
    await write(storage, direct("5", TEAM_NUMBER));
    expect([storage.queue(c).depth, storage.queue(d).depth]).toEqual([3, 3]);
  });

  test("a start beyond the feed's messages is its end, and one that is gone is the oldest", async () => {
    const storage = await filled(4);
    expect(storage.queue(storage.openConsumer("late", 99).number)).toMatchObject({ floor: 4, depth: 0 });
    storage.settle(TEAM_NUMBER, [1, 2]);
    await storage.durable();
    await storage.retain({ ...FOREVER, messages: 0 });
    expect(storage.queue(storage.openConsumer("early", 0).number)).toMatchObject({ oldest: 3, floor: 2, depth: 2 });
  });

  test("a consumer keeps no message, and what is let go of unread counts as dropped", async () => {
    const storage = await filled(5);
    const { number } = storage.openConsumer("c", 0);
    storage.mark(number, [mark(1, "HELD"), mark(2, "PARKED"), mark(5, "WAITING")]);
    storage.settle(TEAM_NUMBER, [1, 2, 3]);
    await storage.durable();
    expect(storage.queue(number)).toMatchObject({ oldest: 1, floor: 2, depth: 4, parked: 1 });
    await storage.retain({ ...FOREVER, ageMs: 0 });
    const queue = storage.queue(number);
    expect(queue).toMatchObject({ oldest: 4, floor: 3, oldestUnsettled: 4, depth: 2, parked: 0, dropped: 2 });
    expect(marksOf(queue)).toEqual([mark(5, "WAITING")]);
    expect([...queue.unsettledAfter(0)]).toEqual([4, 5]);
    expect(queue.bytes).toBe(storage.sizeAt(number, 4) + storage.sizeAt(number, 5));
    expect(await storage.readAt(number, [1, 2, 3])).toEqual([]);
    // History is past these already: they go with the feed's settlement.
    storage.settle(TEAM_NUMBER, [4, 5]);
    expect(storage.queue(number)).toMatchObject({
      oldest: 6,
      floor: 5,
      depth: 0,
      bytes: 0,
      oldestUnsettledMs: undefined,
    });
    expect(marksOf(storage.queue(number))).toEqual([]);
    await storage.durable();
  });

  test("who waits for a consumer wakes when the feed grows, when it is reset, and when the consumer is closed", async () => {
    const storage = await filled(0);
    const { number } = storage.openConsumer("c", 0);
    await storage.durable();
    const grown = storage.waitAfter(number, 0, never());
    storage.append(direct("1", TEAM_NUMBER));
    await grown;
    expect(storage.queue(number).durableTail).toBe(1);
    await storage.waitAfter(number, 0, never());
    const woken = storage.waitAfter(number, 1, never());
    storage.wake(number);
    await woken;
    const reset = storage.waitAfter(number, 1, never());
    storage.append({ kind: "reset", number: TEAM_NUMBER, draft: draft("team-chat-all"), queue: true, context: false });
    await reset;
    const closed = storage.waitAfter(number, 0, never());
    storage.closeConsumer(number);
    await closed;
    await storage.waitAfter(number, 0, never());
  });

  test("a reset of the feed begins every consumer anew", async () => {
    const storage = await filled(3);
    const consumer = storage.openConsumer("c", 2);
    storage.mark(consumer.number, [mark(3, "PARKED")]);
    await storage.durable();
    await write(storage, {
      kind: "reset",
      number: TEAM_NUMBER,
      draft: draft("team-chat-all"),
      queue: true,
      context: false,
    });
    expect(storage.consumer("c")).toEqual(consumer);
    expect(storage.queue(consumer.number)).toMatchObject({ tail: 0, floor: 0, depth: 0, parked: 0 });
    await write(storage, direct("new", TEAM_NUMBER));
    expect(await readAll(storage, consumer.number)).toEqual(["1:new"]);
  });

  test("nobody but the feed is disturbed by what happens to sockets", async () => {
    const storage = await filled(2);
    const a = await createSocket(storage, "a");
    const { number } = storage.openConsumer("c", 1);
    await write(storage, { kind: "delete", number: a });
    expect(storage.queue(number)).toMatchObject({ floor: 1, depth: 1 });
  });
}
