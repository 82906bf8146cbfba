import { SkipReason, WriteRequest, type WriteResponse } from "../../../gen/ts/socketregistry/v1/socket_registry.js";
import { parseLabels, parseStruct } from "../arguments.js";
import { type Context, defineCommand, type Values } from "../command.js";
import { CallError, UsageError } from "../failure.js";
import { enumName } from "../json.js";
import { callOnce, keyOptions, requestIdOf } from "../key.js";

/** The address of the whole team. */
export const team = "team-chat-all";

/** More skipped sockets than this are counted, not named. */
const skipsNamedMax = 20;

const options = {
  lines: { type: "boolean", help: "each line of stdin is a message, written in order" },
  sender: { type: "string", value: "ID", help: "sign as this socket" },
  metadata: { type: "string", value: "JSON", help: "attach a JSON object" },
  thread: { type: "string", value: "ID", help: "the thread it belongs to" },
  "reply-to": { type: "string", value: "MESSAGE_ID", help: "the message it answers" },
  "include-sender": { type: "boolean", help: "a broadcast also goes to its own sender" },
  label: {
    type: "string",
    multiple: true,
    value: "KEY=VALUE",
    help: "a broadcast goes only to sockets with this label",
  },
  ...keyOptions,
  "print-id": { type: "boolean", help: "print the id of each message" },
} as const;

export const write = defineCommand({
  name: "write",
  parameters: ["SOCKET", "[MESSAGE...]"],
  summary: "Writes a message to a socket, or to all of them with team-chat-all. Returns when it is durable.",
  notes: [
    "The message is the arguments, joined by spaces, or without any, stdin up to its last newline.",
    "With --lines a line is written when the one before is durable; the first that is refused ends it, and",
    "line N has the request id ID-N. When the server cannot be reached it tries again, and writes nothing twice.",
  ].join("\n"),
  options,
  async run(context, values, [socketId = "", ...words]) {
    const request = requestOf(socketId, values);
    if (values.lines !== true) {
      const message = words.length > 0 ? words.join(" ") : await context.input.text();
      await writeOne(context, { ...request, message }, values["print-id"]);
      return undefined;
    }
    if (words.length > 0) throw new UsageError("--lines takes its messages from stdin, not from arguments");
    await writeLines(context, request, values["print-id"]);
    return undefined;
  },
});

function requestOf(socketId: string, values: Values<typeof options>): WriteRequest {
  const metadata = parseStruct("--metadata", values.metadata);
  return WriteRequest.fromPartial({
    socketId,
    sender: values.sender ?? "",
    threadId: values.thread ?? "",
    replyTo: values["reply-to"] ?? "",
    requestId: requestIdOf(values["request-id"]),
    includeSender: values["include-sender"] ?? false,
    matchLabels: parseLabels(values.label),
    ...(metadata && { metadata }),
  });
}

/** One call after another: with two under way, the first could be refused and the second not. */
async function writeLines(context: Context, request: WriteRequest, printId: boolean | undefined): Promise<void> {
  const { requestId: runId } = request;
  let number = 0;
  for await (const message of context.input.lines()) {
    number += 1;
    try {
      await writeOne(context, { ...request, message, requestId: `${runId}-${number}` }, printId, runId);
    } catch (error) {
      if (error instanceof CallError) context.output.warn(`line ${number} was not written:`);
      throw error;
    }
  }
}

async function writeOne(
  context: Context,
  request: WriteRequest,
  printId: boolean | undefined,
  runId?: string,
): Promise<void> {
  const { messageId } = await writeAndWarn(context, request, runId);
  if (printId === true) await context.output.print(`${messageId}\n`);
}

/** Writes once, however many calls that takes, and says whom it did not reach. */
export async function writeAndWarn(context: Context, request: WriteRequest, runId?: string): Promise<WriteResponse> {
  const { client, output } = context;
  const options = { doing: "writing", requestId: request.requestId, runId };
  const response = await callOnce(context, options, () => client.write(request));
  for (const warning of broadcastWarnings(request, response)) output.warn(warning);
  return response;
}

/** Whom a broadcast did not reach. That it did not come back to its sender is no news. */
function broadcastWarnings(
  { socketId: address }: WriteRequest,
  { results, skippedCount, deliveredCount }: WriteResponse,
): string[] {
  if (address !== team) return [];
  const skips = results.filter(({ skipReason }) => skipReason !== SkipReason.SKIP_REASON_UNSPECIFIED);
  const others = skips.filter(({ skipReason }) => skipReason !== SkipReason.SKIP_REASON_SENDER);
  const named = others.slice(0, skipsNamedMax);
  const warnings = named.map(({ socketId, skipReason }) => {
    const reason = enumName(SkipReason, skipReason).replace("SKIP_REASON_", "");
    return `skipped ${socketId}: ${reason}`;
  });
  const unnamedCount = skippedCount - (skips.length - others.length) - named.length;
  if (unnamedCount > 0) warnings.push(`skipped ${unnamedCount} more`);
  if (deliveredCount === 0) warnings.push("no socket got the message");
  return warnings;
}
