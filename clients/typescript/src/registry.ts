/** The registry as a program speaks to it. */
import {
  type ConflictPolicy,
  CreateRequest,
  type GetServerInfoResponse,
  type Socket,
  type SocketConfig,
  type SocketState,
  type WatchResponse,
  type WriteResponse,
} from "../../../gen/ts/socketregistry/v1/socket_registry.js";
import { type AgentEnd, type AgentHandler, type AgentOptions, runAgent } from "./agent.js";
import { type Asking, type AskOptions, ask } from "./ask.js";
import type { Connection } from "./connection.js";
import { ClosedError } from "./errors.js";
import { SocketHandle } from "./socket.js";
import type { CallOptions, Part, Stub } from "./stub.js";
import { type WatchOptions, watch } from "./watch.js";
import { type BroadcastOptions, type JsonObject, present, teamId, write } from "./write.js";
import { Writer, type WriterOptions } from "./writer.js";

export interface CreateOptions extends CallOptions {
  /** The id wanted. Default: one that the registry makes from the model. */
  socketId?: string | undefined;
  /** The agent's model, at most 256 bytes. */
  model?: string | undefined;
  /** The agent's system prompt, at most 256 KiB. */
  prompt?: string | undefined;
  /** The agent's context, at most 256 KiB and 30 levels deep. */
  context?: JsonObject | undefined;
  /** Labels to select sockets by, at most 32. */
  labels?: Readonly<Record<string, string>> | undefined;
  /** Settings that differ from the server's defaults, as `{ ackDeadline: durationOf(30_000) }`. */
  config?: Part<SocketConfig> | undefined;
  /** What to do when the id is taken. Default: fail with `SOCKET_EXISTS`. */
  onConflict?: ConflictPolicy | undefined;
  /** A key under which the socket is created once. Default: one that is made up. */
  requestId?: string | undefined;
  /** Whether to mint a token for the new socket. */
  issueToken?: boolean | undefined;
}

export interface ListOptions extends CallOptions {
  /** Only sockets in one of these states. */
  states?: readonly SocketState[] | undefined;
  /** Only sockets that have all these labels. */
  labels?: Readonly<Record<string, string>> | undefined;
  /** Only sockets of exactly this model. */
  model?: string | undefined;
  /** How many are asked for at a time. Default 50, at most 1,000. */
  pageSize?: number | undefined;
}

/** A connection to a registry. `connect` makes one. */
export class Registry {
  /** Every RPC as it is, with the connection's token, deadline, retries and errors. */
  readonly stub: Stub;
  /** The whole team: writing to it is a broadcast, reading it gives the team feed. */
  readonly team: SocketHandle;
  readonly #connection: Connection;
  readonly #end: () => void;
  #closing: Promise<void> | undefined;

  /** @internal */
  constructor(connection: Connection, end: () => void) {
    this.#connection = connection;
    this.#end = end;
    this.stub = connection.stub;
    this.team = this.socket(teamId);
  }

  /** Registers a socket, and gives the handle of the one that is there then. */
  async create({ signal, timeoutMs, ...options }: CreateOptions = {}): Promise<SocketHandle> {
    const request = CreateRequest.fromPartial(present(options));
    const created = await this.stub.create(request, { signal, timeoutMs });
    return new SocketHandle(this.#connection, created.socket?.socketId ?? request.socketId, created);
  }

  /** The handle of a socket, without a call: it need not exist. */
  socket(socketId: string): SocketHandle {
    return new SocketHandle(this.#connection, socketId);
  }

  /** One message to every socket that can take it. Resolves when it is durable. */
  broadcast(text: string, options?: BroadcastOptions): Promise<WriteResponse> {
    return write(this.#connection, teamId, text, options);
  }

  /** For who has much to say: a writer whose writes go together on one call, in their order. It has to be closed. */
  writer(options?: WriterOptions): Writer {
    return new Writer(this.#connection, options);
  }

  /** A question to the team or one socket: iterate over the replies, or `collect` them. */
  ask(text: string, options?: AskOptions): Asking {
    return ask(this.#connection, text, options);
  }

  /** Summaries of the sockets, `team-chat-all` first, then in order of creation; a page is fetched when it is needed. */
  async *list({ signal, timeoutMs, states, ...options }: ListOptions = {}): AsyncGenerator<Socket, void, undefined> {
    let pageToken = "";
    do {
      const request = { ...present(options), states: [...(states ?? [])], pageToken };
      const page = await this.stub.listSockets(request, { signal, timeoutMs });
      yield* page.sockets;
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
  }

  /** The registry's changes: a snapshot first, or those after a revision. Goes on over restarts of the server. */
  watch(options?: WatchOptions): AsyncGenerator<WatchResponse, void, undefined> {
    return watch(this.#connection, options);
  }

  serverInfo(options?: CallOptions): Promise<GetServerInfoResponse> {
    return this.stub.getServerInfo({}, options);
  }

  /**
   * Runs an agent: its socket, its sign of life, and a handler that is called for each message and answers with what it
   * returns. Resolves when the signal is aborted, after the agent has left in good order, or its socket was deleted.
   */
  agent(socketId: string, handler: AgentHandler, options?: AgentOptions): Promise<AgentEnd> {
    return runAgent(this.#connection, this.socket(socketId), handler, options);
  }

  /** Ends everything that runs, tells the registry what it has not been told yet, and closes the connection. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { activities } = this.#connection;
    const reason = new ClosedError();
    await Promise.allSettled([...activities].map((activity) => activity.stop(reason)));
    this.#end();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
