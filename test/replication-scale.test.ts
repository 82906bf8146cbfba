/**
 * A replica of ten thousand sockets comes back whole; and what replication asks of an Engram depends on time and on what
 * changed, and not on how much is written.
 */
import { rmSync } from "node:fs";
import { expect, test } from "vitest";
import { AckMode } from "../gen/ts/socketregistry/v1/socket_registry.js";
import { startTestEngram } from "./support/engram.js";
import { compileServer } from "./support/process.js";
import { furnish, paced } from "./support/replica-furniture.js";
import { type Counted, CountingProxy, perSecond } from "./support/replica-proxy.js";
import { ReplicaServer } from "./support/replica-server.js";
import { differenceOf, storedState } from "./support/replica-state.js";
import { tempDir } from "./support/temp-dir.js";

const minute = 60_000;
const isLong = process.env["LONG"] === "1";
const main = `${compileServer()}/src/main.js`;
const socketIds = Array.from({ length: 1_000 }, (_, index) => `s${index}`);
/** How long traffic is counted. */
const seconds = isLong ? 30 : 5;
/** What chance adds in a second. */
const REQUESTS_MORE_MAX = 3;
/** Beside the views, which have a rate of their own. */
const BROADCAST_REQUESTS_MAX = 10;

test("10,000 sockets and 100,000 messages come back as they were", { timeout: 5 * minute }, async () => {
  const engram = await startTestEngram();
  const proxy = await CountingProxy.start(engram.url);
  const dataDir = tempDir();
  const waiting = await furnish(dataDir, { socketCount: 10_000, directCount: 60_000, broadcastCount: 4 });
  expect(waiting).toBeGreaterThan(99_000);

  const start = (folder: string) => ReplicaServer.start({ main, engramUrl: proxy.url, dataDir: folder });
  const first = await start(dataDir);
  const sinceMs = performance.now();
  await first.replicated(2 * minute);
  say(`${waiting} messages of 10,000 sockets were replicated in ${took(sinceMs)}`, proxy.counted);
  await first.kill();
  const expected = await storedState(dataDir);
  rmSync(dataDir, { recursive: true });

  proxy.reset();
  const restoredDir = tempDir();
  const startedMs = performance.now();
  const second = await start(restoredDir);
  say(`and restored in ${took(startedMs)}, the start of the process included`, proxy.counted);
  expect((await second.service.info()).socketCount).toBe(10_000);
  await second.kill();
  expect(differenceOf(expected, await storedState(restoredDir))).toBeUndefined();
});

test("ten times the writes are no more requests", { timeout: 5 * minute }, async () => {
  const { server, proxy } = await startCounted();
  const rates: Counted[] = [];
  for (const rate of [200, 2_000]) {
    rates.push(
      await counted(proxy, `${rate} writes a second`, () =>
        paced(rate, seconds * 1_000, (index) => {
          const socketId = socketIds[(index * 7) % socketIds.length] ?? "";
          return server.service.write({ socketId, sender: "author", message: `message ${index}` });
        }),
      ),
    );
  }
  const [few, many] = rates.map(({ state, views, other }) => state + views + other);
  expect(many).toBeLessThan((few ?? 0) * 1.25 + REQUESTS_MORE_MAX);
});

test.each(["nobody reads", "everybody reads"])(
  "a broadcast a second costs few requests when %s",
  {
    timeout: 5 * minute,
  },
  async (who) => {
    const { server, proxy } = await startCounted();
    if (who === "everybody reads") {
      for (const socketId of socketIds) server.service.read({ socketId, ackMode: AckMode.ACK_MODE_AUTO });
    }
    const { state, other } = await counted(proxy, `a broadcast a second, ${who}`, () =>
      paced(1, seconds * 1_000, (index) =>
        server.service.write({ socketId: "team-chat-all", sender: "author", message: `to all ${index}` }),
      ),
    );
    expect(state + other).toBeLessThanOrEqual(BROADCAST_REQUESTS_MAX);
  },
);

/** A registry of 1,000 sockets that are replicated, before whose Engram somebody counts. */
async function startCounted() {
  const engram = await startTestEngram();
  const proxy = await CountingProxy.start(engram.url);
  const flags = ["--durability=os", "--max-queue-messages=1000000"];
  const server = await ReplicaServer.start({ main, engramUrl: proxy.url, dataDir: tempDir(), flags });
  await Promise.all(socketIds.map((socketId) => server.service.create({ socketId })));
  await server.replicated(2 * minute);
  return { server, proxy };
}

async function counted(proxy: CountingProxy, what: string, act: () => Promise<number>): Promise<Counted> {
  proxy.reset();
  const sinceMs = performance.now();
  const count = await act();
  const passed = (performance.now() - sinceMs) / 1_000;
  const rate = perSecond(proxy.counted, passed);
  say(`requests a second with ${what} (really ${(count / passed).toFixed(1)})`, rate);
  return rate;
}

function say(what: string, { state, views, other }: Counted): void {
  const counts = Object.entries({ state, views, other }).map(([kind, count]) => `${kind} ${Number(count.toFixed(1))}`);
  process.stdout.write(`${what}: ${counts.join(", ")}\n`);
}

const took = (sinceMs: number): string => `${((performance.now() - sinceMs) / 1_000).toFixed(1)} s`;
