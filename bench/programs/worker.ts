/** An agent on grpc-js, as a user would write it: it takes one message after the other, and its work takes time. */
import { setTimeout as delay } from "node:timers/promises";
import { type ClientUnaryCall, credentials, type ServiceError } from "@grpc/grpc-js";
import {
  AckMode,
  AcknowledgeRequest,
  CreateRequest,
  type GetSocketInfoResponse,
  ReadRequest,
  type ReadResponse,
  SocketRegistryClient,
  WriteRequest,
} from "../../gen/ts/socketregistry/v1/socket_registry.js";
import { WRITER } from "../messages.js";
import { answer } from "./answer.js";

const WRITES_AT_ONCE = 256;

const clients = new Map<string, SocketRegistryClient>();

const commands = {
  /** Makes a socket and puts so many messages of so many bytes into its queue. */
  async fill(address: string, socketId: string, count: number, bytes: number): Promise<void> {
    const client = clientOf(address);
    await unary((done) => client.create(CreateRequest.fromPartial({ socketId }), done));
    const request = WriteRequest.fromPartial({ socketId, message: "x".repeat(bytes), sender: WRITER });
    let left = count;
    const writeOn = async (): Promise<void> => {
      while (left-- > 0) await unary((done) => client.write(request, done));
    };
    await Promise.all(Array.from({ length: WRITES_AT_ONCE }, writeOn));
  },

  /**
   * Works on messages of a socket. Answers when it has done so many, and is then at the next one.
   * @returns the sequences of those that it has done
   */
  work(address: string, socketId: string, isExplicit: boolean, workMs: number, count: number): Promise<number[]> {
    const ackMode = isExplicit ? AckMode.ACK_MODE_EXPLICIT : AckMode.ACK_MODE_AUTO;
    return new Promise((resolve, reject) => {
      const done: number[] = [];
      const read = async (): Promise<void> => {
        for await (const { sequence, epoch } of messagesOf(address, { socketId, ackMode })) {
          if (done.length === count) resolve(done);
          await delay(workMs);
          done.push(Number(sequence));
          if (isExplicit) await acknowledge(address, { socketId, epoch, sequences: [sequence] });
        }
      };
      read().catch(reject);
    });
  },

  /** Takes what a queue hands out once nobody has any of it. @returns the sequences */
  async rest(address: string, socketId: string): Promise<number[]> {
    while ((await inFlight(address, socketId)) > 0) await delay(20);
    const sequences: number[] = [];
    for await (const { sequence } of messagesOf(address, { socketId, noWait: true })) sequences.push(Number(sequence));
    return sequences;
  },
};

export type WorkerCommands = typeof commands;
answer(commands);

async function* messagesOf(address: string, request: Parameters<typeof ReadRequest.fromPartial>[0]) {
  const stream: AsyncIterable<ReadResponse> = clientOf(address).read(ReadRequest.fromPartial(request));
  for await (const { messages } of stream) yield* messages;
}

async function acknowledge(address: string, request: Parameters<typeof AcknowledgeRequest.fromPartial>[0]) {
  await unary((done) => clientOf(address).acknowledge(AcknowledgeRequest.fromPartial(request), done));
}

async function inFlight(address: string, socketId: string): Promise<number> {
  const { socket } = await unary<GetSocketInfoResponse>((done) => clientOf(address).getSocketInfo({ socketId }, done));
  return socket?.inFlightCount ?? 0;
}

function clientOf(address: string): SocketRegistryClient {
  const client = clients.get(address) ?? new SocketRegistryClient(address, credentials.createInsecure());
  clients.set(address, client);
  return client;
}

function unary<T>(call: (done: (error: ServiceError | null, response: T) => void) => ClientUnaryCall): Promise<T> {
  return new Promise((resolve, reject) => {
    call((error, response) => (error === null ? resolve(response) : reject(error)));
  });
}
