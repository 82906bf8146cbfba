/** What was removed from the log leaves LevelDB's files too. */
import { randomBytes } from "node:crypto";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { Compaction } from "../src/storage/compaction.js";
import { Entries } from "../src/storage/entries.js";
import { logKey } from "../src/storage/keys.js";
import { openLevel } from "../src/storage/level-files.js";
import { Removal } from "../src/storage/removal.js";
import { tempDir } from "./support/temp-dir.js";

const ENTRY_BYTES = 1_000;

/** The bytes of LevelDB's tables. */
function tableBytes(folder: string): number {
  const tables = readdirSync(join(folder, "log")).filter((name) => name.endsWith(".ldb"));
  return tables.reduce((sum, name) => sum + statSync(join(folder, "log", name)).size, 0);
}

test("when nothing is removed any more, what was removed takes no room, and the rest is still there", async () => {
  const folder = tempDir();
  const db = await openLevel(folder);
  onTestFinished(() => db.close());
  const entries = new Entries();
  const removal = new Removal(entries, 0);
  const compaction = new Compaction(db, removal);
  const count = 10_000;
  for (let from = 1; from < count; from += 1_000) {
    const batch = db.batch();
    for (let at = from; at < from + 1_000; at++) {
      batch.put(logKey(at), randomBytes(ENTRY_BYTES));
      entries.add(at, ENTRY_BYTES, 0, 1);
    }
    await batch.write();
  }
  const removed = Array.from({ length: count - 100 }, (_, index) => index + 1);
  const batch = db.batch();
  removal.remove(removed, batch);
  await batch.write();
  await compaction.go();
  // There may be more to remove in a second.
  expect(tableBytes(folder)).toBeGreaterThan(1_000_000);
  await compaction.go();
  expect(tableBytes(folder)).toBeLessThan(1_000_000);
  const keys = await db.keys().all();
  for (let at = count - 99; at <= count; at++) expect(keys).toContainEqual(logKey(at));
});
