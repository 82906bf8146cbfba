/**
 * Between grpc-js's calls, which are event emitters with callbacks, and our handlers, which are async functions and
 * async generators with an AbortSignal. Nothing else touches a call.
 *
 * The promise to a generator: when it resumes from a `yield`, that frame was handed to the transport (it left for the
 * network, within what flow control allows). A frame that could not be handed over ends the generator at its `yield`
 * instead, as `return()` does. So a generator settles what it yielded after the `yield`, and cleans up in `finally`.
 * One frame at a time is on its way, which is what keeps a slow reader from filling the server's memory.
 */
import type {
  handleServerStreamingCall,
  handleUnaryCall,
  Metadata,
  ServerUnaryCall,
  ServerWritableStream,
} from "@grpc/grpc-js";
import { RegistryError } from "../registry/errors.js";
import { callCancelled, type ErrorLog, statusOf } from "./status.js";

/** What a handler knows of its call. */
export interface CallContext {
  /** Aborted when the client cancels, when the deadline passes, and by `endAll` for streams. Never after the end. */
  readonly signal: AbortSignal;
  /** Where the client is, as `address:port`; `unknown` once its connection is gone. */
  readonly peer: string;
  /** What the client sent along, as HTTP headers. */
  readonly metadata: Metadata;
}

export type UnaryHandler<Req, Res> = (request: Req, context: CallContext) => Promise<Res>;
export type StreamHandler<Req, Frame> = (request: Req, context: CallContext) => AsyncIterable<Frame>;

export interface Calls {
  /** Makes a handler of grpc-js's kind. A rejection becomes a status. */
  unary<Req, Res>(handler: UnaryHandler<Req, Res>): handleUnaryCall<Req, Res>;
  /** The same for a stream of answers. It ends with OK when the generator does. */
  serverStream<Req, Frame>(handler: StreamHandler<Req, Frame>): handleServerStreamingCall<Req, Frame>;
  /** Ends every open stream with `error` and refuses new calls with it. Unary calls under way are left to finish. */
  endAll(error: RegistryError): void;
  /** Resolves when no handler is running. Answers may still be on their way to the network. */
  idle(): Promise<void>;
  /** How many handlers are running. */
  readonly active: number;
}

type UnaryCall<Req, Res> = ServerUnaryCall<Req, Res>;
type StreamCall<Req, Frame> = ServerWritableStream<Req, Frame>;

/** An open stream. `interrupt` ends the wait for the frame that is on its way. */
interface OpenStream {
  readonly controller: AbortController;
  interrupt: ((reason: unknown) => void) | undefined;
}

/** @param options.log where defects are told, since their clients learn nothing of them */
export function createCalls({ log }: { log: ErrorLog }): Calls {
  const streams = new Set<OpenStream>();
  let active = 0;
  let ended: RegistryError | undefined;
  let waiting: (() => void)[] = [];

  /** Throws what refuses the call. A request that could not be decoded arrives as the error that says so. */
  function admit(request: unknown): void {
    if (ended !== undefined) {
      throw ended;
    }
    if (request instanceof RegistryError) {
      throw request;
    }
  }

  /** Runs a call to its end. Whatever throws here would end the process, so nothing may. */
  async function track(run: () => Promise<void>): Promise<void> {
    active += 1;
    try {
      await run();
    } catch (error) {
      log.error({ err: error }, "the answer to a call could not be given to the transport");
    } finally {
      active -= 1;
      if (active === 0) {
        for (const resolve of waiting.splice(0)) {
          resolve();
        }
      }
    }
  }

  async function answer<Req, Res>(call: UnaryCall<Req, Res>, handler: UnaryHandler<Req, Res>): Promise<Res> {
    admit(call.request);
    const controller = new AbortController();
    let open = true;
    // grpc-js says "cancelled" at the end of every call, also of one that was answered.
    call.once("cancelled", () => open && controller.abort(callCancelled));
    try {
      return await handler(call.request, contextOf(call, controller.signal));
    } finally {
      open = false;
    }
  }

  async function stream<Req, Frame>(call: StreamCall<Req, Frame>, handler: StreamHandler<Req, Frame>): Promise<void> {
    admit(call.request);
    const open: OpenStream = { controller: new AbortController(), interrupt: undefined };
    streams.add(open);
    call.once("cancelled", () => streams.has(open) && abort(open, callCancelled));
    const { signal } = open.controller;
    try {
      await handOverAll(handler(call.request, contextOf(call, signal)), call, open);
      // A generator may also end because it saw the signal. That is no end that its client asked for.
      signal.throwIfAborted();
    } finally {
      streams.delete(open);
    }
  }

  return {
    unary: (handler) => (call, reply) => {
      void track(() =>
        answer(call, handler).then(
          (response) => reply(null, response),
          (error) => reply(statusOf(error, log)),
        ),
      );
    },
    serverStream: (handler) => (call) => {
      void track(() =>
        stream(call, handler).then(
          () => void call.end(),
          // The way to end a stream with a status: https://github.com/grpc/grpc-node/issues/2028
          (error) => void call.emit("error", statusOf(error, log)),
        ),
      );
    },
    endAll: (error) => {
      ended ??= error;
      for (const open of streams) {
        abort(open, error);
      }
    },
    idle: () => (active === 0 ? Promise.resolve() : new Promise((resolve) => void waiting.push(resolve))),
    get active() {
      return active;
    },
  };
}

function contextOf(call: UnaryCall<unknown, unknown> | StreamCall<unknown, unknown>, signal: AbortSignal): CallContext {
  return {
    signal,
    metadata: call.metadata,
    // Asking grpc-js for it takes a microsecond, and few handlers do.
    get peer() {
      return call.getPeer();
    },
  };
}

function abort(open: OpenStream, reason: unknown): void {
  open.controller.abort(reason);
  open.interrupt?.(reason);
}

/** As `for await` would, except that an error of the generator's own clean-up is not lost. */
async function handOverAll<Frame>(frames: AsyncIterable<Frame>, call: StreamCall<never, Frame>, open: OpenStream) {
  const iterator = frames[Symbol.asyncIterator]();
  try {
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) {
      open.controller.signal.throwIfAborted();
      await handOver(next.value, call, open);
    }
  } finally {
    await iterator.return?.();
  }
}

/**
 * Resolves when the frame has left for the network. grpc-js calls back then and only then: HTTP/2 reports a write when
 * the reader's flow-control windows took all of it and the socket was written; on a cancelled call it may never call
 * back, hence the interrupt.
 */
function handOver<Frame>(frame: Frame, call: StreamCall<never, Frame>, open: OpenStream): Promise<void> {
  return new Promise((resolve, reject) => {
    open.interrupt = reject;
    call.write(frame, (error?: Error | null) => {
      open.interrupt = undefined;
      if (error) {
        reject(error);
      } else {
        resolve();
      }
    });
  });
}
