/**
 * The gRPC server: our service, health and reflection on one port, and how they stop.
 *
 * What the methods do is in the handlers, how they meet grpc-js in calls.ts.
 */
import { setTimeout } from "node:timers/promises";
import type { BinaryReader } from "@bufbuild/protobuf/wire";
import { Server, ServerCredentials, type ServiceDefinition, type UntypedServiceImplementation } from "@grpc/grpc-js";
import { ReflectionService } from "@grpc/reflection";
import { HealthImplementation } from "grpc-health-check";
import { SocketRegistryService } from "../../gen/ts/socketregistry/v1/socket_registry.js";
import { RegistryError } from "../registry/errors.js";
import type { WriteAnswer } from "../registry/write.js";
import type { Written } from "../registry/write-stream.js";
import { encodeAnswer, encodeWritten } from "./answer-bytes.js";
import type { Calls, DuplexHandler, StreamHandler, UnaryHandler } from "./calls.js";
import { entriesIn, lenient, strict } from "./decode.js";
import type { ErrorLog } from "./status.js";

type Methods = typeof SocketRegistryService;
type Request<Name extends keyof Methods> = ReturnType<Methods[Name]["requestDeserialize"]>;
type Response<Name extends keyof Methods> = ReturnType<Methods[Name]["responseDeserialize"]>;

/** What has an encoding of its own, or streams. */
type Special = "write" | "writeStream" | "read" | "watch" | "ask";

/**
 * The service as async functions. Read and Watch yield frames of whatever kind their serializers take; writes come as
 * their bytes.
 */
export type Handlers<ReadFrame, WatchFrame> = {
  readonly [Name in Exclude<keyof Methods, Special>]: UnaryHandler<Request<Name>, Response<Name>>;
} & {
  readonly write: UnaryHandler<Buffer, WriteAnswer>;
  readonly writeStream: DuplexHandler<readonly Buffer[], readonly Written[]>;
  readonly read: StreamHandler<Request<"read">, ReadFrame>;
  readonly watch: StreamHandler<Request<"watch">, WatchFrame>;
  readonly ask: StreamHandler<Request<"ask">, Response<"ask">>;
};

/** What turns the frames of a stream into encoded responses. */
export interface Serializers<ReadFrame, WatchFrame> {
  readonly read: (frame: ReadFrame) => Buffer;
  readonly watch: (frame: WatchFrame) => Buffer;
}

export interface GrpcServerOptions<ReadFrame, WatchFrame> {
  readonly calls: Calls;
  readonly handlers: Handlers<ReadFrame, WatchFrame>;
  readonly serializers: Serializers<ReadFrame, WatchFrame>;
  /** The bytes of gen/descriptors.binpb: an encoded FileDescriptorSet of all that reflection describes. */
  readonly descriptors: Buffer;
  readonly log: ErrorLog;
  readonly limits: GrpcLimits;
}

export interface GrpcLimits {
  /** Above every limit of our own, because what grpc-js refuses it refuses without a reason. */
  readonly maxRequestBytes: number;
  /** How many calls a connection may have open at once. */
  readonly maxConcurrentStreams: number;
  /** How long a connection may be silent before it is pinged, and how long the answer may take before it is closed. */
  readonly keepaliveTimeMs: number;
  readonly keepaliveTimeoutMs: number;
}

export interface GrpcServer {
  /** Opens the port and answers with it, which tells when `port` is 0. Rejects when it cannot be had. */
  listen(host: string, port: number): Promise<number>;
  /** What health says of the server. It serves from the start. */
  setServing(serving: boolean): void;
  /** What health says of a service that is no gRPC service of ours, but something the server works with. */
  setHealth(service: string, serving: boolean): void;
  /**
   * Stops: health says so first, then streams end with SHUTTING_DOWN and unary calls finish. What is still open after
   * `graceMs` is cut off; a client's health Watch always is, since it has no end of its own. Handlers that were cut off
   * may still be unwinding when this resolves: `calls.idle()` tells. A client that never closes its end may leave a
   * socket open until the process exits, so the process should not wait for its event loop to be empty.
   */
  stop(graceMs: number): Promise<void>;
}

/** How long connections that were cut off may take to close before nobody waits for them any more. */
const closingMs = 100;

/** The services that health knows; the empty name is the server as a whole. */
const healthServices = ["", "socketregistry.v1.SocketRegistry"];

export function createGrpcServer<R, W>(options: GrpcServerOptions<R, W>): GrpcServer {
  const server = new Server(serverOptions(options.limits));
  server.addService(definition(options), implementation(options));
  const health = new HealthImplementation();
  health.addToServer(server);
  reflection(options.descriptors).addToServer(server);
  let address = "";

  function setHealth(service: string, serving: boolean): void {
    health.setStatus(service, serving ? "SERVING" : "NOT_SERVING");
  }

  function setServing(serving: boolean): void {
    for (const service of healthServices) setHealth(service, serving);
  }

  setServing(true);
  return {
    async listen(host, port) {
      const bound = await bind(server, hostPort(host, port));
      address = hostPort(host, bound);
      return bound;
    },
    setServing,
    setHealth,
    async stop(graceMs) {
      setServing(false);
      options.calls.endAll(new RegistryError("SHUTTING_DOWN", "the server is shutting down"));
      if (address !== "") {
        // Drain knows the grace, and only tryShutdown tells when all is closed. forceShutdown is no way to cut off: with
        // channelz off it leaves connections open, and so does drain after tryShutdown (grpc-js 1.14.7).
        server.drain(address, graceMs);
      }
      const overdue = setTimeout(graceMs + closingMs, undefined, { ref: false });
      await Promise.race([shutDown(server), overdue]);
    },
  };
}

function serverOptions(limits: GrpcLimits) {
  return {
    "grpc.max_receive_message_length": limits.maxRequestBytes,
    "grpc.max_concurrent_streams": limits.maxConcurrentStreams,
    "grpc.keepalive_time_ms": limits.keepaliveTimeMs,
    "grpc.keepalive_timeout_ms": limits.keepaliveTimeoutMs,
    // Statistics that nobody asks for would cost memory for every open call.
    "grpc.enable_channelz": 0,
  };
}

/** The generated definition with strict decoding, and with encoding whose failures are not lost. */
function definition<R, W>(options: GrpcServerOptions<R, W>): ServiceDefinition {
  const own = codecs(options);
  const generated: ServiceDefinition = SocketRegistryService;
  const methods = Object.entries(generated).map(([name, method]) => {
    const message = `${method.path.slice(method.path.lastIndexOf("/") + 1)}Request`;
    // The generated deserializers also take a reader, though their type does not say so.
    const decode = method.requestDeserialize as unknown as (reader: BinaryReader) => unknown;
    const requestDeserialize = own[name]?.deserialize ?? strict(message, decode);
    const responseSerialize = loud(message, own[name]?.serialize ?? method.responseSerialize, options.log);
    return [name, { ...method, requestDeserialize, responseSerialize }] as const;
  });
  return Object.fromEntries(methods);
}

interface Codec {
  readonly deserialize?: (bytes: Buffer) => unknown;
  readonly serialize: ServiceDefinition[string]["responseSerialize"];
}

/** What is not encoded, or not decoded, as it was generated. */
function codecs<R, W>({ serializers, log }: GrpcServerOptions<R, W>): Readonly<Record<string, Codec>> {
  const serialize = (written: readonly Written[]) => encodeWritten(written, log);
  return {
    read: { serialize: serializers.read },
    watch: { serialize: serializers.watch },
    write: { deserialize: (bytes) => bytes, serialize: encodeAnswer },
    writeStream: { deserialize: lenient("WriteStreamRequest", entriesIn), serialize },
  };
}

/** A serializer that tells the log what it throws: grpc-js keeps that to itself and answers INTERNAL. */
function loud<T>(message: string, serialize: (value: T) => Buffer, log: ErrorLog): (value: T) => Buffer {
  return (value) => {
    try {
      return serialize(value);
    } catch (error) {
      log.error({ err: error }, `the answer to a ${message} could not be encoded`);
      throw error;
    }
  };
}

function implementation<R, W>({ calls, handlers }: GrpcServerOptions<R, W>): UntypedServiceImplementation {
  const { read, watch, ask, writeStream, ...unary } = handlers;
  const entries = Object.entries(unary).map(
    ([name, handler]) => [name, calls.unary(handler as UnaryHandler<unknown, unknown>)] as const,
  );
  return {
    ...Object.fromEntries(entries),
    read: calls.serverStream(read),
    watch: calls.serverStream(watch),
    ask: calls.serverStream(ask),
    writeStream: calls.duplex(writeStream),
  };
}

/** ReflectionService wants a loaded package, of which it reads nothing but the encoded files. */
function reflection(descriptorSet: Buffer): ReflectionService {
  const files = { fileDescriptorProtos: entriesIn(descriptorSet) };
  return new ReflectionService({ files } as unknown as ConstructorParameters<typeof ReflectionService>[0]);
}

function hostPort(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function bind(server: Server, address: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, port) =>
      error === null ? resolve(port) : reject(error),
    );
  });
}

function shutDown(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.tryShutdown((error) => (error === undefined ? resolve() : reject(error)));
  });
}
