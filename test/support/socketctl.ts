/** Runs the real socketctl as a process of its own, against the registry of a test. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** How to start socketctl, as words of a command line; paths have no spaces in need of quotes. */
export const socketctlCommand = [process.execPath, "--import", "tsx", `${root}src/cli/main.ts`];

export interface Result {
  stdout: string;
  stderr: string;
  /** Absent when a signal ended the process. */
  exitCode: number | undefined;
}

export interface Running {
  child: ChildProcessByStdio<Writable, Readable, Readable>;
  /** Resolves once stdout or stderr holds the text; rejects when the process ends without it. */
  says(stream: "stdout" | "stderr", text: string): Promise<void>;
  /** The end of the process, with all that it printed. */
  result: Promise<Result>;
}

/** Runs socketctl to its end. Without `stdin` it finds an empty one. */
export function socketctl(address: string, args: readonly string[], stdin: string | Uint8Array = ""): Promise<Result> {
  const { child, result } = startSocketctl(address, args);
  child.stdin.end(stdin);
  return result;
}

/** Starts socketctl; stdin stays open for the test to write to. */
export function startSocketctl(address: string, args: readonly string[]): Running {
  const [program = "", ...first] = socketctlCommand;
  return start(address, program, [...first, ...args]);
}

/** Runs a line of shell in which `socketctl` is a function. */
export function startShell(address: string, script: string): Running {
  return start(address, "/bin/sh", ["-c", `socketctl() { ${socketctlCommand.join(" ")} "$@"; }\n${script}`]);
}

function start(address: string, program: string, args: readonly string[]): Running {
  const child = spawn(program, args, {
    cwd: root,
    env: { ...process.env, SOCKET_REGISTRY_ADDRESS: address },
    stdio: ["pipe", "pipe", "pipe"],
  });
  // A process that ends without reading its stdin is no fault of the test.
  child.stdin.on("error", () => {});
  const printed = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      printed[name] += text;
    });
  }
  const result = new Promise<Result>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ ...printed, exitCode: code ?? undefined }));
  });

  function says(name: "stdout" | "stderr", text: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const check = () => {
        if (printed[name].includes(text)) resolve();
      };
      check();
      child[name].on("data", check);
      child.once("close", () => reject(new Error(`ended without "${text}": ${JSON.stringify(printed)}`)));
    });
  }
  return { child, says, result };
}
