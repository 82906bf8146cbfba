/** What was settled out of turn, above a message that still waits, stays settled. */
import { expect, test } from "vitest";
import { crashCopy } from "./support/crash-copy.js";
import { openStorage } from "./support/level-storage.js";
import { createSocket, direct, unsettled, write } from "./support/storage-events.js";
import { tempDir } from "./support/temp-dir.js";

test.each(["close", "crash"])("what is settled above the floor is settled after a %s", async (how) => {
  const folder = tempDir();
  const storage = await openStorage(folder);
  const number = await createSocket(storage, "a");
  await write(storage, ...["one", "two", "three", "four"].map((body) => direct(body, number)));
  storage.settle(number, [2, 4]);
  await storage.durable();
  const image = how === "close" ? folder : tempDir();
  if (how === "close") await storage.close();
  else crashCopy(folder, image);
  const again = await openStorage(image);
  expect(again.queue(number).floor).toBe(0);
  expect(await unsettled(again, number)).toEqual(["one", "three"]);
});
