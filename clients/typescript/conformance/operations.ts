/** The operations, each as a function of its arguments. What the client has a verb for goes through the verb. */
import { status } from "@grpc/grpc-js";
import { msOf } from "../src/duration.js";
import {
  type AskSummary,
  connect,
  type Message,
  type ReceivedMessage,
  RegistryError,
  type WriteResponse,
} from "../src/index.js";
import { errorJson, type JsonObject, type MessageOf, type Name, toJsonOf, toMessage } from "./json.js";

const registry = connect(process.env["SOCKET_REGISTRY_ADDRESS"] ?? "127.0.0.1:50051");
const { stub } = registry;

/** One line of standard input. */
export interface Operation {
  id: number;
  op: string;
  args?: JsonObject;
  timeout_ms?: number;
}

/** An operation under way. */
export interface Run {
  args: JsonObject;
  /** The deadline of the call. */
  timeoutMs: number | undefined;
  cancelled: AbortController;
  /** The bodies of a loop that wait for `settle`, by the sequence of their message. */
  bodies: Map<string, (outcome: string) => void>;
  item(item: JsonObject): void;
}

type CarryOut = (run: Run, runs: ReadonlyMap<number, Run>) => Promise<JsonObject>;

export const operations: Readonly<Record<string, CarryOut>> = {
  create: unary("CreateRequest", "CreateResponse", async (request, options) => {
    const { created } = await registry.create({ ...request, ...options });
    return created as MessageOf<"CreateResponse">;
  }),
  write: unary("WriteRequest", "WriteResponse", ({ socketId, message, ...request }, options) => {
    const writing = { ...request, ...options };
    return socketId === registry.team.id
      ? registry.broadcast(message, writing)
      : registry.socket(socketId).write(message, writing);
  }),
  reset: unary("ResetRequest", "ResetResponse", ({ socketId, ...request }, options) =>
    registry.socket(socketId).reset({ ...request, ...options }),
  ),
  delete: unary("DeleteRequest", "DeleteResponse", ({ socketId, ...request }, options) =>
    registry.socket(socketId).delete({ ...request, ...options }),
  ),
  list_sockets: unary("ListSocketsRequest", "ListSocketsResponse", async (request, options) => {
    const { pageToken, ...filters } = request;
    // The verb begins at the beginning: a page in the middle is the business of the stub.
    if (pageToken !== "") return stub.listSockets(request, options);
    const sockets = await collect(registry.list({ ...filters, ...options }));
    return { sockets, nextPageToken: "", revision: 0n };
  }),
  get_socket_info: unary("GetSocketInfoRequest", "GetSocketInfoResponse", async ({ socketId }, options) => ({
    socket: await registry.socket(socketId).info(options),
  })),
  mark_unresponsive: unary("MarkUnresponsiveRequest", "MarkUnresponsiveResponse", stub.markUnresponsive),
  mark_active: unary("MarkActiveRequest", "MarkActiveResponse", stub.markActive),
  mark_inactive: unary("MarkInactiveRequest", "MarkInactiveResponse", stub.markInactive),
  acknowledge: unary("AcknowledgeRequest", "AcknowledgeResponse", stub.acknowledge),
  peek: unary("PeekRequest", "PeekResponse", stub.peek),
  requeue: unary("RequeueRequest", "RequeueResponse", stub.requeue),
  get_message: unary("GetMessageRequest", "GetMessageResponse", stub.getMessage),
  heartbeat: unary("HeartbeatRequest", "HeartbeatResponse", stub.heartbeat),
  update: unary("UpdateRequest", "UpdateResponse", stub.update),
  get_server_info: unary("GetServerInfoRequest", "GetServerInfoResponse", stub.getServerInfo),
  read: streaming("ReadRequest", "ReadResponse", stub.read),
  watch: streaming("WatchRequest", "WatchResponse", ({ heartbeatInterval: _, ...request }, options) =>
    registry.watch({ ...request, signal: limited(options) }),
  ),
  ask: streaming("AskRequest", "AskResponse", ask),

  async drain({ args, timeoutMs, cancelled: { signal } }) {
    const messages = await registry.socket(text(args["socket_id"])).drain({ signal, timeoutMs });
    return { messages: messages.map((message) => toJsonOf("Message", message)) };
  },

  async write_stream({ args, cancelled: { signal }, item }) {
    const writer = registry.writer({ signal });
    const answers = toMessage("WriteStreamRequest", args).writes.map(({ socketId, message, ...request }) =>
      writer.write(socketId, message, request).then(
        (response) => item({ response: toJsonOf("WriteResponse", response) }),
        (error: unknown) => item({ error: errorJson(error) }),
      ),
    );
    await Promise.all([...answers, writer.close()]);
    signal.throwIfAborted();
    return {};
  },

  async messages(run) {
    const { args, cancelled, item } = run;
    const { signal } = cancelled;
    const maxOutstanding = args["max_outstanding"] === undefined ? undefined : Number(args["max_outstanding"]);
    const options = { consumer: text(args["consumer"]), maxOutstanding, signal };
    let handled = 0;
    for await (const message of registry.socket(text(args["socket_id"])).messages(options)) {
      item({ message: toJsonOf("Message", message) });
      const outcome = args["manual"] === true ? await settled(run, message) : "return";
      if (outcome === "throw") {
        await message.nack();
        continue;
      }
      handled += 1;
      if (handled !== Number(args["count"])) continue;
      await message.ack();
      break;
    }
    return { handled };
  },

  async settle({ args }, runs) {
    runs.get(Number(args["id"]))?.bodies.get(text(args["sequence"]))?.(text(args["outcome"]));
    return {};
  },

  async agent({ args, cancelled: { signal }, item }) {
    const model = text(args["model"]);
    const handler = ({ content, deliveryAttempt }: Message) => {
      item({ content, attempt: deliveryAttempt });
      if (content.startsWith("fail") && deliveryAttempt === 1) throw new Error("it fails, as it was asked to");
      return `${text(args["answer"])} ${content}`;
    };
    const ended = await registry.agent(text(args["socket_id"]), handler, { model, signal });
    return { ended };
  },

  async cancel({ args }, runs) {
    runs.get(Number(args["id"]))?.cancelled.abort();
    return {};
  },
};

interface Options {
  signal: AbortSignal;
  timeoutMs: number | undefined;
}

function unary<Q extends Name, R extends Name>(
  request: Q,
  response: R,
  call: (request: MessageOf<Q>, options: Options) => Promise<MessageOf<R>>,
): CarryOut {
  return async ({ args, timeoutMs, cancelled: { signal } }) =>
    toJsonOf(response, await call(toMessage(request, args), { signal, timeoutMs }));
}

function streaming<Q extends Name, F extends Name>(
  request: Q,
  frame: F,
  open: (request: MessageOf<Q>, options: Options) => AsyncIterable<MessageOf<F>>,
): CarryOut {
  return async ({ args, timeoutMs, cancelled: { signal }, item }) => {
    for await (const each of open(toMessage(request, args), { signal, timeoutMs })) item(toJsonOf(frame, each));
    return {};
  };
}

async function* ask(
  { message, timeout, ...request }: MessageOf<"AskRequest">,
  options: Options,
): AsyncGenerator<MessageOf<"AskResponse">> {
  const timeoutMs = timeout && msOf(timeout);
  const asking = registry.ask(message, { ...request, timeoutMs, signal: limited(options) });
  yield { step: { $case: "asked", value: (await asking.asked) satisfies WriteResponse } };
  for await (const reply of asking) yield { step: { $case: "reply", value: reply } };
  yield { step: { $case: "summary", value: asking.summary as AskSummary } };
}

/** Streams of the client have no deadline of their own, so the driver ends them. */
function limited({ signal, timeoutMs }: Options): AbortSignal {
  if (timeoutMs === undefined) return signal;
  const ending = new AbortController();
  const late = new RegistryError(status.DEADLINE_EXCEEDED, "the operation had only so much time");
  setTimeout(() => ending.abort(late), timeoutMs).unref();
  signal.addEventListener("abort", () => ending.abort(signal.reason), { once: true });
  return ending.signal;
}

/** Waits until the test lets the body go on. A cancelled loop does not wait for its body. */
function settled({ bodies, cancelled: { signal } }: Run, { sequence }: ReceivedMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    bodies.set(String(sequence), resolve);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
