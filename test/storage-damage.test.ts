/**
 * What happens when the disk does not give back what was written: it is found, said aloud and never served, and the
 * store goes on with what is left.
 */
import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { TEAM_NUMBER } from "../src/registry/storage.js";
import { contextKey, cursorKey, logKey, promptKey, removedKey, rowKey, storeKey } from "../src/storage/keys.js";
import { openStorage } from "./support/level-storage.js";
import { ALL, createSocket, draft, FOREVER, readAll, unsettled, write } from "./support/storage-events.js";
import {
  copyOf,
  expectMended,
  filesOf,
  filled,
  flipByte,
  forgetRevisions,
  missingOf,
  reopen,
  spoil,
} from "./support/storage-written.js";
import { tempDir } from "./support/temp-dir.js";

test("flipped bytes in the middle of LevelDB's log are found at the start, and what is left goes on", async () => {
  const written = await filled(120);
  const folder = copyOf(written.folder);
  const file = filesOf(folder, ".log").at(-1) ?? "";
  const { length } = readFileSync(file);
  flipByte(file, length >> 1);
  flipByte(file, (length >> 1) + 1);
  const opened = await reopen(folder);
  const [error] = opened.log.errors;
  expect(error).toMatchObject({ isSalvaged: true, damagedRows: 0 });
  expect(error?.["lostCount"]).toBeGreaterThan(0);
  expect(await missingOf(opened.storage, written)).toBeGreaterThan(0);
  await expectMended(folder, written, opened);
});

test("a torn end of LevelDB's log is found by what was acknowledged", async () => {
  const written = await filled(20);
  const folder = copyOf(written.folder);
  const file = filesOf(folder, ".log").at(-1) ?? "";
  truncateSync(file, readFileSync(file).length - 600);
  const opened = await reopen(folder);
  expect(opened.log.errors).toMatchObject([{ lostCount: 2, lost: [23, 24] }]);
  expect(opened.storage.revision).toBeGreaterThan(24);
  expect(await missingOf(opened.storage, written)).toBe(4);
  await expectMended(folder, written, opened);
});

test("an end that nobody was told of may be torn without a loss", async () => {
  const written = await filled(20);
  const folder = copyOf(written.folder);
  // As a crash in the middle of a write leaves it: the log is longer than what was acknowledged.
  const file = filesOf(folder, ".log").at(-1) ?? "";
  writeFileSync(file, Buffer.concat([readFileSync(file), Buffer.from([1, 2, 3, 4, 0xff, 1, 1, 7])]));
  const { storage, log } = await reopen(folder);
  expect(log.errors).toEqual([]);
  expect(await missingOf(storage, written)).toBe(0);
});

test("messages that are damaged while the store is open are marked as damaged, never served, and mended later", async () => {
  const written = await filled(12);
  await written.storage.close();
  // The start has read everything; the tables change only now.
  const { storage, log } = await reopen(written.folder);
  const all = [...new Set([...written.bodies.values()].flat())];
  const spoiled = all.filter((_, index) => index % 3 === 0);
  for (const file of filesOf(written.folder, ".ldb")) {
    const bytes = readFileSync(file);
    for (const body of spoiled) bytes.fill("x", bytes.indexOf(body) + 10, bytes.indexOf(body) + 12);
    writeFileSync(file, bytes);
  }
  let damaged = 0;
  for (const number of written.sockets) {
    const found = await storage.readAfter(number, 0, ALL);
    for (const [index, body] of (written.bodies.get(number) ?? []).entries()) {
      const isSpoiled = spoiled.includes(body);
      if (isSpoiled) damaged++;
      const expected = isSpoiled ? { timeMs: 0, sender: "", recipient: "", body: new Uint8Array() } : { sender: "s" };
      expect(found[index]).toMatchObject({ sequence: index + 1, damaged: isSpoiled, ...expected });
      if (!isSpoiled) expect(Buffer.from(found[index]?.body ?? []).toString()).toBe(body);
    }
  }
  expect(log.errors).toHaveLength(damaged);
  expect(written.sockets).toContain(log.errors[0]?.["number"]);
  await storage.close();
  const opened = await reopen(written.folder);
  expect(opened.log.errors).toMatchObject([{ lostCount: spoiled.length, isSalvaged: true }]);
  expect(await missingOf(opened.storage, written)).toBe(damaged);
  await expectMended(written.folder, written, opened);
});

test.each(["flip", "delete"] as const)("an entry that does not check is lost (%s)", async (how) => {
  const written = await filled(20);
  await written.storage.close();
  await spoil(written.folder, logKey(10), how);
  const opened = await reopen(written.folder);
  expect(opened.log.errors).toMatchObject([{ lostCount: 1, lost: [10], checkpoint: undefined }]);
  expect(await missingOf(opened.storage, written)).toBe(1);
  await expectMended(written.folder, written, opened);
});

test.each(["kept", "not kept"] as const)(
  "what was settled above a loss is not confused: its revision is %s",
  async (how) => {
    const written = await filled(12);
    const { storage: before, folder, sockets, bodies } = written;
    const [a = 0] = sockets;
    const own = bodies.get(a) ?? [];
    before.settle(a, [1, 3, 5]);
    await before.close();
    if (how === "not kept") await forgetRevisions(folder, a);
    await spoil(folder, logKey(6 + 3));
    const opened = await reopen(folder);
    const { lost: revisions } = opened.log.errors[0] as { lost: number[] };
    expect(revisions).toEqual([9]);
    // The first is settled for good, and the others if it is known which they are. All that is there is delivered.
    const open = own.filter((_, place) => ![0, ...(how === "kept" ? [2, 4] : [])].includes(place));
    const left = await unsettled(opened.storage, a);
    expect(open.filter((body) => left.includes(body))).toEqual(left);
    expect(left.length).toBeGreaterThanOrEqual(open.length - 1);
    expect((await readAll(opened.storage, a)).length).toBeGreaterThanOrEqual(left.length);
  },
);

test("a socket whose row is damaged is gone, and the others go on", async () => {
  const written = await filled(20);
  await written.storage.close();
  const [a = 0, b = 0] = written.sockets;
  await spoil(written.folder, rowKey(a));
  const opened = await reopen(written.folder);
  expect(opened.log.errors).toMatchObject([{ lostCount: 0, damagedRows: 1 }]);
  expect(opened.storage.socket(a)).toBeUndefined();
  expect(await unsettled(opened.storage, b)).toEqual(written.bodies.get(b));
  await expectMended(written.folder, written, opened);
});

test("a feed whose row is damaged is made again", async () => {
  const written = await filled(8);
  await written.storage.close();
  await spoil(written.folder, rowKey(TEAM_NUMBER));
  const opened = await reopen(written.folder);
  expect(opened.storage.find("team-chat-all")?.number).toBe(TEAM_NUMBER);
  expect(await missingOf(opened.storage, written)).toBe(0);
  expect(await createSocket(opened.storage, "d")).toBe(5);
  await expectMended(written.folder, written, opened);
});

test("a damaged cursor delivers again and loses nothing", async () => {
  const written = await filled(20);
  const [a = 0] = written.sockets;
  written.storage.settle(a, [1, 2]);
  await written.storage.close();
  await spoil(written.folder, cursorKey(a));
  const opened = await reopen(written.folder);
  expect(opened.log.errors).toMatchObject([{ lostCount: 0, damagedRows: 1 }]);
  expect(await missingOf(opened.storage, written)).toBe(0);
  await expectMended(written.folder, written, opened);
});

test.each([
  ["row of the store", storeKey],
  ["note of what was removed", removedKey(0)],
])("a damaged %s loses no message", async (_, key) => {
  const written = await filled(20);
  const [a = 0, b = 0, c = 0] = written.sockets;
  for (const number of [b, c]) written.storage.settle(number, [1, 2, 3, 4, 5, 6, 7, 8]);
  await written.storage.durable();
  await written.storage.retain({ ...FOREVER, messages: 0 });
  await written.storage.close();
  await spoil(written.folder, key);
  const opened = await reopen(written.folder);
  expect(opened.log.errors).toMatchObject([{ damagedRows: 1 }]);
  expect(await unsettled(opened.storage, a)).toEqual(written.bodies.get(a));
  await expectMended(written.folder, written, opened);
});

test("a damaged prompt or context is not served, and can be replaced", async () => {
  const folder = tempDir();
  const before = await openStorage(folder);
  const profile = { prompt: "be good", context: Buffer.from("context") };
  const { row } = before.append({ kind: "create", draft: draft("a"), profile });
  const number = row?.number ?? 0;
  await before.close();
  await spoil(folder, contextKey(number));
  const { storage } = await reopen(folder);
  await expect(storage.profile(number)).rejects.toThrow("checksum");
  await write(storage, { kind: "reset", number, draft: draft("a"), queue: false, context: true });
  expect(await storage.profile(number)).toEqual({ prompt: "be good", context: undefined });
  await storage.close();
  await spoil(folder, promptKey(number));
  await expect((await reopen(folder)).storage.profile(number)).rejects.toThrow("checksum");
});
