/** Writing: one message to one socket, or to the whole team. */
import type { WriteResponse } from "../../../gen/ts/socketregistry/v1/socket_registry.js";
import type { Connection } from "./connection.js";
import type { CallOptions } from "./stub.js";

/** What an author attaches: any JSON. Numbers are doubles. */
export type JsonObject = { readonly [key: string]: unknown };

export interface WriteOptions extends CallOptions {
  /** Anything, at most 64 KiB and 30 levels deep. */
  metadata?: JsonObject | undefined;
  /** The author's socket id. Default: the connection's. Empty: unsigned. */
  sender?: string | undefined;
  /** The thread the message belongs to. */
  threadId?: string | undefined;
  /** The message_id this one answers. */
  replyTo?: string | undefined;
  /** A key under which the message is written once, however often that is tried. Default: one that is made up. */
  requestId?: string | undefined;
}

export interface BroadcastOptions extends WriteOptions {
  /** Only to the sockets that have all these labels. */
  matchLabels?: Readonly<Record<string, string>> | undefined;
  /** Whether the sender gets it, too. */
  includeSender?: boolean | undefined;
}

/** The address of the whole team. */
export const teamId = "team-chat-all";

export function write(
  { stub, sender }: Connection,
  socketId: string,
  message: string,
  options: BroadcastOptions = {},
): Promise<WriteResponse> {
  const { signal, timeoutMs, ...given } = options;
  return stub.write({ sender, ...present(given), socketId, message }, { signal, timeoutMs });
}

/** What a write of a writer can be told. The call is the one that all of them share. */
export type QueuedOptions = Omit<BroadcastOptions, keyof CallOptions>;

type Present<T> = { [K in keyof T]: Exclude<T[K], undefined> };

/** Without what is undefined, which stands for its default like what is not there. */
export function present<T extends object>(options: T): Present<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Present<T>;
}
