/**
 * What clients test for themselves, in their own language, because a driver cannot show it: what a loop does that is left, and
 * what is left behind. They start the server that `npm test` has built.
 */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { describeLanguage, languageOf } from "./support/clients-languages.js";
import { root } from "./support/process.js";

const minute = 60_000;

describeLanguage(languageOf("Python"), () => {
  test("its unittests pass", { timeout: 5 * minute }, async () => {
    const python = join(root, ".tools/python/bin/python");
    const { exitCode, output } = await run(python, ["-m", "unittest", "discover", "-s", "tests"], "clients/python");
    expect(exitCode, output).toBe(0);
    expect(output).toMatch(/^Ran [1-9]\d* tests/m);
  });
});

describeLanguage(languageOf("Go"), () => {
  test("its go tests pass", { timeout: 5 * minute }, async () => {
    const { exitCode, output } = await run("go", ["test", "-count=1", "./..."], "clients/go");
    expect(exitCode, output).toBe(0);
    expect(output).toMatch(/^ok\s+github\.com\/ai-socket-registry\/clients\/go\s/m);
  });
});

function run(command: string, args: readonly string[], folder: string) {
  const child = spawn(command, args, { cwd: join(root, folder) });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  return new Promise<{ exitCode: number | null; output: string }>((resolve) => {
    child.on("close", (exitCode) => resolve({ exitCode, output }));
  });
}
