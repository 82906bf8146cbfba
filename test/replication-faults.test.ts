/**
 * Every way in which an Engram can fail, under a steady 200 writes a second: no Write fails or waits for it, memory stays
 * bounded, and soon after the fault has ended the Engram has what the registry has, socket by socket. A table at the end
 * shows it.
 */
import { randomInt } from "node:crypto";
import { describe, expect, test } from "vitest";
import { compileServer } from "./support/process.js";
import { EngramProcess } from "./support/replica-engram.js";
import {
  EQUAL_SECONDS_MAX,
  type FaultCase,
  type FaultOutcome,
  lasting,
  liveThrough,
  sudden,
  tableOf,
} from "./support/replica-fault.js";
import { ReplicaServer } from "./support/replica-server.js";
import { tempDir } from "./support/temp-dir.js";

const isLong = process.env["LONG"] === "1";
const faultMs = isLong ? 30_000 : 5_000;
/** So many faults are lived through side by side, each by a registry of its own; the Engrams go on to the next. */
const laneCount = isLong ? 3 : 7;
/** Of 200 that are asked for. Seven lanes start at once, on a machine that may have two cores and other things to do. */
const WRITES_PER_SECOND_MIN = 40;
/**
 * A Write that waited for an Engram would take longer: calls to it end after 4 s. On a machine that has no time for anybody
 * it takes no longer than calls that ask only for what is in memory, by more than this factor.
 */
const WRITE_MS_MAX = 1_500;
const WRITE_FACTOR_MAX = 2;
const GROWN_MIB_MAX = 64;
const RESENT_SECONDS_MAX = 40;
/** With what is not collected yet of what was sent and listed, which a log-only Engram does by sending everything. */
const GROWN_BUSY_MIB_MAX = 128;
const seed = Number(process.env["SEED"] ?? randomInt(2 ** 31));
const only = process.env["FAULTS"]?.split(",");

const folder = `${compileServer()}/src`;

/** Faults of an Engram that has what Rhetor's client spoke to. */
const lastingFaults = [
  lasting({ fault: "down" }),
  lasting({ fault: "hang" }),
  lasting({ fault: "slow", delayMs: 1_000 }),
  ...([500, 503, 404, 405, 201, 204] as const).map((status) =>
    lasting({ fault: "status", status }, `status ${status}`),
  ),
  lasting({ fault: "success-false" }),
  lasting({ fault: "html" }),
  lasting({ fault: "truncated-json" }),
  lasting({ fault: "reset-mid-body" }),
  lasting({ fault: "stale-reads" }),
  lasting({ fault: "lie-on-delete" }),
  lasting({ fault: "lie-on-store" }),
  lasting({ fault: "list-omits" }),
];

/** The real Engrams of summer 2025. */
const logs = (["mid", "aug"] as const).flatMap((personality): FaultCase[] => [
  { ...lasting({ fault: "down" }, `${personality}: down`), personality, dialect: "v1-log" },
  {
    ...{ name: `${personality}: restarts`, personality, dialect: "v1-log" },
    begin: (engram) => engram.restart(),
    end: (engram) => engram.restart(),
  },
]);

/** Engrams that cannot hold anything, and are replaced by one that can. */
const incompatible = (["head", "mid-faiss"] as const).map(
  (personality): FaultCase => ({
    ...{ name: personality, personality },
    begin: async () => {},
    end: (engram) => engram.become("kv"),
  }),
);

// Those that take longest come first, so that no lane is left with them in the end.
const cases = [...logs, sudden("loss"), sudden("torn"), ...lastingFaults, ...incompatible].filter(
  ({ name }) => only === undefined || only.includes(name),
);
const outcomes = new Map<string, FaultOutcome>();

test(`every fault is lived through: seed ${seed}`, { timeout: cases.length * (faultMs + 60_000) }, async () => {
  const rest = cases.values();
  const lane = async (): Promise<void> => {
    const engram = await EngramProcess.start(`${folder}/engram/main.js`, "kv");
    const main = `${folder}/main.js`;
    for (const one of rest) outcomes.set(one.name, await liveThrough(one, { main, engram, faultMs, seed }));
  };
  await Promise.all(Array.from({ length: laneCount }, lane));
  process.stdout.write(`\n${tableOf(cases.flatMap(({ name }) => outcomes.get(name) ?? []))}\n`);
});

describe.each(cases)("$name", ({ name }) => {
  const outcome = (): FaultOutcome => outcomes.get(name) ?? expect.unreachable("the fault was not lived through");

  test("no Write fails, and none waits", () => {
    const { failures, writeCount, slowestMs, slowestLookMs } = outcome();
    expect(failures).toEqual([]);
    expect(writeCount).toBeGreaterThan((faultMs / 1_000) * WRITES_PER_SECOND_MIN);
    expect(slowestMs).toBeLessThan(Math.max(WRITE_MS_MAX, slowestLookMs * WRITE_FACTOR_MAX));
  });

  test("memory stays bounded", () => {
    expect(outcome().grownMib).toBeLessThan(GROWN_BUSY_MIB_MAX);
  });

  test.each(["views", "pieces"] as const)("soon the %s are those of the registry", (what) => {
    const { difference, seconds } = outcome()[what];
    expect(difference, `after ${seconds.toFixed(1)} s`).toBeUndefined();
    // A log-only Engram writes its whole log anew for each record, and after a restart it gets every one once more.
    expect(seconds).toBeLessThan(name.endsWith(": restarts") ? RESENT_SECONDS_MAX : EQUAL_SECONDS_MAX);
  });
});

test("100 MiB for an Engram that never answers stay out of memory", { timeout: 120_000 }, async () => {
  const engram = await EngramProcess.start(`${folder}/engram/main.js`, "kv");
  const flags = ["--durability=os", "--recent-bytes=1048576"];
  const server = await ReplicaServer.start({
    main: `${folder}/main.js`,
    engramUrl: engram.url,
    dataDir: tempDir(),
    flags,
  });
  const socketIds = Array.from({ length: 40 }, (_, index) => `s${index}`);
  await server.service.createAll(...socketIds);
  const message = "m".repeat(64 * 1_024);
  const writeMany = async (count: number): Promise<void> => {
    let left = count;
    const writer = async (): Promise<void> => {
      while (left-- > 0) await server.service.write({ socketId: `s${left % 40}`, sender: "author", message });
    };
    await Promise.all(Array.from({ length: 8 }, writer));
  };
  await engram.fault({ fault: "hang" });
  await writeMany(400);
  const before = server.memory;
  await writeMany(1_600);
  const grown = server.memory - before;
  process.stdout.write(`100 MiB for an Engram that hangs: ${grown.toFixed(0)} MiB of memory\n`);
  expect(grown).toBeLessThan(GROWN_MIB_MAX);
});

test.runIf(only === undefined).each(incompatible)("$name is told to be incompatible, with a reason", ({ name }) => {
  const { states, lastError } = outcomes.get(name) ?? expect.unreachable();
  expect(states).toEqual(["INCOMPATIBLE"]);
  expect(lastError).toMatch(/^this Engram cannot hold state: .+/);
});
