/** Where the command stands in a command line. Options of every command may come before it. */
import { parseArgs } from "node:util";
import type { Options } from "./command.js";

/** Absent without a command; `rest` is the command line without it. */
export function splitCommand(args: readonly string[], options: Options): { name: string | undefined; rest: string[] } {
  const { tokens } = parseArgs({
    args: [...args],
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const found = tokens.find((token) => token.kind === "positional");
  if (found === undefined) return { name: undefined, rest: [...args] };
  return { name: found.value, rest: args.toSpliced(found.index, 1) };
}
