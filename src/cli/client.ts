/**
 * The service as promises and async iterables. This is the only file that knows grpc-js calls; all
 * failures leave it as CallError, except an abort, which leaves it as the signal's reason.
 */
import {
  type CallOptions,
  type ClientReadableStream,
  type ClientUnaryCall,
  credentials,
  Metadata,
  type ServiceError,
  status,
} from "@grpc/grpc-js";
import { ErrorInfo } from "../../gen/ts/google/rpc/error_details.js";
import { Status } from "../../gen/ts/google/rpc/status.js";
import {
  type AskRequest,
  type ReadRequest,
  SocketRegistryClient,
  type WatchRequest,
  type WriteRequest,
  type WriteResponse,
  type WriteStreamResponse,
  type WriteStreamResult,
} from "../../gen/ts/socketregistry/v1/socket_registry.js";
import { CallError, UsageError } from "./failure.js";

export interface ClientOptions {
  /** `host:port`, or another gRPC target. */
  address: string;
  /** How long a unary call may take. A stream has no such limit. */
  timeoutMs: number;
  /** Cancels every call under way and refuses later ones, Acknowledge excepted: what was done is still told. */
  signal: AbortSignal;
}

export type RegistryClient = ReturnType<typeof createClient>;

/** What became of one write of a stream: its answer, or why it was refused. */
export type WriteOutcome = WriteResponse | CallError;

/** Connects at the first call. Throws UsageError for an address that can be none. */
export function createClient({ address, timeoutMs, signal }: ClientOptions) {
  const stub = openStub(address);
  const limits = { address, timeoutMs, signal };
  return {
    create: unary(stub.create.bind(stub), limits),
    write: unary(stub.write.bind(stub), limits),
    writeStream: (signal: AbortSignal) => openWriteStream(stub, { address, signal }),
    reset: unary(stub.reset.bind(stub), limits),
    delete: unary(stub.delete.bind(stub), limits),
    listSockets: unary(stub.listSockets.bind(stub), limits),
    getSocketInfo: unary(stub.getSocketInfo.bind(stub), limits),
    markActive: unary(stub.markActive.bind(stub), limits),
    markInactive: unary(stub.markInactive.bind(stub), limits),
    markUnresponsive: unary(stub.markUnresponsive.bind(stub), limits),
    peek: unary(stub.peek.bind(stub), limits),
    acknowledge: unary(stub.acknowledge.bind(stub), { ...limits, signal: new AbortController().signal }),
    requeue: unary(stub.requeue.bind(stub), limits),
    getMessage: unary(stub.getMessage.bind(stub), limits),
    heartbeat: unary(stub.heartbeat.bind(stub), limits),
    update: unary(stub.update.bind(stub), limits),
    getServerInfo: unary(stub.getServerInfo.bind(stub), limits),
    read: (request: ReadRequest, signal: AbortSignal) => framesOf(() => stub.read(request), { address, signal }),
    watch: (request: WatchRequest, signal: AbortSignal) => framesOf(() => stub.watch(request), { address, signal }),
    ask: (request: AskRequest, signal: AbortSignal) => framesOf(() => stub.ask(request), { address, signal }),
    close: () => stub.close(),
  };
}

const loopback = /^(localhost|127(\.\d+){3}|\[::1\]|unix):/;

function openStub(address: string): SocketRegistryClient {
  try {
    return new SocketRegistryClient(address, credentials.createInsecure(), {
      // Where http_proxy is set, grpc-js would ask the proxy for what is on this machine.
      ...(loopback.test(address) && { "grpc.enable_http_proxy": 0 }),
      // A Read that has waited for hours must notice that the peer's machine is gone.
      "grpc.keepalive_time_ms": 30_000,
      "grpc.keepalive_timeout_ms": 10_000,
      // Many broadcasts that are answered in one frame name every socket that each of them reached.
      "grpc.max_receive_message_length": -1,
      // Below the pauses of follow.ts, so that each of its attempts meets a fresh connection attempt.
      "grpc.initial_reconnect_backoff_ms": 200,
      "grpc.max_reconnect_backoff_ms": 2_000,
    });
  } catch (error) {
    throw new UsageError(`--address ${address} is no address: ${String(error)}`);
  }
}

type UnaryMethod<Request, Response> = (
  request: Request,
  metadata: Metadata,
  options: Partial<CallOptions>,
  callback: (error: ServiceError | null, response: Response) => void,
) => ClientUnaryCall;

function unary<Request, Response>(
  method: UnaryMethod<Request, Response>,
  { address, timeoutMs, signal }: ClientOptions,
): (request: Request) => Promise<Response> {
  return (request) =>
    new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const deadline = Date.now() + timeoutMs;
      const call = method(request, new Metadata(), { deadline }, (error, response) => {
        signal.removeEventListener("abort", cancel);
        if (error === null) resolve(response);
        else reject(signal.aborted ? signal.reason : toCallError(error, address));
      });
      const cancel = () => call.cancel();
      signal.addEventListener("abort", cancel, { once: true });
    });
}

/** The frames of one stream. A consumer that leaves early cancels the call; a slow one slows the server. */
async function* framesOf<Frame>(
  open: () => ClientReadableStream<Frame>,
  { address, signal }: Pick<ClientOptions, "address" | "signal">,
): AsyncGenerator<Frame, void, undefined> {
  signal.throwIfAborted();
  const call = open();
  const cancel = () => call.cancel();
  // Cancelling makes the call fail once more, when nobody listens any longer.
  call.on("error", () => {});
  signal.addEventListener("abort", cancel, { once: true });
  try {
    for await (const frame of call) {
      signal.throwIfAborted();
      yield frame;
    }
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw isServiceError(error) ? toCallError(error, address) : error;
  } finally {
    signal.removeEventListener("abort", cancel);
    // Leaving the loop destroys the stream, which does not cancel the call behind it.
    call.cancel();
  }
}

/** Many writes on one call. Nothing is heard of it, not even an error, unless the outcomes are taken. */
function openWriteStream(stub: SocketRegistryClient, limits: Pick<ClientOptions, "address" | "signal">) {
  limits.signal.throwIfAborted();
  const call = stub.writeStream();
  return {
    /** Sends one frame. Whoever sends bounds what is under way. */
    send(writes: WriteRequest[]): void {
      call.write({ writes });
    },
    end(): void {
      call.end();
    },
    /** In the order of the writes. */
    outcomes: outcomesOf(call, limits),
  };
}

async function* outcomesOf(
  call: ClientReadableStream<WriteStreamResponse>,
  limits: Pick<ClientOptions, "address" | "signal">,
): AsyncGenerator<WriteOutcome[], void, undefined> {
  for await (const { results } of framesOf(() => call, limits)) {
    yield results.map((result) => outcomeOf(result, limits.address));
  }
}

function outcomeOf({ outcome }: WriteStreamResult, address: string): WriteOutcome {
  if (outcome?.$case === "response") return outcome.value;
  const { code, message, details } = outcome?.value ?? Status.fromPartial({ code: status.INTERNAL });
  return callErrorOf(
    code,
    message,
    errorInfoIn(() => details),
    address,
  );
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && "code" in error && "metadata" in error;
}

function toCallError(error: ServiceError, address: string): CallError {
  const info = errorInfoOf(error.metadata);
  // We do not cancel calls that we still wait for. A connection that breaks looks like it to grpc-js.
  const isBroken = info === undefined && error.code === status.CANCELLED;
  return callErrorOf(isBroken ? status.UNAVAILABLE : error.code, error.details, info, address);
}

function callErrorOf(code: status, text: string, info: ErrorInfo | undefined, address: string): CallError {
  if (info !== undefined) return new CallError(code, text, info.reason, info.metadata);
  // No registry spoke: the address is what there is to look at.
  return new CallError(code, `${address}: ${text.replace(/\s*Resolution note:\s*$/, "")}`);
}

/** The ErrorInfo of a failed call. Absent when the server sent none, or something that is none. */
function errorInfoOf(metadata: Metadata): ErrorInfo | undefined {
  const [bytes] = metadata.get("grpc-status-details-bin");
  return Buffer.isBuffer(bytes) ? errorInfoIn(() => Status.decode(bytes).details) : undefined;
}

function errorInfoIn(details: () => Status["details"]): ErrorInfo | undefined {
  try {
    const info = details().find(({ typeUrl }) => typeUrl.endsWith("/google.rpc.ErrorInfo"));
    return info && ErrorInfo.decode(info.value);
  } catch {
    return undefined;
  }
}
