/** The part of the storage contract that is about answers that are remembered. */
import { expect, test } from "vitest";
import type { Remembered, Storage } from "../../src/registry/storage.js";
import type { Open } from "./storage-contract-queues.js";
import { create, createSocket, direct, FOREVER, write } from "./storage-events.js";

/** A key as the registry makes them: 16 characters, each of them one byte. */
export const keyOf = (name: string): string => Buffer.from(name.padEnd(16, "\u00ff"), "latin1").toString("latin1");

/** Writes a message and remembers the answer to it. */
export function writeRemembered(storage: Storage, number: number, name: string): Remembered {
  const { revision, timeMs, sequences } = storage.append(direct(name, number));
  const results = [
    { socketId: "a", sequence: sequences[0] ?? 0, skipReason: undefined },
    { socketId: "b", sequence: 0, skipReason: "QUEUE_FULL" as const },
  ];
  const answer = { kind: "write", deliveredCount: 1, skippedCount: 1, results } as const;
  const remembered = { key: keyOf(name), fingerprint: keyOf(`of ${name}`), revision, timeMs, answer };
  storage.remember(remembered);
  return remembered;
}

export function remembering(open: Open): void {
  test("an answer is there at once, and the same when it is durable", async () => {
    const storage = await open();
    const a = await createSocket(storage, "a");
    const written = writeRemembered(storage, a, "1");
    const created = storage.append(create("b", { labels: { team: "x" }, config: { maxQueueSize: 3 } }));
    if (created.row === undefined) throw new Error("a create has a row");
    const { revision, timeMs, row } = created;
    const other: Remembered = { ...written, key: keyOf("2"), revision, timeMs, answer: { kind: "create", row } };
    storage.remember(other);
    for (const _ of ["early", "durable"]) {
      expect([storage.isRemembered(keyOf("1")), storage.isRemembered(keyOf("3"))]).toEqual([true, false]);
      expect(await storage.recall(keyOf("1"))).toEqual(written);
      expect(await storage.recall(keyOf("2"))).toEqual(other);
      expect(await storage.recall(keyOf("3"))).toBeUndefined();
      expect(storage).toMatchObject({ rememberedCount: 2, rememberedFrom: written.revision });
      await storage.durable();
    }
  });

  test("answers are forgotten up to a revision, and the oldest beyond a count", async () => {
    const storage = await open();
    const a = await createSocket(storage, "a");
    expect(storage).toMatchObject({ rememberedCount: 0, rememberedFrom: 0 });
    const names = ["1", "2", "3", "4", "5", "6"];
    const [, second, third, , fifth] = names.map((name) => writeRemembered(storage, a, name));
    const isThere = (): string => names.filter((name) => storage.isRemembered(keyOf(name))).join("");
    storage.forget(0, 6);
    expect(isThere()).toBe("123456");
    storage.forget(second?.revision ?? 0, 6);
    expect(isThere()).toBe("3456");
    expect(storage).toMatchObject({ rememberedCount: 4, rememberedFrom: third?.revision });
    await storage.durable();
    storage.forget(0, 2);
    expect(isThere()).toBe("56");
    expect(await storage.recall(keyOf("4"))).toBeUndefined();
    expect(await storage.recall(keyOf("5"))).toEqual(fifth);
    storage.forget(storage.revision, 2);
    expect(storage).toMatchObject({ rememberedCount: 0, rememberedFrom: 0 });
    await storage.durable();
  });

  test("a key that was forgotten can be remembered again, with another answer", async () => {
    const storage = await open();
    const a = await createSocket(storage, "a");
    const first = writeRemembered(storage, a, "1");
    writeRemembered(storage, a, "2");
    await storage.durable();
    storage.forget(first.revision, 9);
    const again = writeRemembered(storage, a, "1");
    for (const _ of ["early", "durable"]) {
      expect(await storage.recall(keyOf("1"))).toEqual(again);
      expect(storage).toMatchObject({ rememberedCount: 2, rememberedFrom: first.revision + 1 });
      await storage.durable();
    }
    storage.forget(0, 1);
    expect([storage.isRemembered(keyOf("1")), storage.isRemembered(keyOf("2"))]).toEqual([true, false]);
  });

  test("an answer outlives the message and the socket that it tells of", async () => {
    const storage = await open();
    const a = await createSocket(storage, "a");
    const written = writeRemembered(storage, a, "1");
    await write(storage, { kind: "delete", number: a });
    await storage.retain({ ...FOREVER, messages: 0 });
    expect(await storage.letter(written.revision)).toBeUndefined();
    expect(await storage.recall(keyOf("1"))).toEqual(written);
  });
}
