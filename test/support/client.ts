/** The service as a test speaks to it: promises, async iterables, and requests of which only what matters is said. */
import { type ClientUnaryCall, credentials, type ServiceError, type status } from "@grpc/grpc-js";
import { expect, onTestFinished } from "vitest";
import { BadRequest, ErrorInfo } from "../../gen/ts/google/rpc/error_details.js";
import { Status } from "../../gen/ts/google/rpc/status.js";
import {
  AskRequest,
  CreateRequest,
  type CreateResponse,
  type DeepPartial,
  DeleteRequest,
  type DeleteResponse,
  GetMessageRequest,
  type GetMessageResponse,
  type GetServerInfoResponse,
  type GetSocketInfoResponse,
  HeartbeatRequest,
  type HeartbeatResponse,
  ListSocketsRequest,
  type ListSocketsResponse,
  MarkActiveRequest,
  type MarkActiveResponse,
  type MarkInactiveResponse,
  type MarkUnresponsiveResponse,
  type Message,
  PeekRequest,
  type PeekResponse,
  ReadEvent,
  ReadRequest,
  type ReadResponse,
  ResetRequest,
  type ResetResponse,
  type Socket,
  SocketRegistryClient,
  UpdateRequest,
  WatchRequest,
  WriteRequest,
  type WriteResponse,
} from "../../gen/ts/socketregistry/v1/socket_registry.js";
import type { Config } from "../../src/config.js";
import { Asking } from "./asking.js";
import { Following } from "./following.js";
import { startTestServer, type TestServer } from "./server.js";
import { Watching } from "./watching.js";

export type Part<T> = DeepPartial<T>;
type Done<T> = (error: ServiceError | null, response: T) => void;

/** Every call of the service. A refusal rejects with grpc-js's error; `refusal` tells what is in it. */
export class Service {
  readonly client: SocketRegistryClient;

  constructor(client: SocketRegistryClient) {
    this.client = client;
  }

  create(request: Part<CreateRequest> = {}) {
    return unary<CreateResponse>((done) => this.client.create(CreateRequest.fromPartial(request), done));
  }

  /** Creates sockets of these ids, one after the other. */
  async createAll(...socketIds: string[]): Promise<void> {
    for (const socketId of socketIds) await this.create({ socketId });
  }

  write(request: Part<WriteRequest>) {
    return unary<WriteResponse>((done) => this.client.write(WriteRequest.fromPartial(request), done));
  }

  /** Writes messages to a socket, one after the other. */
  async writeAll(socketId: string, ...messages: string[]): Promise<void> {
    for (const message of messages) await this.write({ socketId, message });
  }

  reset(request: Part<ResetRequest>) {
    return unary<ResetResponse>((done) => this.client.reset(ResetRequest.fromPartial(request), done));
  }

  delete(request: Part<DeleteRequest>) {
    return unary<DeleteResponse>((done) => this.client.delete(DeleteRequest.fromPartial(request), done));
  }

  list(request: Part<ListSocketsRequest> = {}) {
    return unary<ListSocketsResponse>((done) => this.client.listSockets(ListSocketsRequest.fromPartial(request), done));
  }

  peek(request: Part<PeekRequest>) {
    return unary<PeekResponse>((done) => this.client.peek(PeekRequest.fromPartial(request), done));
  }

  info() {
    return unary<GetServerInfoResponse>((done) => this.client.getServerInfo({}, done));
  }

  async socket(socketId: string): Promise<Socket> {
    const { socket } = await unary<GetSocketInfoResponse>((done) => this.client.getSocketInfo({ socketId }, done));
    return socket ?? expect.unreachable("an answer without a socket");
  }

  markActive(request: Part<MarkActiveRequest>) {
    return unary<MarkActiveResponse>((done) => this.client.markActive(MarkActiveRequest.fromPartial(request), done));
  }

  markInactive(request: Part<MarkActiveRequest>) {
    return unary<MarkInactiveResponse>((done) =>
      this.client.markInactive(MarkActiveRequest.fromPartial(request), done),
    );
  }

  markUnresponsive(request: Part<MarkActiveRequest>) {
    return unary<MarkUnresponsiveResponse>((done) =>
      this.client.markUnresponsive(MarkActiveRequest.fromPartial(request), done),
    );
  }

  /** The receipts of a message. */
  getMessage(request: Part<GetMessageRequest>) {
    return unary<GetMessageResponse>((done) => this.client.getMessage(GetMessageRequest.fromPartial(request), done));
  }

  heartbeat(request: Part<HeartbeatRequest>) {
    return unary<HeartbeatResponse>((done) => this.client.heartbeat(HeartbeatRequest.fromPartial(request), done));
  }

  /** Changes a socket and gives it as it is then. */
  async update(socket: Part<Socket>, ...updateMask: string[]): Promise<Socket> {
    const request = UpdateRequest.fromPartial({ socket, updateMask });
    const updated = await unary<{ socket: Socket | undefined }>((done) => this.client.update(request, done));
    return updated.socket ?? expect.unreachable("an answer without a socket");
  }

  watch(request: Part<WatchRequest> = {}): Watching {
    return new Watching(this.client.watch(WatchRequest.fromPartial(request)));
  }

  ask(request: Part<AskRequest> = {}): Asking {
    return new Asking(this.client.ask(AskRequest.fromPartial(request)));
  }

  read(request: Part<ReadRequest>): Reading {
    return new Reading(this.client.read(ReadRequest.fromPartial(request)));
  }

  /** What a socket hands out now. */
  async drain(socketId: string, request: Part<ReadRequest> = {}): Promise<Message[]> {
    return await this.read({ ...request, socketId, noWait: true }).rest();
  }

  /** The contents of what a socket hands out now. */
  async contents(socketId: string, request: Part<ReadRequest> = {}): Promise<string[]> {
    return contentsOf(await this.drain(socketId, request));
  }
}

/** One open Read, frame by frame or message by message. */
export class Reading extends Following<ReadResponse> {
  readonly #messages: Message[] = [];

  /** The next frame that is an event. */
  async event(): Promise<ReadResponse> {
    const frame = await this.frame();
    expect(frame.event, "an event was expected").not.toBe(ReadEvent.READ_EVENT_UNSPECIFIED);
    return frame;
  }

  /** The next so many messages, events passed over. */
  async messages(count: number): Promise<Message[]> {
    while (this.#messages.length < count) this.#messages.push(...(await this.frame()).messages);
    return this.#messages.splice(0, count);
  }

  async message(): Promise<Message> {
    const [message] = await this.messages(1);
    return message ?? expect.unreachable();
  }

  /** All messages up to an end with OK. */
  async rest(): Promise<Message[]> {
    return [...this.#messages.splice(0), ...(await this.frames()).flatMap(({ messages }) => messages)];
  }
}

/** A real server and its service, stopped at the end of the test. */
export async function startService(
  overrides: Partial<Config> = {},
): Promise<Service & { readonly server: TestServer }> {
  const server = await startTestServer(overrides);
  onTestFinished(() => server.stop());
  return Object.assign(new Service(server.client), { server });
}

/** A service by its address, with a connection of its own. */
export function connect(address: string): Service {
  const client = new SocketRegistryClient(address, credentials.createInsecure());
  onTestFinished(() => client.close());
  return new Service(client);
}

export function contentsOf(messages: readonly Message[]): string[] {
  return messages.map(({ content }) => content);
}

/** What a client learns from an error. */
export interface Refusal {
  code: status;
  text: string;
  reason: string;
  domain: string;
  metadata: Record<string, string>;
  /** The field that the BadRequest names; absent when there is none. */
  field?: string;
}

/** The refusal that a call meets. It fails when the call is answered. */
export async function refusal(call: Promise<unknown>): Promise<Refusal> {
  const error = await call.then(
    () => expect.unreachable("the call was answered"),
    (caught: ServiceError) => caught,
  );
  return refusalIn(error);
}

export function refusalIn(error: unknown): Refusal {
  const { code, details, metadata } = error as ServiceError;
  const [encoded] = metadata?.get("grpc-status-details-bin") ?? [];
  if (encoded === undefined) throw error;
  const { details: list, ...told } = Status.decode(encoded as Buffer);
  expect(told).toEqual({ code, message: details });
  const find = (type: string) =>
    list.find(({ typeUrl }) => typeUrl === `type.googleapis.com/google.rpc.${type}`)?.value;
  const info = ErrorInfo.decode(find("ErrorInfo") ?? expect.unreachable("an error without an ErrorInfo"));
  const badRequest = find("BadRequest");
  const refused: Refusal = { code, text: details, ...info };
  if (badRequest === undefined) return refused;
  const [violation] = BadRequest.decode(badRequest).fieldViolations;
  return { ...refused, field: violation?.field ?? "" };
}

function unary<T>(call: (done: Done<T>) => ClientUnaryCall): Promise<T> {
  return new Promise((resolve, reject) => {
    call((error, response) => (error === null ? resolve(response) : reject(error)));
  });
}
