/**
 * kill -9 of a registry that replicates, in the middle of everything, and then its data directory is gone. What comes
 * back from the Engram has everything that was confirmed as replicated, and nothing in it is half there.
 */
import { randomInt } from "node:crypto";
import { rmSync } from "node:fs";
import { expect, test, vi } from "vitest";
import { Random } from "./support/chaos-random.js";
import type { Service } from "./support/client.js";
import { startTestEngram } from "./support/engram.js";
import { dialects, peerAt } from "./support/peer.js";
import { compileServer } from "./support/process.js";
import { ReplicaAccount, type Restored } from "./support/replica-account.js";
import { ReplicaCrowd, TAKERS } from "./support/replica-crowd.js";
import { ReplicaServer } from "./support/replica-server.js";
import { differenceOf, restoredState, toldState, waitingAt } from "./support/replica-state.js";
import { tempDir } from "./support/temp-dir.js";

const isLong = process.env["LONG"] === "1";
const kills = Number(process.env["KILLS"] ?? (isLong ? 50 : 3));
const seed = Number(process.env["SEED"] ?? randomInt(2 ** 31));
const minute = 60_000;
const main = `${compileServer()}/src/main.js`;
/** Rounds are short, so that one is under way at most moments. */
const flags = ["--replication-interval-ms=20", "--max-queue-messages=1000000"];

test.each(Array.from({ length: kills }, (_, kill) => kill))(
  `what was confirmed comes back: seed ${seed}, kill %i`,
  { timeout: 3 * minute },
  async (kill) => {
    const random = new Random(seed + kill);
    const engram = await startTestEngram();
    const dataDir = tempDir();
    const options = { main, engramUrl: engram.url, dataDir, flags };
    const account = new ReplicaAccount();
    const first = await ReplicaServer.start(options);
    const crowd = new ReplicaCrowd(first, account, random);
    await crowd.prepare();
    const working = crowd.work();
    // The moment is that of an event, and not of a clock: so many answered writes.
    const killAt = 200 + random.below(3_000);
    await vi.waitUntil(() => answeredIn(account) >= killAt, { timeout: minute, interval: 1 });
    await first.kill();
    await working;
    rmSync(dataDir, { recursive: true });

    const second = await ReplicaServer.start(options);
    account.check(TAKERS, await everything(second.service));
    const confirmed = account.confirmedWrites.length;
    process.stdout.write(`kill ${kill}: ${answeredIn(account)} writes answered, ${confirmed} of them confirmed\n`);
    expect(confirmed).toBeGreaterThan(0);
    await goesOn(second, engram.url);
  },
);

function answeredIn(account: ReplicaAccount): number {
  let count = 0;
  for (const { revision } of account.written.values()) if (revision > 0) count++;
  return count;
}

async function everything(service: Service): Promise<Map<string, Restored>> {
  const restored = new Map<string, Restored>();
  const { sockets } = await service.list({ pageSize: 1_000 });
  for (const { socketId } of sockets) {
    const { context } = await service.socket(socketId);
    restored.set(socketId, { context, messages: await waitingAt(service, socketId) });
  }
  return restored;
}

/** The registry that came back is replicated like any other. */
async function goesOn(server: ReplicaServer, url: string): Promise<void> {
  await server.service.write({ socketId: "s0", sender: "author", message: "and on" });
  await server.replicated(minute);
  const replica = { dialect: dialects.kv(peerAt(url)), namespace: "rhetor_sockets" };
  expect(differenceOf(await toldState(server.service), await restoredState(replica))).toBeUndefined();
}
