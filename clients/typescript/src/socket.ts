/** A socket as a program speaks to it: its address, and every verb that takes one. */
import {
  AckMode,
  type CreateResponse,
  type DeleteResponse,
  type Message,
  type PeekRequest,
  type ResetResponse,
  type ResetScope,
  type Socket,
  type SocketConfig,
  type WriteResponse,
} from "../../../gen/ts/socketregistry/v1/socket_registry.js";
import type { Connection } from "./connection.js";
import { isBroken } from "./errors.js";
import { type HandleOptions, type Handler, handle } from "./handle.js";
import type { ReceivedMessage } from "./message.js";
import { type MessagesOptions, messagesOf } from "./messages.js";
import type { CallOptions, Part } from "./stub.js";
import { type JsonObject, present, type WriteOptions, write } from "./write.js";

export interface ResetOptions extends CallOptions {
  /** What to clear. Default: queue and context, and the socket becomes ACTIVE. */
  scope?: ResetScope | undefined;
  /** Only if it is the socket's etag. */
  etag?: string | undefined;
}

export interface DeleteOptions extends CallOptions {
  /** Only if it is the socket's etag. */
  etag?: string | undefined;
  /** Whether it is fine when there is no such socket. */
  allowMissing?: boolean | undefined;
}

/** What to change. What is not named stays. */
export interface Changes {
  model?: string;
  prompt?: string;
  context?: JsonObject;
  labels?: Readonly<Record<string, string>>;
  /** Single settings: those that are not named stay, and `undefined` goes back to the server's default. */
  config?: { [Setting in keyof SocketConfig]?: Part<SocketConfig>[Setting] | undefined };
}

export interface UpdateOptions extends CallOptions {
  /** Only if it is the socket's etag. */
  etag?: string | undefined;
}

export interface PeekOptions extends CallOptions {
  /** Look at parked messages instead of waiting ones. */
  parked?: boolean | undefined;
  /** Look at the queue of this consumer of the team feed. */
  consumer?: string | undefined;
}

/** Where messages of one socket are. It is an address, not a connection: there is nothing to close. */
export class SocketHandle {
  readonly id: string;
  /** The answer of Create, on the handle that `create` gave. */
  readonly created: CreateResponse | undefined;
  readonly #connection: Connection;

  /** @internal */
  constructor(connection: Connection, id: string, created?: CreateResponse) {
    this.#connection = connection;
    this.id = id;
    this.created = created;
  }

  /** Puts a message into the socket's queue. Resolves when it is durable. */
  write(text: string, options?: WriteOptions): Promise<WriteResponse> {
    return write(this.#connection, this.id, text, options);
  }

  /** The socket's own output: a write by it to itself, which goes to the team feed and answers an Ask. */
  say(text: string, options?: Omit<WriteOptions, "sender">): Promise<WriteResponse> {
    return write(this.#connection, this.id, text, { ...options, sender: this.id });
  }

  /**
   * The messages that wait, and then those that come. A message is settled when the body of the loop is done with it, and
   * given back when the loop is left by `break` or an exception; `await message.ack()` before `break` settles it.
   */
  messages(options: MessagesOptions = {}): AsyncGenerator<ReceivedMessage, void, undefined> {
    return messagesOf(this.#connection, this.id, options);
  }

  /**
   * Calls the handler for each message. Returning settles it, throwing gives it back. Rejects with the reason of the
   * signal when that is aborted, or with the error that ends the reading, such as `SOCKET_DELETED`.
   */
  handle(handler: Handler, options?: HandleOptions): Promise<never> {
    return handle(this.#connection, this.id, handler, options);
  }

  /**
   * Takes everything that waits, at most once: what was taken is settled. Where the connection breaks in between, it gives
   * what it has got; the rest waits for the next time.
   */
  async drain(options?: CallOptions): Promise<Message[]> {
    const request = { socketId: this.id, noWait: true, ackMode: AckMode.ACK_MODE_AUTO };
    const messages: Message[] = [];
    try {
      for await (const frame of this.#connection.stub.read(request, options)) messages.push(...frame.messages);
    } catch (error) {
      if (messages.length === 0 || !isBroken(error)) throw error;
    }
    return messages;
  }

  /** The socket in full, with its prompt and context. */
  async info(options?: CallOptions): Promise<Socket> {
    return there(await this.#connection.stub.getSocketInfo({ socketId: this.id }, options));
  }

  /** Clears queue and context, or one of them, and keeps the socket. */
  reset({ signal, timeoutMs, ...options }: ResetOptions = {}): Promise<ResetResponse> {
    return this.#connection.stub.reset({ ...present(options), socketId: this.id }, { signal, timeoutMs });
  }

  /** Removes the socket, its queue and its context. */
  delete({ signal, timeoutMs, ...options }: DeleteOptions = {}): Promise<DeleteResponse> {
    return this.#connection.stub.delete({ ...present(options), socketId: this.id }, { signal, timeoutMs });
  }

  /** Changes what is named, and gives the socket as it is then. */
  async update(changes: Changes, { signal, timeoutMs, etag = "" }: UpdateOptions = {}): Promise<Socket> {
    const socket = { ...changes, config: present(changes.config ?? {}), socketId: this.id, etag };
    const request = { socket, updateMask: maskOf(changes) };
    return there(await this.#connection.stub.update(request, { signal, timeoutMs }));
  }

  /** The way back: the socket takes messages again. */
  async markActive(reason = "", options?: CallOptions): Promise<Socket> {
    return there(await this.#connection.stub.markActive({ socketId: this.id, reason }, options));
  }

  /** A graceful leave: new messages are refused, or collected with `acceptWhenAway`; what waits is kept. */
  async markInactive(reason = "", options?: CallOptions): Promise<Socket> {
    return there(await this.#connection.stub.markInactive({ socketId: this.id, reason }, options));
  }

  /** Refuses new messages. What waits is kept. */
  async markUnresponsive(reason = "", options?: CallOptions): Promise<Socket> {
    return there(await this.#connection.stub.markUnresponsive({ socketId: this.id, reason }, options));
  }

  /** What waits, oldest first, page by page; takes nothing. */
  async *peek({ signal, timeoutMs, ...options }: PeekOptions = {}): AsyncGenerator<Message, void, undefined> {
    let pageToken = "";
    do {
      const request: Part<PeekRequest> = { ...present(options), socketId: this.id, pageToken };
      const page = await this.#connection.stub.peek(request, { signal, timeoutMs });
      yield* page.messages;
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
  }

  /** Puts parked messages back into the queue: these, or all. Gives how many. */
  async requeue(sequences: readonly bigint[] = [], options?: CallOptions & { consumer?: string }): Promise<number> {
    const { consumer = "" } = options ?? {};
    const request = { socketId: this.id, sequences: [...sequences], consumer };
    return (await this.#connection.stub.requeue(request, options)).requeuedCount;
  }
}

function there({ socket }: { socket: Socket | undefined }): Socket {
  if (socket === undefined) throw new Error("the registry answered without a socket");
  return socket;
}

/** The fields that are named, as the proto names them. */
function maskOf({ config, ...changes }: Changes): string[] {
  const settings = Object.keys(config ?? {}).map((setting) => `config.${snakeCase(setting)}`);
  return [...Object.keys(present(changes)), ...settings];
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
