import { readFile } from "node:fs/promises";
import { ConflictPolicy, CreateRequest } from "../../../gen/ts/socketregistry/v1/socket_registry.js";
import { parseCount, parseLabels, parseStruct, parseWord } from "../arguments.js";
import { defineCommand } from "../command.js";
import { UsageError } from "../failure.js";

const conflictWords = {
  fail: ConflictPolicy.CONFLICT_POLICY_FAIL,
  "use-existing": ConflictPolicy.CONFLICT_POLICY_USE_EXISTING,
  replace: ConflictPolicy.CONFLICT_POLICY_REPLACE,
} as const;

export const create = defineCommand({
  name: "create",
  parameters: ["[ID]"],
  summary: "Creates a socket and prints its id. Without ID the server makes one from the model.",
  options: {
    model: { type: "string", value: "MODEL", help: "the agent's model" },
    prompt: { type: "string", value: "TEXT", help: "the agent's system prompt" },
    "prompt-file": { type: "string", value: "FILE", help: "the prompt is in this file" },
    context: { type: "string", value: "JSON", help: "the agent's context, a JSON object" },
    label: { type: "string", multiple: true, value: "KEY=VALUE", help: "a label; repeat for more" },
    "on-conflict": {
      type: "string",
      value: "POLICY",
      help: "if ID is taken: fail (default), use-existing or replace",
    },
    "accept-when-away": { type: "boolean", help: "collect mail also while inactive" },
    "max-queue-size": { type: "string", value: "N", help: "the most messages its queue holds" },
  },
  async run({ client, output }, values, [socketId]) {
    const context = parseStruct("--context", values.context);
    const onConflict = parseWord("--on-conflict", conflictWords, values["on-conflict"]);
    const maxQueueSize = parseCount("--max-queue-size", values["max-queue-size"]);
    const config = {
      ...(maxQueueSize !== undefined && { maxQueueSize }),
      ...(values["accept-when-away"] === true && { acceptWhenAway: true }),
    };
    const request = CreateRequest.fromPartial({
      socketId: socketId ?? "",
      model: values.model ?? "",
      prompt: await promptOf(values.prompt, values["prompt-file"]),
      labels: parseLabels(values.label),
      onConflict: onConflict ?? ConflictPolicy.CONFLICT_POLICY_FAIL,
      ...(context && { context }),
      ...(Object.keys(config).length > 0 && { config }),
    });
    const { socket } = await client.create(request);
    await output.print(`${socket?.socketId ?? ""}\n`);
    return undefined;
  },
});

async function promptOf(text: string | undefined, file: string | undefined): Promise<string> {
  if (file === undefined) return text ?? "";
  if (text !== undefined) throw new UsageError("--prompt and --prompt-file exclude each other");
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(await readFile(file));
  } catch (error) {
    throw new UsageError(`--prompt-file ${file}: ${String(error)}`);
  }
}
