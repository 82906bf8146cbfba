/** Properties of the parts of the store, each against the plainest way to say the same. */
import { crc32 } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { CursorRow, LogEntry, StoreRow } from "../gen/ts/socketregistry/storage/v1/records.js";
import type { Batch } from "../src/storage/commit.js";
import { decodeCursor, encodeCursor } from "../src/storage/cursor-rows.js";
import { BLOCK_SIZE, Entries, SPAN_BLOCKS } from "../src/storage/entries.js";
import * as keys from "../src/storage/keys.js";
import { Order } from "../src/storage/order.js";
import { Recent } from "../src/storage/recent.js";
import { DamagedRecord, decodeRecord, encodeRecord, UnknownVersion } from "../src/storage/records.js";
import { Removal, RemovedNotes } from "../src/storage/removal.js";
import { encodeMessage } from "../src/storage/message-rows.js";
import { decodeRow, decodeSkips, encodeRow } from "../src/storage/rows.js";
import { SocketQueue } from "../src/storage/socket-queue.js";
import { State } from "../src/storage/state.js";
import { CHUNK_SIZE, Timeline } from "../src/storage/timeline.js";

const numRuns = process.env["LONG"] === "1" ? 20_000 : 500;
const revision = fc.maxSafeNat();
const number = fc.nat(2 ** 32 - 1);

test("the order of keys is the order of numbers, and a key tells its number", () => {
  const kinds64 = fc.constantFrom(keys.logKey, keys.removedKey, keys.removedSpanKey, keys.rememberedKey);
  const kinds32 = fc.constantFrom(keys.rowKey, keys.promptKey, keys.contextKey, keys.cursorKey);
  fc.assert(
    fc.property(kinds64, revision, revision, (key, a, b) => {
      expect(Math.sign(Buffer.compare(key(a), key(b)))).toBe(Math.sign(a - b));
      expect(keys.number64(key(a))).toBe(a);
    }),
    { numRuns },
  );
  fc.assert(
    fc.property(kinds32, number, number, (key, a, b) => {
      expect(Math.sign(Buffer.compare(key(a), key(b)))).toBe(Math.sign(a - b));
      expect(keys.number32(key(a))).toBe(a);
    }),
    { numRuns },
  );
});

test("the order of the keys of receipts is that of queues, their epochs and sequences", () => {
  const place = fc.record({ number, epochRevision: revision, sequence: revision });
  const partsOf = (one: keys.ReceiptsPlace): number[] => [one.number, one.epochRevision, one.sequence];
  fc.assert(
    fc.property(place, place, revision, (a, b, low) => {
      const differing = partsOf(a).findIndex((part, index) => part !== partsOf(b)[index]);
      const expected = (partsOf(a)[differing] ?? 0) - (partsOf(b)[differing] ?? 0);
      expect(Math.sign(Buffer.compare(keys.receiptsKey(a), keys.receiptsKey(b)))).toBe(Math.sign(expected));
      expect(keys.receiptsPlace(keys.receiptsKey(a))).toEqual(a);
      const { gte, lt } = keys.receiptsFrom({ ...a, sequence: low });
      const isIn = Buffer.compare(keys.receiptsKey(a), gte) >= 0 && Buffer.compare(keys.receiptsKey(a), lt) < 0;
      expect(isIn).toBe(a.sequence >= low);
    }),
    { numRuns },
  );
});

test("the range of a kind of key holds all of them and none of another kind", () => {
  const isIn = (key: Buffer, { gte, lt }: keys.KeyRange): boolean =>
    Buffer.compare(key, gte) >= 0 && Buffer.compare(key, lt) < 0;
  fc.assert(
    fc.property(revision, number, fc.nat(1), (a, b, slot) => {
      const found = [
        keys.logKey(a),
        keys.rowKey(b),
        keys.cursorKey(b),
        keys.removedKey(a),
        keys.removedSpanKey(a),
        keys.checkpointKey(slot, b),
        keys.receiptsKey({ number: b, epochRevision: a, sequence: a }),
        keys.rememberedKey(a),
        keys.promptKey(b),
        keys.contextKey(b),
        keys.storeKey,
      ].map((key) =>
        [
          keys.logRange(0),
          keys.rowRange,
          keys.cursorRange,
          keys.removedRange,
          keys.removedSpanRange,
          keys.checkpointRange(slot),
          keys.receiptsRange,
          keys.rememberedRange,
        ].findIndex((range) => isIn(key, range)),
      );
      expect(found).toEqual([0, 1, 2, 3, 4, 5, 6, 7, -1, -1, -1]);
      expect(isIn(keys.checkpointKey(slot, b), keys.checkpointRange(1 - slot))).toBe(false);
      expect(isIn(keys.logKey(a), keys.logRange(a, a))).toBe(true);
    }),
    { numRuns },
  );
});

const text = fc.string({ unit: "grapheme", maxLength: 20 });
const skips = fc
  .uniqueArray(fc.integer({ min: 2, max: 100_000 }), { maxLength: 10 })
  .map((numbers) => numbers.sort((a, b) => a - b).map((one) => ({ number: one, reason: "QUEUE_FULL" as const })));

test("a message comes back as it was stored", () => {
  const message = fc.record({
    kind: fc.constant("message" as const),
    body: fc.uint8Array({ maxLength: 200 }),
    sender: text,
    recipient: text,
    targets: fc.array(number, { maxLength: 4 }),
    everyone: fc.boolean(),
    skipped: skips,
    replyTo: revision,
  });
  fc.assert(
    fc.property(revision, revision, message, (at, timeMs, event) => {
      const entry = decodeRecord(LogEntry, encodeMessage(at, timeMs, event));
      expect([entry.revision, entry.timeMs]).toEqual([at, timeMs]);
      const { message: found } = entry;
      expect({ ...found, body: [...(found?.body ?? [])] }).toMatchObject({
        body: [...event.body],
        sender: event.sender,
        recipient: event.recipient,
        targets: event.targets,
        everyone: event.everyone,
      });
      const decoded = decodeSkips(found?.skipped ?? [], found?.skipReasons ?? []);
      expect([...decoded].map(([one, reason]) => ({ number: one, reason }))).toEqual(event.skipped);
    }),
    { numRuns },
  );
});

test("rows and cursors come back as they were stored", () => {
  const config = fc.record(
    {
      leaseDurationMs: revision,
      messageTtlMs: revision,
      ackDeadlineMs: revision,
      maxQueueSize: number,
      maxQueueBytes: revision,
      maxDeliveryAttempts: number,
      overflowPolicy: fc.constantFrom("REJECT" as const, "DROP_OLDEST" as const),
      acceptWhenAway: fc.boolean(),
    },
    { requiredKeys: [] },
  );
  const row = fc.record({
    number,
    socketId: text,
    model: text,
    state: fc.constantFrom("ACTIVE" as const, "INACTIVE" as const, "UNRESPONSIVE" as const),
    stateReason: fc.constantFrom(
      "NONE" as const,
      "OPERATOR" as const,
      "LEASE_EXPIRED" as const,
      "CLIENT_LEFT" as const,
    ),
    stateMessage: text,
    createdMs: revision,
    createdRevision: revision,
    changedMs: revision,
    labels: fc.dictionary(
      text.filter((key) => key !== "__proto__"),
      text,
      { noNullPrototype: true },
    ),
    config,
    epoch: text,
    epochRevision: revision,
    changedRevision: revision,
  });
  fc.assert(
    fc.property(row, (one) => {
      expect(decodeRow(encodeRow(one))).toEqual(one);
    }),
    { numRuns },
  );
  const tally = fc.record({ count: revision, announced: revision });
  const mark = fc.record({
    sequence: revision,
    revision,
    state: fc.constantFrom("HELD" as const, "LENT" as const, "WAITING" as const, "PARKED" as const),
    failures: fc.nat(),
    deliveredMs: revision,
    dueMs: revision,
  });
  const ascending = fc.uniqueArray(fc.nat(), { maxLength: 10 }).map((above) => above.sort((a, b) => a - b));
  const cursor = fc.record({
    epochRevision: revision,
    floorSequence: fc.nat(),
    floorRevision: revision,
    settled: ascending,
    settledRevisions: ascending,
    marks: fc.array(mark, { maxLength: 3 }),
    drops: fc.record({ OVERFLOW: tally, EXPIRED: tally }),
    movedMs: revision,
    seenMs: revision,
  });
  fc.assert(
    fc.property(cursor, (one) => {
      const settled = one.settled.map((above) => one.floorSequence + 1 + above);
      const settledRevisions = one.settledRevisions.map((above) => one.floorRevision + 1 + above);
      const image = { ...one, settled, settledRevisions };
      expect(decodeCursor(encodeCursor(image))).toEqual(image);
    }),
    { numRuns },
  );
});

test("every flipped bit of a record is found, wherever it is", () => {
  const stored = encodeRecord(CursorRow, { ...CursorRow.fromPartial({}), floorSequence: 300, settled: [1, 2, 3] });
  for (let bit = 0; bit < stored.length * 8; bit++) {
    const flipped = Buffer.from(stored);
    flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    expect(() => decodeRecord(CursorRow, flipped), `bit ${bit}`).toThrow(DamagedRecord);
  }
  for (let length = 0; length < stored.length; length++) {
    expect(() => decodeRecord(CursorRow, stored.subarray(0, length)), `${length} bytes`).toThrow(DamagedRecord);
  }
});

test("a record of a newer program is not taken for damage", () => {
  expect(() => decodeRecord(StoreRow, sealAs(2, Buffer.from("anything")))).toThrow(UnknownVersion);
  const damaged = sealAs(2, Buffer.from("anything"));
  damaged.writeUInt8(0, 7);
  expect(() => decodeRecord(StoreRow, damaged)).toThrow(DamagedRecord);
});

/** A record as a program of another version stores it. */
function sealAs(version: number, content: Buffer): Buffer {
  const header = Buffer.from([version, 0, 0, 0, 0]);
  header.writeUInt32LE(crc32(content, version), 1);
  return Buffer.concat([header, content]);
}

/** The revisions that a visit of an order finds. */
function visited(order: Order, timeline: Timeline, above: number): number[] {
  const found: number[] = [];
  order.visit(
    above,
    (_, one) => found.push(one),
    (from, to) => {
      for (let index = from; index < to; index++) found.push(timeline.at(index));
    },
  );
  return found;
}

function batchOn(rows: Map<string, [Buffer, Buffer]>): Batch {
  return {
    put: (key, value) => rows.set(key.toString("hex"), [key, value]),
    del: (key) => rows.delete(key.toString("hex")),
    write: () => Promise.resolve(),
  };
}

/** What happens to a queue's order: a message by name, a broadcast, a broadcast that it does not get. */
const happening = fc.constantFrom("named", "broadcast", "left out", "elsewhere");

test("a queue's order is the list of what it got", () => {
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 80 }), fc.nat(20), (happenings, start) => {
      const timeline = new Timeline();
      let at = 0;
      for (; at < start; at++) if (at % 2 === 0) timeline.push(at + 1, 1, 0);
      const order = new Order(timeline, at);
      const list: number[] = [];
      for (const what of happenings) {
        at++;
        if (what === "named") expect(order.push(at)).toBe(list.push(at));
        if (what === "broadcast") list.push(at);
        if (what === "left out") expect([order.skip(at), order.skip(at)]).toEqual([true, false]);
        if (what === "broadcast" || what === "left out") timeline.push(at, 1, 0);
        expect(order.tail).toBe(list.length);
      }
      for (let sequence = 0; sequence <= list.length + 1; sequence++) {
        expect(order.revisionAt(sequence), `sequence ${sequence}`).toBe(list[sequence - 1] ?? 0);
      }
      for (let until = start; until <= at + 1; until++) {
        expect(order.sequenceUpTo(until), `up to ${until}`).toBe(list.filter((one) => one <= until).length);
      }
      for (let above = 0; above <= list.length; above++) {
        expect(visited(order, timeline, above)).toEqual(list.slice(above));
      }
      const copy = new Order(timeline, start);
      copy.restore(order.image());
      copy.trim(Math.ceil(list.length / 2));
      copy.shift(7);
      for (let sequence = Math.ceil(list.length / 2); sequence <= list.length; sequence++) {
        expect(copy.revisionAt(sequence + 7)).toBe(list[sequence - 1] ?? 0);
      }
    }),
    { numRuns },
  );
});

test("a timeline forgets what is dead in whole chunks, and counts on", () => {
  const length = 4 * CHUNK_SIZE;
  const alive = fc.uniqueArray(fc.nat(length - 1), { maxLength: 3 });
  fc.assert(
    fc.property(alive, fc.nat(length), (indexes, probe) => {
      const timeline = new Timeline();
      // Every third revision is something else.
      const revisionOf = (index: number): number => index + 1 + Math.floor(index / 2);
      for (let index = 0; index < length; index++) timeline.push(revisionOf(index), 1, index);
      const living = new Set(indexes.map(revisionOf));
      timeline.trim((one) => !living.has(one));
      expect(timeline.end).toBe(length);
      for (const index of indexes) expect(timeline.at(index)).toBe(revisionOf(index));
      const kept = timeline.revisions();
      expect(kept.length).toBeLessThanOrEqual((indexes.length + 1) * CHUNK_SIZE);
      expect(timeline.rank(probe)).toBe(kept.filter((one) => one < revisionOf(probe)).length);
      const next = timeline.indexAfter(revisionOf(probe) - 1);
      expect(timeline.at(next)).toBe(kept.find((one) => one >= revisionOf(probe)) ?? 0);
      expect(next).toBeGreaterThanOrEqual(probe);
      const entries = { size: () => 1, timeMs: () => 5 };
      const copy = Timeline.from(timeline.image(), entries);
      expect([copy.end, copy.image(), copy.newestMs]).toEqual([length, timeline.image(), 5]);
    }),
    { numRuns: Math.ceil(numRuns / 20) },
  );
});

test("what was removed on purpose is known from what was lost, across blocks and spans", async () => {
  const last = (2 * SPAN_BLOCKS + 3) * BLOCK_SIZE + 17;
  // What stays: single entries, or all from some revision on.
  const kept = fc.tuple(fc.uniqueArray(fc.integer({ min: 1, max: last }), { maxLength: 6 }), fc.nat(last));
  await fc.assert(
    fc.asyncProperty(kept, fc.integer({ min: 500, max: 40_000 }), async ([singles, from], perBatch) => {
      const entries = new Entries();
      for (let at = 1; at <= last; at++) entries.add(at, 1, 0, 0);
      const rows = new Map<string, [Buffer, Buffer]>();
      const batch = batchOn(rows);
      const removal = new Removal(entries, 0);
      const staying = new Set(singles);
      const removed: number[] = [];
      for (let at = 1; at < from; at++) if (!staying.has(at)) removed.push(at);
      for (let at = 0; at < removed.length; at += perBatch) removal.remove(removed.slice(at, at + perBatch), batch);
      const { notes, damaged } = await RemovedNotes.read(async function* (range) {
        for (const row of rows.values()) {
          if (Buffer.compare(row[0], range.gte) >= 0 && Buffer.compare(row[0], range.lt) < 0) yield row;
        }
      });
      expect(damaged).toEqual([]);
      const first = removal.firstRevision;
      for (let at = 1; at < first; at++) if (entries.size(at) > 0) throw new Error(`${at} is before the first`);
      const missing = [...notes.missing(first, last + 1)];
      const there: number[] = [];
      for (let at = Math.max(1, first); at <= last; at++) if (entries.size(at) > 0) there.push(at);
      expect(missing.filter((at) => at > 0)).toEqual(there);
      // One note for each block that something is left of, and few for the others.
      expect(rows.size).toBeLessThanOrEqual(2 * SPAN_BLOCKS + singles.length + 8);
    }),
    { numRuns: Math.ceil(numRuns / 50) },
  );
});

test("a queue counts what is unsettled, in any order of settling", () => {
  const act = fc.oneof(happening, fc.array(fc.nat(40), { maxLength: 5 }));
  fc.assert(
    fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
      const state = new State();
      const queue = new SocketQueue(state, 2, 0);
      const sizes: number[] = [];
      const settled = new Set<number>();
      let at = 0;
      for (const one of acts) {
        if (Array.isArray(one)) {
          queue.settle(one, 1);
          for (const sequence of one) if (sequence >= 1 && sequence <= sizes.length) settled.add(sequence);
        } else {
          at++;
          state.entries.add(at, at, at, 1);
          if (one === "named") queue.push(at, at, at);
          if (one === "left out") queue.skip(at, at);
          if (one === "broadcast" || one === "left out") state.timeline.push(at, at, at);
          if (one === "named" || one === "broadcast") sizes.push(at);
        }
        const open = sizes
          .map((size, index) => ({ size, sequence: index + 1 }))
          .filter(({ sequence }) => !settled.has(sequence));
        expect({ depth: queue.depth, bytes: queue.bytes, floor: queue.floor }).toEqual({
          depth: open.length,
          bytes: open.reduce((sum, { size }) => sum + size, 0),
          floor: (open[0]?.sequence ?? sizes.length + 1) - 1,
        });
        expect(queue.oldestUnsettledMs).toBe(open[0]?.size);
      }
    }),
    { numRuns },
  );
});

test("the newest messages are kept within their bytes, and empty ones count too", () => {
  const recent = new Recent(100_000);
  for (let at = 1; at <= 10_000; at++) recent.add(at, { timeMs: 0, sender: "", recipient: "", body: new Uint8Array() });
  const kept = Array.from({ length: 10_000 }, (_, index) => index + 1).filter((at) => recent.get(at) !== undefined);
  expect(kept.length).toBeLessThan(1_000);
  expect(kept).toEqual(Array.from({ length: kept.length }, (_, index) => 10_001 - kept.length + index));
  recent.add(20_000, { timeMs: 0, sender: "", recipient: "", body: new Uint8Array(200_000) });
  expect(recent.get(20_000)).toBeUndefined();
});
