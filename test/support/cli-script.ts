/** A registry that does what a test tells it to, over real gRPC: for what the real one does only by accident. */
import {
  type handleBidiStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  Metadata,
  Server,
  ServerCredentials,
  type ServiceError,
  status,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { onTestFinished } from "vitest";
import { ErrorInfo } from "../../gen/ts/google/rpc/error_details.js";
import { Status } from "../../gen/ts/google/rpc/status.js";
import {
  GetServerInfoResponse,
  GetSocketInfoResponse,
  Message,
  ReadEvent,
  ReadResponse,
  SocketRegistryService,
  type WriteRequest,
  type WriteResponse,
  type WriteStreamRequest,
  type WriteStreamResponse,
} from "../../gen/ts/socketregistry/v1/socket_registry.js";

/** Serves the handlers until the end of the test; every other call is UNIMPLEMENTED. Gives the address. */
export async function startScript(handlers: UntypedServiceImplementation): Promise<string> {
  const server = new Server();
  server.addService(SocketRegistryService, { ...common, ...handlers });
  const port = await new Promise((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  onTestFinished(() => server.forceShutdown());
  return `127.0.0.1:${port}`;
}

export function answer<Request, Response>(
  reply: (request: Request) => Response | Promise<Response>,
): handleUnaryCall<Request, Response> {
  return (call, callback) => {
    Promise.resolve(call.request)
      .then(reply)
      .then(
        (response) => callback(null, response),
        (error: ServiceError) => callback(error),
      );
  };
}

/** @param source what it gives is sent; `cancelled` resolves when the client has gone */
export function stream<Request, Frame>(
  source: (request: Request, cancelled: Promise<void>) => AsyncIterable<Frame>,
): handleServerStreamingCall<Request, Frame> {
  return (call) => {
    const cancelled = new Promise<void>((resolve) => call.once("cancelled", resolve));
    const send = async () => {
      for await (const frame of source(call.request, cancelled)) call.write(frame);
    };
    send().then(
      () => call.end(),
      (error: unknown) => void call.emit("error", error),
    );
  };
}

/** An answer, a refusal, or no answer at all. What is thrown ends the stream. */
export type WriteReply = WriteResponse | ServiceError | undefined;

/** Answers the writes of a stream one by one. */
export function answerWrites(
  reply: (request: WriteRequest) => WriteReply,
): handleBidiStreamingCall<WriteStreamRequest, WriteStreamResponse> {
  return (call) => {
    let isOver = false;
    let owesAnswer = false;
    call.on("data", ({ writes }: WriteStreamRequest) => {
      for (const write of writes) {
        if (isOver) return;
        try {
          const outcome = outcomeOf(reply(write));
          if (outcome === undefined) owesAnswer = true;
          else call.write({ results: [{ outcome }] });
        } catch (error) {
          isOver = true;
          call.emit("error", error);
        }
      }
    });
    call.on("end", () => {
      if (!owesAnswer) call.end();
    });
  };
}

type Outcome = WriteStreamResponse["results"][number]["outcome"];

function outcomeOf(reply: WriteReply): Outcome {
  if (!(reply instanceof Error)) return reply && { $case: "response", value: reply };
  const [bytes] = reply.metadata.get("grpc-status-details-bin");
  return { $case: "error", value: Status.decode(Buffer.from(bytes ?? "")) };
}

export function refusal(code: status, reason: string, message = "as told"): ServiceError {
  const value = Buffer.from(ErrorInfo.encode({ reason, domain: "socketregistry.v1", metadata: {} }).finish());
  const details = [{ typeUrl: "type.googleapis.com/google.rpc.ErrorInfo", value }];
  const metadata = new Metadata();
  metadata.set("grpc-status-details-bin", Buffer.from(Status.encode({ code, message, details }).finish()));
  return Object.assign(new Error(message), { code, details: message, metadata });
}

export const unavailable = () => refusal(status.UNAVAILABLE, "SHUTTING_DOWN", "the server is shutting down");

const common: UntypedServiceImplementation = {
  getServerInfo: answer(() => GetServerInfoResponse.fromPartial({ version: "0.0.0-script" })),
  getSocketInfo: answer(({ socketId }) => GetSocketInfoResponse.fromPartial({ socket: { socketId } })),
};

export const started = ReadResponse.fromPartial({ event: ReadEvent.READ_EVENT_STARTED });

/** A frame of messages that say their sequences. */
export function frameOf(...sequences: number[]): ReadResponse {
  const messages = sequences.map((sequence) =>
    Message.fromPartial({
      header: "[team-chat-from-x]",
      content: `content ${sequence}`,
      messageId: `message${sequence}`,
      sequence: BigInt(sequence),
      epoch: "epoch1",
      deliveryAttempt: 1,
    }),
  );
  return ReadResponse.fromPartial({ messages });
}

/** What was asked, call by call, with the moments at which it was. */
export class Recorder<T> {
  readonly items: T[] = [];
  readonly #waiters = new Set<() => void>();

  add(item: T): void {
    this.items.push(item);
    for (const waiter of this.#waiters) waiter();
  }

  /** Resolves when there are so many. */
  reach(count: number): Promise<void> {
    return new Promise((resolve) => {
      const check = () => {
        if (this.items.length >= count) resolve();
      };
      this.#waiters.add(check);
      check();
    });
  }
}
