import fc from "fast-check";
import { expect, test } from "vitest";
import { packDifferences, unpackDifferences } from "../src/storage/differences.js";

/** Every number that occurs: revisions, sequences and times, and revisions turned negative. */
const number = fc.oneof(
  fc.integer({ min: -300, max: 300 }),
  fc.integer({ min: -(2 ** 33), max: 2 ** 33 }),
  fc.integer({ min: -(2 ** 51), max: 2 ** 51 }),
);

test("numbers come back from their packed differences, whatever the stride", () => {
  fc.assert(
    fc.property(fc.array(number), fc.integer({ min: 1, max: 4 }), (values, stride) => {
      expect(unpackDifferences(packDifferences(values, stride), stride)).toEqual(values);
    }),
  );
});

test("a list that rises by one takes a byte a number", () => {
  const values = Array.from({ length: 1_000 }, (_, place) => 5_000_000_000 + place);
  expect(packDifferences(values, 1).length).toBeLessThan(1_010);
});
