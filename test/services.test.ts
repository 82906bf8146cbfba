/**
 * The server as a whole, with handlers that do nothing: what a client meets before it comes to the registry.
 */
import { execFile } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import http2 from "node:http2";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { BinaryReader, BinaryWriter } from "@bufbuild/protobuf/wire";
import { Client, credentials, type ServiceError, status } from "@grpc/grpc-js";
import { service as healthService } from "grpc-health-check";
import { afterEach, expect, test } from "vitest";
import { ErrorInfo } from "../gen/ts/google/rpc/error_details.js";
import { Status } from "../gen/ts/google/rpc/status.js";
import {
  AskRequest,
  AskResponse,
  GetServerInfoResponse,
  GetSocketInfoResponse,
  ReadRequest,
  ReadResponse,
  SocketRegistryClient,
  WatchRequest,
  WatchResponse,
  WriteRequest,
  type WriteResponse,
  type WriteStreamResponse,
} from "../gen/ts/socketregistry/v1/socket_registry.js";
import { RegistryError } from "../src/registry/errors.js";
import { type CallContext, createCalls } from "../src/rpc/calls.js";
import { createGrpcServer, type Handlers } from "../src/rpc/services.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const descriptors = readFileSync(new URL("../gen/descriptors.binpb", import.meta.url));
const limits = {
  maxRequestBytes: 100_000,
  maxConcurrentStreams: 1_000,
  keepaliveTimeMs: 30_000,
  keepaliveTimeoutMs: 15_000,
};

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) {
    await cleanUp();
  }
});

const bytes = (value: Buffer): Buffer => value;
const serializers = { read: bytes, watch: bytes };

const refuse = () => Promise.reject(new RegistryError("NOT_IMPLEMENTED", "not here"));
const stubs: Handlers<Buffer, Buffer> = {
  create: refuse,
  write: refuse,
  writeStream: async function* (requests) {
    for await (const writes of requests) yield writes.map(() => ({ error: new RegistryError("QUEUE_FULL", "full") }));
  },
  reset: refuse,
  delete: refuse,
  listSockets: refuse,
  getSocketInfo: async ({ socketId }) => GetSocketInfoResponse.fromPartial({ socket: { socketId } }),
  markUnresponsive: refuse,
  markActive: refuse,
  markInactive: refuse,
  peek: refuse,
  acknowledge: refuse,
  requeue: refuse,
  getMessage: refuse,
  heartbeat: refuse,
  update: refuse,
  getServerInfo: async () => GetServerInfoResponse.fromPartial({ version: "1.2.3" }),
  read: async function* (_, context) {
    yield Buffer.from(ReadResponse.encode(ReadResponse.fromPartial({ backlogCount: 7 })).finish());
    await aborted(context);
  },
  watch: async function* (_, context) {
    yield Buffer.from(WatchResponse.encode(WatchResponse.fromPartial({ revision: 8n })).finish());
    await aborted(context);
  },
  ask: async function* (_, context) {
    yield AskResponse.fromPartial({ step: { $case: "asked", value: { messageId: "9" } } });
    await aborted(context);
  },
};

function aborted({ signal }: CallContext): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

async function start(handlers: Partial<Handlers<Buffer, Buffer>> = {}) {
  const logged: string[] = [];
  const log = { error: (_: object, message: string) => void logged.push(message) };
  const calls = createCalls({ log });
  const server = createGrpcServer({
    calls,
    handlers: { ...stubs, ...handlers },
    serializers,
    descriptors,
    log,
    limits,
  });
  const port = await server.listen("127.0.0.1", 0);
  const address = `127.0.0.1:${port}`;
  const client = new SocketRegistryClient(address, credentials.createInsecure());
  cleanUps.push(() => {
    client.close();
    return server.stop(0);
  });
  return { address, calls, client, logged, port, server };
}

/** Connects a client of another service. */
function connect(address: string): Client {
  const client = new Client(address, credentials.createInsecure());
  cleanUps.push(() => client.close());
  return client;
}

function checkHealth(address: string, service: string): Promise<unknown> {
  const { path, requestSerialize, responseDeserialize } = healthService["Check"] ?? expect.unreachable();
  return new Promise((resolve, reject) => {
    connect(address).makeUnaryRequest(path, requestSerialize, responseDeserialize, { service }, (error, response) =>
      error === null ? resolve(response) : reject(error),
    );
  });
}

function watchHealth(address: string) {
  const { path, requestSerialize, responseDeserialize } = healthService["Watch"] ?? expect.unreachable();
  const watch = connect(address).makeServerStreamRequest(path, requestSerialize, responseDeserialize, { service: "" });
  return watch.on("error", () => {});
}

/** One exchange with reflection: field 7 of a request asks for the services, field 6 of the answer lists them. */
async function reflectedServices(address: string, version: string): Promise<string[]> {
  const path = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
  const stream = connect(address).makeBidiStreamRequest(path, bytes, bytes);
  stream.end(Buffer.from(new BinaryWriter().tag(7, 2).string("*").finish()));
  const [answer] = await once(stream, "data");
  const [list] = fields(answer, 6);
  return fields(list ?? answer, 1).map((service) => String(fields(service, 1)[0]));
}

function fields(message: Uint8Array, wanted: number): Buffer[] {
  const reader = new BinaryReader(message);
  const found: Buffer[] = [];
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === wanted) {
      found.push(Buffer.from(reader.bytes()));
    } else {
      reader.skip(wireType, field);
    }
  }
  return found;
}

function call<Res>(run: (done: (error: ServiceError | null, response: Res) => void) => unknown): Promise<Res> {
  return new Promise((resolve, reject) => {
    run((error, response) => (error === null ? resolve(response) : reject(error)));
  });
}

function reasonOf(error: ServiceError): string {
  const [encoded] = error.metadata.get("grpc-status-details-bin");
  const [detail] = Status.decode(encoded as Buffer).details;
  return ErrorInfo.decode(detail?.value ?? Buffer.alloc(0)).reason;
}

test("a unary method reaches its handler and brings back its answer", async () => {
  const { client } = await start();
  const { socket } = await call<GetSocketInfoResponse>((done) => client.getSocketInfo({ socketId: "x" }, done));
  expect(socket?.socketId).toBe("x");
});

test("Read sends frames that are encoded already", async () => {
  const { client } = await start();
  const stream = client.read(ReadRequest.fromPartial({ socketId: "x" })).on("error", () => {});
  expect(await once(stream, "data")).toMatchObject([{ backlogCount: 7 }]);
  stream.cancel();
});

test("Watch sends frames that are encoded already, and Ask objects", async () => {
  const { client } = await start();
  const watch = client.watch(WatchRequest.fromPartial({})).on("error", () => {});
  expect(await once(watch, "data")).toMatchObject([{ revision: 8n }]);
  watch.cancel();
  const ask = client.ask(AskRequest.fromPartial({})).on("error", () => {});
  expect(await once(ask, "data")).toMatchObject([{ step: { value: { messageId: "9" } } }]);
  ask.cancel();
});

test("Write brings bytes to its handler and an answer back, and WriteStream many of both", async () => {
  const answer = { messageId: "id", deliveredCount: 300, skippedCount: 1, results: [], duplicate: true };
  const { client } = await start({
    write: async (bytes) => ({ ...answer, messageId: WriteRequest.decode(bytes).message, revision: 1, timeMs: 1 }),
  });
  const request = WriteRequest.fromPartial({ socketId: "x", message: "hello" });
  expect(await call<WriteResponse>((done) => client.write(request, done))).toEqual({ ...answer, messageId: "hello" });
  const stream = client.writeStream();
  stream.end({ writes: [request, request] });
  const [{ results }] = (await once(stream, "data")) as [WriteStreamResponse];
  expect(results.map(({ outcome }) => outcome?.$case)).toEqual(["error", "error"]);
  stream.resume();
  const [end] = await once(stream, "status");
  expect(end).toMatchObject({ code: status.OK });
});

test("a request that is not valid is refused with a reason and names its message", async () => {
  const { address } = await start();
  const error = await call<Buffer>((done) =>
    connect(address).makeUnaryRequest(
      "/socketregistry.v1.SocketRegistry/GetSocketInfo",
      bytes,
      bytes,
      Buffer.from([0x0a, 0x02, 0xc3, 0x28]),
      (failure, response) => done(failure, response ?? Buffer.alloc(0)),
    ),
  ).catch((caught) => caught);
  expect(error).toMatchObject({ code: status.INVALID_ARGUMENT });
  expect(error.details).toContain("GetSocketInfoRequest");
  expect(reasonOf(error)).toBe("INVALID_FIELD");
});

test("an answer that cannot be encoded is told to the log", async () => {
  const { client, logged } = await start({
    getServerInfo: async () => GetServerInfoResponse.fromPartial({ socketCount: -1 }),
  });
  const error = await call((done) => client.getServerInfo({}, done)).catch((caught) => caught);
  expect(error).toMatchObject({ code: status.INTERNAL });
  expect(logged).toEqual(["the answer to a GetServerInfoRequest could not be encoded"]);
});

test("a port that is taken is refused", async () => {
  const { port } = await start();
  const calls = createCalls({ log: { error: () => {} } });
  const options = { calls, handlers: stubs, serializers, descriptors, limits, log: { error: () => {} } };
  await expect(createGrpcServer(options).listen("127.0.0.1", port)).rejects.toThrow(/EADDRINUSE/);
});

test("an IPv6 address can be listened on", async () => {
  const calls = createCalls({ log: { error: () => {} } });
  const options = { calls, handlers: stubs, serializers, descriptors, limits, log: { error: () => {} } };
  const server = createGrpcServer(options);
  const port = await server.listen("::1", 0);
  expect(await checkHealth(`[::1]:${port}`, "")).toEqual({ status: "SERVING" });
  await server.stop(0);
});

test("health knows the server and the service, and no other", async () => {
  const { address, server } = await start();
  expect(await checkHealth(address, "")).toEqual({ status: "SERVING" });
  expect(await checkHealth(address, "socketregistry.v1.SocketRegistry")).toEqual({ status: "SERVING" });
  await expect(checkHealth(address, "other")).rejects.toMatchObject({ code: status.NOT_FOUND });
  server.setServing(false);
  expect(await checkHealth(address, "socketregistry.v1.SocketRegistry")).toEqual({ status: "NOT_SERVING" });
});

test.each(["v1", "v1alpha"])("reflection %s lists every service", async (version) => {
  const { address } = await start();
  expect((await reflectedServices(address, version)).sort()).toEqual([
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
    "socketregistry.v1.SocketRegistry",
  ]);
});

test.each(["grpc-v1", "grpc-v1alpha"])("a client without the proto can call by reflection %s", async (protocol) => {
  const { address } = await start();
  const curl = async (method: string, data: string) => {
    const options = ["curl", "--protocol", "grpc", "--http2-prior-knowledge", "--reflect-protocol", protocol];
    const url = `http://${address}/${method}`;
    const { stdout } = await promisify(execFile)("node_modules/.bin/buf", [...options, "--data", data, url], {
      cwd: root,
    });
    return JSON.parse(stdout);
  };
  expect(await curl("socketregistry.v1.SocketRegistry/GetServerInfo", "{}")).toEqual({ version: "1.2.3" });
  expect(await curl("grpc.health.v1.Health/Check", "{}")).toEqual({ status: "SERVING" });
});

test("stop ends streams with SHUTTING_DOWN, lets unary calls finish, and does not wait for its grace", async () => {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const { client, calls, server } = await start({
    getServerInfo: async () => {
      await released;
      return GetServerInfoResponse.fromPartial({ version: "late" });
    },
  });
  const stream = client.read(ReadRequest.fromPartial({ socketId: "x" })).on("error", () => {});
  await once(stream, "data");
  const end = new Promise<ServiceError>((resolve) => void stream.once("error", resolve));
  const answer = call<GetServerInfoResponse>((done) => client.getServerInfo({}, done));
  await expect.poll(() => calls.active).toBe(2);
  const stopped = server.stop(60_000);
  const error = await end;
  expect(error.code).toBe(status.UNAVAILABLE);
  expect(reasonOf(error)).toBe("SHUTTING_DOWN");
  release();
  expect((await answer).version).toBe("late");
  await stopped;
  expect(calls.active).toBe(0);
});

test("stop tells a health Watch first and cuts it off after the grace", async () => {
  const { address, server } = await start();
  const watch = watchHealth(address);
  const told: unknown[] = [];
  watch.on("data", (response) => void told.push(response));
  await once(watch, "data");
  const closed = new Promise((resolve) => void watch.once("error", resolve));
  await server.stop(50);
  await closed;
  expect(told).toEqual([{ status: "SERVING" }, { status: "NOT_SERVING" }]);
});

test("stop cuts off a reader that does not read, and its handler unwinds", async () => {
  const { address, calls, server } = await start({
    read: async function* () {
      for (;;) {
        yield Buffer.alloc(1_000);
      }
    },
  });
  const session = http2.connect(`http://${address}`).on("error", () => {});
  const path = "/socketregistry.v1.SocketRegistry/Read";
  const headers = { ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers" };
  const stream = session.request(headers).on("error", () => {});
  stream.end(Buffer.alloc(5));
  await once(stream, "response");
  await server.stop(50);
  await calls.idle();
  session.destroy();
});
