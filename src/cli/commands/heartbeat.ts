import type { HeartbeatResponse } from "../../../gen/ts/socketregistry/v1/socket_registry.js";
import { defineCommand } from "../command.js";
import { heartbeatJson } from "../json.js";
import { pairs } from "../output.js";
import { stateWord, timeText } from "../socket.js";

export const heartbeat = defineCommand({
  name: "heartbeat",
  parameters: ["SOCKET"],
  summary: "Gives a sign of life: renews the lease, and tells how the socket is.",
  options: {
    epoch: { type: "string", value: "EPOCH", help: "only if the socket is still in this epoch" },
    json: { type: "boolean", help: "as one JSON object" },
  },
  async run({ client, output }, values, [socketId = ""]) {
    const response = await client.heartbeat({ socketId, epoch: values.epoch ?? "" });
    if (values.json === true) await output.printJson([heartbeatJson(response)]);
    else await output.print(heartbeatText(response));
    return undefined;
  },
});

function heartbeatText({ state, queueSize, leaseExpireTime }: HeartbeatResponse): string {
  const entries: [string, string][] = [
    ["state", stateWord(state)],
    ["queue", String(queueSize)],
    ["lease expires", timeText(leaseExpireTime)],
  ];
  return pairs(entries.filter(([, text]) => text !== ""));
}
