/** What an answered Write survives is decided by one option of LevelDB, which no crash of a process shows. */
import { Level } from "level";
import { expect, onTestFinished, test, vi } from "vitest";
import { openStorage } from "./support/level-storage.js";
import { createSocket, direct, write } from "./support/storage-events.js";
import { tempDir } from "./support/temp-dir.js";

test.each([
  ["fsync", true],
  ["os", false],
] as const)("with durability %s every batch is written with sync %s", async (durability, sync) => {
  const written = await watchBatches();
  const storage = await openStorage(tempDir(), { durability });
  const number = await createSocket(storage, "a");
  await write(storage, direct("one", number));
  storage.settle(number, [1]);
  await storage.close();
  expect(written.length).toBeGreaterThanOrEqual(4);
  expect(new Set(written)).toEqual(new Set([sync]));
});

/** Whether each batch that LevelDB writes from here on is to be on the disk. */
async function watchBatches(): Promise<boolean[]> {
  const level = new Level(tempDir());
  await level.open();
  const kind = Object.getPrototypeOf(level.batch());
  await level.close();
  const written: boolean[] = [];
  const { write } = kind;
  const spy = vi.spyOn(kind, "write").mockImplementation(function (this: unknown, options: unknown) {
    written.push((options as { sync: boolean }).sync);
    return write.call(this, options);
  });
  onTestFinished(() => spy.mockRestore());
  return written;
}
