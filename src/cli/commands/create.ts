import { ConflictPolicy, CreateRequest } from "../../../gen/ts/socketregistry/v1/socket_registry.js";
import { parseLabels, parseStruct, parseWord } from "../arguments.js";
import { defineCommand } from "../command.js";
import { configOptions, parseConfig } from "../config.js";
import { callOnce, keyOptions, requestIdOf } from "../key.js";
import { parsePrompt, promptOptions } from "../prompt.js";

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
    ...promptOptions,
    context: { type: "string", value: "JSON", help: "the agent's context, a JSON object" },
    label: { type: "string", multiple: true, value: "KEY=VALUE", help: "a label; repeat for more" },
    "on-conflict": {
      type: "string",
      value: "POLICY",
      help: "if ID is taken: fail (default), use-existing or replace",
    },
    ...configOptions,
    ...keyOptions,
  },
  async run(environment, values, [socketId]) {
    const context = parseStruct("--context", values.context);
    const onConflict = parseWord("--on-conflict", conflictWords, values["on-conflict"]);
    const config = parseConfig(values);
    const request = CreateRequest.fromPartial({
      socketId: socketId ?? "",
      model: values.model ?? "",
      prompt: (await parsePrompt(values)) ?? "",
      labels: parseLabels(values.label),
      requestId: requestIdOf(values["request-id"]),
      onConflict: onConflict ?? ConflictPolicy.CONFLICT_POLICY_FAIL,
      ...(context && { context }),
      ...(Object.keys(config).length > 0 && { config }),
    });
    const { client, output } = environment;
    const { requestId } = request;
    const { socket } = await callOnce(environment, { doing: "creating", requestId }, () => client.create(request));
    await output.print(`${socket?.socketId ?? ""}\n`);
    return undefined;
  },
});
