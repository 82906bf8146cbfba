/** A command of the user's, run by the shell with something on its stdin. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";

/** How long a command may take to end when it is told to, before it is killed. */
const killGraceMs = 2_000;

export interface ShellOptions {
  command: string;
  stdin: string;
  /** Added to our own environment. */
  environment: Readonly<Record<string, string>>;
  /** Ends the command. */
  signal: AbortSignal;
}

/** Runs a command to its end. Gives undefined when it succeeded, otherwise how it ended. */
export async function runShell({ command, stdin, environment, signal }: ShellOptions): Promise<string | undefined> {
  let child: ChildProcess;
  try {
    child = spawn("sh", ["-c", command], {
      env: { ...process.env, ...environment },
      stdio: ["pipe", "inherit", "inherit"],
      // A group of its own: Ctrl-C in a terminal goes to ours, and the command is to end its work.
      detached: true,
    });
  } catch (error) {
    return `could not be started: ${String(error)}`;
  }
  // A command that does not read its stdin, or not all of it, is in its right.
  child.stdin?.on("error", () => {}).end(stdin);
  const end = () => killGroup(child);
  signal.addEventListener("abort", end, { once: true });
  if (signal.aborted) end();
  try {
    const [code, name] = await once(child, "exit");
    if (code === 0) return undefined;
    return name === null ? `ended with exit code ${code}` : `was ended by ${name}`;
  } catch (error) {
    return `could not be started: ${String(error)}`;
  } finally {
    signal.removeEventListener("abort", end);
    // What the command left running must not keep us from ending.
    child.stdin?.destroy();
  }
}

function killGroup(child: ChildProcess): void {
  kill(child, "SIGTERM");
  const timer = setTimeout(() => kill(child, "SIGKILL"), killGraceMs);
  child.once("exit", () => clearTimeout(timer));
}

function kill({ pid }: ChildProcess, name: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, name);
  } catch {
    // It has ended in the meantime.
  }
}
