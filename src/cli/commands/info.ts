import { defineCommand } from "../command.js";
import { socketJson } from "../json.js";
import { socketText } from "../socket.js";

export const info = defineCommand({
  name: "info",
  parameters: ["SOCKET"],
  summary: "Tells everything about one socket, its prompt and context included.",
  options: {
    json: { type: "boolean", help: "as one JSON object" },
  },
  async run({ client, output }, values, [socketId = ""]) {
    const { socket } = await client.getSocketInfo({ socketId });
    if (socket === undefined) return undefined;
    if (values.json === true) await output.printJson([socketJson(socket)]);
    else await output.print(socketText(socket));
    return undefined;
  },
});
