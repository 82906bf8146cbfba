import {
  AckMode,
  ReadEvent,
  ReadRequest,
  type ReadResponse,
} from "../../../gen/ts/socketregistry/v1/socket_registry.js";
import { parseCount, parsePosition, parseWord } from "../arguments.js";
import { type Context, defineCommand, type Values } from "../command.js";
import { describeEvent, isLoss } from "../event.js";
import { UsageError } from "../failure.js";
import { follow } from "../follow.js";
import { printMessages } from "../message.js";

const ackModeWords = {
  auto: AckMode.ACK_MODE_AUTO,
  none: AckMode.ACK_MODE_NONE,
} as const;

const options = {
  follow: { type: "boolean", short: "f", help: "go on with what arrives, over restarts of the server" },
  "no-wait": { type: "boolean", help: "end when nothing waits any longer (default)" },
  json: { type: "boolean", help: "one JSON object a line" },
  "ack-mode": { type: "string", value: "MODE", help: "auto: take the messages (default); none: only look" },
  after: {
    type: "string",
    value: "EPOCH:SEQUENCE",
    help: "start after this place, also over messages already taken",
  },
  "max-messages": { type: "string", value: "N", help: "end after N messages" },
  "exclude-sender": { type: "string", value: "ID", help: "leave out what this socket signed" },
  consumer: { type: "string", value: "NAME", help: "a named cursor of the team feed" },
  events: { type: "boolean", help: "print the events of the stream to stderr" },
} as const;

export const read = defineCommand({
  name: "read",
  parameters: ["SOCKET"],
  summary: "Prints the messages of a socket, or with team-chat-all, what the team says.",
  notes: [
    "Messages that are taken are taken when they are sent to us: those on their way when we are stopped",
    "are lost, as are those that a closed pipe did not want. --max-messages takes no more than N.",
  ].join("\n"),
  options,
  async run(context, values, [socketId = ""]) {
    const request = requestOf(socketId, values);
    for await (const frame of framesOf(context, request)) {
      if (frame.event !== ReadEvent.READ_EVENT_UNSPECIFIED) announce(context, frame, values.events);
      await printMessages(context.output, frame.messages, values.json);
    }
    return undefined;
  },
});

function requestOf(socketId: string, values: Values<typeof options>): ReadRequest {
  if (values.follow === true && values["no-wait"] === true) {
    throw new UsageError("--follow and --no-wait exclude each other");
  }
  const maxMessages = parseCount("--max-messages", values["max-messages"]);
  if (maxMessages === 0) throw new UsageError("--max-messages must be at least 1");
  const ackMode = parseWord("--ack-mode", ackModeWords, values["ack-mode"]);
  const after = parsePosition("--after", values.after);
  return ReadRequest.fromPartial({
    socketId,
    noWait: values.follow !== true,
    maxMessages: maxMessages ?? 0,
    ackMode: ackMode ?? AckMode.ACK_MODE_AUTO,
    excludeSender: values["exclude-sender"] ?? "",
    consumer: values.consumer ?? "",
    ...(after && { after }),
  });
}

function framesOf(context: Context, request: ReadRequest): AsyncIterable<ReadResponse> {
  const { client, signal, output } = context;
  if (request.noWait) return client.read(request, signal);
  return follow({ client, request, signal, announce: output.warn });
}

function announce({ output }: Context, frame: ReadResponse, wanted: boolean | undefined): void {
  if (wanted !== true && !isLoss(frame)) return;
  output.warn(describeEvent(frame));
}
