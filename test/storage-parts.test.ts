/** Properties of the parts of the store, each against the plainest way to say the same. */
import { crc32 } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { CursorRow, LogEntry, StoreRow } from "../gen/ts/socketregistry/storage/v1/records.js";
import { decodeCursor, encodeCursor } from "../src/storage/cursor-rows.js";
import * as keys from "../src/storage/keys.js";
import { encodeMessage } from "../src/storage/message-rows.js";
import { Recent } from "../src/storage/recent.js";
import { DamagedRecord, decodeRecord, encodeRecord, UnknownVersion } from "../src/storage/records.js";
import { decodeRow, decodeSkips, encodeRow } from "../src/storage/rows.js";

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
        keys.digestKey(a),
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
          keys.digestRange,
          keys.receiptsRange,
          keys.rememberedRange,
        ].findIndex((range) => isIn(key, range)),
      );
      expect(found).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, -1, -1, -1]);
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

test("the newest messages are kept within their bytes, and empty ones count too", () => {
  const recent = new Recent(100_000);
  for (let at = 1; at <= 10_000; at++) recent.add(at, { timeMs: 0, sender: "", recipient: "", body: new Uint8Array() });
  const kept = Array.from({ length: 10_000 }, (_, index) => index + 1).filter((at) => recent.get(at) !== undefined);
  expect(kept.length).toBeLessThan(1_000);
  expect(kept).toEqual(Array.from({ length: kept.length }, (_, index) => 10_001 - kept.length + index));
  recent.add(20_000, { timeMs: 0, sender: "", recipient: "", body: new Uint8Array(200_000) });
  expect(recent.get(20_000)).toBeUndefined();
});
