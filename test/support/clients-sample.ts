/** The samples of a client, run as a reader of the README would. */
import { spawn } from "node:child_process";
import { onTestFinished } from "vitest";
import { commandOf, type Language, type ProgramName } from "./clients-languages.js";
import { root } from "./process.js";

export interface Ended {
  readonly stdout: string;
  readonly stderr: string;
  /** What it ended with, or the signal that ended it. */
  readonly exit: number | NodeJS.Signals | null;
}

/** Runs a sample to its end. What is left of it when the test ends is killed. */
export function runSample(
  language: Language,
  program: ProgramName,
  address: string,
  ...moreArgs: string[]
): Promise<Ended> {
  const [command, ...args] = commandOf(language, program);
  const child = spawn(command, [...args, ...moreArgs], {
    cwd: root,
    // It may be a script with the program behind it: both end together.
    detached: true,
    env: { ...process.env, SOCKET_REGISTRY_ADDRESS: address },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [stdout, stderr] = ["", ""];
  let isRunning = true;
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  onTestFinished(() => {
    if (isRunning && child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      isRunning = false;
      resolve({ stdout, stderr, exit: code ?? signal });
    });
  });
}
