/** An agent: a socket that gives signs of life, and a handler whose results are its answers. */
import { isDeepStrictEqual } from "node:util";
import {
  ConflictPolicy,
  type Message,
  type Socket,
  SocketState,
  StateReason,
} from "../../../gen/ts/socketregistry/v1/socket_registry.js";
import { onAbort, settledWithin } from "./abort.js";
import type { Activity, Connection } from "./connection.js";
import { durationOf } from "./duration.js";
import { isGone, isUnanswered, reasonOf } from "./errors.js";
import { type HandleOptions, handle } from "./handle.js";
import type { ReceivedMessage } from "./message.js";
import { persist } from "./reopen.js";
import type { Changes, SocketHandle } from "./socket.js";
import { type JsonObject, present } from "./write.js";

/**
 * Works on a message. What it returns, if anything, is written as the agent's answer; throwing gives the message back. The
 * signal is aborted when the agent has to stop.
 */
export type AgentHandler = (
  message: ReceivedMessage,
  signal: AbortSignal,
  // biome-ignore lint/suspicious/noConfusingVoidType: a handler without a result is one that answers nothing
) => string | undefined | void | Promise<string | undefined | void>;

export interface AgentOptions extends Omit<HandleOptions, "consumer"> {
  /** The agent's model. What is given here and below, the socket has from now on; what is not, it keeps. */
  model?: string | undefined;
  /** The agent's system prompt. */
  prompt?: string | undefined;
  /** The agent's context. */
  context?: JsonObject | undefined;
  /** Labels to select sockets by. */
  labels?: Readonly<Record<string, string>> | undefined;
  /** How long the agent counts as there without a sign of life. Default 30 seconds; zero: for ever. */
  leaseMs?: number | undefined;
}

/** How an agent ended: its signal was aborted, or its socket was deleted. */
export type AgentEnd = "left" | "deleted";

const leaveMs = 5_000;
const answerPauseMsMax = 2_000;

export async function runAgent(
  connection: Connection,
  socket: SocketHandle,
  handler: AgentHandler,
  { model, prompt, context, labels, leaseMs = 30_000, signal, ...reading }: AgentOptions = {},
): Promise<AgentEnd> {
  const stopping = new AbortController();
  const forget = onAbort(signal, () => stopping.abort(signal?.reason));
  const identity = present({ model, prompt, context, labels });
  const run = live(connection, socket, { identity, handler, leaseMs, reading, stopping });
  const activity: Activity = {
    stop(reason) {
      stopping.abort(reason);
      return run;
    },
  };
  connection.activities.add(activity);
  try {
    return await run;
  } finally {
    forget();
    connection.activities.delete(activity);
  }
}

interface Life {
  identity: Changes;
  handler: AgentHandler;
  leaseMs: number;
  reading: HandleOptions;
  stopping: AbortController;
}

async function live(connection: Connection, socket: SocketHandle, life: Life): Promise<AgentEnd> {
  const { handler, leaseMs, reading, stopping } = life;
  const beat =
    leaseMs > 0 ? setInterval(() => void heartbeat(connection, socket.id, stopping.signal), leaseMs / 3) : undefined;
  const ended = new AbortController();
  const answer = answerWith(connection, socket.id, handler, ended.signal);
  let hasArrived = false;
  try {
    await arrive(connection, socket, life);
    hasArrived = true;
    return await handle(connection, socket.id, answer, { ...reading, signal: stopping.signal });
  } catch (error) {
    if (stopping.signal.aborted) {
      if (hasArrived) await leave(socket);
      return "left";
    }
    if (isGone(error)) return "deleted";
    throw error;
  } finally {
    clearInterval(beat);
    ended.abort();
  }
}

/** Makes the socket, or finds it and makes it what it is to be. Waits for the server. */
async function arrive(connection: Connection, socket: SocketHandle, { identity, leaseMs, stopping }: Life) {
  const { signal } = stopping;
  const again = { signal, onReconnect: connection.onReconnect, doing: `registering ${socket.id}` };
  const config = { acceptWhenAway: true, leaseDuration: durationOf(leaseMs) };
  const onConflict = ConflictPolicy.CONFLICT_POLICY_USE_EXISTING;
  const request = { ...identity, config, socketId: socket.id, onConflict };
  let { socket: found } = await persist(() => connection.stub.create(request, { signal }), again);
  if (found !== undefined && !isAs(found, { ...identity, config })) {
    found = await persist(() => socket.update({ ...identity, config }, { signal }), again);
  }
  const hasLeft =
    found?.state === SocketState.SOCKET_STATE_INACTIVE && found.stateReason === StateReason.STATE_REASON_CLIENT_LEFT;
  if (hasLeft) await persist(() => socket.markActive("back", { signal }), again);
}

function isAs(socket: Socket, { config, ...wanted }: Changes): boolean {
  const { acceptWhenAway, leaseDuration } = socket.config ?? {};
  if (!isDeepStrictEqual({ acceptWhenAway, leaseDuration }, config)) return false;
  return Object.entries(wanted).every(([field, value]) => isDeepStrictEqual(socket[field as keyof Socket], value));
}

/** @param ended aborted when no answer is waited for any more */
function answerWith({ stub }: Connection, socketId: string, handler: AgentHandler, ended: AbortSignal) {
  return async (message: ReceivedMessage, stopping: AbortSignal): Promise<void> => {
    const answer = await handler(message, stopping);
    if (typeof answer !== "string") return;
    const request = { ...answerTo(message, socketId), message: answer };
    // The work is done: whatever the server does, it is told the result rather than asked for the work once more.
    const again = { signal: ended, pauseMsMax: answerPauseMsMax };
    const written = persist(() => stub.write(request, { signal: ended }), again);
    await written.catch((error: unknown) => {
      // An earlier attempt has answered already.
      if (reasonOf(error) !== "REQUEST_ID_REUSED") throw error;
    });
  };
}

/** One answer for each message, however often it is handled. */
function answerTo({ messageId, threadId }: Message, socketId: string) {
  return { socketId, sender: socketId, replyTo: messageId, threadId, requestId: `${socketId}-${messageId}` };
}

/** An open Read is a sign of life as well; a heartbeat is one, too, while a message takes longer than its deadline. */
async function heartbeat({ stub, onWarning }: Connection, socketId: string, signal: AbortSignal): Promise<void> {
  try {
    await stub.heartbeat({ socketId }, { signal });
  } catch (error) {
    // What the reading meets as well is said there.
    if (signal.aborted || isUnanswered(error) || isGone(error)) return;
    onWarning(new Error(`${socketId}: no heartbeat: ${error}`, { cause: error }));
  }
}

/** Tells the others, if that can be done at once. */
async function leave(socket: SocketHandle): Promise<void> {
  await settledWithin(socket.markInactive("left", { timeoutMs: leaveMs }), leaveMs);
}
