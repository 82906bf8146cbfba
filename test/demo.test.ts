// `npm run demo`, as somebody runs it who has just cloned the repository.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startDemo } from "./support/demo.js";
import { demoOutput } from "./support/demo-output.js";
import { tempDir } from "./support/temp-dir.js";

/** It starts some forty processes, one after the other. */
const timeout = 120_000;

test("the demo prints what it says, each time, and leaves nothing behind", { timeout }, async () => {
  const { result, remains } = startDemo();
  expect(await result).toEqual({ stdout: demoOutput, stderr: "", exitCode: 0 });
  expect(remains()).toEqual([]);
});

test.each([
  ["while agents answer", "The answers are read", "SIGINT", 130],
  ["while the registry is down", "restore --dry-run", "SIGTERM", 143],
] as const)("a demo that is stopped %s leaves nothing behind", { timeout }, async (_, text, signal, exitCode) => {
  const { child, says, result, remains } = startDemo();
  await says(text);
  child.kill(signal);
  // As npm does it that passes on what the terminal has sent already.
  child.kill(signal);
  expect(await result).toMatchObject({ stderr: "", exitCode });
  expect(remains()).toEqual([]);
});

test("a demo whose output nobody reads ends, and leaves nothing behind", { timeout }, async () => {
  const { child, says, result, remains } = startDemo();
  await says("A question to the team");
  child.stdout.destroy();
  expect(await result).toMatchObject({ exitCode: 1 });
  expect(remains()).toEqual([]);
});

test("a demo in which something else happens than it should says so and exits with 1", { timeout }, async () => {
  const folder = tempDir();
  writeFileSync(join(folder, "awk"), "#!/bin/sh\necho 50\n", { mode: 0o755 });
  const { result, remains } = startDemo([folder]);
  const { stdout, stderr, exitCode } = await result;
  expect(exitCode).toBe(1);
  expect(stdout).toContain("\n[team-chat-from-apollo] the sum is 50\n");
  expect(stderr).toContain("\nThe demo failed: Error: what the team said: ");
  expect(remains()).toEqual([]);
});
