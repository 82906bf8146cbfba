import { isDeepStrictEqual } from "node:util";
import { expect } from "vitest";

/** Expects a value. It is for what is looked at very often, since an `expect` that holds costs some microseconds. */
export function check(actual: unknown, expected: unknown, what?: string): void {
  if (!isDeepStrictEqual(actual, expected)) expect(actual, what).toEqual(expected);
}
