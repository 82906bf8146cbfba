/** The newest messages in memory are what was added, whatever lies between them and however large they are. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Body, Recent } from "../src/storage/recent.js";

const BYTES_MAX = 64 * 1024;

function message(revision: number, size: number): Body {
  return {
    timeMs: revision * 2,
    sender: `s${revision}`,
    recipient: `r${revision}`,
    body: Buffer.alloc(size, revision),
  };
}

/** By the bytes as a whole: to compare them one by one takes seconds. */
function expectSame(found: Body | undefined, { body, ...rest }: Body): void {
  expect(found).toMatchObject(rest);
  expect(Buffer.from(found?.body ?? []).equals(body)).toBe(true);
}

test("what is kept is the newest, and as it was added; what was erased is not there", () => {
  const step = fc.record({
    gap: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 600 })),
    size: fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 6_000 })),
    isErased: fc.integer({ min: 0, max: 9 }).map((number) => number === 0),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const recent = new Recent(BYTES_MAX);
      const added: { revision: number; size: number; isErased: boolean }[] = [];
      let revision = 0;
      for (const { gap, size, isErased } of steps) {
        revision += gap;
        recent.add(revision, message(revision, size));
        if (isErased) recent.delete(revision);
        added.push({ revision, size, isErased });
      }
      let isKept = false;
      for (const { revision, size, isErased } of added) {
        const found = recent.get(revision);
        if (isErased) expect(found).toBeUndefined();
        else if (isKept || found !== undefined) expectSame(found, message(revision, size));
        isKept ||= found !== undefined;
        if (!added.some((other) => other.revision === revision + 1)) expect(recent.get(revision + 1)).toBeUndefined();
      }
      // The newest one always has room, for none of them is larger than a tenth of all.
      const last = added.at(-1);
      if (last !== undefined && !last.isErased) expect(recent.get(last.revision)).toBeDefined();
    }),
  );
});

test("what was found stays as it was when its place is given up", () => {
  const recent = new Recent(BYTES_MAX);
  recent.add(1, message(1, 1_000));
  const found = recent.get(1);
  for (let revision = 2; revision < 5_000; revision++) recent.add(revision, message(revision, 1_000));
  expect(recent.get(1)).toBeUndefined();
  expectSame(found, message(1, 1_000));
});

test("nothing is kept when no bytes are given, and not what is larger than all of them", () => {
  const [none, few] = [new Recent(0), new Recent(1_000)];
  none.add(1, message(1, 0));
  few.add(1, message(1, 1_000));
  few.add(2, message(2, 10));
  expect([none.get(1), few.get(1), few.get(2)?.sender]).toEqual([undefined, undefined, "s2"]);
});
