/** What is sent: the same messages to the server and to its ceiling. */
import { randomBytes } from "node:crypto";
import {
  AckMode,
  AcknowledgeRequest,
  CreateRequest,
  GetServerInfoRequest,
  HeartbeatRequest,
  ReadRequest,
  WatchRequest,
  WriteRequest,
  WriteStreamRequest,
} from "../gen/ts/socketregistry/v1/socket_registry.js";

export const TEAM = "team-chat-all";
/** The author, who has no socket. What is signed goes to its recipient alone and not to the team feed. */
export const WRITER = "bench-writer";
/** 200 bytes, as an agent might write them. */
export const CONTENT = "The tests of the parser pass; next is the printer. ".repeat(4).slice(0, 200);

export const socketName = (index: number): string => `socket-${index}`;

/** An RPC of ours by its name, or of another service by its path. */
export type Method =
  | "Create"
  | "Write"
  | "WriteStream"
  | "Read"
  | "Acknowledge"
  | "Heartbeat"
  | "Watch"
  | "GetServerInfo"
  | `/${string}`;
export const pathOf = (method: Method): string =>
  method.startsWith("/") ? method : `/socketregistry.v1.SocketRegistry/${method}`;

/** A message as gRPC sends it: not compressed, its length, its bytes. */
export function framed(message: Uint8Array): Buffer {
  const frame = Buffer.alloc(5 + message.length);
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, 5);
  return frame;
}

/** A socket, with a lease when it says how long. */
export const createBody = (socketId: string, leaseMs = 0): Buffer => {
  const config = leaseMs === 0 ? undefined : { leaseDuration: { seconds: BigInt(leaseMs / 1_000), nanos: 0 } };
  return framed(CreateRequest.encode(CreateRequest.fromPartial({ socketId, model: "bench", config })).finish());
};

const writeOf = (socketId: string, message = CONTENT): WriteRequest =>
  WriteRequest.fromPartial({ socketId, message, sender: WRITER });

export const writeBody = (socketId: string, content?: string): Buffer =>
  framed(WriteRequest.encode(writeOf(socketId, content)).finish());

/** A frame of a WriteStream, with a write for each content. */
export const writesBody = (socketId: string, contents: readonly string[]): Buffer => {
  const writes = contents.map((content) => writeOf(socketId, content));
  return framed(WriteStreamRequest.encode({ writes }).finish());
};

/** A content that tells which one it is, of the same 200 bytes. */
export const numbered = (index: number): string => String(index).padStart(8, "0") + CONTENT.slice(8);
/** A content that no compression makes much smaller, of 200 bytes too. */
export const unlike = (): string => randomBytes(150).toString("base64");
export const numberOf = (content: string): number => Number(content.slice(0, 8));

export type Mode = "AUTO" | "NONE" | "EXPLICIT";

const ackModes = {
  AUTO: AckMode.ACK_MODE_AUTO,
  NONE: AckMode.ACK_MODE_NONE,
  EXPLICIT: AckMode.ACK_MODE_EXPLICIT,
};

/** A Read, AUTO unless it says otherwise. */
export const readBody = (
  socketId: string,
  options: { maxMessages?: number; noWait?: boolean; maxOutstanding?: number; mode?: Mode } = {},
): Buffer => {
  const { mode = "AUTO", ...rest } = options;
  return framed(ReadRequest.encode(ReadRequest.fromPartial({ socketId, ackMode: ackModes[mode], ...rest })).finish());
};

/** Settles everything that was delivered up to a sequence. */
export const acknowledgeBody = (socketId: string, throughSequence: number): Buffer => {
  const request = AcknowledgeRequest.fromPartial({ socketId, throughSequence: BigInt(throughSequence) });
  return framed(AcknowledgeRequest.encode(request).finish());
};

export const heartbeatBody = (socketId: string): Buffer =>
  framed(HeartbeatRequest.encode(HeartbeatRequest.fromPartial({ socketId })).finish());

export const watchBody = (): Buffer => framed(WatchRequest.encode(WatchRequest.fromPartial({})).finish());

export const infoBody = (): Buffer => framed(GetServerInfoRequest.encode({}).finish());
