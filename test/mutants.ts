/**
 * `npm run test:mutants`: does the suite see faults? It plants one at a time in a copy of the tree, runs the tests that
 * should fail, and says which of them did. It ends with 1 when a fault was missed.
 *
 *     npm run test:mutants -- --only grace     # the faults whose name has this in it
 */
import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type Fault, faults } from "./mutants-faults.js";

/** How long the tests of one fault may take. Some faults make a test wait for ever. */
const LIMIT_MS = 180_000;
/** What does not belong to the tree, or is not needed to run tests. */
const LEFT_OUT = new Set(["node_modules", "dist", "data", "coverage", ".git", ".tools", "results"]);

const root = fileURLToPath(new URL("..", import.meta.url));
const { values } = parseArgs({ options: { only: { type: "string", default: "" } } });
const chosen = faults.filter(({ name }) => name.includes(values.only));
const tree = mkdtempSync(join(tmpdir(), "socket-registry-mutants-"));
process.once("exit", () => rmSync(tree, { recursive: true, force: true }));
process.once("SIGINT", () => process.exit(130));
cpSync(root, tree, { recursive: true, filter: (path) => path === root || !LEFT_OUT.has(basename(path)) });
symlinkSync(join(root, "node_modules"), join(tree, "node_modules"));

let missed = 0;
const stale = chosen.flatMap(({ name, file, text, tests }) => {
  const count = readFileSync(join(tree, "src", file), "utf8").split(text).length - 1;
  const gone = tests.map(fileOf).filter((path) => !existsSync(join(tree, path)));
  const why = gone.map((path) => `${name}: there is no ${path}`);
  return count === 1 ? why : [`${name}: src/${file} has its text ${count} times, not once`, ...why];
});
if (stale.length > 0) throw new Error(`faults that fit no longer:\n${stale.join("\n")}`);
if (chosen.length === 0) throw new Error(`no fault has ${values.only} in its name`);
const sound = await run([...new Set(chosen.flatMap(({ tests }) => tests))], LIMIT_MS * 5);
if (sound.end !== "passed") throw new Error(`without any fault: ${sound.end}: ${sound.by}\n${sound.why ?? ""}`);
for (const fault of chosen) {
  const { end, by, seconds } = await plant(fault);
  const isCaught = end === "failed" || end === "took too long";
  if (!isCaught) missed++;
  process.stdout.write(
    `${isCaught ? "caught" : "MISSED"}  ${fault.name} (${seconds.toFixed(0)} s)\n        ${end}: ${by}\n`,
  );
}
process.stdout.write(`\n${chosen.length - missed} of ${chosen.length} faults were caught\n`);
process.exit(missed === 0 ? 0 : 1);

interface Outcome {
  /** `broken`: something else than a test failed, which proves nothing. */
  readonly end: "passed" | "failed" | "took too long" | "broken";
  /** The first test that failed, or what is known instead. */
  readonly by: string;
  /** What that test said. */
  readonly why?: string;
  readonly seconds: number;
}

/** Runs the tests of a fault with it, and takes it out again. */
async function plant({ file, text, instead, tests }: Fault): Promise<Outcome> {
  const path = join(tree, "src", file);
  const before = readFileSync(path, "utf8");
  writeFileSync(
    path,
    before.replace(text, () => instead),
  );
  try {
    return await run(tests, LIMIT_MS);
  } finally {
    writeFileSync(path, before);
  }
}

interface Report {
  readonly success: boolean;
  readonly testResults: readonly {
    readonly message: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

function fileOf(test: string): string {
  return `test/${test}.test.ts`;
}

/** Runs test files in the copy, up to the first failure. */
async function run(tests: readonly string[], limitMs: number): Promise<Outcome> {
  const start = performance.now();
  const output = join(tree, "outcome.json");
  rmSync(output, { force: true });
  const vitest = join(tree, "node_modules/vitest/vitest.mjs");
  const files = tests.map(fileOf);
  const args = [vitest, "run", ...files, "--bail=1", "--reporter=json", `--outputFile=${output}`];
  const child = spawn(process.execPath, args, { cwd: tree, stdio: "ignore", detached: true });
  let isLate = false;
  const limit = setTimeout(() => {
    isLate = true;
    // It has children of its own.
    if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
  }, limitMs);
  const code = await new Promise((resolve) => child.once("exit", resolve));
  clearTimeout(limit);
  const seconds = (performance.now() - start) / 1_000;
  if (isLate) return { end: "took too long", by: `${limitMs / 1_000} s`, seconds };
  if (code === 0) return { end: "passed", by: files.join(" "), seconds };
  return { ...failureIn(output), seconds };
}

function failureIn(output: string): Omit<Outcome, "seconds"> {
  try {
    const report: Report = JSON.parse(readFileSync(output, "utf8"));
    const failed = report.testResults.flatMap(({ assertionResults }) => assertionResults);
    const first = failed.find(({ status }) => status === "failed");
    if (first !== undefined) return { end: "failed", by: first.fullName, why: first.failureMessages.join("\n") };
    return { end: "broken", by: report.testResults.find(({ message }) => message !== "")?.message ?? "no test failed" };
  } catch (error) {
    return { end: "broken", by: String(error) };
  }
}
