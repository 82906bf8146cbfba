/** The prompt of a socket, from the command line or from a file. */
import { readFile } from "node:fs/promises";
import type { Options, Values } from "./command.js";
import { UsageError } from "./failure.js";

export const promptOptions = {
  prompt: { type: "string", value: "TEXT", help: "the agent's system prompt" },
  "prompt-file": { type: "string", value: "FILE", help: "the prompt is in this file" },
} as const satisfies Options;

/** Absent when there is none. */
export async function parsePrompt(values: Values<typeof promptOptions>): Promise<string | undefined> {
  const { prompt, "prompt-file": file } = values;
  if (file === undefined) return prompt;
  if (prompt !== undefined) throw new UsageError("--prompt and --prompt-file exclude each other");
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(await readFile(file));
  } catch (error) {
    throw new UsageError(`--prompt-file ${file}: ${String(error)}`);
  }
}
