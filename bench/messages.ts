/** What is sent: the same messages to the server and to its ceiling. */
import {
  CreateRequest,
  GetServerInfoRequest,
  ReadRequest,
  WriteRequest,
} from "../gen/ts/socketregistry/v1/socket_registry.js";

export const TEAM = "team-chat-all";
/** The author, who has no socket. What is signed goes to its recipient alone and not to the team feed. */
export const WRITER = "bench-writer";
/** 200 bytes, as an agent might write them. */
export const CONTENT = "The tests of the parser pass; next is the printer. ".repeat(4).slice(0, 200);

export const socketName = (index: number): string => `socket-${index}`;

export type Method = "Create" | "Write" | "Read" | "GetServerInfo";
export const pathOf = (method: Method): string => `/socketregistry.v1.SocketRegistry/${method}`;

/** A message as gRPC sends it: not compressed, its length, its bytes. */
function framed(message: Uint8Array): Buffer {
  const frame = Buffer.alloc(5 + message.length);
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, 5);
  return frame;
}

export const createBody = (socketId: string): Buffer =>
  framed(CreateRequest.encode(CreateRequest.fromPartial({ socketId, model: "bench" })).finish());

export const writeBody = (socketId: string): Buffer =>
  framed(WriteRequest.encode(WriteRequest.fromPartial({ socketId, message: CONTENT, sender: WRITER })).finish());

/** An AUTO Read: of so many messages when it says how many, else one that follows. */
export const readBody = (socketId: string, maxMessages = 0): Buffer =>
  framed(ReadRequest.encode(ReadRequest.fromPartial({ socketId, maxMessages, noWait: maxMessages > 0 })).finish());

export const infoBody = (): Buffer => framed(GetServerInfoRequest.encode({}).finish());
