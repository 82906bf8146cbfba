/** Every byte of a table of LevelDB, flipped. */
import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { openStorage } from "./support/level-storage.js";
import { broadcast, createSocket, direct, write } from "./support/storage-events.js";
import { openRaw } from "./support/storage-pair.js";
import { tempDir } from "./support/temp-dir.js";

const program = fileURLToPath(new URL("support/flip-table.ts", import.meta.url));
/** LevelDB takes no key for possible that is too short, and stops the process. */
const stopped = "internal_key.size() >= 8";
const run = promisify(execFile);

test("any flipped byte of a table is survived, or stops the process: nothing wrong is served, every loss is said", async () => {
  const folder = tempDir();
  const storage = await openStorage(folder);
  const sockets = [
    await createSocket(storage, "a"),
    await createSocket(storage, "b"),
    await createSocket(storage, "c"),
  ];
  for (let index = 0; index < 24; index++) {
    const number = sockets[index % 4];
    const body = `${index} `.padEnd(600, `${index * 7919}`);
    await write(storage, number === undefined ? broadcast(body) : direct(body, number));
  }
  await storage.close();
  // Opened once more, LevelDB makes a table of its log.
  await (await openRaw(folder)).close();
  const [table = ""] = readdirSync(join(folder, "log")).filter((name) => name.endsWith(".ldb"));
  const wrong: string[] = [];
  let stops = 0;
  for (let place = 0, isOver = false; !isOver; stops += isOver ? 0 : 1) {
    const programArguments = ["--import", "tsx", program, folder, table, `${place}`, "1"];
    const { stdout, stderr } = await run(process.execPath, programArguments).catch(
      (error: { stdout: string; stderr: string }) => error,
    );
    const lines = stdout.trim().split("\n");
    wrong.push(...lines.filter((line) => line.startsWith("wrong")));
    isOver = lines.at(-1) === "end";
    if (!isOver) expect(stderr).toContain(stopped);
    place = Number(lines.findLast((line) => line.startsWith("at"))?.slice(3)) + 1;
  }
  expect(wrong).toEqual([]);
  // They are few: only the lengths of keys can do that.
  expect(stops).toBeLessThan(20);
});
