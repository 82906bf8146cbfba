/** The pieces of a large store: nothing is missing, and no step is as large as the store. */
import { expect, test } from "vitest";
import type { LevelStorage } from "../src/storage/level.js";
import { openStorage } from "./support/level-storage.js";
import { Keeper } from "./support/pieces.js";
import { create, direct, FOREVER, readAll, write } from "./support/storage-events.js";
import { tempDir } from "./support/temp-dir.js";

const SOCKETS = 2_000;
const MESSAGES = 100_000;

async function large(): Promise<LevelStorage> {
  const storage = await openStorage(tempDir());
  for (let index = 0; index < SOCKETS; index++) storage.append(create(`s${index}`));
  for (let index = 0; index < MESSAGES; index++) {
    storage.append(direct(`message ${index} `.padEnd(100, "x"), 2 + (index % SOCKETS)));
    if (index % 10_000 === 0) await storage.durable();
  }
  await storage.durable();
  return storage;
}

const depthOf = (storage: LevelStorage): number =>
  [...storage.sockets()].reduce((sum, { number }) => sum + storage.queue(number).depth, 0);

test("100,000 messages are cut and restored, and what changes afterwards costs what it changes", {
  timeout: 120_000,
}, async () => {
  const storage = await large();
  const keeper = new Keeper();
  keeper.follow(storage);
  await keeper.catchUp(storage);
  const pieces = [...keeper.pieces.values()];
  expect(pieces.reduce((sum, { messageCount }) => sum + messageCount, 0)).toBe(MESSAGES);
  expect(Math.max(...pieces.map(({ bytes }) => bytes.length))).toBeLessThan(1.2 * 1024 * 1024);
  const { bytes } = storage;
  expect(pieces.reduce((sum, piece) => sum + piece.bytes.length, 0)).toBeLessThan(1.2 * bytes);
  await write(storage, direct("one more", 7));
  expect((await keeper.round()).keys).toEqual([expect.stringMatching(/^log-/)]);
  for (let number = 2; number < SOCKETS + 2; number++) storage.settle(number, [1]);
  await storage.durable();
  const cursors = (await keeper.round()).keys.filter((key) => !key.startsWith("log-"));
  expect(cursors).toHaveLength(Math.ceil((SOCKETS + 2) / 256));
  const { storage: restored, ...counts } = await keeper.restore();
  expect(counts).toMatchObject({ socketCount: SOCKETS, messageCount: MESSAGES + 1, missing: [] });
  expect(depthOf(restored)).toBe(MESSAGES + 1 - SOCKETS);
  expect(depthOf(restored)).toBe(depthOf(storage));
  const bodies = (await readAll(restored, 7)).map((text) => text.split(":")[1]);
  expect(bodies).toEqual((await readAll(storage, 7, 1)).map((text) => text.split(":")[1]));
  // What was settled by then is in no queue, and goes.
  expect(await restored.retain({ ...FOREVER, messages: 0 })).toBeGreaterThanOrEqual(SOCKETS);
});
