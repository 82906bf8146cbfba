/** Properties of the index in memory, each against the plainest way to say the same, and of its images on the disk. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { LogEntry } from "../gen/ts/socketregistry/storage/v1/records.js";
import type { Batch } from "../src/storage/commit.js";
import { Digest, decodeDigest, eachDigested, encodeDigest } from "../src/storage/digest.js";
import { BLOCK_SIZE, Entries, SPAN_BLOCKS } from "../src/storage/entries.js";
import { EntryBlock } from "../src/storage/entry-block.js";
import { ImageReader, ImageWriter } from "../src/storage/image.js";
import { Order } from "../src/storage/order.js";
import { OrderImage } from "../src/storage/order-image.js";
import { DamagedRecord, encodeRecord } from "../src/storage/records.js";
import { Removal, RemovedNotes } from "../src/storage/removal.js";
import { type Routing, routingOf } from "../src/storage/routing.js";
import { SocketQueue } from "../src/storage/socket-queue.js";
import { State } from "../src/storage/state.js";
import { CHUNK_SIZE, Timeline } from "../src/storage/timeline.js";

const numRuns = process.env["LONG"] === "1" ? 20_000 : 500;
const revision = fc.maxSafeNat();
const number = fc.nat(2 ** 32 - 1);

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
      copy.restore(kept(order));
      copy.trim(Math.ceil(list.length / 2));
      copy.shift(7);
      for (let sequence = Math.ceil(list.length / 2); sequence <= list.length; sequence++) {
        expect(copy.revisionAt(sequence + 7)).toBe(list[sequence - 1] ?? 0);
      }
    }),
    { numRuns },
  );
});

function bytesOf(image: OrderImage): Buffer {
  const writer = new ImageWriter();
  image.write(writer);
  return writer.finish();
}

/** The order as it comes back from the disk. */
function kept(order: Order): OrderImage {
  return OrderImage.read(new ImageReader(bytesOf(order.image())));
}

test("what was copied of an order for a checkpoint stays as it was while the order goes on", () => {
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 60 }), (happenings) => {
      const timeline = new Timeline();
      const order = new Order(timeline, 0);
      const copies = happenings.map((what, place) => {
        if (what === "named") order.push(place + 1);
        if (what === "left out") order.skip(place + 1);
        if (what === "broadcast" || what === "left out") timeline.push(place + 1, 1, 0);
        const image = order.image();
        return { image, bytes: bytesOf(image) };
      });
      for (const { image, bytes } of copies) expect(bytesOf(image)).toEqual(bytes);
    }),
    { numRuns },
  );
});

test("an order keeps thousands of messages, with any distance between their revisions", () => {
  const gap = fc.constantFrom(1, 3, 300, 2 ** 28, 2 ** 33);
  const runs = fc.array(fc.record({ gap, count: fc.nat(600), what: happening }), { maxLength: 8 });
  fc.assert(
    fc.property(runs, fc.nat(2 ** 33), fc.double({ min: 0, max: 1, noNaN: true }), (all, start, part) => {
      const timeline = new Timeline();
      const order = new Order(timeline, start);
      const list: number[] = [];
      let at = start;
      for (const { gap: distance, count, what } of all) {
        for (let done = 0; done < count; done++) {
          at += distance;
          if (what === "named") order.push(at);
          if (what === "left out") order.skip(at);
          if (what === "named" || what === "broadcast") list.push(at);
          if (what === "broadcast" || what === "left out") timeline.push(at, 1, 0);
        }
      }
      const oldest = Math.floor(part * list.length) + 1;
      const copy = new Order(timeline, start);
      copy.restore(kept(order));
      for (const one of [order, copy]) {
        one.trim(oldest);
        expect([one.tail, one.first <= oldest]).toEqual([list.length, true]);
        for (let sequence = oldest; sequence <= list.length; sequence++) {
          const found = list[sequence - 1] ?? 0;
          if (one.revisionAt(sequence) !== found) expect.unreachable(`sequence ${sequence} is not ${found}`);
          if (one.sequenceUpTo(found) !== sequence) expect.unreachable(`revision ${found} is not ${sequence}`);
        }
        expect(visited(one, timeline, oldest - 1)).toEqual(list.slice(oldest - 1));
      }
    }),
    { numRuns: Math.ceil(numRuns / 5) },
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

/** Numbers of every width. */
const wide = fc.oneof(
  fc.nat(3),
  fc.nat(300),
  fc.nat(70_000),
  fc.nat(2 ** 32 - 1),
  fc.nat(2 ** 32).map((n) => n * 2 ** 12),
);

test("entries keep sizes, times and holders of any width", () => {
  const entry = fc.record({ size: fc.integer({ min: 1, max: 2 ** 32 - 1 }), pauseMs: wide, references: wide });
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 40 }), wide, (all, startMs) => {
      const entries = new Entries();
      const block = new EntryBlock();
      let timeMs = startMs;
      const times = all.map(({ size, pauseMs, references }, place) => {
        timeMs += pauseMs;
        entries.add(place + 1, size, timeMs, references);
        block.add(place, size, timeMs, references);
        return timeMs;
      });
      const image = new ImageWriter();
      block.write(image);
      const copy = EntryBlock.read(new ImageReader(image.finish()));
      expect(copy.count).toBe(all.length);
      for (const [place, { size, references }] of all.entries()) {
        expect([entries.size(place + 1), entries.timeMs(place + 1)]).toEqual([size, times[place]]);
        expect([copy.sizes[place], copy.timeMs(place), copy.references[place]]).toEqual([size, times[place], 0]);
        expect(block.references[place]).toBe(references);
        expect(entries.isHeld(place + 1)).toBe(references > 0);
      }
      expect(entries.bytes).toBe(all.reduce((sum, { size }) => sum + size, 0));
    }),
    { numRuns },
  );
});

test("an image gives back what was written, and nothing else is taken for one", () => {
  const array = fc.oneof(
    fc.uint8Array(),
    fc.uint16Array(),
    fc.uint32Array(),
    fc.float64Array({ noNaN: true, noDefaultInfinity: true }),
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(revision, array), { maxLength: 20 }), fc.nat(7), (parts, offset) => {
      const writer = new ImageWriter();
      for (const part of parts) {
        if (typeof part === "number") writer.number(part);
        else writer.numbers(part, part.length);
      }
      const bytes = writer.finish();
      // It may lie anywhere in memory.
      const reader = new ImageReader(Buffer.concat([Buffer.alloc(offset), bytes]).subarray(offset));
      for (const part of parts) expect(typeof part === "number" ? reader.number() : reader.numbers()).toEqual(part);
      expect(reader.isAtEnd).toBe(true);
      // A machine that has its bytes in the other order.
      expect(() => new ImageReader(Buffer.from(bytes).swap64())).toThrow(DamagedRecord);
    }),
    { numRuns },
  );
  expect(() => new ImageReader(Buffer.from([0x08, 5, 0x10, 3]))).toThrow(DamagedRecord);
  expect(() => new ImageReader(Buffer.alloc(0))).toThrow(DamagedRecord);
});

const targets = fc.array(number, { maxLength: 4 });
const skipped = fc.uniqueArray(number, { maxLength: 5 }).map((all) => all.sort((a, b) => a - b));
const coming = fc.record({ number, replaces: number, isGone: fc.boolean() });

test("what is recorded of the log comes back, and a start reads the same from the log itself", () => {
  const entry = fc.record({
    distance: fc.integer({ min: 1, max: 2 ** 30 }),
    pauseMs: fc.nat(2 ** 40),
    body: fc.uint8Array({ maxLength: 300 }),
    targets,
    everyone: fc.boolean(),
    skipped,
    coming: fc.option(coming, { nil: undefined }),
  });
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 20 }), fc.nat(2 ** 33), (all, after) => {
      const digest = new Digest();
      digest.begin(after);
      let at = after;
      let timeMs = 0;
      const expected = all.map((one, size): [Routing, number] => {
        at += one.distance;
        timeMs += one.pauseMs;
        if (one.coming !== undefined) {
          digest.change(at, timeMs, size, one.coming);
          const { coming: change } = one;
          return [{ revision: at, timeMs, targets: [], everyone: false, skipped: [], coming: change }, size];
        }
        const routes = { targets: one.targets, everyone: one.everyone, skipped: one.everyone ? one.skipped : [] };
        const numbers = routes.skipped.map((skip) => ({ number: skip }));
        const routing = { revision: at, timeMs, ...routes, skipped: numbers, coming: undefined };
        digest.message(at, timeMs, size, routing);
        const entryOf = { revision: at, timeMs, message: messageOf(routes, one.body), socket: undefined };
        expect(routingOf(encodeRecord(LogEntry, entryOf))).toEqual(routing);
        return [routing, size];
      });
      const digested = digest.take(at) ?? expect.unreachable("nothing was recorded");
      const found: [Routing, number][] = [];
      const back = decodeDigest(encodeDigest(digested));
      eachDigested(back, (routing, size) => found.push([routing, size]));
      expect([back.after, back.last, found]).toEqual([after, at, expected]);
    }),
    { numRuns },
  );
});

/** A message as it is stored. Numbers of sockets that were skipped are kept as differences. */
function messageOf(routes: { targets: number[]; everyone: boolean; skipped: number[] }, body: Uint8Array) {
  const differences = routes.skipped.map((one, place) => one - (routes.skipped[place - 1] ?? 0));
  const rest = { sender: "w", recipient: "a", skipReasons: differences.map(() => 1), replyTo: 7 };
  return { ...rest, body: Buffer.from(body), ...routes, skipped: differences };
}

test("an entry that does not check goes nowhere", () => {
  const message = messageOf({ targets: [2], everyone: false, skipped: [] }, new Uint8Array(20));
  const stored = encodeRecord(LogEntry, { revision: 5, timeMs: 6, message, socket: undefined });
  stored.writeUInt8(stored.readUInt8(12) ^ 1, 12);
  expect(routingOf(stored)).toBeUndefined();
  expect(routingOf(stored.subarray(0, 3))).toBeUndefined();
});
