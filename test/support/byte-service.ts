/**
 * A gRPC service of plain bytes around three handlers, with its clients, to test src/rpc/calls.ts without the registry.
 * What a test starts is stopped after it.
 */
import http2 from "node:http2";
import {
  Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  credentials,
  Server,
  ServerCredentials,
  type ServiceError,
} from "@grpc/grpc-js";
import { afterEach } from "vitest";
import { ErrorInfo } from "../../gen/ts/google/rpc/error_details.js";
import { Status } from "../../gen/ts/google/rpc/status.js";
import { RegistryError } from "../../src/registry/errors.js";
import {
  type CallContext,
  createCalls,
  type DuplexHandler,
  type StreamHandler,
  type UnaryHandler,
} from "../../src/rpc/calls.js";

export const bytes = (value: Buffer): Buffer => value;
const plain = {
  requestSerialize: bytes,
  requestDeserialize: (value: Buffer) => (value.equals(malformed) ? notDecoded : value),
  responseSerialize: bytes,
  responseDeserialize: bytes,
};
export const service = {
  ask: { path: "/test.Test/Ask", requestStream: false, responseStream: false, ...plain },
  follow: { path: "/test.Test/Follow", requestStream: false, responseStream: true, ...plain },
  talk: { path: "/test.Test/Talk", requestStream: true, responseStream: true, ...plain },
} as const;
export const malformed = Buffer.from("malformed");
const notDecoded = new RegistryError("INVALID_FIELD", "the request is not a valid Buffer");
export const shuttingDown = new RegistryError("SHUTTING_DOWN", "the server is shutting down");

type Ask = UnaryHandler<Buffer, Buffer>;
type Follow = StreamHandler<Buffer, Buffer>;
type Talk = DuplexHandler<Buffer, Buffer>;

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) {
    await cleanUp();
  }
});

export async function start(handlers: { ask?: Ask; follow?: Follow; talk?: Talk }) {
  const logged: object[] = [];
  const calls = createCalls({ log: { error: (details) => void logged.push(details) } });
  const server = new Server({ "grpc.enable_channelz": 0 });
  server.addService(service, {
    ask: calls.unary<Buffer, Buffer>(handlers.ask ?? (async (request) => request)),
    follow: calls.serverStream<Buffer, Buffer>(handlers.follow ?? async function* () {}),
    talk: calls.duplex<Buffer, Buffer>(handlers.talk ?? ((requests) => requests)),
  });
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  cleanUps.push(() => {
    client.close();
    server.forceShutdown();
  });
  return { calls, client, logged, port };
}

export function ask(client: Client, request = "hello", deadlineMs?: number): Promise<string> {
  const options = deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs };
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(service.ask.path, bytes, bytes, Buffer.from(request), options, (error, response) =>
      error === null ? resolve(String(response)) : reject(error),
    );
  });
}

export function follow(client: Client, options: { deadline?: number } = {}): ClientReadableStream<Buffer> {
  const stream = client.makeServerStreamRequest(service.follow.path, bytes, bytes, Buffer.from("hello"), options);
  // Without a listener an error would be thrown, and every test here is about errors.
  return stream.on("error", () => {});
}

export function talk(client: Client): ClientDuplexStream<Buffer, Buffer> {
  return client.makeBidiStreamRequest(service.talk.path, bytes, bytes).on("error", () => {});
}

/** The frames until the stream's end, and the error it ended with. */
export async function drain(stream: ClientReadableStream<Buffer>) {
  const frames: string[] = [];
  try {
    for await (const frame of stream) {
      frames.push(String(frame));
    }
    return { frames, error: undefined };
  } catch (error) {
    return { frames, error: error as ServiceError };
  }
}

export function errorInfo(error: unknown): ErrorInfo {
  const [encoded] = (error as ServiceError).metadata.get("grpc-status-details-bin");
  const [detail] = Status.decode(encoded as Buffer).details;
  return ErrorInfo.decode(detail?.value ?? Buffer.alloc(0));
}

/** A promise and its resolver, to make a test wait for what a handler does. */
export function signal<T = void>() {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

/** What a reader with nothing to say does: it waits for the end of its call. */
export function aborted({ signal }: CallContext): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

/** A stream over HTTP/2 whose reader reads nothing: grpc-js's own client reads ahead. */
export function openUnread(port: number) {
  const session = http2.connect(`http://127.0.0.1:${port}`);
  cleanUps.push(() => session.destroy());
  const stream = session.request({
    ":method": "POST",
    ":path": service.follow.path,
    "content-type": "application/grpc",
    te: "trailers",
  });
  stream.on("error", () => {});
  stream.end(Buffer.alloc(5));
  return stream;
}
