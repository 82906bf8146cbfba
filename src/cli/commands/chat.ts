import {
  AckMode,
  ConflictPolicy,
  CreateRequest,
  OverflowPolicy,
  ReadEvent,
  ReadRequest,
  WriteRequest,
} from "../../../gen/ts/socketregistry/v1/socket_registry.js";
import { type Context, defineCommand } from "../command.js";
import { describeEvent, isLoss } from "../event.js";
import { CallError } from "../failure.js";
import { follow } from "../follow.js";
import { requestIdOf } from "../key.js";
import { printMessages } from "../message.js";
import { team, writeAndWarn } from "./write.js";

export const chat = defineCommand({
  name: "chat",
  parameters: [],
  summary: "Shows what the team says from now on, and writes each line you type to the whole team.",
  notes: [
    "/quit, or the end of stdin, ends it. Unsigned lines are questions: the team gets them, the feed",
    "does not show them. Sign with --as to be heard there too.",
  ].join("\n"),
  options: {
    as: {
      type: "string",
      value: "NAME",
      help: "sign as this socket; it is created, with model human, if there is none",
    },
  },
  async run(context, values) {
    const name = values.as ?? "";
    if (name !== "") await join(context, name);
    const { socket } = await context.client.getSocketInfo({ socketId: team });
    const request = ReadRequest.fromPartial({
      socketId: team,
      ackMode: AckMode.ACK_MODE_NONE,
      after: socket?.tail ?? {},
      excludeSender: name,
    });
    await untilOneEnds(
      context,
      (reading) => listen(context, request, reading),
      () => speak(context, name),
    );
    return undefined;
  },
});

async function join({ client }: Context, name: string): Promise<void> {
  const onConflict = ConflictPolicy.CONFLICT_POLICY_USE_EXISTING;
  // Who only follows the feed leaves the own queue unread; it must not fill up and be reported as full for ever.
  const config = { overflowPolicy: OverflowPolicy.OVERFLOW_POLICY_DROP_OLDEST };
  await client.create(CreateRequest.fromPartial({ socketId: name, model: "human", onConflict, config }));
}

/** Ends the listening when the speaker has done, and the speaking when there is nothing to hear any longer. */
async function untilOneEnds(
  { input, signal }: Context,
  listening: (signal: AbortSignal) => Promise<void>,
  speaking: () => Promise<void>,
): Promise<void> {
  const reading = new AbortController();
  const stop = () => reading.abort(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  const heard = listening(reading.signal)
    .catch((error: unknown) => {
      if (error !== reading.signal.reason) return error;
      return undefined;
    })
    .finally(() => input.close());
  try {
    await speaking();
  } finally {
    stop();
  }
  const failure = await heard;
  if (failure !== undefined) throw failure;
}

async function listen({ client, output }: Context, request: ReadRequest, signal: AbortSignal): Promise<void> {
  for await (const frame of follow({ client, request, signal, announce: output.warn })) {
    if (frame.event !== ReadEvent.READ_EVENT_UNSPECIFIED && isLoss(frame)) output.warn(describeEvent(frame));
    await printMessages(output, frame.messages, false);
  }
}

/** A line that is refused is said to be so; the chat goes on. */
async function speak(context: Context, name: string): Promise<void> {
  const { input, output } = context;
  for await (const line of input.lines()) {
    if (line === "/quit") return;
    if (line.trim() === "") continue;
    try {
      const requestId = requestIdOf(undefined);
      await writeAndWarn(context, WriteRequest.fromPartial({ socketId: team, message: line, sender: name, requestId }));
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      output.warn(error.describe());
    }
  }
}
