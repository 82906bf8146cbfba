import {
  AckMode,
  ReadEvent,
  ReadRequest,
  type ReadResponse,
} from "../../../gen/ts/socketregistry/v1/socket_registry.js";
import { durationOf, parseCount, parseMs, parsePosition, parseWaitMs, parseWord } from "../arguments.js";
import { type Context, defineCommand, type Values } from "../command.js";
import { describeEvent, isLoss } from "../event.js";
import { printAndSettle, runForEach } from "../explicit.js";
import { type ExitCode, UsageError } from "../failure.js";
import { follow } from "../follow.js";
import { printMessages } from "../message.js";

const ackModeWords = {
  auto: AckMode.ACK_MODE_AUTO,
  none: AckMode.ACK_MODE_NONE,
} as const;

const retryDelayMsDefault = 1_000;

const options = {
  follow: { type: "boolean", short: "f", help: "go on with what arrives, over restarts of the server" },
  "no-wait": { type: "boolean", help: "end when nothing waits any longer (default)" },
  json: { type: "boolean", help: "one JSON object a line; with --exec, the stdin of CMD" },
  "ack-mode": { type: "string", value: "MODE", help: "auto: take the messages (default); none: only look" },
  ack: { type: "boolean", help: "take a message only when it has been printed" },
  exec: { type: "string", value: "CMD", help: "run CMD for each message; take it if CMD exits with 0" },
  "max-outstanding": {
    type: "string",
    value: "N",
    help: "with --ack or --exec: have N messages at a time, default 1; implies --ack",
  },
  "retry-delay": { type: "string", value: "DURATION", help: "with --exec: before what failed comes again, default 1s" },
  "ack-deadline": {
    type: "string",
    value: "DURATION",
    help: "with --exec: the deadline that is asked for while CMD runs; default the socket's",
  },
  exclusive: { type: "boolean", help: "take over: end the other reads of the queue, and keep new ones out" },
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

type ReadValues = Values<typeof options>;

export const read = defineCommand({
  name: "read",
  parameters: ["SOCKET"],
  summary: "Prints the messages of a socket, or with team-chat-all, what the team says.",
  notes: [
    "Messages that are taken are taken when they are sent to us: those on their way when we are stopped",
    "are lost, as are those that a closed pipe did not want. --max-messages takes no more than N.",
    "With --ack nothing is lost: what was not printed comes again.",
    "",
    "--exec runs CMD in a shell (sh -c), with the content of the message on its stdin and in its environment",
    "SOCKET_ID, MESSAGE_ID, SENDER, SEQUENCE, EPOCH, THREAD_ID, REPLY_TO, DELIVERY_ATTEMPT, and the server as",
    "SOCKET_REGISTRY_ADDRESS. If it fails the message comes again, until the socket parks it. While it runs",
    "the message stays with us. Ctrl-C waits for the commands that run; a second one ends them.",
  ].join("\n"),
  options,
  async run(context, values, [socketId = ""]) {
    const request = requestOf(socketId, values);
    const announce = (frame: ReadResponse) => announceEvent(context, frame, values.events);
    if (values.exec !== undefined) return await exec(context, request, values.exec, values, announce);
    if (request.ackMode === AckMode.ACK_MODE_EXPLICIT) {
      return await printAndSettle(context, request, values.json, announce);
    }
    for await (const frame of framesOf(context, request)) {
      if (frame.event !== ReadEvent.READ_EVENT_UNSPECIFIED) announce(frame);
      await printMessages(context.output, frame.messages, values.json);
    }
    return undefined;
  },
});

function requestOf(socketId: string, values: ReadValues): ReadRequest {
  if (values.follow === true && values["no-wait"] === true) {
    throw new UsageError("--follow and --no-wait exclude each other");
  }
  const after = parsePosition("--after", values.after);
  return ReadRequest.fromPartial({
    socketId,
    noWait: values.follow !== true,
    maxMessages: parseAmount("--max-messages", values["max-messages"]) ?? 0,
    ackMode: ackModeOf(values),
    maxOutstanding: parseAmount("--max-outstanding", values["max-outstanding"]) ?? 0,
    excludeSender: values["exclude-sender"] ?? "",
    consumer: values.consumer ?? "",
    exclusive: values.exclusive ?? false,
    ...(after && { after }),
  });
}

function parseAmount(option: string, text: string | undefined): number | undefined {
  const count = parseCount(option, text);
  if (count === 0) throw new UsageError(`${option} must be at least 1`);
  return count;
}

/** The options that go with EXPLICIT mode are refused elsewhere: they would say nothing. */
function ackModeOf(values: ReadValues): AckMode {
  if (values.exec === undefined) {
    for (const name of ["retry-delay", "ack-deadline"] as const) {
      if (values[name] !== undefined) throw new UsageError(`--${name} goes with --exec`);
    }
  }
  const explicit = (["exec", "ack", "max-outstanding"] as const).find((name) => values[name] !== undefined);
  const mode = parseWord("--ack-mode", ackModeWords, values["ack-mode"]);
  if (explicit === undefined) return mode ?? AckMode.ACK_MODE_AUTO;
  for (const name of ["ack-mode", "after"] as const) {
    if (values[name] !== undefined) throw new UsageError(`--${explicit} and --${name} exclude each other`);
  }
  return AckMode.ACK_MODE_EXPLICIT;
}

async function exec(
  context: Context,
  request: ReadRequest,
  command: string,
  values: ReadValues,
  announce: (frame: ReadResponse) => void,
): Promise<ExitCode | undefined> {
  const retryDelay = durationOf(parseMs("--retry-delay", values["retry-delay"]) ?? retryDelayMsDefault);
  const ackDeadlineMs = parseWaitMs("--ack-deadline", values["ack-deadline"]);
  const options = { command, retryDelay, asJson: values.json ?? false };
  return await runForEach(context, request, options, ackDeadlineMs, announce);
}

function framesOf({ client, signal, output }: Context, request: ReadRequest): AsyncIterable<ReadResponse> {
  if (request.noWait) return client.read(request, signal);
  return follow({ client, request, signal, announce: output.warn });
}

function announceEvent({ output }: Context, frame: ReadResponse, wanted: boolean | undefined): void {
  if (wanted !== true && !isLoss(frame)) return;
  output.warn(describeEvent(frame));
}
