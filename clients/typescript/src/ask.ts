/** A question, the replies to it, and in the end who answered. */
import { randomUUID } from "node:crypto";
import {
  AskRequest,
  type AskResponse,
  type AskSummary,
  type Message,
  type WriteResponse,
} from "../../../gen/ts/socketregistry/v1/socket_registry.js";
import { onAbort } from "./abort.js";
import type { Activity, Connection } from "./connection.js";
import { durationOf } from "./duration.js";
import { reopen } from "./reopen.js";
import { type JsonObject, present } from "./write.js";

export interface AskOptions {
  /** Whom to ask. Default: the whole team. */
  socketId?: string | undefined;
  /** How long to wait for replies. Default 30 seconds, at most 10 minutes. */
  timeoutMs?: number | undefined;
  /** End after this many replies. */
  maxReplies?: number | undefined;
  /** Anything, at most 64 KiB and 30 levels deep. */
  metadata?: JsonObject | undefined;
  /** The asker's socket id, which does not get a question to the team. Default: the connection's. Empty: unsigned. */
  sender?: string | undefined;
  /** The thread the question belongs to. */
  threadId?: string | undefined;
  /** Narrows a question to the team to the sockets that have all these labels. */
  matchLabels?: Readonly<Record<string, string>> | undefined;
  /** A key under which it is asked once. Default: one that is made up. */
  requestId?: string | undefined;
  /** Ends the waiting; the iteration then throws the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** A question under way: iterate over it, once, for the replies. It is put when the iteration begins, or `asked` is read. */
export interface Asking extends AsyncIterable<Message, void, undefined> {
  /** Resolves when the question is durable. */
  readonly asked: Promise<WriteResponse>;
  /** Who answered and who did not. Absent before the end. */
  readonly summary: AskSummary | undefined;
  /** Waits for the end. */
  collect(): Promise<Answers>;
}

/** Everything that came of a question. */
export interface Answers {
  replies: Message[];
  summary: AskSummary;
}

export function ask(connection: Connection, question: string, options: AskOptions = {}): Asking {
  const steps = stepsOf(connection, question, options);
  let first: Promise<IteratorResult<Step, void>> | undefined;
  let summary: AskSummary | undefined;
  const begin = () => {
    first ??= steps.next();
    return first;
  };

  let isTaken = false;
  async function* replies(): AsyncGenerator<Message, void, undefined> {
    if (isTaken) throw new TypeError("the replies are there to be iterated over once");
    isTaken = true;
    try {
      await begin();
      for await (const step of steps) {
        if (step.$case === "reply") yield step.value;
        if (step.$case === "summary") summary = step.value;
      }
    } finally {
      await steps.return();
    }
  }

  return {
    get asked() {
      return begin().then(askedOf);
    },
    get summary() {
      return summary;
    },
    async collect() {
      const collected: Message[] = [];
      for await (const reply of replies()) collected.push(reply);
      if (summary === undefined) throw new Error("the registry ended the question without a summary");
      return { replies: collected, summary };
    },
    [Symbol.asyncIterator]: replies,
  };
}

type Step = NonNullable<AskResponse["step"]>;

function askedOf({ value }: IteratorResult<Step, void>): WriteResponse {
  if (value?.$case !== "asked") throw new Error("the question was not confirmed");
  return value.value;
}

/** The steps, each once, also when the connection breaks between them and the question is put again. */
async function* stepsOf(
  { stub, sender, onReconnect, timeoutMs: callMs, activities }: Connection,
  message: string,
  { signal, timeoutMs, ...options }: AskOptions,
): AsyncGenerator<Step, void, undefined> {
  const stopping = new AbortController();
  const forget = onAbort(signal, () => stopping.abort(signal?.reason));
  const activity: Activity = { stop: async (reason) => stopping.abort(reason) };
  activities.add(activity);
  const request = AskRequest.fromPartial({
    sender,
    ...present(options),
    // The key by which a question that is put again is known to be the same.
    requestId: options.requestId || randomUUID(),
    message,
    ...(timeoutMs !== undefined && { timeout: durationOf(timeoutMs) }),
  });
  const given = new Set<string>();
  try {
    for await (const { step } of reopen({
      open: (ending) => stub.ask(request, { signal: ending }),
      onFrame: () => {},
      silenceMsMax: (timeoutMs ?? timeoutMsDefault) + callMs,
      failingMsMax: (timeoutMs ?? timeoutMsDefault) + callMs,
      signal: stopping.signal,
      onReconnect,
      doing: "asking",
    })) {
      const key = step?.$case === "reply" ? step.value.messageId : step?.$case;
      if (step === undefined || key === undefined || given.has(key)) continue;
      given.add(key);
      yield step;
    }
  } finally {
    forget();
    activities.delete(activity);
  }
}

/** How long the server waits for replies where the question does not say. */
const timeoutMsDefault = 30_000;
