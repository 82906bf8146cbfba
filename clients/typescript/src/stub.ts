/**
 * The generated client as promises and async iterables. This is the only file that knows the calls of grpc-js: all
 * failures leave it as RegistryError, except an abort, which leaves it as the signal's reason.
 */
import { randomUUID } from "node:crypto";
import type {
  ClientDuplexStream,
  ClientReadableStream,
  ClientUnaryCall,
  CallOptions as GrpcCallOptions,
  Metadata,
  ServiceError,
} from "@grpc/grpc-js";
import {
  AcknowledgeRequest,
  AskRequest,
  CreateRequest,
  type DeepPartial,
  DeleteRequest,
  GetMessageRequest,
  GetServerInfoRequest,
  GetSocketInfoRequest,
  HeartbeatRequest,
  ListSocketsRequest,
  MarkActiveRequest,
  MarkInactiveRequest,
  MarkUnresponsiveRequest,
  type MessageFns,
  PeekRequest,
  ReadRequest,
  RequeueRequest,
  ResetRequest,
  type SocketRegistryClient,
  SocketRegistryService,
  UpdateRequest,
  WatchRequest,
  WriteRequest,
  WriteStreamRequest,
  type WriteStreamResponse,
} from "../../../gen/ts/socketregistry/v1/socket_registry.js";
import { onAbort } from "./abort.js";
import { ClosedError, toRegistryError } from "./errors.js";

/** What every call can be told. */
export interface CallOptions {
  /** Cancels the call, which then rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** How long the call may take; then it fails with DEADLINE_EXCEEDED. Default: the connection's. A stream has no limit. */
  timeoutMs?: number | undefined;
}

/** A request of which only what matters is said. */
export type Part<Request> = DeepPartial<Request>;

/**
 * Every RPC: what is answered once as a promise, and what is streamed as an async iterable, which leaving cancels. What
 * the client streams is given as an async iterable, which is asked for as much as the transport takes.
 */
export type Stub = ReturnType<typeof createStub>;

/** What goes with every call of a connection. */
export interface StubOptions {
  metadata: Metadata;
  /** How long a unary call may take, unless it says otherwise. */
  timeoutMs: number;
  /** Aborted when no call may be made any more. */
  closed: AbortSignal;
}

export function createStub(client: SocketRegistryClient, options: StubOptions) {
  return {
    create: unary(client.create.bind(client), withRequestId(CreateRequest), options),
    write: unary(client.write.bind(client), withRequestId(WriteRequest), options),
    reset: unary(client.reset.bind(client), ResetRequest, options),
    delete: unary(client.delete.bind(client), DeleteRequest, options),
    listSockets: unary(client.listSockets.bind(client), ListSocketsRequest, options),
    getSocketInfo: unary(client.getSocketInfo.bind(client), GetSocketInfoRequest, options),
    markUnresponsive: unary(client.markUnresponsive.bind(client), MarkUnresponsiveRequest, options),
    markActive: unary(client.markActive.bind(client), MarkActiveRequest, options),
    markInactive: unary(client.markInactive.bind(client), MarkInactiveRequest, options),
    peek: unary(client.peek.bind(client), PeekRequest, options),
    acknowledge: unary(client.acknowledge.bind(client), AcknowledgeRequest, options),
    requeue: unary(client.requeue.bind(client), RequeueRequest, options),
    getMessage: unary(client.getMessage.bind(client), GetMessageRequest, options),
    heartbeat: unary(client.heartbeat.bind(client), HeartbeatRequest, options),
    update: unary(client.update.bind(client), UpdateRequest, options),
    getServerInfo: unary(client.getServerInfo.bind(client), GetServerInfoRequest, options),
    writeStream: duplex(client.writeStream.bind(client), WriteStreamRequest, options),
    read: streaming(client.read.bind(client), ReadRequest, options),
    watch: streaming(client.watch.bind(client), WatchRequest, options),
    ask: streaming(client.ask.bind(client), withRequestId(AskRequest), options),
  };
}

/** WriteStream with frames that are encoded already. */
export type WriteFrames = (
  frames: AsyncIterable<Buffer>,
  options?: CallOptions,
) => AsyncGenerator<WriteStreamResponse, void, undefined>;

export function createWriteFrames(client: SocketRegistryClient, options: StubOptions): WriteFrames {
  const { path, responseDeserialize } = SocketRegistryService.writeStream;
  const asItIs = <T>(frame: T): T => frame;
  return duplex(
    (metadata, callOptions) =>
      client.makeBidiStreamRequest<Buffer, WriteStreamResponse>(
        path,
        asItIs,
        responseDeserialize,
        metadata,
        callOptions,
      ),
    { fromPartial: asItIs as Maker<Buffer>["fromPartial"] },
    options,
  );
}

/** Makes a request whole. */
type Maker<Request> = Pick<MessageFns<Request>, "fromPartial">;

/** A Write as it goes to the registry. */
export const completeWrite = withRequestId(WriteRequest).fromPartial;

/** A key of its own makes a call safe to try again. It is made once, so that every attempt carries it. */
function withRequestId<Request extends { requestId: string }>(maker: Maker<Request>): Maker<Request> {
  return {
    fromPartial(part) {
      const request = maker.fromPartial(part);
      return request.requestId === "" ? { ...request, requestId: randomUUID() } : request;
    },
  };
}

type UnaryMethod<Request, Response> = (
  request: Request,
  metadata: Metadata,
  options: Partial<GrpcCallOptions>,
  callback: (error: ServiceError | null, response: Response) => void,
) => ClientUnaryCall;

function unary<Request, Response>(
  method: UnaryMethod<Request, Response>,
  maker: Maker<Request>,
  { metadata, timeoutMs: timeoutMsDefault, closed }: StubOptions,
): (part: Part<Request>, options?: CallOptions) => Promise<Response> {
  return async (part, { signal, timeoutMs = timeoutMsDefault } = {}) => {
    signal?.throwIfAborted();
    closed.throwIfAborted();
    const request = maker.fromPartial(part);
    return new Promise((resolve, reject) => {
      let forget = () => {};
      const call = method(request, metadata.clone(), deadlineIn(timeoutMs), (error, response) => {
        forget();
        if (error === null) resolve(response);
        else if (signal?.aborted) reject(signal.reason);
        else reject(closed.aborted ? new ClosedError() : toRegistryError(error));
      });
      forget = onAbort(signal, () => call.cancel());
    });
  };
}

type StreamMethod<Request, Frame> = (
  request: Request,
  metadata: Metadata,
  options: Partial<GrpcCallOptions>,
) => ClientReadableStream<Frame>;

function streaming<Request, Frame>(
  method: StreamMethod<Request, Frame>,
  maker: Maker<Request>,
  { metadata, closed }: StubOptions,
): (part: Part<Request>, options?: CallOptions) => AsyncGenerator<Frame, void, undefined> {
  return async function* (part, { signal, timeoutMs } = {}) {
    signal?.throwIfAborted();
    closed.throwIfAborted();
    yield* framesOf(method(maker.fromPartial(part), metadata.clone(), deadlineIn(timeoutMs)), signal, closed);
  };
}

type DuplexMethod<Request, Frame> = (
  metadata: Metadata,
  options: Partial<GrpcCallOptions>,
) => ClientDuplexStream<Request, Frame>;

function duplex<Request, Frame>(
  method: DuplexMethod<Request, Frame>,
  maker: Maker<Request>,
  { metadata, closed }: StubOptions,
): (parts: AsyncIterable<Part<Request>>, options?: CallOptions) => AsyncGenerator<Frame, void, undefined> {
  return async function* (parts, { signal, timeoutMs } = {}) {
    signal?.throwIfAborted();
    closed.throwIfAborted();
    const call = method(metadata.clone(), deadlineIn(timeoutMs));
    // A failure of the requests is one of the stream.
    send(call, parts, maker).catch((error: Error) => void call.destroy(error));
    yield* framesOf(call, signal, closed);
  };
}

/** Sends one request after the other, as the transport takes them. */
async function send<Request>(
  call: ClientDuplexStream<Request, unknown>,
  parts: AsyncIterable<Part<Request>>,
  maker: Maker<Request>,
): Promise<void> {
  for await (const part of parts) {
    if (call.destroyed) return;
    if (!call.write(maker.fromPartial(part))) await drained(call);
  }
  call.end();
}

/** Resolves when the transport takes more, or the call is over. */
function drained(call: ClientDuplexStream<never, unknown>): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      call.off("drain", done).off("close", done);
      resolve();
    };
    call.on("drain", done).on("close", done);
  });
}

/** The frames of one stream. Leaving early cancels the call, and being slow slows the server. */
async function* framesOf<Frame>(
  call: ClientReadableStream<Frame> | ClientDuplexStream<never, Frame>,
  signal: AbortSignal | undefined,
  closed: AbortSignal,
): AsyncGenerator<Frame, void, undefined> {
  // Cancelling makes the call fail once more, when nobody listens any longer.
  call.on("error", () => {});
  const forget = onAbort(signal, () => call.cancel());
  try {
    for await (const frame of call) {
      signal?.throwIfAborted();
      yield frame;
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw closed.aborted ? new ClosedError() : toRegistryError(error);
  } finally {
    forget();
    // Leaving the loop destroys the stream, which does not cancel the call behind it.
    call.cancel();
  }
}

function deadlineIn(timeoutMs: number | undefined): Partial<GrpcCallOptions> {
  return timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs };
}
