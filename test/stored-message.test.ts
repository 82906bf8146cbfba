/** What is read by hand from a message's stored entry is what the generated code reads from it. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { LogEntry } from "../gen/ts/socketregistry/storage/v1/records.js";
import { decodeRecord, encodeRecord, seal } from "../src/storage/records.js";
import { decodeMessage } from "../src/storage/stored-message.js";

const entry = fc.record({
  revision: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  timeMs: fc.oneof(fc.integer({ min: 1, max: 2 ** 45 }), fc.constant(0)),
  body: fc.uint8Array({ maxLength: 300 }),
  sender: fc.oneof(fc.constant(""), fc.constant("alice"), fc.string({ unit: "grapheme" })),
  recipient: fc.oneof(fc.constant(""), fc.constant("bob"), fc.string({ unit: "grapheme" })),
  targets: fc.array(fc.integer({ min: 1, max: 2 ** 32 - 1 }), { maxLength: 5 }),
  everyone: fc.boolean(),
  replyTo: fc.constantFrom(0, 7),
});

function encode({ revision, timeMs, body, ...rest }: Entry): Buffer {
  const message = { ...rest, body: Buffer.from(body), skipped: [], skipReasons: [] };
  return encodeRecord(LogEntry, { revision, timeMs, message, socket: undefined });
}

interface Entry {
  readonly revision: number;
  readonly timeMs: number;
  readonly body: Uint8Array;
  readonly sender: string;
  readonly recipient: string;
  readonly targets: number[];
  readonly everyone: boolean;
  readonly replyTo: number;
}

test("a stored message is read as the generated code reads it", () => {
  fc.assert(
    fc.property(entry, (written) => {
      const stored = encode(written);
      const { timeMs, message } = decodeRecord(LogEntry, stored);
      const found = decodeMessage(stored, written.revision);
      expect(found && { ...found, body: Buffer.from(found.body) }).toEqual({
        timeMs,
        sender: message?.sender,
        recipient: message?.recipient,
        body: message?.body,
      });
    }),
  );
});

test("an entry of another revision, one that is no message, and one that does not check are not read", () => {
  const stored = encode({ revision: 5, timeMs: 1, body: Buffer.from("x"), sender: "a", recipient: "b", ...NOWHERE });
  expect(decodeMessage(stored, 5)).toBeDefined();
  expect(decodeMessage(stored, 6)).toBeUndefined();
  for (let bit = 0; bit < stored.length * 8; bit++) {
    const flipped = Buffer.from(stored);
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    expect(decodeMessage(flipped, 5), `bit ${bit}`).toBeUndefined();
  }
  const change = encodeRecord(LogEntry, { revision: 5, timeMs: 1, message: undefined, socket: undefined });
  expect(decodeMessage(change, 5)).toBeUndefined();
});

test("an entry that is sound and looks otherwise than ours is read by the generated code", () => {
  const content = LogEntry.encode(LogEntry.fromPartial({ timeMs: 3, message: { recipient: "bob" } })).finish();
  const revision = LogEntry.encode(LogEntry.fromPartial({ revision: 5 })).finish();
  const stored = seal(Buffer.concat([content, revision]));
  expect(decodeMessage(stored, 5)).toEqual({ timeMs: 3, sender: "", recipient: "bob", body: Buffer.alloc(0) });
});

const NOWHERE = { targets: [], everyone: false, replyTo: 0 };
