import { parseSequences } from "../arguments.js";
import { defineCommand } from "../command.js";

export const requeue = defineCommand({
  name: "requeue",
  parameters: ["SOCKET", "[SEQUENCE...]"],
  summary: "Puts parked messages back to where they were in the queue: all, or those of the sequences.",
  options: {
    consumer: { type: "string", value: "NAME", help: "what is parked for this consumer of the team feed" },
  },
  async run({ client, output }, values, [socketId = "", ...sequences]) {
    const request = { socketId, sequences: parseSequences(sequences), consumer: values.consumer ?? "" };
    const { requeuedCount } = await client.requeue(request);
    output.warn(`${socketId}: ${requeuedCount} ${requeuedCount === 1 ? "message waits" : "messages wait"} again`);
    return undefined;
  },
});
