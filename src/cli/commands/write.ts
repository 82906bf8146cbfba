import { SkipReason, WriteRequest, type WriteResponse } from "../../../gen/ts/socketregistry/v1/socket_registry.js";
import { parseLabels, parseStruct } from "../arguments.js";
import { type Context, defineCommand, type Values } from "../command.js";
import { CallError, isUnanswered, UsageError } from "../failure.js";
import { enumName } from "../json.js";
import { callOnce, keyOptions, requestIdOf, unansweredText } from "../key.js";
import { createLineAccount } from "../line-account.js";
import { writeLines } from "../lines.js";

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
    "With --lines the lines that are there go out together, and stand in the queue in their order. The first that is",
    "refused ends it; what had been sent behind it may still be written, and it says which lines were. Line N has the",
    "request id ID-N. When the server cannot be reached it tries again, and writes nothing twice.",
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
    await writeEachLine(context, request, values["print-id"]);
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

async function writeOne(context: Context, request: WriteRequest, printId: boolean | undefined): Promise<void> {
  const { messageId } = await writeAndWarn(context, request);
  if (printId === true) await context.output.print(`${messageId}\n`);
}

/** Throws the first refusal, when what had been sent with that line is accounted for. */
async function writeEachLine(context: Context, request: WriteRequest, printId: boolean | undefined): Promise<void> {
  const { input, output } = context;
  const account = createLineAccount();
  try {
    for await (const outcomes of writeLines(context, { groups: input.lineGroups(), request })) {
      const written = account.take(outcomes);
      for (const warning of written.flatMap((response) => broadcastWarnings(request, response))) output.warn(warning);
      if (printId === true) await output.print(written.map(({ messageId }) => `${messageId}\n`).join(""));
    }
  } catch (error) {
    if (isUnanswered(error)) output.warn(unansweredText(request.requestId));
    if (error instanceof CallError) output.warn(`line ${account.count() + 1} was not written:`);
    throw error;
  }
  const refusal = account.refusal();
  if (refusal === undefined) return;
  for (const text of account.afterRefusal()) output.warn(text);
  output.warn(`line ${refusal.line} was not written:`);
  throw refusal.error;
}

/** Writes once, however many calls that takes, and says whom it did not reach. */
export async function writeAndWarn(context: Context, request: WriteRequest): Promise<WriteResponse> {
  const { client, output } = context;
  const options = { doing: "writing", requestId: request.requestId };
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
