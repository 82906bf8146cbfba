/** What happens when LevelDB's own files are damaged, wherever that is. */
import { randomBytes } from "node:crypto";
import { cpSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { expect, test } from "vitest";
import type { Lines } from "./support/level-storage.js";
import { direct, unsettled, write } from "./support/storage-events.js";
import { openRaw } from "./support/storage-pair.js";
import {
  copyOf,
  expectMended,
  filesOf,
  filled,
  flipByte,
  lost,
  missingOf,
  reopen,
  type Written,
} from "./support/storage-written.js";

const isLong = process.env["LONG"] === "1";

test("when LevelDB can merge its files no more, the store makes new ones of what is left, by itself", async () => {
  const written = await filled(12);
  const { folder, storage: before, sockets } = written;
  await before.close();
  const { storage, log } = await reopen(folder);
  const [a = 0, b = 0] = sockets;
  const acknowledged: string[] = [];
  const writeOne = async (index: number): Promise<void> => {
    const body = `${index} ${randomBytes(75_000).toString("base64")}`;
    try {
      storage.append(direct(body, b));
      await storage.durable();
      acknowledged.push(body);
    } catch (error) {
      expect(error).toMatchObject({ reason: "STORAGE_UNAVAILABLE" });
      await log.said(lost);
    }
  };
  const [first = ""] = filesOf(folder, ".ldb");
  // A table is written after 4 MiB.
  const isWritten = (): boolean => filesOf(folder, ".ldb").length > 1 && filesOf(folder, ".log").length === 1;
  for (let index = 0; !isWritten(); index++) await writeOne(index);
  const [table = ""] = filesOf(folder, ".ldb").filter((name) => name !== first);
  const bytes = readFileSync(table);
  // The beginning of a block tells where its rows are.
  writeFileSync(table, bytes.fill(0xff, 0, 40));
  // Four tables are merged.
  for (let index = 1_000; storage.generation === 1 && index < 1_400; index++) await writeOne(index);
  expect(storage.generation).toBe(2);
  expect(log.errors.at(-1)).toMatchObject({ isSalvaged: true });
  expect(await unsettled(storage, a)).toEqual(written.bodies.get(a));
  const left = (await unsettled(storage, b)).filter((body) => body.length > 1_000);
  // Each is one that was written, in order, and those after the damage are all there.
  expect(acknowledged.filter((body) => left.includes(body))).toEqual(
    left.filter((body) => acknowledged.includes(body)),
  );
  expect(left.slice(-20)).toEqual(acknowledged.slice(-20));
  expect(left.length).toBeLessThan(acknowledged.length);
  await storage.close();
  const again = await reopen(folder);
  expect(again.log.errors).toEqual([]);
  expect((await unsettled(again.storage, b)).slice(-20)).toEqual(left.slice(-20));
});

test("a flipped byte in any message in a table costs that message, and says so", async () => {
  const written = await filled(12, 600);
  await written.storage.close();
  // Opened once more, LevelDB makes a table of its log.
  await (await openRaw(written.folder)).close();
  const [table = ""] = filesOf(written.folder, ".ldb");
  const bytes = readFileSync(table);
  for (const body of new Set([...written.bodies.values()].flat())) {
    const place = bytes.indexOf(body.slice(100, 200));
    expect(place).toBeGreaterThan(0);
    const { log, missing } = await flipAndStart(written, basename(table), place);
    expect(log.errors).toMatchObject([{ lostCount: 1, damagedRows: 0 }]);
    expect(missing).toBe([...written.bodies.values()].filter((bodies) => bodies.includes(body)).length);
  }
});

test("a flipped byte anywhere in LevelDB's logs is survived: nothing wrong is served, and every loss is said", async () => {
  const written = await filled(24, 600);
  const folder = copyOf(written.folder);
  const names = readdirSync(join(folder, "log")).filter((name) => /^\d+\.log$|^MANIFEST/.test(name));
  for (const name of names) {
    const { length } = readFileSync(join(folder, "log", name));
    const step = isLong ? 7 : Math.max(5, Math.floor(length / 20));
    for (let place = 0; place < length; place += step) {
      const { log, missing } = await flipAndStart({ ...written, folder }, name, place);
      expect(missing === 0 || log.errors.length > 0, `byte ${place} of ${name}: ${missing} are missing`).toBe(true);
    }
  }
});

test.each([true, false])("a salvage that a crash cut off is finished (nearly done: %s)", async (isNearlyDone) => {
  const written = await filled(12);
  await written.storage.close();
  const files = join(written.folder, "log");
  writeFileSync(join(written.folder, "suspect"), "");
  if (isNearlyDone) renameSync(files, `${files}.salvaged`);
  else cpSync(filesOf(written.folder, ".log")[0] ?? "", join(`${files}.salvaged`, "000003.log"), { recursive: true });
  const opened = await reopen(written.folder);
  expect(opened.log.errors).toMatchObject([{ isSalvaged: true, lostCount: 0 }]);
  expect(await missingOf(opened.storage, written)).toBe(0);
  await expectMended(written.folder, written, opened);
});

/** Starts with one byte flipped, writes on, and starts again, which must be clean. */
async function flipAndStart(written: Written, name: string, place: number): Promise<{ log: Lines; missing: number }> {
  const folder = copyOf(written.folder);
  flipByte(join(folder, "log", name), place);
  const { storage, log } = await reopen(folder);
  const missing = await missingOf(storage, written);
  const sockets = written.sockets.filter((one) => storage.socket(one) !== undefined);
  await write(storage, ...sockets.map((one) => direct("after", one)));
  await storage.close();
  const again = await reopen(folder);
  const where = `the start after byte ${place} of ${name}`;
  expect(again.log.errors, where).toEqual([]);
  for (const one of sockets) expect((await unsettled(again.storage, one)).at(-1), where).toBe("after");
  await again.storage.close();
  rmSync(folder, { recursive: true });
  return { log, missing };
}
