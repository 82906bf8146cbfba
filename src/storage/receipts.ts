import { ReceiptOutcome, type ReceiptRun, ReceiptsRow } from "../../gen/ts/socketregistry/storage/v1/records.js";
import type { Fate } from "../registry/storage.js";
import type { Batch } from "./commit.js";
import type { Ending } from "./endings.js";
import { receiptsFrom, receiptsKey, receiptsPlace } from "./keys.js";
import type { Queue } from "./queue.js";
import { decodeIfSound, encodeRecord } from "./records.js";
import type { ReadRows } from "./source.js";

/** A row of more than one run spans no more sequences than this, so that it is found near what it tells of. */
const SPAN = 4_096;

const outcomes = {
  SETTLED: ReceiptOutcome.RECEIPT_OUTCOME_SETTLED,
  EXPIRED: ReceiptOutcome.RECEIPT_OUTCOME_EXPIRED,
  DROPPED: ReceiptOutcome.RECEIPT_OUTCOME_DROPPED,
} as const;

/** Adds to a batch how messages of a queue ended: one row, unless they lie far apart. */
export function putReceipts(queue: Queue, endings: readonly Ending[], batch: Batch): void {
  if (endings.length < 2) {
    putRow(queue, endings, batch);
    return;
  }
  let runs: Ending[] = [];
  for (const ending of [...endings].sort((a, b) => a.first - b.first)) {
    if (runs[0] !== undefined && lastOf(ending) - runs[0].first >= SPAN) {
      putRow(queue, runs, batch);
      runs = [];
    }
    runs.push(ending);
  }
  putRow(queue, runs, batch);
}

/** How a message of a queue ended, as far as that is on disk; undefined when it is not. */
export async function readReceipt(rows: ReadRows, queue: Queue, sequence: number): Promise<Fate | undefined> {
  const { number, epochRevision } = queue;
  for await (const [key, stored] of rows(receiptsFrom({ number, epochRevision, sequence }))) {
    const runs = decodeIfSound(ReceiptsRow, stored)?.runs ?? [];
    const run = runs.find(({ first, count }) => sequence >= first && sequence < first + count);
    if (run !== undefined) {
      const { attempt, deliveredMs, settledMs } = run;
      return { sequence, state: stateOf(run.outcome), attempt, deliveredMs, settledMs };
    }
    // A row reaches back over its span at most, or is one run, and then there is no other row within it.
    if (receiptsPlace(key).sequence >= sequence + SPAN) return undefined;
  }
  return undefined;
}

/** Puts runs in order as one row. There may be ten thousand rows in a batch. */
function putRow({ number, epochRevision }: Queue, runs: readonly Ending[], batch: Batch): void {
  const last = runs.at(-1);
  if (last === undefined) return;
  const key = receiptsKey({ number, epochRevision, sequence: lastOf(last) });
  batch.put(key, encodeRecord(ReceiptsRow, { runs: runs.map(toRun) }));
}

/** Field by field: a spread would cost more than all the rest. */
function toRun({ first, count, outcome, attempt, deliveredMs, settledMs }: Ending): ReceiptRun {
  return { first, count, outcome: outcomes[outcome], attempt, deliveredMs, settledMs };
}

function stateOf(outcome: ReceiptOutcome): Fate["state"] {
  if (outcome === outcomes.EXPIRED) return "EXPIRED";
  return outcome === outcomes.DROPPED ? "DROPPED" : "SETTLED";
}

const lastOf = (run: Ending): number => run.first + run.count - 1;
