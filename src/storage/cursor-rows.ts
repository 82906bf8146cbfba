import {
  ConsumerRow,
  CursorRow,
  type MarkRow,
  type MarkRun,
  type MarkState,
  ParkedRow,
} from "../../gen/ts/socketregistry/storage/v1/records.js";
import type { Consumer, Mark, SocketNumber } from "../registry/storage.js";
import type { Batch } from "./commit.js";
import { consumerKey, cursorKey, parkedKey } from "./keys.js";
import type { KeptMark } from "./marks.js";
import type { Queue, QueueImage } from "./queue.js";
import { DamagedRecord, decodeRecord, encodeRecord } from "./records.js";

/** What is parked of a queue, as it is kept. */
export interface ParkedImage {
  readonly epochRevision: number;
  readonly marks: readonly KeptMark[];
}

/** The stored numbers of the words; they are those of MarkState and never change. */
const markStates: readonly (Mark["state"] | undefined)[] = [undefined, "HELD", "LENT", "WAITING", "PARKED"];

/** Adds the delivery state of a queue to a batch. */
export function putCursor(batch: Batch, queue: Queue): void {
  batch.put(cursorKey(queue.number), encodeCursor(queue.image()));
  const marks = queue.takeParked();
  if (marks === undefined) return;
  const { number, epochRevision } = queue;
  if (marks.length === 0) batch.del(parkedKey(number));
  else batch.put(parkedKey(number), encodeRecord(ParkedRow, { epochRevision, marks: marks.map(toMarkRow) }));
}

export function deleteCursor(batch: Batch, number: SocketNumber): void {
  batch.del(cursorKey(number));
  batch.del(parkedKey(number));
}

/** Field by field, here and in `Queue.image`: there may be ten thousand in a batch, and spreads were most of the time. */
export function encodeCursor(image: QueueImage): Buffer {
  const { floorSequence, floorRevision, drops, marks } = image;
  return encodeRecord(CursorRow, {
    epochRevision: image.epochRevision,
    floorSequence,
    floorRevision,
    settled: differences(image.settled, floorSequence),
    settledRevisions: differences(image.settledRevisions, floorRevision),
    droppedCount: drops.OVERFLOW.count,
    droppedAnnounced: drops.OVERFLOW.announced,
    expiredCount: drops.EXPIRED.count,
    expiredAnnounced: drops.EXPIRED.announced,
    movedMs: image.movedMs,
    seenMs: image.seenMs,
    marks: [],
    markRuns: toRuns(marks),
  });
}

export function decodeCursor(stored: Buffer): QueueImage {
  const row = decodeRecord(CursorRow, stored);
  const { droppedCount, droppedAnnounced, expiredCount, expiredAnnounced, ...others } = row;
  const { settled, settledRevisions, marks, markRuns, ...rest } = others;
  return {
    ...rest,
    settled: sums(settled, rest.floorSequence),
    settledRevisions: sums(settledRevisions, rest.floorRevision),
    marks: [...marks.map(fromMarkRow), ...markRuns.flatMap(fromRun)],
    drops: {
      OVERFLOW: { count: droppedCount, announced: droppedAnnounced },
      EXPIRED: { count: expiredCount, announced: expiredAnnounced },
    },
  };
}

/** Each number as the difference to the one before, the first to `start`. Most queues have none. */
function differences(numbers: readonly number[], start: number): number[] {
  let before = start;
  return numbers.map((number) => {
    const difference = number - before;
    before = number;
    return difference;
  });
}

/** What `differences` was made of. */
function sums(differences: readonly number[], start: number): number[] {
  let number = start;
  return differences.map((difference) => {
    number += difference;
    return number;
  });
}

export function decodeParked(stored: Buffer): ParkedImage {
  const { epochRevision, marks } = decodeRecord(ParkedRow, stored);
  return { epochRevision, marks: marks.map(fromMarkRow) };
}

export function putConsumer(batch: Batch, consumer: Consumer): void {
  batch.put(consumerKey(consumer.number), encodeRecord(ConsumerRow, consumer));
}

/** Removes a consumer with its delivery state. */
export function deleteConsumer(batch: Batch, number: SocketNumber): void {
  batch.del(consumerKey(number));
  deleteCursor(batch, number);
}

export function decodeConsumer(stored: Buffer): Consumer {
  const { number, name, usedMs } = decodeRecord(ConsumerRow, stored);
  return { number, name, usedMs };
}

function toMarkRow(mark: KeptMark): MarkRow {
  return { ...mark, state: numberOf(mark.state) };
}

/**
 * Marks in order as runs of those that were handed out together. All the marks of a queue are written again with
 * whatever moves in it, so that it counts how many bytes they take.
 */
function toRuns(marks: readonly KeptMark[]): MarkRun[] {
  const runs: MarkRun[] = [];
  let run: MarkRun | undefined;
  let before: KeptMark | undefined;
  for (const mark of marks) {
    if (run !== undefined && before !== undefined && isNext(mark, before)) {
      run.steps.push(mark.revision - before.revision);
    } else {
      const { sequence, revision, state, failures, deliveredMs, dueMs } = mark;
      run = { first: sequence, revision, steps: [], state: numberOf(state), failures, deliveredMs, dueMs };
      runs.push(run);
    }
    before = mark;
  }
  return runs;
}

/** Whether a mark goes on where another ends. */
function isNext(mark: KeptMark, before: KeptMark): boolean {
  const step = mark.revision - before.revision;
  return (
    mark.sequence === before.sequence + 1 &&
    step > 0 &&
    step < 2 ** 32 &&
    mark.state === before.state &&
    mark.failures === before.failures &&
    mark.deliveredMs === before.deliveredMs &&
    mark.dueMs === before.dueMs
  );
}

function fromRun({ first, revision, steps, ...rest }: MarkRun): KeptMark[] {
  const state = wordOf(rest.state);
  return [revision, ...sums(steps, revision)].map((revision, index) => {
    return { ...rest, state, sequence: first + index, revision };
  });
}

function fromMarkRow({ state, ...rest }: MarkRow): KeptMark {
  return { ...rest, state: wordOf(state) };
}

function numberOf(state: Mark["state"]): MarkState {
  return markStates.indexOf(state) as MarkState;
}

function wordOf(state: MarkState): Mark["state"] {
  const word = markStates[state];
  if (word === undefined) throw new DamagedRecord("a mark has no state");
  return word;
}
