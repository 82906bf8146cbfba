/** The demo as a process of its own, with programs that are compiled for the test file that runs it. */
import { type ChildProcessByStdio, execFileSync, spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { onTestFinished } from "vitest";
import { compileServer, root } from "./process.js";
import { tempDir } from "./temp-dir.js";

const programs = compileServer();

export interface RunningDemo {
  readonly child: ChildProcessByStdio<null, Readable, Readable>;
  /** Its end, with all that it printed. */
  readonly result: Promise<{ stdout: string; stderr: string; exitCode: number | null }>;
  /** Resolves when it has printed this; rejects when it ends without. */
  says(text: string): Promise<void>;
  /** The folders and processes that are there because of it. */
  remains(): string[];
}

/** @param path folders to look for the tools of the shell in, before the usual ones */
export function startDemo(path: readonly string[] = []): RunningDemo {
  const temporary = tempDir();
  const env = {
    ...process.env,
    TMPDIR: temporary,
    PATH: [...path, process.env["PATH"]].join(":"),
    // A server that is in use elsewhere is nothing to the demo.
    SOCKET_REGISTRY_ADDRESS: "127.0.0.1:1",
    SOCKET_REGISTRY_MAX_SOCKETS: "1",
  };
  const args = ["--import", "tsx", join(root, "examples/demo.ts"), programs];
  const child = spawn(process.execPath, args, { cwd: root, env, stdio: ["ignore", "pipe", "pipe"] });
  // It ends what it started, if it is asked to.
  onTestFinished(() => void child.kill("SIGTERM"));
  const printed = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      printed[name] += text;
    });
  }
  const result = new Promise<Awaited<RunningDemo["result"]>>((resolve) => {
    child.once("close", (exitCode) => resolve({ ...printed, exitCode }));
  });
  return {
    child,
    result,
    says: (text) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (printed.stdout.includes(text)) resolve();
        };
        look();
        child.stdout.on("data", look);
        void result.then(() => reject(new Error(`it ended without "${text}": ${JSON.stringify(printed)}`)));
      }),
    remains: () => [
      ...readdirSync(temporary).filter((name) => name.includes("demo")),
      ...execFileSync("ps", ["-A", "-o", "args="], { encoding: "utf8" })
        .split("\n")
        .filter((line) => line.includes(programs) || line.includes("examples/agent.sh")),
    ],
  };
}
