/** The pieces of the log: what becomes of them as messages come and go. */
import { expect, test } from "vitest";
import type { LevelOptions, LevelStorage } from "../src/storage/level.js";
import { failNextBatch, Lines, openStorage } from "./support/level-storage.js";
import { Keeper, keeperOf } from "./support/pieces.js";
import { stateOf } from "./support/pieces-state.js";
import { broadcast, createSocket, direct, draft, write } from "./support/storage-events.js";
import { tempDir } from "./support/temp-dir.js";

/** The monotonic clock of a store that tests move. */
class Elapsed {
  ms = 0;
  readonly options: Partial<LevelOptions> = { elapsedMs: () => this.ms, eraseAfterMs: 60_000 };
}

/** A store with two sockets, and its keeper. */
async function replicated(options: Partial<LevelOptions> = {}) {
  const storage = await openStorage(tempDir(), options);
  const a = await createSocket(storage, "a");
  const b = await createSocket(storage, "b");
  return { storage, a, b, keeper: await keeperOf(storage) };
}

const sequences = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, at) => from + at);

async function fill(storage: LevelStorage, number: number, count: number, bytes: number): Promise<void> {
  for (let index = 0; index < count; index++) storage.append(direct(`${index} `.padEnd(bytes, "x"), number));
  await storage.durable();
}

test("each round cuts the part of the log that is new, and only that", async () => {
  const { storage, a, keeper } = await replicated();
  await write(storage, direct("1", a), direct("2", a));
  await keeper.round();
  await write(storage, direct("3", a));
  keeper.sent.length = 0;
  const changed = await keeper.round();
  expect(keeper.sent).toEqual(["log-00000000000006-00000000000006"]);
  expect(changed).toMatchObject({ revision: 6, removed: [], sockets: new Set([a]) });
  expect(keeper.pieces.get("log-00000000000004-00000000000005")).toMatchObject({ messageCount: 2, revision: 5 });
});

test("a range of which nothing is held has no piece, and is covered all the same", async () => {
  const { storage, a, keeper } = await replicated();
  storage.append(direct("1", a));
  storage.settle(a, [1]);
  await storage.durable();
  expect(await keeper.round()).toMatchObject({ revision: 4 });
  expect(keeper.keys("log-")).toEqual([]);
  expect(await keeper.round()).toMatchObject({ revision: 4, keys: [], removed: [], sockets: new Set() });
});

test("a piece of the log holds at most 1 MiB, unless one message is larger", async () => {
  const { storage, a, keeper } = await replicated();
  await fill(storage, a, 5, 400_000);
  await fill(storage, a, 1, 2_000_000);
  await fill(storage, a, 3, 400_000);
  await keeper.catchUp(storage);
  const counts = keeper.keys("log-").map((key) => keeper.pieces.get(key)?.messageCount);
  expect(counts).toEqual([2, 2, 1, 1, 2, 1]);
});

test("a long backlog is told of in several rounds, and each says how far it came", async () => {
  const { storage, a, keeper } = await replicated();
  await fill(storage, a, 40, 1_000_000);
  const first = await keeper.round();
  expect(first.keys.filter((key) => key.startsWith("log-"))).toHaveLength(16);
  expect(first.revision).toBe(3 + 16);
  await keeper.catchUp(storage);
  expect(keeper.keys("log-")).toHaveLength(40);
  expect(keeper.confirmed).toBe(storage.durableRevision);
});

test("a piece of which nobody holds anything any more is removed, after the cursor that says so", async () => {
  const { storage, a, b, keeper } = await replicated();
  await write(storage, direct("1", a, b), direct("2", a));
  await keeper.round();
  storage.settle(a, [1, 2]);
  await storage.durable();
  expect(await keeper.round()).toMatchObject({ removed: [] });
  storage.settle(b, [1]);
  await storage.durable();
  expect(await keeper.round()).toMatchObject({ keys: ["cursors-0"], removed: ["log-00000000000004-00000000000005"] });
  expect(keeper.keys("log-")).toEqual([]);
});

test.each(["delete", "reset"] as const)(
  "after a %s the messages are in no piece once a minute has passed",
  async (how) => {
    const elapsed = new Elapsed();
    const { storage, a, b, keeper } = await replicated(elapsed.options);
    await write(storage, direct("secret", a), direct("kept", b), broadcast("to all"));
    await keeper.round();
    if (how === "delete") await write(storage, { kind: "delete", number: a });
    else await write(storage, { kind: "reset", number: a, draft: draft("a"), queue: true, context: true });
    await keeper.round();
    elapsed.ms += 59_999;
    await keeper.round();
    expect(keeper.has("secret")).toBe(true);
    elapsed.ms += 1;
    keeper.sent.length = 0;
    await keeper.round();
    expect(keeper.sent).toEqual(["log-00000000000004-00000000000006"]);
    expect(keeper.has("secret")).toBe(false);
    expect(keeper.has("kept") && keeper.has("to all")).toBe(true);
    expect(await keeper.round()).toMatchObject({ keys: [], removed: [] });
  },
);

test("what was settled in memory leaves no piece before that is durable", async () => {
  const { storage, a, keeper } = await replicated();
  await write(storage, direct("1", a));
  await keeper.round();
  storage.settle(a, [1]);
  failNextBatch(storage, a);
  await expect(keeper.round()).rejects.toThrow();
  expect(keeper.keys("log-")).toHaveLength(1);
});

test("small neighbours become one piece, and one that is most of it is not sent again for them", async () => {
  const { storage, a, keeper } = await replicated();
  for (let index = 1; index <= 8; index++) {
    await write(storage, direct(`m${index}`, a));
    await keeper.round();
  }
  expect(keeper.keys("log-")).toEqual(["log-00000000000004-0000000000000b"]);
  expect(keeper.removed.filter((key) => key.startsWith("log-"))).toHaveLength(8);
  for (let index = 9; index <= 15; index++) {
    await write(storage, direct(`m${index}`, a));
    await keeper.round();
  }
  expect(keeper.keys("log-")).toHaveLength(8);
  for (let index = 16; index <= 500; index++) {
    await write(storage, direct(`m${index}`, a));
    await keeper.round();
  }
  expect(keeper.keys("log-").length).toBeLessThan(32);
  const total = [...keeper.pieces.values()].reduce((sum, { messageCount }) => sum + messageCount, 0);
  expect(total).toBe(500);
  // Each message was sent a few times at most.
  expect(keeper.sent.length).toBeLessThan(1_200);
});

test("who follows anew takes over what is there, and cuts again what has too little in it", async () => {
  const { storage, a, keeper } = await replicated();
  for (const body of ["1", "2", "3"]) {
    await write(storage, direct(body, a));
    await keeper.round();
  }
  const [first = "", second = "", third = ""] = keeper.keys("log-");
  const next = new Keeper();
  for (const [key, piece] of keeper.pieces) if (key !== second) next.pieces.set(key, piece);
  next.pieces.set(third, { key: third, messageCount: 0, bytes: Buffer.from("half") });
  next.pieces.set("log-00000000000f00-00000000000fff", {
    key: "log-00000000000f00-00000000000fff",
    messageCount: 9,
    bytes: Buffer.alloc(0),
  });
  next.pieces.set("sockets-7", { key: "sockets-7", messageCount: 0, bytes: Buffer.alloc(0) });
  next.pieces.set("row-2200000002", { key: "row-2200000002", messageCount: 0, bytes: Buffer.alloc(0) });
  next.follow(storage);
  await next.round();
  expect(next.sent.filter((key) => key.startsWith("log-"))).toEqual([third, second]);
  expect(next.sent).not.toContain(first);
  expect(next.removed.sort()).toEqual(["log-00000000000f00-00000000000fff", "row-2200000002", "sockets-7"]);
  expect(await stateOf((await next.restore()).storage)).toEqual(await stateOf(storage));
  expect([...next.pieces.keys()].sort()).toEqual([...keeper.pieces.keys()].sort());
});

test("a merge that was cut short leaves pieces that cover one another, and the smaller ones go", async () => {
  const { storage, a, keeper } = await replicated();
  for (let index = 1; index <= 7; index++) {
    await write(storage, direct(`m${index}`, a));
    await keeper.round();
  }
  await write(storage, direct("m8", a));
  // All that is new, and no removal.
  await keeper.round(1);
  expect(keeper.keys("log-")).toHaveLength(8);
  keeper.follow(storage);
  await keeper.round();
  expect(keeper.keys("log-")).toEqual(["log-00000000000004-0000000000000b"]);
});

test("what did not arrive is told of once more, and so is what was to be removed", async () => {
  const { storage, a, keeper } = await replicated();
  await write(storage, direct("1", a));
  const first = await keeper.following.changed();
  keeper.following.missed(first.keys);
  expect(await keeper.following.changed()).toMatchObject({ keys: first.keys });
  storage.settle(a, [1]);
  await storage.durable();
  const second = await keeper.following.changed();
  expect(second.removed).toEqual(["log-00000000000004-00000000000004"]);
  keeper.following.missed(second.removed);
  expect((await keeper.following.changed()).removed).toEqual(second.removed);
});

test("following goes on after the store was opened again, and everything counts as changed", async () => {
  const log = new Lines();
  const { storage, a, b, keeper } = await replicated({ log });
  await write(storage, direct("1", a), direct("2", b));
  await keeper.round();
  failNextBatch(storage, a);
  await expect(storage.durable()).rejects.toThrow();
  await log.said("the log is open", 2);
  await write(storage, direct("3", a));
  const changed = await keeper.round();
  expect(changed).toMatchObject({
    sockets: "all",
    keys: ["store", "sockets-0", "cursors-0", "log-00000000000006-00000000000006"],
  });
  expect(await stateOf((await keeper.restore()).storage)).toEqual(await stateOf(storage));
});

test("who is followed by somebody else, or closed, tells the one before", async () => {
  const { storage, keeper } = await replicated();
  const before = keeper.following;
  await keeperOf(storage);
  await expect(before.changed()).rejects.toThrow("stopped");
  await storage.close();
  await expect(keeper.following.piece("store")).rejects.toThrow("stopped");
});

test("a broadcast concerns everyone, a message by name whom it went to", async () => {
  const { storage, a, b, keeper } = await replicated();
  await write(storage, direct("1", b));
  expect((await keeper.round()).sockets).toEqual(new Set([b]));
  await write(storage, broadcast("2"));
  expect((await keeper.round()).sockets).toBe("all");
  storage.settle(a, sequences(1, 1));
  await storage.durable();
  expect((await keeper.round()).sockets).toEqual(new Set([a]));
});
