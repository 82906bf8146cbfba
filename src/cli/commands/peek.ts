import type { Message, PeekRequest } from "../../../gen/ts/socketregistry/v1/socket_registry.js";
import { parseCount } from "../arguments.js";
import { type Context, defineCommand } from "../command.js";
import { printMessages } from "../message.js";

const limitDefault = 50;
const pageSizeMax = 1_000;

export const peek = defineCommand({
  name: "peek",
  parameters: ["SOCKET"],
  summary: "Prints what waits in a queue, oldest first, and takes nothing.",
  options: {
    json: { type: "boolean", help: "one JSON object a line" },
    limit: { type: "string", value: "N", help: `the most messages, default ${limitDefault}; 0: all` },
    parked: { type: "boolean", help: "print the parked messages instead: those that failed too often" },
    consumer: { type: "string", value: "NAME", help: "the queue of this consumer of the team feed" },
  },
  async run(context, values, [socketId = ""]) {
    const limit = parseCount("--limit", values.limit) ?? limitDefault;
    const request = { socketId, parked: values.parked ?? false, consumer: values.consumer ?? "" };
    for await (const messages of pagesOf(context, request, limit || Number.POSITIVE_INFINITY)) {
      await printMessages(context.output, messages, values.json);
    }
    return undefined;
  },
});

async function* pagesOf(
  { client, output }: Context,
  request: Pick<PeekRequest, "socketId" | "parked" | "consumer">,
  limit: number,
): AsyncGenerator<Message[], void, undefined> {
  let remaining = limit;
  let pageToken = "";
  do {
    const pageSize = Math.min(remaining, pageSizeMax);
    const page = await client.peek({ ...request, pageSize, pageToken });
    yield page.messages;
    remaining -= page.messages.length;
    pageToken = page.nextPageToken;
  } while (pageToken !== "" && remaining > 0);
  if (pageToken !== "") output.warn("more wait; --limit 0 prints all");
}
