import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { version } from "../src/version.js";

const read = (path: string) => JSON.parse(readFileSync(new URL(`../${path}`, import.meta.url), "utf8"));

test("the server has the version of its package", () => {
  expect(version).toBe(read("package.json").version);
  expect(read("package-lock.json").version).toBe(version);
});
