/** What the README guarantees is what `guarantees.ts` has proofs for, and these are tests that are run. */
import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { guarantees } from "./guarantees.js";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
const proofs = Object.values(guarantees).flat();

test("the README's guarantees are those that have proofs, in this order", () => {
  const section = readme.slice(readme.indexOf("\n## Guarantees\n"), readme.indexOf("\n## Errors\n"));
  const titles = [...section.matchAll(/^\* \*\*(.+?)\.\*\*/gm)].map((match) => match[1]);
  expect(titles).toEqual(Object.keys(guarantees));
});

test("every guarantee has a proof", () => {
  for (const [title, tests] of Object.entries(guarantees)) expect(tests.length, title).toBeGreaterThan(0);
});

test.each(proofs)("%s has the test: %s", (file, name) => {
  const path = new URL(file, import.meta.url);
  expect(existsSync(path), file).toBe(true);
  expect(hasTest(readFileSync(path, "utf8"), name), `${file}: ${name}`).toBe(true);
});

test("a test that is not there, is skipped or belongs to something else is not found", () => {
  const text = [
    'describe("a", () => {',
    '  test("one", () => {});',
    "});",
    'describe("b", () => {',
    '  test.each([1])("two", () => {});',
    '  test.skip("three", () => {});',
    "});",
  ].join("\n");
  const names = ["one", "a > one", "b > two", "b > one", "three", "b > three", "four", "c > one"];
  expect(names.filter((name) => hasTest(text, name))).toEqual(["one", "a > one", "b > two"]);
});

/** Whether there is a test of this name, in the `describe` that the name begins with when it has " > ". */
function hasTest(text: string, name: string): boolean {
  const [own = "", group] = name.split(" > ").reverse();
  return groupsOf(text, group).some((part) => called("test", own).test(part));
}

/** The parts of a file that belong to a `describe`, or all of it. */
function groupsOf(text: string, group: string | undefined): string[] {
  if (group === undefined) return [text];
  return text.split(/^(?=describe\b)/m).filter((part) => called("describe", group).test(part));
}

/** A call of this function, or of its `each`, with this name first. */
function called(callee: "test" | "describe", name: string): RegExp {
  const literal = name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`(?:\\b${callee}|\\))\\(\\s*["\`]${literal}["\`]`);
}
