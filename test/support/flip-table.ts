/**
 * A program: starts the store again and again, each time with another byte of one of LevelDB's tables flipped, and
 * writes what was wrong to the standard output, one line each. It is a program because LevelDB stops the process at some
 * flips. Arguments: the data directory, the table, the first place, the step.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LevelStorage } from "../../src/storage/level.js";
import { Lines } from "./level-storage.js";
import { ALL, direct } from "./storage-events.js";

const [original = "", table = "", first = "0", step = "1"] = process.argv.slice(2);
const sound = readFileSync(join(original, "log", table));
const folder = mkdtempSync(join(tmpdir(), "socket-registry-"));

/** Every message that is there, by socket. */
async function start(write: boolean): Promise<{ messages: string[]; errors: object[] }> {
  const log = new Lines();
  const storage = await LevelStorage.open({ folder, durability: "os", recentBytes: 0, log });
  const messages: string[] = [];
  for (const { number } of storage.sockets()) {
    for (const { body, damaged } of await storage.readAfter(number, 0, ALL)) {
      if (!damaged) messages.push(`${number} ${Buffer.from(body)}`);
    }
    if (write) storage.append(direct("after", number));
    await storage.durable();
  }
  await storage.close();
  return { messages, errors: log.errors };
}

cpSync(original, folder, { recursive: true });
const { messages: expected } = await start(false);
const known = new Set(expected);
for (let place = Number(first); place < sound.length; place += Number(step)) {
  console.log(`at ${place}`);
  rmSync(folder, { recursive: true, force: true });
  cpSync(original, folder, { recursive: true });
  const bytes = Buffer.from(sound);
  bytes.writeUInt8(bytes.readUInt8(place) ^ 0x55, place);
  writeFileSync(join(folder, "log", table), bytes);
  const found = await start(true);
  if (found.messages.some((message) => !known.has(message))) console.log(`wrong: byte ${place}: an unknown message`);
  if (found.messages.length < expected.length && found.errors.length === 0)
    console.log(`wrong: byte ${place}: a silent loss`);
  // What is found only on reading is mended by the next start.
  if (found.errors.some((error) => "sequence" in error)) await start(false);
  const again = await start(false);
  if (again.errors.length > 0) console.log(`wrong: byte ${place}: the next start: ${JSON.stringify(again.errors)}`);
}
rmSync(folder, { recursive: true, force: true });
console.log("end");
