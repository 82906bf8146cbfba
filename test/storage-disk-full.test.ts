/**
 * A full disk: writes are refused, nothing that was acknowledged is lost, and when there is room again the store goes on
 * by itself. It needs a disk of its own, which is a tmpfs, and so root.
 */
import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import type { LevelStorage } from "../src/storage/level.js";
import { Lines, openStorage } from "./support/level-storage.js";
import { SmallDisk, whyNoSmallDisk } from "./support/small-disk.js";
import { ALL, createSocket, direct } from "./support/storage-events.js";

const KIBIBYTE = 1024;
const MEBIBYTE = 1024 * KIBIBYTE;
const failed = "a write to the store failed; it is opened again";
const opened = "the log is open";

const reason = whyNoSmallDisk();
if (reason !== undefined) console.warn(`the tests of a full disk are skipped: ${reason}`);

/** One that writes, one message after the other, and remembers what was acknowledged. */
class Writer {
  readonly number: number;
  readonly acknowledged: string[] = [];
  /** What was refused: the outcome is unknown. */
  readonly refused: { body: string; error: unknown }[] = [];
  readonly #storage: LevelStorage;
  bytes: number;
  #count = 0;

  constructor(storage: LevelStorage, number: number, bytes: number) {
    this.#storage = storage;
    this.number = number;
    this.bytes = bytes;
  }

  async writeOne(): Promise<void> {
    // Random, so that LevelDB cannot press it together.
    const body = `${this.number}/${this.#count++} ${randomBytes(this.bytes / 2).toString("latin1")}`;
    try {
      this.#storage.append(direct(body, this.number));
      await this.#storage.durable();
      this.acknowledged.push(body);
    } catch (error) {
      this.refused.push({ body, error });
    }
  }

  /** Writes until the first refusal. */
  async writeUntilRefused(): Promise<void> {
    const { length } = this.refused;
    while (this.refused.length === length) await this.writeOne();
  }
}

/** Everything acknowledged is there, in its order; of what was refused nothing or all, in its place. */
async function expectAllThere(storage: LevelStorage, writers: readonly Writer[]): Promise<void> {
  for (const { number, acknowledged, refused } of writers) {
    const found = (await storage.readAfter(number, 0, ALL)).map(({ body }) => Buffer.from(body).toString());
    const unknown = new Set(refused.map(({ body }) => body));
    expect(found.filter((body) => !unknown.has(body))).toEqual(acknowledged);
    const { tail, depth } = storage.queue(number);
    expect([tail, depth]).toEqual([found.length, found.length]);
  }
}

async function setUp(diskBytes: number, bodyBytes: number) {
  const disk = new SmallDisk(diskBytes);
  const log = new Lines();
  const storage = await openStorage(disk.folder, { durability: "fsync", recentBytes: 0, log });
  const writers: Writer[] = [];
  for (const id of ["a", "b", "c", "d"]) writers.push(new Writer(storage, await createSocket(storage, id), bodyBytes));
  for (const writer of writers) await writer.writeOne();
  return { disk, log, storage, writers };
}

test.skipIf(reason !== undefined).each([
  { where: "in LevelDB's log", file: /\.log: /, rounds: 1, freeBytes: 200 * KIBIBYTE, bodyBytes: 8 * KIBIBYTE },
  // At 4 MiB the log becomes a table of as much, for which there is no room. The next log may see that first.
  { where: "in a table", file: /\.ldb: |000004\.log: /, rounds: 15, freeBytes: 3.5 * MEBIBYTE, bodyBytes: KIBIBYTE },
])(
  "a disk that fills up $where: writes are refused, and after it has room again all that was acknowledged is there",
  async ({ file, rounds, freeBytes, bodyBytes }) => {
    const { disk, log, storage, writers } = await setUp(32 * MEBIBYTE, 64 * KIBIBYTE);
    for (let round = 0; round < rounds; round++) await Promise.all(writers.map((writer) => writer.writeOne()));
    for (const writer of writers) writer.bytes = bodyBytes;
    disk.fill(freeBytes);
    const { generation } = storage;
    await Promise.all(writers.map((writer) => writer.writeUntilRefused()));
    for (const { error } of writers.flatMap(({ refused }) => refused)) {
      expect(error).toMatchObject({ reason: "STORAGE_UNAVAILABLE" });
    }
    const [first] = log.lines.filter(({ text }) => text === failed);
    expect(String(first?.values["err"])).toMatch(/No space left on device|IO error/);
    expect(causes(first?.values["err"])).toMatch(file);
    // While it is full, some openings may succeed and the next write fails again; nothing is ever half there.
    disk.free();
    const openings = log.lines.filter(({ text }) => text === opened).length;
    if (!isUsable(storage)) await log.said(opened, openings + 1);
    await storage.durable();
    expect(storage.generation).toBeGreaterThan(generation);
    await expectAllThere(storage, writers);
    await Promise.all(writers.map((writer) => writer.writeOne()));
    for (const { acknowledged } of writers) expect(acknowledged.length).toBeGreaterThan(1);
    await expectAllThere(storage, writers);
    await storage.close();
    const again = new Lines();
    await expectAllThere(await openStorage(disk.folder, { recentBytes: 0, log: again }), writers);
    expect(again.errors).toEqual([]);
  },
);

test.skipIf(reason !== undefined)("a store that cannot be opened yet is closed without waiting for room", async () => {
  const { disk, log, storage, writers } = await setUp(32 * MEBIBYTE, 64 * KIBIBYTE);
  disk.fill(6 * MEBIBYTE);
  await Promise.all(writers.map((writer) => writer.writeUntilRefused()));
  disk.fill(0);
  if (!isUsable(storage)) await log.said("the store cannot be opened yet");
  await storage.close();
  disk.free();
  const reopened = await openStorage(disk.folder, { recentBytes: 0 });
  await expectAllThere(reopened, writers);
});

function isUsable(storage: LevelStorage): boolean {
  try {
    return storage.revision > 0;
  } catch {
    return false;
  }
}

/** The texts of an error and of what caused it. */
function causes(error: unknown): string {
  return error instanceof Error ? `${error.message}\n${causes(error.cause)}` : "";
}
