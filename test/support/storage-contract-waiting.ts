/** The part of the storage contract that is about waiting for a queue to grow. */
import { getEventListeners } from "node:events";
import { expect, test } from "vitest";
import type { Open } from "./storage-contract-queues.js";
import { broadcast, create, createSocket, direct, draft, never, write } from "./storage-events.js";

export function waiting(open: Open): void {
  test("whoever waits for what is there already does not wait", async () => {
    const storage = await open();
    const a = await createSocket(storage, "a");
    await write(storage, direct("1", a));
    await storage.waitAfter(a, 0, never());
  });

  test("whoever waits wakes when the message is durable, and not before", async () => {
    const storage = await open();
    const a = await createSocket(storage, "a");
    let tailAtWake = 0;
    const woken = storage.waitAfter(a, 0, never()).then(() => {
      tailAtWake = storage.queue(a).durableTail;
    });
    storage.append(direct("1", a));
    await woken;
    expect(tailAtWake).toBe(1);
  });

  test("a broadcast wakes everybody", async () => {
    const storage = await open();
    const numbers = [await createSocket(storage, "a"), await createSocket(storage, "b")];
    const woken = Promise.all(numbers.map((number) => storage.waitAfter(number, 0, never())));
    storage.append(broadcast("1"));
    await woken;
  });

  test("wake wakes, and so do a reset, a delete and a replace", async () => {
    const storage = await open();
    const a = await createSocket(storage, "a");
    const byWake = storage.waitAfter(a, 0, never());
    storage.wake(a);
    await byWake;
    const byReset = storage.waitAfter(a, 0, never());
    storage.append({ kind: "reset", number: a, draft: draft("a"), queue: true, context: false });
    await byReset;
    const byReplace = storage.waitAfter(a, 0, never());
    const { row } = storage.append(create("a", {}, a));
    await byReplace;
    const byDelete = storage.waitAfter(row?.number ?? 0, 0, never());
    storage.append({ kind: "delete", number: row?.number ?? 0 });
    await byDelete;
    await storage.waitAfter(a, 0, never());
  });

  test("a wait ends with the signal's reason and leaves no listener behind, however it ends", async () => {
    const storage = await open();
    const a = await createSocket(storage, "a");
    const controller = new AbortController();
    const { signal } = controller;
    await storage.waitAfter(a, 0, signal, 1);
    const woken = storage.waitAfter(a, 0, signal);
    storage.wake(a);
    await woken;
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
    const aborted = storage.waitAfter(a, 0, signal);
    expect(getEventListeners(signal, "abort").length).toBeGreaterThan(0);
    controller.abort(new Error("enough"));
    await expect(aborted).rejects.toThrow("enough");
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
    await expect(storage.waitAfter(a, 0, signal)).rejects.toThrow("enough");
  });
}
