/**
 * What grpc-js can do when nothing is to be done: the same service with empty handlers. Write and WriteStream decode their
 * requests and encode answers of the same size; Read sends frames that were encoded before.
 */
import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerWritableStream,
  type sendUnaryData,
} from "@grpc/grpc-js";
import type {
  ReadRequest,
  WriteRequest,
  WriteResponse,
  WriteStreamRequest,
  WriteStreamResponse,
} from "../../gen/ts/socketregistry/v1/socket_registry.js";
import { CONTENT, TEAM, WRITER } from "../messages.js";
import { answer, built, cpuMs } from "./answer.js";
import { holdCommands } from "./hold.js";
import { memoryCommands } from "./memory.js";

const path = "gen/ts/socketregistry/v1/socket_registry.js";
const { Message, ReadResponse, SkipReason, SocketRegistryService } =
  await built<typeof import("../../gen/ts/socketregistry/v1/socket_registry.js")>(path);

/** How many messages a frame of the drain holds. */
const FRAME_MESSAGES = 100;
/** A broadcast's answer lists at most so many sockets. */
const RESULTS_MAX = 1_000;

type Reader = ServerWritableStream<ReadRequest, Buffer>;

const readers = new Set<Reader>();
const direct = writeResponse(1);
let team = direct;
const oneMessage = frameOf(1);
const manyMessages = frameOf(FRAME_MESSAGES);

/** The options of our server. A stock one has none. */
const options = { "grpc.max_concurrent_streams": 20_000, "grpc.enable_channelz": 0 };
const service = [
  {
    write: SocketRegistryService.write,
    writeStream: SocketRegistryService.writeStream,
    read: { ...SocketRegistryService.read, responseSerialize: (frame: Buffer) => frame },
  },
  {
    write({ request }: { request: WriteRequest }, reply: sendUnaryData<WriteResponse>) {
      if (request.socketId !== TEAM) return reply(null, direct);
      for (const reader of readers) reader.write(oneMessage);
      reply(null, team);
    },
    writeStream(call: ServerDuplexStream<WriteStreamRequest, WriteStreamResponse>) {
      call.on("data", ({ writes }: WriteStreamRequest) => {
        call.write({ results: writes.map(() => ({ outcome: { $case: "response", value: direct } })) });
      });
      call.on("end", () => call.end());
    },
    read(call: Reader) {
      if (call.request.noWait) return drain(call, call.request.maxMessages / FRAME_MESSAGES);
      readers.add(call);
      call.on("cancelled", () => readers.delete(call));
      call.sendMetadata(new Metadata());
    },
  },
] as const;

const commands = {
  /** @returns its address */
  start(isStock: boolean): Promise<string> {
    const server = new Server(isStock ? {} : options);
    server.addService(...service);
    return new Promise((resolve, reject) => {
      server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) =>
        error === null ? resolve(`127.0.0.1:${port}`) : reject(error),
      );
    });
  },
  /** How many sockets a broadcast's answer speaks of. */
  setTeam(sockets: number): void {
    team = writeResponse(sockets);
  },
  cpuMs,
  ...holdCommands,
  ...memoryCommands,
};

export type CeilingCommands = typeof commands;
answer(commands);

function drain(call: Reader, frames: number): void {
  let left = frames;
  const send = (): void => {
    while (left > 0) {
      left--;
      if (!call.write(manyMessages)) return void call.once("drain", send);
    }
    call.end();
  };
  send();
}

function frameOf(count: number): Buffer {
  const message = Message.fromPartial({
    header: `[team-chat-from-${WRITER}]`,
    content: CONTENT,
    timestamp: new Date(),
    messageId: "0123abcd-4fti4",
    sender: WRITER,
    sequence: 1_000_000n,
    epoch: "0123abcd",
    recipient: "socket-1",
    toHeader: "[team-chat-to-socket-1]",
    deliveryAttempt: 1,
  });
  const messages = Array.from({ length: count }, () => message);
  const frame = ReadResponse.fromPartial({ messages, position: { epoch: "0123abcd", sequence: 1_000_000n } });
  return Buffer.from(ReadResponse.encode(frame).finish());
}

function writeResponse(sockets: number): WriteResponse {
  const results = Array.from({ length: Math.min(sockets, RESULTS_MAX) }, (_, index) => ({
    socketId: `socket-${index}`,
    sequence: 100_000n,
    skipReason: SkipReason.SKIP_REASON_UNSPECIFIED,
  }));
  return { messageId: "0123abcd-4fti4", deliveredCount: sockets, results, duplicate: false, skippedCount: 0 };
}
