import {
  type DeepPartial,
  type Socket,
  type SocketConfig,
  UpdateRequest,
} from "../../../gen/ts/socketregistry/v1/socket_registry.js";
import { parseLabels, parseStruct } from "../arguments.js";
import { defineCommand, type Values } from "../command.js";
import { configOptions, parseConfig } from "../config.js";
import { UsageError } from "../failure.js";
import { fieldName } from "../json.js";
import { parsePrompt, promptOptions } from "../prompt.js";

const options = {
  model: { type: "string", value: "MODEL", help: "the agent's model" },
  ...promptOptions,
  context: { type: "string", value: "JSON", help: "the agent's context, a JSON object" },
  label: {
    type: "string",
    multiple: true,
    value: "KEY=VALUE",
    help: "a label, instead of those it has; repeat for more",
  },
  "no-labels": { type: "boolean", help: "take its labels away" },
  ...configOptions,
  "refuse-when-away": { type: "boolean", help: "the opposite of --accept-when-away" },
  default: {
    type: "string",
    multiple: true,
    value: "SETTING",
    help: "take the server's default for a setting, such as ack-deadline; repeat for more",
  },
  etag: { type: "string", value: "ETAG", help: "only if the socket still has this etag" },
} as const;

export const update = defineCommand({
  name: "update",
  parameters: ["SOCKET"],
  summary: "Changes what is given of a socket: model, prompt, context, labels and settings.",
  options,
  async run({ client }, values, [socketId = ""]) {
    const config = configOf(values);
    const socket = { ...(await fieldsOf(values)), ...(Object.keys(config).length > 0 && { config }) };
    const updateMask = maskOf(socket, values.default);
    if (updateMask.length === 0) throw new UsageError("update needs something to change");
    await client.update(
      UpdateRequest.fromPartial({ socket: { ...socket, socketId, etag: values.etag ?? "" }, updateMask }),
    );
    return undefined;
  },
});

/** The fields that were given, settings aside. */
async function fieldsOf(values: Values<typeof options>): Promise<DeepPartial<Socket>> {
  const { model, label, "no-labels": noLabels } = values;
  if (label !== undefined && noLabels === true) throw new UsageError("--label and --no-labels exclude each other");
  const prompt = await parsePrompt(values);
  const context = parseStruct("--context", values.context);
  return {
    ...(model !== undefined && { model }),
    ...(prompt !== undefined && { prompt }),
    ...(context && { context }),
    ...((label !== undefined || noLabels === true) && { labels: parseLabels(label) }),
  };
}

function configOf(values: Values<typeof options>): Partial<SocketConfig> {
  const config = parseConfig(values);
  if (values["refuse-when-away"] !== true) return config;
  if (config.acceptWhenAway === true) {
    throw new UsageError("--accept-when-away and --refuse-when-away exclude each other");
  }
  return { ...config, acceptWhenAway: false };
}

/** Every field that is to change: those that are set, and of the settings also those that are to be unset. */
function maskOf({ config = {}, ...fields }: DeepPartial<Socket>, defaults: readonly string[] = []): string[] {
  const unset = defaults.map((setting) => {
    if (Object.hasOwn(configOptions, setting)) return setting.replaceAll("-", "_");
    throw new UsageError(`--default must be one of ${Object.keys(configOptions).join(", ")}, not "${setting}"`);
  });
  const set = Object.keys(config).map(fieldName);
  const both = set.find((setting) => unset.includes(setting));
  if (both !== undefined) throw new UsageError(`${both.replaceAll("_", "-")} is given a value and its default`);
  return [...Object.keys(fields).map(fieldName), ...[...set, ...unset].map((setting) => `config.${setting}`)];
}
