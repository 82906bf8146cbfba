import { ListSocketsRequest, type Socket } from "../../../gen/ts/socketregistry/v1/socket_registry.js";
import { parseLabels, parseWord } from "../arguments.js";
import type { RegistryClient } from "../client.js";
import { defineCommand } from "../command.js";
import { socketJson } from "../json.js";
import { socketTable, stateWords } from "../socket.js";

const pageSize = 1_000;

export const ls = defineCommand({
  name: "ls",
  parameters: [],
  summary: "Lists the sockets: team-chat-all first, then in order of creation.",
  options: {
    state: {
      type: "string",
      multiple: true,
      value: "STATE",
      help: "only active, inactive or unresponsive ones; repeat for more",
    },
    label: {
      type: "string",
      multiple: true,
      value: "KEY=VALUE",
      help: "only those with this label; repeat for all of several",
    },
    model: { type: "string", value: "MODEL", help: "only those of exactly this model" },
    json: { type: "boolean", help: "one JSON object a line" },
  },
  async run({ client, output }, values) {
    const states = values.state?.flatMap((word) => parseWord("--state", stateWords, word) ?? []);
    const request = ListSocketsRequest.fromPartial({
      pageSize,
      states: states ?? [],
      labels: parseLabels(values.label),
      model: values.model ?? "",
    });
    const sockets: Socket[] = [];
    for await (const page of pagesOf(client, request)) {
      if (values.json === true) await output.printJson(page.map(socketJson));
      else sockets.push(...page);
    }
    if (values.json !== true) await output.print(socketTable(sockets));
    return undefined;
  },
});

async function* pagesOf(
  client: RegistryClient,
  request: ListSocketsRequest,
): AsyncGenerator<Socket[], void, undefined> {
  let pageToken = "";
  do {
    const page = await client.listSockets({ ...request, pageToken });
    yield page.sockets;
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
}
