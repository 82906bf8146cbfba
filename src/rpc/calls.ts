/**
 * Between grpc-js's calls, which are event emitters with callbacks, and our handlers, which are async functions and
 * async generators with an AbortSignal. Nothing else touches a call.
 *
 * The promise to a generator: when it resumes from a `yield`, that frame was handed to the transport (it left for the
 * network, within what flow control allows). A frame that could not be handed over ends the generator at its `yield`
 * instead, as `return()` does. So a generator settles what it yielded after the `yield`, and cleans up in `finally`.
 * One frame at a time is on its way, which is what keeps a slow reader from filling the server's memory.
 */
import {
  type handleBidiStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  Metadata,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServerWritableStream,
} from "@grpc/grpc-js";
import type { RegistryError } from "../registry/errors.js";
import { admitted } from "./decode.js";
import { callCancelled, type ErrorLog, statusOf } from "./status.js";

/** What a handler knows of its call. */
export interface CallContext {
  /** Aborted when the client cancels, when the deadline passes, and by `endAll` for streams. Never after the end. */
  readonly signal: AbortSignal;
  /** Where the client is, as `address:port`; `unknown` once its connection is gone. */
  readonly peer: string;
  /** What the client sent along, as HTTP headers. */
  readonly metadata: Metadata;
  /** Ends the call with this error, whatever its handler waits for. */
  abort(reason: unknown): void;
}

export type UnaryHandler<Req, Res> = (request: Req, context: CallContext) => Promise<Res>;
/** A generator that waits for anything must stop waiting when the signal aborts: nothing else can end its wait. */
export type StreamHandler<Req, Frame> = (request: Req, context: CallContext) => AsyncIterable<Frame>;
/**
 * The same with many requests. What it does not take from `requests` its client is made to keep. They end when the client's
 * side does, and not when the call is aborted, so the signal must be heeded beside them.
 */
export type DuplexHandler<Req, Frame> = (requests: AsyncIterable<Req>, context: CallContext) => AsyncIterable<Frame>;

export interface Calls {
  /** Makes a handler of grpc-js's kind. A rejection becomes a status. */
  unary<Req, Res>(handler: UnaryHandler<Req, Res>): handleUnaryCall<Req, Res>;
  /** The same for a stream of answers. It ends with OK when the generator does. */
  serverStream<Req, Frame>(handler: StreamHandler<Req, Frame>): handleServerStreamingCall<Req, Frame>;
  /** The same for streams both ways. A request that could not be decoded ends the handler's `requests` with its error. */
  duplex<Req, Frame>(handler: DuplexHandler<Req, Frame>): handleBidiStreamingCall<Req, Frame>;
  /** Ends every open stream with `error` and refuses new calls with it. Unary calls under way are left to finish. */
  endAll(error: RegistryError): void;
  /** Resolves when no handler is running. Answers may still be on their way to the network. */
  idle(): Promise<void>;
  /** How many handlers are running. */
  readonly active: number;
}

type GrpcStream<Frame> = ServerWritableStream<unknown, Frame> | ServerDuplexStream<unknown, Frame>;
type GrpcCall = ServerUnaryCall<unknown, unknown> | GrpcStream<unknown>;

/** What all of them have: each kind by itself has too many ways to listen for the compiler to see one. */
type Listened = Pick<ServerUnaryCall<unknown, unknown>, "on">;

/** @param options.log where defects are told, since their clients learn nothing of them */
export function createCalls({ log }: { log: ErrorLog }): Calls {
  const open = new Set<OpenCall>();
  let ended: RegistryError | undefined;
  let waiting: (() => void)[] = [];

  function begin(call: GrpcCall, isStream: boolean): OpenCall {
    const current = new OpenCall(call, isStream);
    open.add(current);
    return current;
  }

  /** The request, unless the call is refused. One that could not be decoded arrives as the error that says why. */
  function admit<Req>(request: Req): Req {
    if (ended !== undefined) throw ended;
    return admitted(request);
  }

  /** Ends a call. What throws here would end the process too, so nothing may. */
  function finish(current: OpenCall, tell: () => void): void {
    try {
      tell();
    } catch (error) {
      log.error({ err: error }, "the end of a call could not be given to the transport");
    }
    current.over();
    open.delete(current);
    if (open.size === 0) {
      const resolvers = waiting;
      waiting = [];
      for (const resolve of resolvers) {
        resolve();
      }
    }
  }

  async function stream<Frame>(
    call: GrpcStream<Frame>,
    open: (current: OpenCall) => AsyncIterable<Frame>,
  ): Promise<void> {
    const current = begin(call, true);
    let tell = () => void call.end();
    try {
      const frames = open(current)[Symbol.asyncIterator]();
      // Some clients (tonic, for one) do not return from opening a stream before they have its headers, and a queue may
      // stay empty for hours.
      call.sendMetadata(new Metadata());
      // As `for await` would, except that an error of the generator's own clean-up is not lost.
      try {
        while (await current.handOver(await frames.next(), call)) {
          // No variable holds the frame: an idle stream would keep its last one alive.
        }
      } finally {
        await frames.return?.();
      }
      // A generator may also end because it saw the signal, which is no end that its client asked for.
      current.signal.throwIfAborted();
    } catch (error) {
      const status = statusOf(error, log);
      // The way to end a stream with a status: https://github.com/grpc/grpc-node/issues/2028
      tell = () => void call.emit("error", status);
    }
    finish(current, tell);
  }

  return {
    unary: (handler) => async (call, reply) => {
      const current = begin(call, false);
      let tell: () => void;
      try {
        const response = await handler(admit(call.request), current);
        tell = () => reply(null, response);
      } catch (error) {
        const status = statusOf(error, log);
        tell = () => reply(status);
      }
      finish(current, tell);
    },
    serverStream: (handler) => (call) => stream(call, (current) => handler(admit(call.request), current)),
    duplex: (handler) => (call) =>
      stream(call, (current) => {
        if (ended !== undefined) throw ended;
        return handler(requestsOf(call, admit), current);
      }),
    endAll: (error) => {
      ended ??= error;
      for (const current of open) {
        if (current.isStream) {
          current.abort(error);
        }
      }
    },
    idle: () => (open.size === 0 ? Promise.resolve() : new Promise((resolve) => void waiting.push(resolve))),
    get active() {
      return open.size;
    },
  };
}

/** What a client sends, one request after the other. Ends when its side of the stream does, however that is. */
async function* requestsOf<Req>(
  call: ServerDuplexStream<Req, unknown>,
  admit: (request: Req) => Req,
): AsyncGenerator<Req, void, undefined> {
  // It would read sixteen ahead, whatever their size, and grpc-js has no option for that.
  const { _readableState: state } = call as unknown as { readonly _readableState: { highWaterMark: number } };
  state.highWaterMark = 1;
  // The stream must outlive this loop, to carry the answers.
  for await (const request of call.iterator({ destroyOnReturn: false })) yield admit(request);
}

/**
 * A call as its handler sees it, with the means to end it.
 *
 * A class, because a getter costs nothing in a prototype and 350 bytes in an object literal. The controller and the
 * listener are made only when somebody asks for the signal: unary handlers do not, and their calls come by the thousand.
 */
class OpenCall implements CallContext {
  readonly isStream: boolean;
  readonly #call: GrpcCall;
  #controller: AbortController | undefined;
  /** Ends the wait for the frame that is on its way, when there is one. */
  #interrupt: ((reason: unknown) => void) | undefined;
  #isOver = false;

  constructor(call: GrpcCall, isStream: boolean) {
    this.isStream = isStream;
    this.#call = call;
  }

  get signal(): AbortSignal {
    return this.#control().signal;
  }

  get peer(): string {
    return this.#call.getPeer();
  }

  get metadata(): Metadata {
    return this.#call.metadata;
  }

  abort(reason: unknown): void {
    this.#control().abort(reason);
    this.#interrupt?.(reason);
  }

  /** The call was answered: grpc-js says "cancelled" at the end of every call. */
  over(): void {
    this.#isOver = true;
  }

  #control(): AbortController {
    if (this.#controller !== undefined) return this.#controller;
    this.#controller = new AbortController();
    if (this.#call.cancelled) this.#controller.abort(callCancelled);
    else (this.#call as Listened).on("cancelled", () => this.#isOver || this.abort(callCancelled));
    return this.#controller;
  }

  /**
   * Sends what a generator came to next; false when it is done. Resolves when the frame has left for the network, and
   * grpc-js calls back no earlier: HTTP/2 reports a write when the reader's flow-control windows took all of it and
   * the socket was written. On a cancelled call it may never call back, hence the interrupt.
   */
  handOver<Frame>(next: IteratorResult<Frame>, call: GrpcStream<Frame>): Promise<boolean> | false {
    if (next.done === true) {
      return false;
    }
    this.signal.throwIfAborted();
    return new Promise((resolve, reject) => {
      this.#interrupt = reject;
      call.write(next.value, (error?: Error | null) => {
        this.#interrupt = undefined;
        if (error) {
          reject(error);
        } else {
          resolve(true);
        }
      });
    });
  }
}
