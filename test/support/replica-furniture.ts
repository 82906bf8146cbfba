/** A large store with some of everything, and a pace for those who write to many sockets. */
import { setTimeout as delay } from "node:timers/promises";
import { Struct } from "../../gen/ts/google/protobuf/struct.js";
import type { LogEvent, SocketNumber, SocketState } from "../../src/registry/storage.js";
import { encodeBody } from "../../src/rpc/wire.js";
import { LevelStorage } from "../../src/storage/level.js";
import { Lines } from "./level-storage.js";
import { broadcast, direct, draft } from "./storage-events.js";

/** So many appends are made durable together. */
const STEP = 2_000;
const STATES: readonly SocketState[] = ["ACTIVE", "ACTIVE", "ACTIVE", "INACTIVE", "UNRESPONSIVE"];
/** Every so many sockets one has a prompt or a context that is too large to lie with the others. */
const LARGE_EVERY = 500;
const LARGE_CHARACTERS = 40_000;
const PACE_MS = 20;

export interface Furniture {
  readonly socketCount: number;
  /** Messages to one socket each. */
  readonly directCount: number;
  /** Messages to every socket. */
  readonly broadcastCount: number;
}

/**
 * Fills the data directory of a server that does not run. What was settled is beside what waits.
 * @returns how many messages wait in all queues together
 */
export async function furnish(folder: string, furniture: Furniture): Promise<number> {
  const { socketCount, directCount, broadcastCount } = furniture;
  const storage = await LevelStorage.open({ folder, durability: "os", recentBytes: 0, log: new Lines() });
  const numbers: SocketNumber[] = [];
  for (let index = 0; index < socketCount; index++) {
    numbers.push(storage.append(creation(index)).row?.number ?? 0);
    if (index % STEP === 0) await storage.durable();
  }
  const total = directCount + broadcastCount;
  const every = Math.floor(total / broadcastCount);
  for (let index = 0; index < total; index++) {
    const body = bodyOf(index);
    // A prime step, so that neighbours in the log are of sockets that lie apart.
    const number = numbers[(index * 7_919) % socketCount] ?? 0;
    storage.append(index % every === every - 1 ? { ...broadcast(""), body } : direct(body, number));
    if (index % STEP === 0) await storage.durable();
  }
  await storage.durable();
  // Somebody has read the first few of some queues, and one in the middle of others.
  for (const [index, number] of numbers.entries()) {
    if (index % 100 === 0) storage.settle(number, [1, 2]);
    if (index % 100 === 1) storage.settle(number, [3]);
  }
  await storage.durable();
  let waiting = 0;
  for (const number of numbers) waiting += storage.queue(number).depth;
  await storage.close();
  return waiting;
}

/** Does something so many times a second, for so long. What fails, fails it. @returns how many times it did */
export async function paced(
  perSecond: number,
  forMs: number,
  act: (index: number) => Promise<unknown>,
): Promise<number> {
  const acts: Promise<unknown>[] = [];
  const sinceMs = performance.now();
  for (let passedMs = 0; passedMs < forMs; passedMs = performance.now() - sinceMs) {
    while (acts.length < (passedMs / 1_000) * perSecond) acts.push(act(acts.length));
    await delay(PACE_MS);
  }
  await Promise.all(acts);
  return acts.length;
}

function creation(index: number): LogEvent {
  const isLarge = index % LARGE_EVERY === 0;
  const context = { index, tags: ["a", null, true], text: isLarge ? "é".repeat(LARGE_CHARACTERS) : "" };
  const state = STATES[index % STATES.length] ?? "ACTIVE";
  const stateReason = state === "ACTIVE" ? "NONE" : "OPERATOR";
  return {
    kind: "create",
    draft: draft(`agent-${index}`, { model: `model-${index % 7}`, state, stateReason, labels: { of: `${index % 5}` } }),
    profile: {
      prompt: index % LARGE_EVERY === 1 ? "p".repeat(LARGE_CHARACTERS) : `You are agent ${index}.`,
      context: index % 3 === 0 ? Struct.encode(Struct.wrap(context)).finish() : undefined,
    },
  };
}

function bodyOf(index: number): Uint8Array {
  const metadata = index % 4 === 0 ? { index, nested: { list: [1.5, null, "☃"] } } : {};
  const message = `message ${index} ${"x".repeat(index % 300)}`;
  return encodeBody({ socketId: "r", message, metadata, sender: "s", threadId: "", replyTo: "" });
}
