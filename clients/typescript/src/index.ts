/** The client of the AI Socket Registry: `connect` is the way in. */

export * from "../../../gen/ts/socketregistry/v1/socket_registry.js";
export type { AgentEnd, AgentHandler, AgentOptions } from "./agent.js";
export type { Answers, Asking, AskOptions } from "./ask.js";
export type { TlsOptions } from "./channel.js";
export { type ConnectOptions, connect } from "./connect.js";
export type { Reconnect } from "./connection.js";
export { durationOf } from "./duration.js";
export { nameOf } from "./enums.js";
export { type Reason, RegistryError, reasonOf } from "./errors.js";
export type { HandleOptions, Handler } from "./handle.js";
export type { ReceivedMessage } from "./message.js";
export type { MessagesOptions, ReadingOptions } from "./messages.js";
export type { CreateOptions, ListOptions, Registry } from "./registry.js";
export type { Changes, DeleteOptions, PeekOptions, ResetOptions, SocketHandle, UpdateOptions } from "./socket.js";
export type { CallOptions, Part, Stub } from "./stub.js";
export type { WatchOptions } from "./watch.js";
export type { BroadcastOptions, JsonObject, QueuedOptions, WriteOptions } from "./write.js";
export type { Writer, WriterOptions } from "./writer.js";
