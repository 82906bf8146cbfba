import {
  type GetServerInfoResponse,
  type Replication,
  ReplicationState,
} from "../../../gen/ts/socketregistry/v1/socket_registry.js";
import { defineCommand } from "../command.js";
import { enumName, serverInfoJson } from "../json.js";
import { pairs } from "../output.js";

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
    ["replication", info.replication === undefined ? "" : replicationText(info.replication)],
    ["limits", limits.sort().join("\n")],
  ];
  return pairs(entries.filter(([, text]) => text !== ""));
}

function replicationText(replication: Replication): string {
  const { state, target, dialect, lagEntries, lagSeconds, lastError } = replication;
  const word = enumName(ReplicationState, state).replace("REPLICATION_STATE_", "").toLowerCase();
  if (state === ReplicationState.REPLICATION_STATE_OFF) return word;
  const lag = `${lagEntries} entries and ${lagSeconds} s behind`;
  return [`${word}: ${target} (${dialect}), ${lag}`, lastError].join("\n").trimEnd();
}
