/**
 * A store on LevelDB and the naive one in memory that are told the same things. After each step they must agree on
 * everything that can be seen, except the bytes of records.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Level } from "level";
import { expect } from "vitest";
import type {
  Appended,
  Consumer,
  DropReason,
  LogEvent,
  Mark,
  QueueView,
  RetentionLimits,
  SocketNumber,
  Storage,
  Stored,
} from "../../src/registry/storage.js";
import { checkpointRange, logRange } from "../../src/storage/keys.js";
import { LevelStorage } from "../../src/storage/level.js";
import { crashCopy } from "./crash-copy.js";
import { Lines } from "./level-storage.js";
import { MemoryStorage } from "./memory-storage.js";
import { keyOf, writeRemembered } from "./storage-contract-remembered.js";
import { ALL, Clock } from "./storage-events.js";
import { answersOf, floorsOf, historyOf } from "./storage-pair-history.js";

/** How the store on LevelDB ends and begins again; the one in memory goes on. */
export type Restart = "close" | "crash" | "no checkpoint" | "damaged checkpoint";

export class StoragePair {
  readonly clock = new Clock();
  readonly #memory = new MemoryStorage(this.clock.now);
  readonly #lines = new Lines();
  readonly #checkpointInterval: number;
  #folder = newFolder();
  #level: LevelStorage | undefined;
  /** After an end without a checkpoint less is erased early, and retention finds more. */
  #isExact = true;
  /** The keys of all answers that were remembered. */
  readonly #keys = new Set<string>();

  private constructor(checkpointInterval: number) {
    this.#checkpointInterval = checkpointInterval;
  }

  static async open(checkpointInterval: number): Promise<StoragePair> {
    const pair = new StoragePair(checkpointInterval);
    await pair.#open();
    return pair;
  }

  /** The numbers of the sockets, the feed first. */
  get numbers(): SocketNumber[] {
    return [...this.#memory.sockets()].map((row) => row.number);
  }

  /** The numbers of the queues: the sockets', then the consumers'. */
  get queueNumbers(): SocketNumber[] {
    return [...this.numbers, ...this.consumers.map(({ number }) => number)];
  }

  get consumers(): Consumer[] {
    return [...this.#memory.consumers()];
  }

  get socketIds(): string[] {
    return [...this.#memory.sockets()].map((row) => row.socketId);
  }

  tail(number: SocketNumber): number {
    return this.#memory.queue(number).tail;
  }

  append(event: LogEvent): void {
    const [a, b] = this.#both((storage) => storage.append(event));
    expect(appendedOf(a)).toEqual(appendedOf(b));
  }

  settle(number: SocketNumber, sequences: readonly number[]): void {
    this.#both((storage) => storage.settle(number, sequences));
  }

  mark(number: SocketNumber, marks: readonly Mark[]): void {
    this.#both((storage) => storage.mark(number, marks));
  }

  drop(number: SocketNumber, sequences: readonly number[], reason: DropReason): void {
    const [a, b] = this.#both((storage) => storage.drop(number, sequences, reason));
    expect(a).toBe(b);
  }

  announceDrops(number: SocketNumber, reason: DropReason, count: number): void {
    this.#both((storage) => storage.announceDrops(number, reason, count));
  }

  seen(number: SocketNumber): void {
    this.#both((storage) => storage.seen(number, this.clock.ms));
  }

  openConsumer(name: string, after: number): void {
    const [a, b] = this.#both((storage) => storage.openConsumer(name, after));
    expect(a).toEqual(b);
  }

  closeConsumer(number: SocketNumber): void {
    this.#both((storage) => storage.closeConsumer(number));
  }

  /** Writes with a key, unless that is remembered. */
  remember(number: SocketNumber, name: string): void {
    this.#keys.add(keyOf(name));
    if (!this.#memory.isRemembered(keyOf(name))) this.#both((storage) => writeRemembered(storage, number, name));
  }

  forget(through: number, countMax: number): void {
    this.#both((storage) => storage.forget(through, countMax));
  }

  get revision(): number {
    return this.#memory.revision;
  }

  async durable(): Promise<void> {
    await Promise.all(this.#both((storage) => storage.durable()));
  }

  async retain(limits: RetentionLimits): Promise<void> {
    await this.durable();
    const [a, b] = await Promise.all(this.#both((storage) => storage.retain(limits)));
    if (this.#isExact) expect(a).toBe(b);
    await this.durable();
  }

  async restart(kind: Restart): Promise<void> {
    await this.durable();
    const before = this.#storage;
    const epochs = [...before.sockets()].map((row) => row.epoch);
    const { instance, bytes } = before;
    if (kind === "close") {
      await before.close();
    } else {
      // What is on the disk at this moment is what a crash leaves.
      const copy = newFolder();
      crashCopy(this.#folder, copy);
      await before.close();
      rmSync(this.#folder, { recursive: true });
      this.#folder = copy;
      this.#isExact = false;
    }
    if (kind === "no checkpoint" || kind === "damaged checkpoint") await spoilCheckpoints(this.#folder, kind);
    await this.#open();
    expect(this.#storage.instance).toBe(instance);
    expect([...this.#storage.sockets()].map((row) => row.epoch)).toEqual(epochs);
    expect(this.#storage.bytes).toBe(bytes);
  }

  /** Compares what is in memory. */
  compareCounters(): void {
    const [a, b] = this.#both(countersOf);
    expect(a).toEqual(b);
    const level = this.#storage;
    for (const number of this.queueNumbers) {
      const queue = level.queue(number);
      let bytes = 0;
      for (let sequence = 1; sequence <= queue.tail; sequence++) {
        if (!queue.isSettled(sequence)) bytes += level.sizeAt(number, sequence);
      }
      expect(queue.bytes, `bytes of queue ${number}`).toBe(bytes);
    }
  }

  /** Compares everything that can be read. */
  async compareMessages(): Promise<void> {
    await this.durable();
    this.compareCounters();
    const floors = floorsOf(this.#storage, this.#memory);
    const looks: ((storage: Storage) => Promise<object>)[] = [
      messagesOf,
      (storage) => historyOf(storage, floors),
      (storage) => answersOf(storage, this.#keys),
    ];
    for (const look of looks) {
      const [a, b] = await Promise.all(this.#both(look));
      expect(a).toEqual(b);
    }
    expect(this.#lines.errors).toEqual([]);
  }

  /** Closes the store, and compares what it counted with what is on the disk. */
  async end(): Promise<void> {
    await this.durable();
    const { bytes } = this.#storage;
    await this.#storage.close();
    const db = await openRaw(this.#folder);
    try {
      const values = await db.values(logRange(0)).all();
      expect(values.reduce((sum, value) => sum + value.length, 0)).toBe(bytes);
    } finally {
      await db.close();
    }
  }

  /** Closes and removes everything, whatever happened. */
  async dispose(): Promise<void> {
    await this.#level?.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #storage(): LevelStorage {
    if (this.#level === undefined) throw new Error("the store is not open");
    return this.#level;
  }

  async #open(): Promise<void> {
    this.#level = undefined;
    this.#level = await LevelStorage.open({
      folder: this.#folder,
      durability: "os",
      // Little is served from memory, so that the disk is read.
      recentBytes: 1_000,
      now: this.clock.now,
      log: this.#lines,
      checkpointInterval: this.#checkpointInterval,
    });
  }

  #both<T>(work: (storage: Storage) => T): [T, T] {
    return [work(this.#storage), work(this.#memory)];
  }
}

function appendedOf({ revision, timeMs, sequences, row }: Appended): object {
  return { revision, timeMs, sequences, row: row && { ...row, epoch: "" } };
}

function countersOf(storage: Storage): object {
  return {
    revision: storage.revision,
    socketCount: storage.socketCount,
    sockets: [...storage.sockets()].map((row) => {
      const isFound = storage.find(row.socketId) === row;
      return { ...row, epoch: "", isFound, queue: viewOf(storage.queue(row.number)) };
    }),
    consumers: [...storage.consumers()].map((consumer) => {
      const isFound = storage.consumer(consumer.name) === consumer;
      return { ...consumer, isFound, queue: viewOf(storage.queue(consumer.number)) };
    }),
  };
}

function viewOf(queue: QueueView): object {
  const { tail, floor, oldest, oldestUnsettled, depth, parked, dropped, seenMs, activityMs, oldestUnsettledMs } = queue;
  const marks = [...queue.marks.values()].map(({ sequence, state, failures, deliveredMs, dueMs }) => {
    return { sequence, state, failures, deliveredMs, dueMs };
  });
  return {
    ...{ tail, floor, oldest, oldestUnsettled, depth, parked, dropped, seenMs, activityMs, oldestUnsettledMs },
    marks: marks.sort((a, b) => a.sequence - b.sequence),
    unannounced: [queue.unannounced("OVERFLOW"), queue.unannounced("EXPIRED")],
    settled: Array.from({ length: tail + 1 }, (_, sequence) => queue.isSettled(sequence)),
  };
}

async function messagesOf(storage: Storage): Promise<object[]> {
  const found: object[] = [];
  for (const { number, socketId } of storage.sockets()) {
    const { prompt, context } = await storage.profile(number);
    found.push({
      socketId,
      prompt,
      context: context && Buffer.from(context).toString(),
      ...(await contentsOf(storage, number)),
    });
  }
  for (const { name, number } of storage.consumers()) found.push({ name, ...(await contentsOf(storage, number)) });
  return found;
}

async function contentsOf(storage: Storage, number: SocketNumber): Promise<object> {
  const queue = storage.queue(number);
  const unsettled = [...queue.unsettledAfter(0)];
  const marked = [...queue.marks.keys()].sort((a, b) => a - b);
  const readable = (messages: readonly Stored[]): object[] =>
    messages.map((message) => ({ ...message, body: Buffer.from(message.body).toString() }));
  return {
    durableTail: queue.durableTail,
    unsettled,
    times: unsettled.map((sequence) => storage.timeAt(number, sequence)),
    messages: readable(await storage.readAfter(number, 0, ALL)),
    waiting: readable(await storage.readAt(number, unsettled)),
    marked: readable(await storage.readAt(number, marked)),
  };
}

export function newFolder(): string {
  return mkdtempSync(join(tmpdir(), "socket-registry-"));
}

export async function openRaw(folder: string): Promise<Level<Buffer, Buffer>> {
  const db = new Level<Buffer, Buffer>(join(folder, "log"), { keyEncoding: "buffer", valueEncoding: "buffer" });
  await db.open();
  return db;
}

async function spoilCheckpoints(folder: string, kind: Restart): Promise<void> {
  const db = await openRaw(folder);
  for (const slot of [0, 1]) {
    for (const [key, value] of await db.iterator(checkpointRange(slot)).all()) {
      const place = value.length >> 1;
      value.writeUInt8(value.readUInt8(place) ^ 0x10, place);
      if (kind === "no checkpoint") await db.del(key);
      else await db.put(key, value);
    }
  }
  await db.close();
}
