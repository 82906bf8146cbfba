/** The part of the storage contract that is about the log itself: changes of sockets, messages with their routes, replies. */
import { getEventListeners } from "node:events";
import { expect, test } from "vitest";
import { type LogEvent, type Storage, TEAM_NUMBER } from "../../src/registry/storage.js";
import type { Open } from "./storage-contract-queues.js";
import { broadcast, Clock, create, createSocket, direct, draft, FOREVER, never, write } from "./storage-events.js";

/** Every change after a revision as "revision kind id", page by page. */
export async function changesAfter(storage: Storage, after: number, limit = 1_000): Promise<string[]> {
  const found: string[] = [];
  for (let through = after; ; ) {
    const page = await storage.changes(through, limit);
    if (page === undefined) throw new Error(`changes after ${through} were let go of`);
    expect(page.changes.length).toBeLessThanOrEqual(limit);
    found.push(...page.changes.map(({ revision, kind, row }) => `${revision} ${kind} ${row.socketId}`));
    if (page.through === through) return found;
    expect(page.through).toBeGreaterThan(through);
    through = page.through;
  }
}

export function changing(open: Open): void {
  const change = (number: number, what: "UPDATED" | "STATE_CHANGED", fields = {}): LogEvent => ({
    kind: "change",
    what,
    number,
    draft: draft("a", fields),
  });

  test("changes are told in order with their kind and the row afterwards, and messages are not", async () => {
    const storage = await open();
    const a = await createSocket(storage, "a");
    await write(storage, direct("m", a), change(a, "UPDATED", { model: "new" }), broadcast("n"));
    await write(storage, change(a, "STATE_CHANGED", { state: "INACTIVE" }));
    const reset = { kind: "reset", number: a, draft: draft("a"), context: true } as const;
    await write(storage, { ...reset, queue: false }, { ...reset, queue: true }, create("a", {}, a));
    const b = storage.find("a")?.number ?? 0;
    await write(storage, { kind: "delete", number: b });
    const expected = ["1 CREATED team-chat-all", "2 CREATED a", "4 UPDATED a", "6 STATE_CHANGED a", "7 UPDATED a"];
    expected.push("8 RESET a", "9 CREATED a", "10 DELETED a");
    for (const limit of [1, 2, 3, 100]) {
      expect(await changesAfter(storage, 0, limit)).toEqual(expected);
      expect(await changesAfter(storage, 6, limit)).toEqual(expected.slice(4));
    }
    const page = await storage.changes(1, 100);
    expect(page?.through).toBe(10);
    expect(page?.changes.map(({ row }) => row.number)).toEqual([a, a, a, a, a, b, b]);
    expect(page?.changes[1]?.row).toMatchObject({ model: "new", changedRevision: 4, createdRevision: 2 });
    expect(page?.changes[2]?.row).toMatchObject({ state: "INACTIVE", createdRevision: 2 });
    expect(page?.changes[4]?.row).toMatchObject({ epochRevision: 8, createdRevision: 2 });
    expect(page?.changes[6]?.row).toMatchObject({ createdRevision: 9, changedRevision: 9 });
    expect(await storage.changes(10, 100)).toEqual({ changes: [], through: 10 });
  });

  test("a change is told when it is durable, and to everybody as the same object", async () => {
    const storage = await open();
    await storage.durable();
    const { revision } = storage.append(create("a"));
    const durable = storage.durable();
    expect(storage.durableRevision).toBe(1);
    const early = storage.changes(1, 9);
    expect(await early).toEqual({ changes: [], through: 1 });
    await durable;
    expect(storage.durableRevision).toBe(revision);
    const [first, second] = await Promise.all([storage.changes(1, 9), storage.changes(1, 1)]);
    expect(first?.changes[0]).toMatchObject({ revision, kind: "CREATED", row: { socketId: "a" } });
    expect(first?.changes[0]).toBe(second?.changes[0]);
  });

  test("a change of the profile replaces what it names, in the same step as the row", async () => {
    const storage = await open();
    const profile = { prompt: "one", context: Buffer.from("c") };
    const { row } = storage.append({ kind: "create", draft: draft("a"), profile });
    await storage.durable();
    const number = row?.number ?? 0;
    const after = async (changed: object): Promise<object> => {
      const before = storage.queue(number);
      await write(storage, { ...change(number, "UPDATED"), profile: changed } as LogEvent);
      expect(storage.queue(number)).toBe(before);
      const { prompt, context } = await storage.profile(number);
      return { prompt, context: context && Buffer.from(context).toString() };
    };
    expect(await after({ prompt: "two" })).toEqual({ prompt: "two", context: "c" });
    expect(await after({ context: { value: Buffer.from("d") } })).toEqual({ prompt: "two", context: "d" });
    expect(await after({})).toEqual({ prompt: "two", context: "d" });
    expect(await after({ prompt: "", context: { value: undefined } })).toEqual({ prompt: "", context: undefined });
  });

  test("whoever waits for a change wakes by one that is durable, and by no message", async () => {
    const storage = await open();
    await storage.durable();
    const a = await createSocket(storage, "a");
    await storage.waitChange(a - 1, never());
    const { durableRevision } = storage;
    let durableAtWake = 0;
    const woken = storage.waitChange(durableRevision, never()).then(() => {
      durableAtWake = storage.durableRevision;
    });
    await write(storage, broadcast("m"), direct("m", a));
    await storage.durable();
    expect(durableAtWake).toBe(0);
    const { revision } = storage.append(create("b"));
    await woken;
    expect(durableAtWake).toBe(revision);
    await storage.waitChange(durableRevision, never());
  });

  test("a wait for a change ends with the signal's reason, after its time, and at the close", async () => {
    const storage = await open();
    await storage.durable();
    const controller = new AbortController();
    const { signal } = controller;
    await storage.waitChange(storage.revision, signal, 1);
    const aborted = storage.waitChange(storage.revision, signal);
    controller.abort(new Error("enough"));
    await expect(aborted).rejects.toThrow("enough");
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
    const closed = expect(storage.waitChange(storage.revision, never())).rejects.toMatchObject({
      reason: "STORAGE_UNAVAILABLE",
    });
    await storage.close();
    await closed;
  });

  test("every change after the end of history is still told", async () => {
    const clock = new Clock();
    const storage = await open(clock);
    await createSocket(storage, "a");
    clock.ms += 1_000;
    const b = await createSocket(storage, "b");
    expect(storage.historyFloor).toBe(0);
    await storage.retain({ ...FOREVER, ageMs: 500 });
    expect(storage.historyFloor).toBe(2);
    expect(await changesAfter(storage, storage.historyFloor)).toEqual([`${b} CREATED b`]);
  });
}

export function letters(open: Open): void {
  test("a message is read by its revision, with its routes, when it is durable", async () => {
    const storage = await open();
    const [a, b] = [await createSocket(storage, "a"), await createSocket(storage, "b")];
    const { revision, timeMs } = storage.append(broadcast("all", [b], [TEAM_NUMBER]));
    const durable = storage.durable();
    expect(await storage.letter(revision)).toBeUndefined();
    await durable;
    const letter = await storage.letter(revision);
    expect({ ...letter, body: Buffer.from(letter?.body ?? []).toString() }).toEqual({
      revision,
      timeMs,
      sender: "s",
      recipient: "r",
      body: "all",
      targets: [TEAM_NUMBER],
      everyone: true,
      skipped: [{ number: b, reason: "QUEUE_FULL" }],
    });
    await write(storage, direct("one", a));
    expect(await storage.letter(revision + 1)).toMatchObject({ targets: [a], everyone: false, skipped: [] });
    for (const none of [0, 1, 2, revision + 2]) expect(await storage.letter(none)).toBeUndefined();
  });

  test("a message that was let go of or erased is not read any more, and one that somebody holds is", async () => {
    const storage = await open();
    const [a, b] = [await createSocket(storage, "a"), await createSocket(storage, "b")];
    await write(storage, direct("both", a, b), direct("a", a), direct("erased", b), direct("late", a));
    storage.settle(a, [1, 2]);
    await write(storage, { kind: "delete", number: b });
    const bodies = async (): Promise<string[]> => {
      const found = await Promise.all([4, 5, 6, 7].map((revision) => storage.letter(revision)));
      return found.map((letter) => (letter === undefined ? "" : Buffer.from(letter.body).toString()));
    };
    await storage.retain(FOREVER);
    expect(await bodies()).toEqual(["both", "a", "", "late"]);
    await storage.retain({ ...FOREVER, messages: 0 });
    expect(await bodies()).toEqual(["", "", "", "late"]);
    storage.settle(a, [3]);
    expect(await bodies()).toEqual(["", "", "", ""]);
    await storage.durable();
  });

  test("the replies to a message are found, durable ones only, also after one of them", async () => {
    const storage = await open();
    const a = await createSocket(storage, "a");
    const reply = (replyTo: number): LogEvent => ({ ...direct(`to ${replyTo}`, a), replyTo });
    await write(storage, direct("question", a), reply(3), direct("other", a), reply(5), reply(3));
    expect(await storage.replies(3, 0)).toEqual([4, 7]);
    expect(await storage.replies(3, 4)).toEqual([7]);
    expect(await storage.replies(5, 0)).toEqual([6]);
    expect(await storage.replies(4, 0)).toEqual([]);
    storage.append(reply(3));
    const durable = storage.durable();
    expect(await storage.replies(3, 4)).toEqual([7]);
    await durable;
    expect(await storage.replies(3, 4)).toEqual([7, 8]);
    storage.settle(a, [1, 2, 3, 4, 5]);
    await storage.durable();
    await storage.retain({ ...FOREVER, messages: 0 });
    expect(await storage.replies(3, 0)).toEqual([8]);
  });
}
