/** What is sent: the same messages to the server and to its ceiling. */
import {
  AckMode,
  AcknowledgeRequest,
  CreateRequest,
  GetServerInfoRequest,
  HeartbeatRequest,
  ReadRequest,
  WatchRequest,
  WriteRequest,
} from "../gen/ts/socketregistry/v1/socket_registry.js";

export const TEAM = "team-chat-all";
/** The author, who has no socket. What is signed goes to its recipient alone and not to the team feed. */
export const WRITER = "bench-writer";
/** 200 bytes, as an agent might write them. */
export const CONTENT = "The tests of the parser pass; next is the printer. ".repeat(4).slice(0, 200);

export const socketName = (index: number): string => `socket-${index}`;

export type Method = "Create" | "Write" | "Read" | "Acknowledge" | "Heartbeat" | "Watch" | "GetServerInfo";
export const pathOf = (method: Method): string => `/socketregistry.v1.SocketRegistry/${method}`;

/** A message as gRPC sends it: not compressed, its length, its bytes. */
function framed(message: Uint8Array): Buffer {
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

export const writeBody = (socketId: string): Buffer =>
  framed(WriteRequest.encode(WriteRequest.fromPartial({ socketId, message: CONTENT, sender: WRITER })).finish());

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
