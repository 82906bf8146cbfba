/**
 * `npm run bench`: how close the server comes to what the machine can do. Each row measures ours and its ceiling in
 * turn, round by round, so that whatever else the machine does meets both. README.md says how to read it.
 */
import { parseArgs } from "node:util";
import { circumstances, type Measured, tableHead, tableLine, writeResults } from "./report.js";
import type { Effort, Row } from "./row.js";
import { behindRows } from "./rows/behind.js";
import { broadcastRows } from "./rows/broadcast.js";
import { crashRows } from "./rows/crash.js";
import { drainRows } from "./rows/drain.js";
import { explicitRows } from "./rows/explicit.js";
import { leaseRows } from "./rows/leases.js";
import { replicationRows } from "./rows/replication.js";
import { storeRows } from "./rows/store.js";
import { watcherRows } from "./rows/watchers.js";
import { writeRows } from "./rows/write.js";

const { values } = parseArgs({
  options: {
    rounds: { type: "string" },
    only: { type: "string", default: "" },
    quick: { type: "boolean", default: false },
    json: { type: "string" },
  },
});

const effort: Effort = values.quick ? { seconds: 0.5, scale: 0.1 } : { seconds: 2, scale: 1 };
const rounds = Number(values.rounds ?? (values.quick ? 2 : 5));
const pattern = new RegExp(values.only);
const readRows = [...drainRows, ...behindRows, ...explicitRows];
const liveRows = [...broadcastRows, ...watcherRows, ...leaseRows];
const allRows = [...writeRows, ...readRows, ...liveRows, ...storeRows, ...crashRows, ...replicationRows];
const rows = allRows.filter(({ name }) => pattern.test(name));
const started = circumstances();
const path = values.json ?? `bench/results/${started.date.replaceAll(":", "-")}.json`;

if (!(rounds >= 1)) throw new Error(`--rounds must be a number from 1, not ${values.rounds}`);
if (rows.length === 0) throw new Error(`no row has ${values.only} in its name`);

const { machine } = started;
process.stdout.write(`${machine.cpu}, ${machine.cores} cores, ${machine.pinned ? "pinned" : "not pinned"}, \
${machine.system}, node ${started.node}, load: ${started.load}, commit ${started.commit}\
${started.changed ? " with changes" : ""}, ${rounds} rounds: median [min–max]\n\n${tableHead}\n`);

const measured: Measured[] = [];
for (const row of rows) {
  const result = await measure(row);
  measured.push(result);
  process.stdout.write(`${tableLine(result)}\n`);
  writeResults(path, measured);
}
process.stdout.write(`\nEvery sample is in ${path}\n`);

/** Where two are compared, the first round is for warming up and does not count. */
async function measure(row: Row): Promise<Measured> {
  const prepared = await row.prepare(effort);
  try {
    const samples: Measured["rounds"][number][] = [];
    const count = Math.min(rounds, row.rounds ?? rounds);
    for (let round = prepared.ceiling === undefined ? 1 : 0; round <= count; round++) {
      // Who comes first changes, because the first one finds the machine as the round before left it.
      const early = round % 2 === 0 ? undefined : await prepared.ceiling?.();
      const ours = await prepared.ours();
      const ceiling = early ?? (await prepared.ceiling?.());
      if (round > 0) samples.push({ ours, ceiling });
    }
    return { row, rounds: samples };
  } finally {
    await prepared.close();
  }
}
