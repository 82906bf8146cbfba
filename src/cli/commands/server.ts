import type { GetServerInfoResponse } from "../../../gen/ts/socketregistry/v1/socket_registry.js";
import { defineCommand } from "../command.js";
import { serverInfoJson } from "../json.js";
import { pairs } from "../output.js";
import { replicationLine } from "../replication.js";

export const server = defineCommand({
  name: "server",
  parameters: [],
  summary: "Tells about the server: version, durability, limits, replication.",
  options: {
    json: { type: "boolean", help: "as one JSON object" },
  },
  async run({ client, output }, values) {
    const response = await client.getServerInfo({});
    if (values.json === true) await output.printJson([serverInfoJson(response)]);
    else await output.print(serverText(response));
    return undefined;
  },
});

function serverText(info: GetServerInfoResponse): string {
  const limits = Object.entries(info.limits).map(([name, limit]) => `${name} ${limit}`);
  const entries: [string, string][] = [
    ["version", info.version],
    ["epoch", info.epoch],
    ["sockets", String(info.socketCount)],
    ["revision", String(info.revision)],
    ["durability", info.durability],
    ["dedupe window", `${info.dedupeWindowSeconds} s`],
    ["replication", info.replication === undefined ? "" : replicationLine(info.replication)],
    ["limits", limits.sort().join("\n")],
  ];
  return pairs(entries.filter(([, text]) => text !== ""));
}
