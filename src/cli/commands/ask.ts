import {
  AskRequest,
  type AskResponse,
  type AskSummary,
  MissingReason,
} from "../../../gen/ts/socketregistry/v1/socket_registry.js";
import { parseCount, parseDuration, parseLabels, parseStruct } from "../arguments.js";
import { type Context, defineCommand, type Values } from "../command.js";
import { type ExitCode, isUnanswered } from "../failure.js";
import { askJson, enumName } from "../json.js";
import { keyOptions, requestIdOf, unansweredText } from "../key.js";
import { messageLine } from "../message.js";
import { reopen } from "../reopen.js";

/** More sockets than this are counted, not named. */
const namedMax = 20;
/** How often in a row the question is asked without an answer from the server. */
const triesMax = 5;

const options = {
  sender: { type: "string", value: "ID", help: "ask as this socket, which is not asked itself" },
  timeout: { type: "string", value: "DURATION", help: "how long to wait for replies, default 30s, at most 10m" },
  "max-replies": { type: "string", value: "N", help: "end after N replies" },
  metadata: { type: "string", value: "JSON", help: "attach a JSON object" },
  thread: { type: "string", value: "ID", help: "the thread it belongs to" },
  label: {
    type: "string",
    multiple: true,
    value: "KEY=VALUE",
    help: "ask only sockets with this label; repeat for all of several",
  },
  ...keyOptions,
  json: { type: "boolean", help: "one JSON object a line: asked, reply, summary" },
} as const;

export const ask = defineCommand({
  name: "ask",
  parameters: ["[SOCKET]", "MESSAGE"],
  summary: "Asks the team, or one socket, and prints the replies as they come.",
  notes: [
    "A reply is a message that is written with --reply-to and the id of the question. At the end it says on",
    "stderr who answered and who did not. It exits with 0 if everybody who was asked answered, or N replies came.",
  ].join("\n"),
  options,
  async run(context, values, positionals) {
    const request = requestOf(positionals, values);
    let count = 0;
    let isComplete = false;
    for await (const response of stepsOf(context, request)) {
      if (response.step?.$case === "reply") count += 1;
      if (response.step?.$case === "summary") isComplete = isEverybody(response.step.value);
      await show(context, response, values.json);
    }
    const isEnough = request.maxReplies > 0 && count >= request.maxReplies;
    return isComplete || isEnough ? 0 : (6 satisfies ExitCode);
  },
});

function requestOf(positionals: readonly string[], values: Values<typeof options>): AskRequest {
  const [message = "", socketId = ""] = positionals.toReversed();
  const metadata = parseStruct("--metadata", values.metadata);
  const timeout = parseDuration("--timeout", values.timeout);
  return AskRequest.fromPartial({
    socketId,
    message,
    sender: values.sender ?? "",
    maxReplies: parseCount("--max-replies", values["max-replies"]) ?? 0,
    requestId: requestIdOf(values["request-id"]),
    threadId: values.thread ?? "",
    matchLabels: parseLabels(values.label),
    ...(metadata && { metadata }),
    ...(timeout && { timeout }),
  });
}

/** The steps of one question, each once, however often it takes to hear of them. */
async function* stepsOf(
  { client, signal, output }: Context,
  request: AskRequest,
): AsyncGenerator<AskResponse, void, undefined> {
  const seen = new Set<string>();
  const steps = reopen({
    open: () => client.ask(request, signal),
    onFrame: () => {},
    isEnd: (failures) => failures === triesMax,
    signal,
    announce: output.warn,
    doing: "asking",
  });
  try {
    for await (const response of steps) {
      const name = nameOf(response);
      if (seen.has(name)) continue;
      seen.add(name);
      yield response;
    }
  } catch (error) {
    if (isUnanswered(error)) output.warn(unansweredText(request.requestId));
    throw error;
  }
}

/** The same for a step that is told again. */
function nameOf({ step }: AskResponse): string {
  return step?.$case === "reply" ? `reply ${step.value.messageId}` : String(step?.$case);
}

async function show({ output }: Context, response: AskResponse, asJson: boolean | undefined): Promise<void> {
  if (asJson === true) await output.printJson([askJson(response)]);
  else if (response.step?.$case === "reply") await output.print(messageLine(response.step.value));
  else if (response.step?.$case === "summary") for (const line of summaryLines(response.step.value)) output.warn(line);
}

function isEverybody({ answeredCount, missingCount }: AskSummary): boolean {
  return answeredCount > 0 && missingCount === 0;
}

function summaryLines({ answered, missing, answeredCount, missingCount }: AskSummary): string[] {
  const reasoned = missing.map(({ socketId, reason }) => {
    return `${socketId} (${enumName(MissingReason, reason).replace("MISSING_REASON_", "")})`;
  });
  const total = answeredCount + missingCount;
  if (total === 0) return ["there was nobody to ask"];
  const first = `${answeredCount} of ${total} answered`;
  return [
    answeredCount === 0 ? first : `${first}: ${namesText(answered, answeredCount)}`,
    ...(missingCount > 0 ? [`no answer: ${namesText(reasoned, missingCount)}`] : []),
  ];
}

function namesText(names: readonly string[], count: number): string {
  const named = names.slice(0, namedMax);
  const others = count - named.length;
  return [...named, ...(others > 0 ? [`${others} more`] : [])].join(", ");
}
