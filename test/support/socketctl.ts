/**
 * Runs the real socketctl as a process of its own, against the registry of a test. It is compiled first: that
 * takes a second for a test file, and saves a fifth of one for each of its runs.
 */
import { type ChildProcessByStdio, execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { afterAll, onTestFinished } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const program = compile();

/** Compiles without checking, which is the business of `npm run check`. Gives the path of main.js. */
function compile(): string {
  // Below node_modules, so that packages are found from there.
  const cache = join(root, "node_modules/.cache");
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, "socketctl-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  symlinkSync(join(root, "package.json"), join(folder, "package.json"));
  const options = ["--module", "nodenext", "--target", "es2023", "--types", "node", "--noCheck", "--ignoreConfig"];
  const places = ["--rootDir", root, "--outDir", join(folder, "dist")];
  const source = join(root, "src/cli/main.ts");
  execFileSync(join(root, "node_modules/.bin/tsc"), [...options, ...places, source], { stdio: "inherit" });
  return join(folder, "dist/src/cli/main.js");
}

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

/**
 * Starts socketctl; stdin stays open for the test to write to.
 * @param detached as the leader of a process group of its own, as a terminal would start it
 */
export function startSocketctl(address: string, args: readonly string[], detached = false): Running {
  return start(address, process.execPath, [program, ...args], detached);
}

/** Runs a line of shell in which `socketctl` is a function. */
export function startShell(address: string, script: string): Running {
  const call = `"${process.execPath}" "${program}" "$@"`;
  return start(address, "/bin/sh", [
    "-c",
    `socketctl() { ${call}; }
${script}`,
  ]);
}

function start(address: string, command: string, args: readonly string[], detached = false): Running {
  const child = spawn(command, args, {
    cwd: root,
    detached,
    env: { ...process.env, SOCKET_REGISTRY_ADDRESS: address },
    stdio: ["pipe", "pipe", "pipe"],
  });
  // A test that fails must not leave it behind.
  onTestFinished(() => void child.kill("SIGKILL"));
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
