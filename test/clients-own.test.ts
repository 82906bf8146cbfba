/**
 * What clients test for themselves, in their own language, because a driver cannot show it: what a loop does that is left, and
 * what is left behind. They start the server that `npm test` has built.
 */
import { join } from "node:path";
import { expect, test } from "vitest";
import { describeLanguage, languageOf } from "./support/clients-languages.js";
import { root } from "./support/process.js";
import { runCommand } from "./support/run-command.js";

const minute = 60_000;

describeLanguage(languageOf("Python"), () => {
  test("its unittests pass", { timeout: 5 * minute }, async () => {
    const python = join(root, ".tools/python/bin/python");
    const { exitCode, output } = await runCommand(python, ["-m", "unittest", "discover", "-s", "tests"], {
      cwd: join(root, "clients/python"),
    });
    expect(exitCode, output).toBe(0);
    expect(output).toMatch(/^Ran [1-9]\d* tests/m);
  });
});

describeLanguage(languageOf("Go"), () => {
  test("its go tests pass", { timeout: 5 * minute }, async () => {
    const { exitCode, output } = await runCommand("go", ["test", "-count=1", "./..."], {
      cwd: join(root, "clients/go"),
    });
    expect(exitCode, output).toBe(0);
    expect(output).toMatch(/^ok\s+github\.com\/ai-socket-registry\/clients\/go\s/m);
  });
});
