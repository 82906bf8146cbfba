import { Replication, ReplicationState } from "../../../gen/ts/socketregistry/v1/socket_registry.js";
import { defineCommand } from "../command.js";
import { replicationJson } from "../json.js";
import { isOff, replicationText } from "../replication.js";

export const replication = defineCommand({
  name: "replication",
  parameters: [],
  summary: "Tells how well the Engram follows that keeps a replica of the registry.",
  notes: [
    "The state is off (no Engram is set), connecting, replicating, lagging, or incompatible (the Engram cannot hold",
    "the state, and the last error says why). It exits with 0 if it is replicating or off, and with 7 otherwise.",
  ].join("\n"),
  options: {
    json: { type: "boolean", help: "as one JSON object" },
  },
  async run({ client, output }, values) {
    const { replication: status = Replication.create() } = await client.getServerInfo({});
    if (values.json === true) await output.printJson([replicationJson(status)]);
    else await output.print(replicationText(status));
    return isOff(status) || status.state === ReplicationState.REPLICATION_STATE_REPLICATING ? 0 : 7;
  },
});
