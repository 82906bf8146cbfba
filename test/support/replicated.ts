/** A server that replicates to an Engram of the test's own, and what a test asks of the two. */
import { rmSync } from "node:fs";
import { expect, vi } from "vitest";
import { ReplicationState } from "../../gen/ts/socketregistry/v1/socket_registry.js";
import type { Config } from "../../src/config.js";
import { type Service, startService } from "./client.js";
import type { TestEngram } from "./engram.js";
import type { TestServer } from "./server.js";

export type Replicated = Service & { readonly server: TestServer };

/** Long enough for a few rounds on a busy machine. */
const PATIENCE_MS = 30_000;

/** A server on an Engram, with short rounds. */
export async function startReplicated(url: string, overrides: Partial<Config> = {}): Promise<Replicated> {
  const quick = { replicationIntervalMs: 50, engramTimeoutMs: 1_000, restorePatienceMs: 2_000 };
  return await startService({ engramUrl: url, ...quick, ...overrides });
}

/** Waits until the peer has everything that was written so far. */
export async function replicated(service: Service): Promise<void> {
  const { revision } = await service.info();
  await until(service, ({ state, lagEntries }, now) => {
    return state === ReplicationState.REPLICATION_STATE_REPLICATING && now - lagEntries >= revision;
  });
}

/** Waits until what GetServerInfo tells of the replica is so. */
export async function until(
  service: Service,
  holds: (replication: NonNullable<Awaited<ReturnType<Service["info"]>>["replication"]>, revision: bigint) => boolean,
): Promise<void> {
  await vi.waitFor(
    async () => {
      const { replication, revision } = await service.info();
      expect(replication !== undefined && holds(replication, revision), JSON.stringify(replication, text)).toBe(true);
    },
    { timeout: PATIENCE_MS, interval: 50 },
  );
}

/** The server ends as it would on a signal, and its data directory is gone. */
export async function burn(service: Replicated): Promise<void> {
  await service.server.stop();
  rmSync(service.server.dataDir, { recursive: true });
}

/** A record of a namespace; undefined when there is none. */
export async function recordAt(engram: TestEngram, key: string, namespace = "rhetor_sockets") {
  const response = await fetch(`${engram.url}/memory/${namespace}/${encodeURIComponent(key)}`);
  if (response.status === 404) return undefined;
  return (await response.json()) as { data: Record<string, unknown>; metadata: Record<string, unknown> };
}

/** The keys of a namespace. */
export async function keysOf(engram: TestEngram, namespace = "rhetor_sockets"): Promise<string[]> {
  const response = await fetch(`${engram.url}/memory/${namespace}?limit=100000`);
  const { memories } = (await response.json()) as { memories: { key: string }[] };
  return memories.map(({ key }) => key);
}

/** For how long it says that it has been up, in seconds. */
export async function uptimeOf(engram: TestEngram): Promise<number> {
  const response = await fetch(`${engram.url}/ready`);
  const { initializationTime } = (await response.json()) as { initializationTime: number };
  return initializationTime;
}

/** Stores a record as an original Rhetor does. */
export async function storeRecord(engram: TestEngram, key: string, data: object, metadata: object = {}): Promise<void> {
  const body = JSON.stringify({ key, data, metadata });
  const headers = { "content-type": "application/json" };
  const response = await fetch(`${engram.url}/memory/rhetor_sockets`, { method: "POST", headers, body });
  expect(response.status).toBe(200);
}

function text(_: string, value: unknown): unknown {
  return typeof value === "bigint" ? Number(value) : value;
}
