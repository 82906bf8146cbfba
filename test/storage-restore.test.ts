/** A store is made out of pieces whole or not at all. */
import { cpSync, existsSync, mkdirSync, readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { expect, test } from "vitest";
import { StoreRow } from "../gen/ts/socketregistry/storage/v1/records.js";
import { TEAM_NUMBER } from "../src/registry/storage.js";
import { cursorKey, logKey, rowKey, storeKey } from "../src/storage/keys.js";
import { UnknownVersion } from "../src/storage/level.js";
import { decodePiece, encodePiece } from "../src/storage/pieces.js";
import { DamagedRecord, decodeRecord, encodeRecord } from "../src/storage/records.js";
import { FolderHasLog, restoreStore } from "../src/storage/restore.js";
import { crashCopy } from "./support/crash-copy.js";
import { Lines, openStorage } from "./support/level-storage.js";
import { type Keeper, keeperOf } from "./support/pieces.js";
import { stateOf } from "./support/pieces-state.js";
import { broadcast, createSocket, direct, write } from "./support/storage-events.js";
import { openRaw } from "./support/storage-pair.js";
import { tempDir } from "./support/temp-dir.js";

async function small(): Promise<{ keeper: Keeper; state: object; number: number }> {
  const storage = await openStorage(tempDir());
  const number = await createSocket(storage, "a");
  await write(storage, direct("1", number), broadcast("2"), direct("3", TEAM_NUMBER));
  return { keeper: await keeperOf(storage), state: await stateOf(storage), number };
}

/** The pieces with one of them changed. */
async function* spoiled(keeper: Keeper, spoil: (key: string, bytes: Buffer) => Buffer | undefined) {
  for await (const { key, bytes } of keeper.contents()) yield { key, bytes: spoil(key, Buffer.from(bytes)) ?? bytes };
}

const flipped = (bytes: Buffer, place: number): Buffer => {
  bytes.writeUInt8(bytes.readUInt8(place) ^ 0x10, place);
  return bytes;
};

const replaced = (keeper: Keeper, key: string, bytes: Buffer) =>
  spoiled(keeper, (other) => (other === key ? bytes : undefined));

const LOG_PIECE = "log-00000000000001-00000000000005";

test.each([
  ["is cut short", (bytes: Buffer) => bytes.subarray(0, bytes.length - 1)],
  ["is empty", () => Buffer.alloc(0)],
  ["has a flipped bit", (bytes: Buffer) => flipped(bytes, bytes.length - 3)],
  ["has a flipped version", (bytes: Buffer) => flipped(bytes, 0)],
])("a piece that %s is refused by its key, and nothing is left behind", async (_, spoil) => {
  const { keeper, state } = await small();
  for (const spoiledKey of ["store", "sockets-0", LOG_PIECE]) {
    const folder = tempDir();
    const pieces = spoiled(keeper, (key, bytes) => (key === spoiledKey ? spoil(bytes) : undefined));
    const refused = restoreStore(folder, pieces);
    await expect(refused).rejects.toThrow(DamagedRecord);
    await expect(refused).rejects.toThrow(spoiledKey);
    expect(readdirSync(folder)).toEqual([]);
    // And the next attempt has all of the folder.
    await restoreStore(folder, keeper.contents());
    expect(await stateOf(await openStorage(folder))).toEqual(state);
  }
});

test("no byte of a piece can be flipped without being found", async () => {
  const { keeper } = await small();
  const bytes = keeper.pieces.get("sockets-0")?.bytes ?? Buffer.alloc(0);
  for (let place = 0; place < bytes.length; place += 7) {
    const pieces = spoiled(keeper, (key, found) => (key === "sockets-0" ? flipped(found, place) : undefined));
    await expect(restoreStore(tempDir(), pieces)).rejects.toThrow("sockets-0");
  }
});

test("a piece that a newer program wrote is refused as such", async () => {
  const { keeper } = await small();
  // The checksum begins with the version, so that this one is sound.
  const newer = Buffer.from("020000000000", "hex");
  newer.writeUInt32LE(crc32(newer.subarray(5), 2), 1);
  // And so is a piece of this version with a newer row in it.
  const around = encodePiece([{ key: logKey(4), value: newer, apart: false }]);
  for (const bytes of [newer, around]) {
    const refused = restoreStore(tempDir(), replaced(keeper, LOG_PIECE, bytes));
    await expect(refused).rejects.toThrow(UnknownVersion);
    await expect(refused).rejects.toThrow(LOG_PIECE);
  }
});

test("the pieces of a store with a newer layout are refused before anything is there", async () => {
  const { keeper } = await small();
  const [row] = decodePiece("store", keeper.pieces.get("store")?.bytes ?? Buffer.alloc(0));
  const store = decodeRecord(StoreRow, row?.value ?? Buffer.alloc(0));
  const value = encodeRecord(StoreRow, { ...store, format: 2 });
  const newer = encodePiece([{ key: storeKey, value, apart: false }]);
  const folder = tempDir();
  await expect(restoreStore(folder, replaced(keeper, "store", newer))).rejects.toThrow(UnknownVersion);
  expect(readdirSync(folder)).toEqual([]);
});

test("a row that was damaged when its piece was cut is found at the opening, and the rest goes on", async () => {
  const { keeper, number } = await small();
  const rows = decodePiece("sockets-0", keeper.pieces.get("sockets-0")?.bytes ?? Buffer.alloc(0));
  const damaged = rows.map((row) => (row.key.equals(rowKey(number)) ? { ...row, value: flipped(row.value, 9) } : row));
  const folder = tempDir();
  await restoreStore(folder, replaced(keeper, "sockets-0", encodePiece(damaged)));
  const log = new Lines();
  const storage = await openStorage(folder, { log });
  expect(log.errors).toMatchObject([{ isSalvaged: true, damagedRows: 1 }]);
  expect(storage.socket(number)).toBeUndefined();
  expect(storage.queue(TEAM_NUMBER).depth).toBe(1);
});

test("a piece with another's rows, or of a kind that nobody knows, is refused", async () => {
  const { keeper } = await small();
  const cursors = encodePiece([]);
  const strange = spoiled(keeper, (key) => (key === "sockets-0" ? keeper.pieces.get(LOG_PIECE)?.bytes : undefined));
  await expect(restoreStore(tempDir(), strange)).rejects.toThrow("sockets-0 holds the row 10");
  keeper.pieces.set("views-0", { key: "views-0", messageCount: 0, bytes: cursors });
  await expect(restoreStore(tempDir(), keeper.contents())).rejects.toThrow("views-0");
});

test("without the store's own piece there is no store", async () => {
  const { keeper } = await small();
  keeper.pieces.delete("store");
  const folder = tempDir();
  await expect(restoreStore(folder, keeper.contents())).rejects.toThrow("the piece store is not there");
  expect(readdirSync(folder)).toEqual([]);
});

test("a data directory that has a log is left alone", async () => {
  const { keeper } = await small();
  const folder = tempDir();
  const storage = await openStorage(folder);
  const number = await createSocket(storage, "own");
  await expect(restoreStore(folder, keeper.contents())).rejects.toThrow(FolderHasLog);
  await storage.close();
  await expect(restoreStore(folder, keeper.contents())).rejects.toThrow(FolderHasLog);
  expect((await openStorage(folder)).find("own")?.number).toBe(number);
});

test("what breaks off while the pieces come leaves nothing behind", async () => {
  const { keeper } = await small();
  const folder = tempDir();
  async function* broken() {
    for await (const piece of keeper.contents()) {
      yield piece;
      if (piece.key === "sockets-0") throw new Error("the line is dead");
    }
  }
  await expect(restoreStore(folder, broken())).rejects.toThrow("the line is dead");
  expect(readdirSync(folder)).toEqual([]);
});

test("a crash at any piece leaves a folder without a log, and the next attempt restores everything", async () => {
  const { keeper, state } = await small();
  const folder = tempDir();
  const copies: string[] = [];
  async function* watched() {
    for await (const piece of keeper.contents()) {
      copies.push(tempDir());
      crashCopy(folder, copies.at(-1) ?? "");
      yield piece;
    }
  }
  await restoreStore(folder, watched());
  expect(copies).toHaveLength(keeper.pieces.size);
  for (const copy of copies) {
    expect(readdirSync(copy)).toEqual(["log.restoring"]);
    await restoreStore(copy, keeper.contents());
    expect(readdirSync(copy)).toEqual(["log"]);
    expect(await stateOf(await openStorage(copy))).toEqual(state);
  }
});

test("a crash before the last step leaves a folder without a log, and after it the whole store", async () => {
  const { keeper, state } = await small();
  const folder = tempDir();
  await restoreStore(folder, keeper.contents());
  const before = tempDir();
  cpSync(folder, before, { recursive: true });
  renameSync(join(before, "log"), join(before, "log.restoring"));
  expect((await openStorage(before)).socketCount).toBe(0);
  expect(await stateOf(await openStorage(folder))).toEqual(state);
});

test("a crash in the first opening, or right after it, costs nothing", async () => {
  const { keeper, state, number } = await small();
  const folder = tempDir();
  await restoreStore(folder, keeper.contents());
  const unopened = tempDir();
  crashCopy(folder, unopened);
  const storage = await openStorage(folder);
  const opened = tempDir();
  crashCopy(folder, opened);
  const log = new Lines();
  const after = await openStorage(opened, { log });
  expect(after.socket(number)?.epoch).toBe(storage.socket(number)?.epoch);
  expect(log.lines.map(({ text }) => text)).toEqual(["the log is open"]);
  // And where the opening came to nothing, the next one is the first.
  const again = new Lines();
  const first = await openStorage(unopened, { log: again });
  expect(again.lines.map(({ text }) => text)).toEqual(["the log was restored"]);
  for (const one of [storage, after, first]) expect(await stateOf(one)).toEqual(state);
});

test("what another log has left beside it does not confuse the restored one", async () => {
  const { keeper, state } = await small();
  const folder = tempDir();
  const old = await openStorage(folder);
  await createSocket(old, "old");
  await old.close();
  renameSync(join(folder, "log"), join(tempDir(), "log"));
  mkdirSync(join(folder, "log.restoring"));
  expect(existsSync(join(folder, "acknowledged"))).toBe(true);
  await restoreStore(folder, keeper.contents());
  const log = new Lines();
  expect(await stateOf(await openStorage(folder, { log }))).toEqual(state);
  expect(log.errors).toEqual([]);
});

test("what is left of a socket that is gone is not restored", async () => {
  const storage = await openStorage(tempDir());
  const number = await createSocket(storage, "a");
  storage.append(direct("1", number));
  storage.settle(number, [1]);
  const keeper = await keeperOf(storage);
  await write(storage, { kind: "delete", number });
  await keeper.following.changed();
  const page = await keeper.following.piece("sockets-0");
  if (page !== undefined) keeper.pieces.set(page.key, page);
  const folder = tempDir();
  expect(await restoreStore(folder, keeper.contents())).toMatchObject({ socketCount: 0, missing: [] });
  const db = await openRaw(folder);
  expect(await db.get(cursorKey(number))).toBeUndefined();
  await db.close();
});
