import { Struct } from "../../gen/ts/google/protobuf/struct.js";
import { RegistryError } from "../registry/errors.js";
import { checkSocketId } from "../registry/socket.js";
import type { LogEvent, SocketDraft, SocketNumber, Storage, Stored } from "../registry/storage.js";
import type { SocketRecord } from "./record.js";
import type { Restored } from "./restore.js";

/** So many messages are read in one step. */
const MESSAGES_PER_STEP = 256;

/** What all copies of a message share, as it goes to the wire. */
export type EncodeBody = (socketId: string, content: string, metadata: Record<string, unknown>) => Uint8Array;

/** One thing that happened to a socket, as its record tells. */
type Happening =
  | { readonly ms: number; readonly record: SocketRecord }
  | { readonly ms: number; readonly socketId: string; readonly body: Uint8Array };

/**
 * Makes what the records of an original Rhetor tell happen in a new store: every socket is created and gets its
 * messages, in the order of their times, which the store's clock is set to.
 * @param setNow sets the store's clock
 * @returns what was adopted, and why others were not
 */
export async function adoptRecords(
  storage: Storage,
  records: AsyncIterable<SocketRecord>,
  encodeBody: EncodeBody,
  setNow: (ms: number) => void,
): Promise<Restored & { readonly refused: readonly string[] }> {
  const happenings: Happening[] = [];
  const refused: string[] = [];
  for await (const record of records) {
    const why = refusalOf(storage, record.socketId);
    if (why !== undefined) refused.push(why);
    if (why !== undefined) continue;
    happenings.push({ ms: record.createdMs, record });
    for (const { timeMs, content, metadata } of record.messages) {
      const body = encodeBody(record.socketId, content, metadata);
      happenings.push({ ms: Math.max(timeMs, record.createdMs), socketId: record.socketId, body });
    }
  }
  // Equal times stay in order.
  happenings.sort((a, b) => a.ms - b.ms);
  let [socketCount, messageCount] = [0, 0];
  for (const happening of happenings) {
    setNow(happening.ms);
    if ("record" in happening) {
      storage.append(creationOf(happening.record));
      socketCount++;
    } else {
      const { socketId, body } = happening;
      const number = storage.find(socketId)?.number ?? 0;
      storage.append(messageOf(number, { body, sender: "", recipient: socketId }));
      messageCount++;
    }
    if ((socketCount + messageCount) % MESSAGES_PER_STEP === 0) await storage.durable();
  }
  await storage.durable();
  return { revision: storage.revision, socketCount, messageCount, refused };
}

/**
 * Adds the sockets of another store whose ids this one does not have, with what waits in their queues, in order. A
 * socket comes with all of its messages in one batch or not at all: one that is there is not looked at again, so that
 * what a crash had left out would never come. The times are those of the merge, since a log's times never run
 * backwards.
 */
export async function mergeStores(from: Storage, to: Storage): Promise<Restored> {
  let [socketCount, messageCount] = [0, 0];
  for (const row of [...from.sockets()]) {
    if (to.find(row.socketId) !== undefined) continue;
    const { socketId, model, state, stateReason, stateMessage, labels, config } = row;
    const draft: SocketDraft = { socketId, model, state, stateReason, stateMessage, labels, config };
    const profile = await from.profile(row.number);
    const messages = await waitingIn(from, row.number);
    // Nothing is awaited from here to the last message.
    const [number = 0] = to.append({ kind: "create", draft, profile }).sequences;
    for (const message of messages) to.append(messageOf(number, message));
    await to.durable();
    socketCount++;
    messageCount += messages.length;
  }
  return { revision: to.revision, socketCount, messageCount };
}

/** What waits in a queue, in order, as far as it can be read. */
async function waitingIn(storage: Storage, number: SocketNumber): Promise<readonly Stored[]> {
  const sequences = [...storage.queue(number).unsettledAfter(0)];
  const messages: Stored[] = [];
  for (let step = 0; step < sequences.length; step += MESSAGES_PER_STEP) {
    const found = await storage.readAt(number, sequences.slice(step, step + MESSAGES_PER_STEP));
    messages.push(...found.filter(({ damaged }) => !damaged));
  }
  return messages;
}

function refusalOf(storage: Storage, socketId: string): string | undefined {
  if (storage.find(socketId) !== undefined) return `${socketId} is there already`;
  try {
    checkSocketId(socketId);
    return undefined;
  } catch (error) {
    if (error instanceof RegistryError) return error.message;
    throw error;
  }
}

function creationOf({ socketId, model, prompt, context, state }: SocketRecord): LogEvent {
  const isMarked = state !== "ACTIVE";
  return {
    kind: "create",
    draft: {
      ...{ socketId, model, state, stateReason: isMarked ? "OPERATOR" : "NONE", stateMessage: "" },
      ...{ labels: {}, config: {} },
    },
    profile: {
      prompt,
      context: Object.keys(context).length === 0 ? undefined : Struct.encode(Struct.wrap(context)).finish(),
    },
  };
}

function messageOf(
  number: SocketNumber,
  { body, sender, recipient }: Pick<Extract<LogEvent, { kind: "message" }>, "body" | "sender" | "recipient">,
): LogEvent {
  return { kind: "message", body, sender, recipient, targets: [number], everyone: false, skipped: [], replyTo: 0 };
}
