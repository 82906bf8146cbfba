/** The pieces of rows: which rows lie together, and which are apart. */
import { expect, onTestFinished, test, vi } from "vitest";
import { Piece as PieceRecord } from "../gen/ts/socketregistry/storage/v1/records.js";
import type { LevelStorage } from "../src/storage/level.js";
import { kindOfPiece } from "../src/storage/pieces.js";
import { decodeRecord } from "../src/storage/records.js";
import { openStorage } from "./support/level-storage.js";
import { type Keeper, keeperOf } from "./support/pieces.js";
import { stateOf } from "./support/pieces-state.js";
import { create, createSocket, direct, draft, write } from "./support/storage-events.js";
import { tempDir } from "./support/temp-dir.js";

const SMALL = Buffer.from("small");
/** With the version and the checksum it is one byte too large for its page. */
const LARGE = Buffer.alloc(16 * 1024 - 4, "l");

const setContext = (storage: LevelStorage, number: number, value: Buffer | undefined): Promise<void> =>
  write(storage, { kind: "change", what: "UPDATED", number, draft: draft("a"), profile: { context: { value } } });

async function withContext(value: Buffer): Promise<{ storage: LevelStorage; number: number; keeper: Keeper }> {
  const storage = await openStorage(tempDir());
  const { row } = storage.append({ kind: "create", draft: draft("a"), profile: { prompt: "p", context: value } });
  await storage.durable();
  return { storage, number: row?.number ?? 0, keeper: await keeperOf(storage) };
}

const CONTEXT_PIECE = "row-2200000002";

test("a row that fits lies in its page, and one that is a byte larger is apart and comes before it", async () => {
  const fits = await withContext(LARGE.subarray(1));
  expect(fits.keeper.sent).toEqual(["store", "sockets-0", "cursors-0"]);
  const { keeper, storage } = await withContext(LARGE);
  expect(keeper.sent).toEqual(["store", CONTEXT_PIECE, "sockets-0", "cursors-0"]);
  expect(keeper.pieces.get("sockets-0")?.bytes.length).toBeLessThan(1_000);
  expect(await stateOf((await keeper.restore()).storage)).toEqual(await stateOf(storage));
});

test("a row that becomes large goes apart, and comes back when it is small again", async () => {
  const { storage, number, keeper } = await withContext(SMALL);
  await setContext(storage, number, LARGE);
  expect(await keeper.round()).toMatchObject({ keys: [CONTEXT_PIECE, "sockets-0"], removed: [] });
  expect(await stateOf((await keeper.restore()).storage)).toEqual(await stateOf(storage));
  await setContext(storage, number, SMALL);
  expect(await keeper.round()).toMatchObject({ keys: ["sockets-0"], removed: [CONTEXT_PIECE] });
  expect(keeper.keys("row-")).toEqual([]);
  expect(await stateOf((await keeper.restore()).storage)).toEqual(await stateOf(storage));
});

test("of a row that is gone the piece goes too", async () => {
  const { storage, number, keeper } = await withContext(LARGE);
  await setContext(storage, number, undefined);
  expect(await keeper.round()).toMatchObject({ removed: [CONTEXT_PIECE] });
  expect((await storage.profile(number)).context).toBeUndefined();
  expect(await stateOf((await keeper.restore()).storage)).toEqual(await stateOf(storage));
});

test.each([1, 2, 3])("a round that ends after %i steps harms nothing, whichever way a row goes", async (steps) => {
  const there = await withContext(SMALL);
  await setContext(there.storage, there.number, LARGE);
  await there.keeper.round(steps);
  const after = await there.keeper.restore();
  const { context } = await after.storage.profile(there.number);
  expect(after.missing).toEqual([]);
  expect([SMALL.toString(), LARGE.toString()]).toContain(Buffer.from(context ?? []).toString());
  const back = await withContext(LARGE);
  await setContext(back.storage, back.number, undefined);
  await back.keeper.round(steps - 1);
  const { storage, missing } = await back.keeper.restore();
  expect(missing).toEqual([]);
  expect([0, LARGE.length]).toContain((await storage.profile(back.number)).context?.length ?? 0);
});

test("a row that changes its size between being told of and being cut is whole", async () => {
  const { storage, number, keeper } = await withContext(SMALL);
  await setContext(storage, number, LARGE);
  const changed = await keeper.following.changed();
  await setContext(storage, number, undefined);
  for (const key of changed.keys) {
    const piece = await keeper.following.piece(key);
    if (piece !== undefined) keeper.pieces.set(key, piece);
  }
  // What is told of together is of one moment.
  const context = (await (await keeper.restore()).storage.profile(number)).context ?? [];
  expect(Buffer.from(context).equals(LARGE)).toBe(true);
  await keeper.round();
  expect((await (await keeper.restore()).storage.profile(number)).context).toBeUndefined();
});

test("a row whose piece its keeper has lost is named, and the rest is restored", async () => {
  const { storage, number, keeper } = await withContext(LARGE);
  await write(storage, direct("m", number));
  await keeper.round();
  keeper.pieces.delete(CONTEXT_PIECE);
  const restored = await keeper.restore();
  expect(restored.missing).toEqual([CONTEXT_PIECE]);
  expect(await restored.storage.profile(number)).toEqual({ prompt: "p", context: undefined });
  expect(restored.storage.queue(number).depth).toBe(1);
});

test("a page has 64 sockets or 256 cursors, and tells how many sockets it has", async () => {
  const storage = await openStorage(tempDir());
  for (let index = 0; index < 300; index++) storage.append(create(`s${index}`));
  storage.append(direct("m", 255, 256, 257));
  for (const number of [255, 256, 257]) storage.settle(number, [1]);
  const keeper = await keeperOf(storage);
  expect(keeper.keys("sockets-")).toEqual(["sockets-0", "sockets-1", "sockets-2", "sockets-3", "sockets-4"]);
  expect(keeper.keys("sockets-").map((key) => keeper.pieces.get(key)?.socketCount)).toEqual([63, 64, 64, 64, 46]);
  expect(keeper.keys("cursors-")).toEqual(["cursors-0", "cursors-1"]);
  await write(storage, { kind: "delete", number: 70 });
  expect((await keeper.round()).keys).toEqual(["store", "sockets-1", "cursors-0"]);
  for (const { number } of [...storage.sockets(255)]) storage.append({ kind: "delete", number });
  await storage.durable();
  await keeper.round();
  expect(keeper.keys("sockets-")).not.toContain("sockets-4");
  expect(keeper.keys("cursors-")).toEqual(["cursors-0"]);
});

test("the same state gives the same bytes", async () => {
  const { storage, number } = await withContext(LARGE);
  await write(storage, direct("m", number));
  const first = await keeperOf(storage);
  const second = await keeperOf(storage);
  expect([...second.pieces.keys()]).toEqual([...first.pieces.keys()]);
  for (const [key, { bytes }] of second.pieces) expect(first.pieces.get(key)?.bytes.equals(bytes), key).toBe(true);
});

test("a reset is known to all pieces that are told of together, or to none", async () => {
  const { storage, number, keeper } = await withContext(SMALL);
  await write(storage, direct("1", number), direct("2", number));
  storage.settle(number, [1]);
  await storage.durable();
  await keeper.round();
  await write(storage, { kind: "change", what: "UPDATED", number, draft: draft("a", { model: "other" }) });
  storage.seen(number, 1);
  await storage.durable();
  const changed = await keeper.following.changed();
  const sockets = await keeper.following.piece("sockets-0");
  await write(storage, { kind: "reset", number, draft: draft("a"), queue: true, context: false });
  const cursors = await keeper.following.piece("cursors-0");
  expect(changed.keys).toEqual(["sockets-0", "cursors-0"]);
  for (const piece of [sockets, cursors]) if (piece !== undefined) keeper.pieces.set(piece.key, piece);
  // The first message was settled long before, and does not come again.
  const { storage: restored } = await keeper.restore();
  expect(restored.queue(number)).toMatchObject({ depth: 1, tail: 1 });
});

test("the moment of which pieces are is let go of when nobody asks for any", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  const { storage, number, keeper } = await withContext(SMALL);
  const holds = async (text: string) => (await keeper.following.piece("sockets-0"))?.bytes.includes(text);
  await setContext(storage, number, Buffer.from("told"));
  await keeper.following.changed();
  await setContext(storage, number, Buffer.from("later"));
  vi.advanceTimersByTime(9_999);
  expect(await holds("told")).toBe(true);
  vi.advanceTimersByTime(9_999);
  expect(await holds("told")).toBe(true);
  vi.advanceTimersByTime(10_000);
  expect(await holds("later")).toBe(true);
});

test.each([
  ["store", "store"],
  ["sockets-0", "sockets"],
  ["cursors-1f", "cursors"],
  ["row-2200000002", "row"],
  ["log-00000000000004-0000000000000b", "log"],
])("%s is the key of a piece", (key, kind) => {
  expect(kindOfPiece(key)?.kind).toBe(kind);
  expect(key).toMatch(/^[a-z0-9-]{1,64}$/);
});

test.each([
  "",
  "stores",
  "sockets-",
  "sockets-01",
  "sockets-G",
  "sockets-3ffffff",
  "cursors--1",
  "row-1000000002",
  "row-22000002",
  "log-4-b",
  "log-0000000000000b-00000000000004",
  "log-00000000000004-0000000000000b-1",
  "log-ffffffffffffff-ffffffffffffff",
])("'%s' is no key of a piece", (key) => {
  expect(kindOfPiece(key)).toBeUndefined();
});

test("a piece is a record of the store's own, with version and checksum", async () => {
  const { keeper } = await withContext(SMALL);
  const { rows } = decodeRecord(PieceRecord, keeper.pieces.get("sockets-0")?.bytes ?? Buffer.alloc(0));
  expect(rows.map(({ key }) => key.toString("hex"))).toEqual(["2000000001", "2000000002", "2100000002", "2200000002"]);
  expect(rows.every(({ apart }) => !apart)).toBe(true);
});

test("a socket that was replaced is not there twice, whatever the age of the pieces", async () => {
  const storage = await openStorage(tempDir());
  const first = await createSocket(storage, "a");
  for (let index = 0; index < 70; index++) storage.append(create(`s${index}`));
  const keeper = await keeperOf(storage);
  const { row } = storage.append(create("a", {}, first));
  await storage.durable();
  const changed = await keeper.following.changed();
  expect(changed.keys).toContain("sockets-1");
  const piece = await keeper.following.piece("sockets-1");
  if (piece !== undefined) keeper.pieces.set(piece.key, piece);
  const { storage: restored } = await keeper.restore();
  expect(restored.socket(first)).toBeUndefined();
  expect(restored.find("a")?.number).toBe(row?.number);
  expect(restored.socketCount).toBe(71);
});
