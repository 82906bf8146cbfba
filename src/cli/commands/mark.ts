import { SocketState } from "../../../gen/ts/socketregistry/v1/socket_registry.js";
import { parseWord } from "../arguments.js";
import { defineCommand } from "../command.js";
import { stateWords } from "../socket.js";

export const mark = defineCommand({
  name: "mark",
  parameters: ["SOCKET", "STATE"],
  summary: "Makes a socket active, inactive or unresponsive. Its mail is kept.",
  options: {
    reason: { type: "string", value: "TEXT", help: "why, for people" },
  },
  async run({ client }, values, [socketId = "", word]) {
    const request = { socketId, reason: values.reason ?? "" };
    switch (parseWord("STATE", stateWords, word)) {
      case SocketState.SOCKET_STATE_ACTIVE:
        await client.markActive(request);
        break;
      case SocketState.SOCKET_STATE_INACTIVE:
        await client.markInactive(request);
        break;
      case SocketState.SOCKET_STATE_UNRESPONSIVE:
        await client.markUnresponsive(request);
        break;
    }
    return undefined;
  },
});
