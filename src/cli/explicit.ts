/** Reads in EXPLICIT mode: what is done with the messages, and that the server is told before the run ends. */
import { randomUUID } from "node:crypto";
import {
  type GetServerInfoResponse,
  ReadEvent,
  type ReadRequest,
  type ReadResponse,
  type Socket,
} from "../../gen/ts/socketregistry/v1/socket_registry.js";
import { durationOf } from "./arguments.js";
import type { Context } from "./command.js";
import { createDeliveries, type Holding } from "./deliveries.js";
import type { ExitCode } from "./failure.js";
import { follow } from "./follow.js";
import { printMessages } from "./message.js";
import { createWorker, type WorkerOptions } from "./worker.js";

/** Where the server does not say what a socket's deadline is. */
const ackDeadlineMsUnknown = 60_000;
/** A stream that breaks leaves its deliveries 15 seconds, unless they are held once more. */
const holdPeriodMsMax = 5_000;
const holdPeriodMsMin = 10;

/** What is told of a frame that is an event. */
type Announce = (frame: ReadResponse) => void;

/** Prints messages, and acknowledges those that stdout has taken. */
export async function printAndSettle(
  context: Context,
  request: ReadRequest,
  asJson: boolean | undefined,
  announce: Announce,
): Promise<ExitCode | undefined> {
  const named = { ...request, reader: randomUUID() };
  const deliveries = createDeliveries(context, named);
  let exitCode: ExitCode | undefined;
  try {
    for await (const frame of framesOf(context, named, deliveries.told)) {
      if (frame.event !== ReadEvent.READ_EVENT_UNSPECIFIED) announce(frame);
      await printMessages(context.output, frame.messages, asJson);
      void deliveries.settle(frame.messages);
    }
  } finally {
    exitCode = await deliveries.close();
  }
  return exitCode;
}

/** Runs a command for each message. When the run has to stop, the commands that run come to their end. */
export async function runForEach(
  context: Context,
  request: ReadRequest,
  options: Omit<WorkerOptions, "socketId" | "commandsMax">,
  ackDeadlineMs: number | undefined,
  announce: Announce,
): Promise<ExitCode | undefined> {
  const named = { ...request, reader: randomUUID() };
  const { socketId, maxOutstanding } = request;
  const holding = await findHolding(context, socketId, ackDeadlineMs);
  const deliveries = createDeliveries(context, named, holding);
  const worker = createWorker(context, deliveries, { ...options, socketId, commandsMax: maxOutstanding || 1 });
  const settled = () => worker.idle().then(deliveries.told);
  let exitCode: ExitCode | undefined;
  try {
    for await (const frame of framesOf(context, named, settled)) {
      if (frame.event !== ReadEvent.READ_EVENT_UNSPECIFIED) announce(frame);
      await worker.take(frame.messages);
    }
  } finally {
    await worker.idle();
    exitCode = await deliveries.close();
  }
  return exitCode;
}

async function* framesOf(
  { client, signal, output }: Context,
  request: ReadRequest,
  settled: () => Promise<void>,
): AsyncGenerator<ReadResponse, void, undefined> {
  if (!request.noWait) return yield* follow({ client, request, signal, announce: output.warn });
  // As long as we have as much as we may, nothing more can be handed over, which ends the stream: there may be more.
  let remaining = request.maxMessages;
  for (;;) {
    let count = 0;
    for await (const frame of client.read({ ...request, maxMessages: remaining }, signal)) {
      count += frame.messages.length;
      yield frame;
    }
    if (count === 0 || (request.maxMessages > 0 && count >= remaining)) return;
    remaining = Math.max(0, remaining - count);
    await settled();
    signal.throwIfAborted();
  }
}

/** @param ackDeadlineMs the deadline to ask for; without it, the socket's own */
async function findHolding({ client }: Context, socketId: string, ackDeadlineMs: number | undefined): Promise<Holding> {
  const [{ socket }, info] = await Promise.all([client.getSocketInfo({ socketId }), client.getServerInfo({})]);
  const ownMs = deadlineMsOf(socket, info);
  const periodMs = Math.min(holdPeriodMsMax, ...[ownMs, ackDeadlineMs].flatMap((ms) => (ms ? [ms / 3] : [])));
  const askedMs = ackDeadlineMs ?? (ownMs === undefined ? ackDeadlineMsUnknown : undefined);
  return {
    periodMs: Math.max(holdPeriodMsMin, periodMs),
    ackDeadline: askedMs === undefined ? undefined : durationOf(askedMs),
  };
}

/** Zero: there is none. Absent: unknown. */
function deadlineMsOf(socket: Socket | undefined, { limits }: GetServerInfoResponse): number | undefined {
  const own = socket?.config?.ackDeadline;
  if (own !== undefined) return Number(own.seconds) * 1_000 + own.nanos / 1_000_000;
  const common = limits["ack_deadline_ms"];
  return common === undefined ? undefined : Number(common);
}
