/**
 * kill -9 in the middle of everything: 10,000 writes to 100 sockets by 64 callers, broadcasts among them, while readers
 * take what comes. Afterwards every write that was answered is there, in its place, and readers have lost nothing.
 */
import { randomInt } from "node:crypto";
import { expect, test } from "vitest";
import { AckMode, type WriteResponse } from "../gen/ts/socketregistry/v1/socket_registry.js";
import { connect, type Service } from "./support/client.js";
import { compileServer, Program } from "./support/process.js";
import { tempDir } from "./support/temp-dir.js";

const isLong = process.env["LONG"] === "1";
const kills = isLong ? 50 : 3;
const team = "team-chat-all";
const sockets = Array.from({ length: 100 }, (_, index) => `s${index}`);
/** These have a reader all the time. */
const read = sockets.slice(0, 10);
const writeCount = 10_000;
const callerCount = 64;

const main = `${compileServer()}/src/main.js`;
const seed = Number(process.env["SEED"] ?? randomInt(2 ** 31));

interface Write {
  readonly content: string;
  readonly socketId: string;
  readonly sender: string;
  /** Undefined when the server died before it answered. */
  answer?: WriteResponse;
}

/** What a reader was handed, and when it came. */
type Received = { readonly content: string; readonly sequence: number; readonly atMs: number }[];

/** What a queue holds or held: the content of sequence n is at n - 1. */
type Contents = readonly string[];

test.each(Array.from({ length: kills }, (_, kill) => kill))(
  `nothing is lost: seed ${seed}, kill %i`,
  async (kill) => {
    const random = randomFrom(seed + kill);
    const dataDir = tempDir();
    const { writes, received, killedMs } = await writeUntilKilled(dataDir, random);
    const { service } = await start(dataDir);
    const queues = new Map<string, Contents>();
    for (const socketId of [...sockets, team]) queues.set(socketId, await everything(service, socketId));
    checkWrites(writes, queues);
    checkOrder(writes, queues);
    for (const socketId of read) {
      const again = await service.drain(socketId);
      checkReader(
        queues.get(socketId) ?? [],
        received.get(socketId) ?? [],
        again.map(({ sequence }) => Number(sequence)),
        killedMs,
      );
    }
  },
  60_000,
);

async function start(dataDir: string): Promise<{ program: Program; service: Service }> {
  const program = new Program(process.execPath, [
    "--max-semi-space-size=64",
    main,
    "--listen=127.0.0.1:0",
    `--data-dir=${dataDir}`,
  ]);
  const { address } = await program.line("listening");
  return { program, service: connect(String(address)) };
}

/** Writes everything, and kills the server when a random number of the writes are answered. */
async function writeUntilKilled(dataDir: string, random: () => number) {
  const { program, service } = await start(dataDir);
  await Promise.all(sockets.map((socketId) => service.create({ socketId })));
  const received = new Map(read.map((socketId) => [socketId, follow(service, socketId)]));
  const killAt = Math.floor(random() * writeCount);
  const writes: Write[] = [];
  let answered = 0;
  let killedMs = 0;
  const caller = async (): Promise<void> => {
    while (writes.length < writeCount && killedMs === 0) {
      const isBroadcast = random() < 0.02;
      const socketId = isBroadcast ? team : pick(sockets, random);
      const sender = random() < 0.5 ? "" : pick(sockets, random);
      const write: Write = { content: `message ${writes.length}`, socketId, sender };
      writes.push(write);
      const answer = await service.write({ socketId, sender, message: write.content }).catch(() => undefined);
      if (answer === undefined) return;
      write.answer = answer;
      if (answered++ !== killAt) continue;
      killedMs = performance.now();
      program.kill("SIGKILL");
    }
  };
  await Promise.all(Array.from({ length: callerCount }, caller));
  expect(await program.exit).toBe("SIGKILL");
  return { writes, received, killedMs };
}

/** Notes what a reader is handed until its stream breaks. */
function follow(service: Service, socketId: string): Received {
  const received: Received = [];
  service.read({ socketId }).stream.on("data", ({ messages }) => {
    const atMs = performance.now();
    for (const { content, sequence } of messages) received.push({ content, sequence: Number(sequence), atMs });
  });
  return received;
}

/** All that a queue has had, from its first message on. */
async function everything(service: Service, socketId: string): Promise<Contents> {
  const messages = await service.drain(socketId, { ackMode: AckMode.ACK_MODE_NONE, after: { sequence: 0n } });
  expect(messages.map(({ sequence }) => Number(sequence))).toEqual(messages.map((_, index) => index + 1));
  return messages.map(({ content }) => content);
}

/** Every answered write is where its answer said, and one that was not answered is there as a whole or not at all. */
function checkWrites(writes: readonly Write[], queues: ReadonlyMap<string, Contents>): void {
  const places = new Map([...queues].map(([socketId, contents]) => [socketId, new Set(contents)]));
  for (const [socketId, contents] of queues) expect(places.get(socketId)?.size, "nothing twice").toBe(contents.length);
  for (const { content, socketId, sender, answer } of writes) {
    const isBroadcast = socketId === team;
    const isOwn = sender === socketId;
    const takers = isBroadcast ? sockets.filter((id) => id !== sender) : isOwn ? [] : [socketId];
    const onFeed = isBroadcast ? sender !== "" : sender === "" || isOwn;
    const expected = onFeed ? [...takers, team] : takers;
    const found = [...queues.keys()].filter((id) => places.get(id)?.has(content) === true);
    if (answer !== undefined || found.length > 0) expect(new Set(found), content).toEqual(new Set(expected));
    for (const { socketId: holder, sequence, skipReason } of answer?.results ?? []) {
      if (skipReason === 0) expect(queues.get(holder)?.[Number(sequence) - 1]).toBe(content);
    }
  }
}

/** Everybody has what they share in the same order, and a caller's next write comes after the one before. */
function checkOrder(writes: readonly Write[], queues: ReadonlyMap<string, Contents>): void {
  const feed = new Map((queues.get(team) ?? []).map((content, place) => [content, place]));
  const broadcasts = new Set(writes.filter(({ socketId }) => socketId === team).map(({ content }) => content));
  // A broadcast skips its sender, so the order of all of them is that of two queues together.
  const before = new Map<string, Set<string>>();
  for (const contents of queues.values()) {
    const places = contents.flatMap((content) => feed.get(content) ?? []);
    expect(places, "the order of the feed").toEqual([...places].sort((a, b) => a - b));
    const heard = contents.filter((content) => broadcasts.has(content));
    for (const [place, content] of heard.entries()) {
      const later = before.get(content) ?? new Set();
      for (const next of heard.slice(place + 1)) later.add(next);
      before.set(content, later);
    }
  }
  for (const [content, laters] of before) {
    for (const later of laters) expect(before.get(later)?.has(content), `${content} before ${later}`).toBe(false);
  }
}

/** A reader has had the beginning of the queue, and gets the rest: again only what it had got in the last second. */
function checkReader(queue: Contents, received: Received, again: readonly number[], killedMs: number): void {
  expect(received.map(({ content }) => content)).toEqual(queue.slice(0, received.length));
  const first = again[0] ?? queue.length + 1;
  expect(again).toEqual(queue.slice(first - 1).map((_, index) => first + index));
  const twice = received.filter(({ sequence }) => sequence >= first);
  for (const { sequence, atMs } of twice) expect(killedMs - atMs, `message ${sequence} came again`).toBeLessThan(1_000);
}

function pick<T>(items: readonly T[], random: () => number): T {
  return items[Math.floor(random() * items.length)] as T;
}

/** Numbers from 0 to 1 that are the same for the same seed (mulberry32). */
function randomFrom(start: number): () => number {
  let state = start;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
