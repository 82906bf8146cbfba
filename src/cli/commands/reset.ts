import { ResetScope } from "../../../gen/ts/socketregistry/v1/socket_registry.js";
import { parseWord } from "../arguments.js";
import { defineCommand } from "../command.js";

/** What a queue lost that was cleared. */
export function describeDrop(socketId: string, count: number): string {
  return `${socketId}: ${count} ${count === 1 ? "message" : "messages"} dropped`;
}

const scopeWords = {
  all: ResetScope.RESET_SCOPE_ALL,
  queue: ResetScope.RESET_SCOPE_QUEUE,
  context: ResetScope.RESET_SCOPE_CONTEXT,
} as const;

export const reset = defineCommand({
  name: "reset",
  parameters: ["SOCKET"],
  summary: "Clears a socket's queue and context and keeps the socket.",
  options: {
    scope: { type: "string", value: "SCOPE", help: "all (default), queue or context" },
    etag: { type: "string", value: "ETAG", help: "only if the socket still has this etag" },
  },
  async run({ client, output }, values, [socketId = ""]) {
    const scope = parseWord("--scope", scopeWords, values.scope) ?? ResetScope.RESET_SCOPE_ALL;
    const { droppedCount } = await client.reset({ socketId, scope, etag: values.etag ?? "" });
    if (droppedCount > 0) output.warn(describeDrop(socketId, droppedCount));
    return undefined;
  },
});
