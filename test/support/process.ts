/** The server as a process of its own, compiled for the test file that runs it. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, onTestFinished } from "vitest";

export const root = fileURLToPath(new URL("../..", import.meta.url));

/**
 * Compiles the server, without checking types, which is the business of `npm run check`.
 * @returns the folder with its `src`
 */
export function compileServer(): string {
  // Below node_modules, so that packages are found from there.
  const cache = join(root, "node_modules/.cache");
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, "process-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  symlinkSync(join(root, "package.json"), join(folder, "package.json"));
  const out = join(folder, "dist");
  const options = ["--project", join(root, "tsconfig.json"), "--rootDir", root, "--outDir", out, "--noCheck"];
  execFileSync(join(root, "node_modules/.bin/tsc"), options, { stdio: "inherit" });
  copyFileSync(join(root, "gen/descriptors.binpb"), join(out, "gen/descriptors.binpb"));
  return out;
}

type Line = Record<string, unknown>;

/** A program that logs a JSON object a line to stderr. What is left of it when its test ends is killed. */
export class Program {
  readonly child: ChildProcess;
  /** The exit code, or the signal that ended it. */
  readonly exit: Promise<number | NodeJS.Signals | null>;
  stdout = "";
  stderr = "";

  constructor(command: string, args: readonly string[], environment: Record<string, string> = {}) {
    const env = { PATH: process.env["PATH"], HOME: process.env["HOME"], ...environment };
    this.child = spawn(command, args, { cwd: root, env, stdio: ["ignore", "pipe", "pipe"] });
    this.child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.stdout += text;
    });
    this.child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
    });
    this.exit = new Promise((resolve) => this.child.on("close", (code, signal) => resolve(code ?? signal)));
    onTestFinished(() => void this.child.kill("SIGKILL"));
  }

  /** The lines so far that are JSON. */
  get lines(): Line[] {
    return this.stderr
      .split("\n")
      .flatMap((line) => (line.startsWith("{") && line.endsWith("}") ? [JSON.parse(line)] : []));
  }

  /** The first line with this message; rejects when the program ends without it. */
  line(message: string): Promise<Line> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = this.lines.find(({ msg }) => String(msg).startsWith(message));
        if (found !== undefined) resolve(found);
        return found;
      };
      if (look() !== undefined) return;
      this.child.stderr?.on("data", look);
      void this.exit.then((code) => reject(new Error(`it ended with ${code} and said:\n${this.stderr}`)));
    });
  }

  kill(signal: NodeJS.Signals = "SIGTERM"): void {
    this.child.kill(signal);
  }
}

export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
