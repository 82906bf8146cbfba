/** One fault of an Engram, lived through by a registry of its own under a steady load. */
import { setTimeout as delay } from "node:timers/promises";
import { ReplicationState } from "../../gen/ts/socketregistry/v1/socket_registry.js";
import type { Fault } from "../../src/engram/faults.js";
import type { PersonalityName } from "../../src/engram/route.js";
import type { Dialect } from "../../src/replication/dialect.js";
import { dialects, peerAt } from "./peer.js";
import type { EngramProcess } from "./replica-engram.js";
import { ReplicaLoad } from "./replica-load.js";
import { ReplicaServer } from "./replica-server.js";
import { differenceOf, nameOf, type Replica, restoredState, toldState, viewedState, visible } from "./replica-state.js";
import { tempDir } from "./temp-dir.js";

/** How long a registry and its Engram may differ after a fault. */
export const EQUAL_SECONDS_MAX = 10;
/** After this long it is not waited for any more. */
const PATIENCE_MS = 40_000;
const LOOK_MS = 400;
/** A log lists by sending everything, which takes from its time. */
const LOOK_AT_LOG_MS = 1_000;
const PER_SECOND = 200;
/** How long the load has run before the fault begins. */
const WARM_MS = 1_000;
const RESPONSE_BYTES_MAX = 256 * 1024 * 1024;

export interface FaultCase {
  readonly name: string;
  /** What the Engram is from the start on; `kv` unless it says otherwise. */
  readonly personality?: PersonalityName;
  /** The dialect that is spoken in the end; `kv` unless it says otherwise. */
  readonly dialect?: Dialect["name"];
  begin(engram: EngramProcess): Promise<void>;
  end(engram: EngramProcess): Promise<void>;
}

/** A fault that lasts. */
export function lasting(fault: Fault, name: string = fault.fault): FaultCase {
  return { name, begin: (engram) => engram.fault(fault), end: (engram) => engram.clearFault() };
}

/** A fault that is over at once: it happens at the beginning and at the end. */
export function sudden(name: "loss" | "torn"): FaultCase {
  const happen = (engram: EngramProcess): Promise<void> => engram.fault({ fault: name });
  return { name, begin: happen, end: happen };
}

/** What came of it. */
export interface FaultOutcome {
  readonly name: string;
  readonly writeCount: number;
  readonly slowestMs: number;
  /** The slowest call meanwhile that asks only for what the registry has in memory. */
  readonly slowestLookMs: number;
  readonly failures: readonly string[];
  /** The states that the registry told during the fault, in the order in which they came. */
  readonly states: readonly string[];
  /** The last error that it told during the fault. */
  readonly lastError: string;
  /** By how much its memory grew during the fault, in MiB. */
  readonly grownMib: number;
  /** How long after the fault the views were right, and the pieces. */
  readonly views: Equality;
  readonly pieces: Equality;
}

export interface Equality {
  readonly seconds: number;
  /** What still differed in the end. */
  readonly difference: string | undefined;
}

export interface Lane {
  /** The server's compiled `main.js`. */
  readonly main: string;
  /** An Engram that goes through one fault after the other. */
  readonly engram: EngramProcess;
  readonly faultMs: number;
  readonly seed: number;
}

/** Lives through a fault, with a registry and a namespace of its own. */
export async function liveThrough(fault: FaultCase, { main, engram, faultMs, seed }: Lane): Promise<FaultOutcome> {
  const { name, personality = "kv", dialect: spoken = "kv" } = fault;
  await engram.become(personality);
  const namespace = `of-${name.replace(/[^a-z0-9]+/g, "-")}`;
  const flags = ["--durability=os", `--engram-namespace=${namespace}`];
  const server = await ReplicaServer.start({ main, engramUrl: engram.url, dataDir: tempDir(), flags });
  const load = new ReplicaLoad(server.service, PER_SECOND, seed);
  await load.start();
  await delay(WARM_MS);
  await untilConnected(server);
  const before = server.memory;
  load.recount();
  await fault.begin(engram);
  const { states, lastError } = await watchStates(server, faultMs);
  const grownMib = server.memory - before;
  await load.stop();
  await fault.end(engram);
  const endedMs = performance.now();
  const peer = peerAt(engram.url, { maxResponseBytes: RESPONSE_BYTES_MAX });
  // A new dialect each time: one that writes nothing does not learn of what others begin anew.
  const replica = (): Replica => ({ dialect: dialects[spoken](peer), namespace });
  const lookMs = spoken === "kv" ? LOOK_MS : LOOK_AT_LOG_MS;
  const told = await toldState(server.service);
  const [views, pieces] = await Promise.all([
    untilEqual(endedMs, lookMs, async () => differenceOf(visible(told), await viewedState(replica()))),
    untilEqual(endedMs, lookMs, async () => {
      // To make a store of what is known not to be all takes the time of others.
      const lag = await lagOf(server);
      return lag ?? differenceOf(told, await restoredState(replica()));
    }),
  ]);
  // It was the state of now, and not of the time when it was asked.
  const moved = differenceOf(told, await toldState(server.service));
  await server.kill();
  const { writeCount, slowestMs, slowestLookMs } = load;
  const failures = moved === undefined ? load.failures : [...load.failures, `nobody wrote any more, and ${moved}`];
  return { name, writeCount, slowestMs, slowestLookMs, failures, states, lastError, grownMib, views, pieces };
}

/** Waits until the registry knows its Engram, for what it is. */
async function untilConnected(server: ReplicaServer): Promise<void> {
  while ((await server.status()).state === ReplicationState.REPLICATION_STATE_CONNECTING) await delay(LOOK_MS);
}

/** What the registry tells of its replica for so long. */
async function watchStates(server: ReplicaServer, forMs: number): Promise<{ states: string[]; lastError: string }> {
  const states: string[] = [];
  let lastError = "";
  for (const sinceMs = performance.now(); performance.now() - sinceMs < forMs; await delay(LOOK_MS)) {
    const status = await server.status();
    const state = nameOf(ReplicationState, status.state);
    if (states.at(-1) !== state) states.push(state);
    lastError = status.lastError;
  }
  return { states, lastError };
}

/** How far the registry says that its Engram is behind, in words; undefined when it has everything. */
async function lagOf(server: ReplicaServer): Promise<string | undefined> {
  const { state, lagEntries } = await server.status();
  if (state === ReplicationState.REPLICATION_STATE_REPLICATING && lagEntries === 0) return undefined;
  return `the registry says that ${lagEntries} entries are not replicated`;
}

/** Looks until there is no difference. What cannot be read is one. */
async function untilEqual(sinceMs: number, lookMs: number, look: () => Promise<string | undefined>): Promise<Equality> {
  for (;;) {
    const difference = await look().catch((error: unknown) => String(error));
    const passedMs = performance.now() - sinceMs;
    if (difference === undefined || passedMs > PATIENCE_MS) return { seconds: passedMs / 1_000, difference };
    await delay(lookMs);
  }
}

/** The outcomes as a table. */
export function tableOf(outcomes: readonly FaultOutcome[]): string {
  const head = [
    "fault",
    "writes",
    "slowest ms",
    "look ms",
    "MiB grown",
    "views s",
    "pieces s",
    "states during the fault",
  ];
  const rows = outcomes.map(({ name, writeCount, slowestMs, slowestLookMs, grownMib, views, pieces, states }) => [
    ...[name, String(writeCount), slowestMs.toFixed(0), slowestLookMs.toFixed(0), grownMib.toFixed(0)],
    ...[secondsOf(views), secondsOf(pieces), states.join(" > ")],
  ]);
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ");
  return [head, ...rows].map((row) => `${line(row).trimEnd()}\n`).join("");
}

const secondsOf = ({ seconds, difference }: Equality): string =>
  difference === undefined ? seconds.toFixed(1) : `not in ${seconds.toFixed(0)}`;
