/** A program that is run to its end, with all that it printed. */
import { type SpawnOptionsWithoutStdio, spawn } from "node:child_process";

export interface Ran {
  readonly exitCode: number | null;
  /** Both of its outputs, as they came. */
  readonly output: string;
}

export function runCommand(command: string, args: readonly string[], options: SpawnOptionsWithoutStdio): Promise<Ran> {
  const child = spawn(command, args, options);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  return new Promise((resolve) => child.on("close", (exitCode) => resolve({ exitCode, output })));
}
