/**
 * As much of a registry as a client needs to be tested: sockets and queues in memory, real gRPC. It can
 * go away and come back with its memory, which is what the tests of reconnecting need.
 */
import { once } from "node:events";
import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerWritableStream,
  type ServiceError,
  status,
} from "@grpc/grpc-js";
import { ErrorInfo } from "../../gen/ts/google/rpc/error_details.js";
import { Status } from "../../gen/ts/google/rpc/status.js";
import {
  AckMode,
  ConflictPolicy,
  GetServerInfoResponse,
  Message,
  ReadEvent,
  type ReadRequest,
  ReadResponse,
  ReplicationState,
  ResetScope,
  SkipReason,
  Socket,
  type SocketRegistryServer,
  SocketRegistryService,
  SocketState,
  StateReason,
  type WriteRequest,
  WriteResponse,
  type WriteStreamRequest,
  type WriteStreamResponse,
} from "../../gen/ts/socketregistry/v1/socket_registry.js";

const team = "team-chat-all";
const frameMessagesMax = 4;

interface Mailbox {
  socket: Socket;
  /** All messages of the epoch; the one at index i has the sequence i + 1. */
  messages: Message[];
  settledCount: number;
  epoch: number;
  /** Called when there is something new for readers. */
  wakeups: Set<() => void>;
}

export interface FakeRegistry {
  readonly address: string;
  /** Breaks every connection and lets the port go. */
  stop(): Promise<void>;
  /** Comes back on the same port, with everything it knew. */
  start(): Promise<void>;
}

export async function startFakeRegistry(): Promise<FakeRegistry> {
  const handlers = createHandlers();
  let server = new Server();
  let port = 0;

  async function start(): Promise<void> {
    server = new Server();
    server.addService(SocketRegistryService, handlers);
    port = await new Promise((resolve, reject) => {
      server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      );
    });
  }

  await start();
  return {
    address: `127.0.0.1:${port}`,
    start,
    async stop() {
      const closed = new Promise((resolve) => server.tryShutdown(resolve));
      server.forceShutdown();
      await closed;
    },
  };
}

/** A refusal: as the status of a call, and as the outcome of one write of a stream. */
class Refusal extends Error implements ServiceError {
  readonly code: status;
  readonly details: string;
  readonly metadata = new Metadata();
  readonly outcome: Status;

  constructor(code: status, reason: string, message: string) {
    super(message);
    const value = Buffer.from(ErrorInfo.encode({ reason, domain: "socketregistry.v1", metadata: {} }).finish());
    const details = [{ typeUrl: "type.googleapis.com/google.rpc.ErrorInfo", value }];
    this.code = code;
    this.details = message;
    this.outcome = { code, message, details };
    this.metadata.set("grpc-status-details-bin", Buffer.from(Status.encode(this.outcome).finish()));
  }
}

function refuse(code: status, reason: string, message: string): Refusal {
  return new Refusal(code, reason, message);
}

function createHandlers() {
  const mailboxes = new Map<string, Mailbox>();
  let messageCount = 0;
  add({ socketId: team, model: "broadcast" });

  function add(fields: Partial<Socket>): Mailbox {
    const mailbox: Mailbox = {
      socket: Socket.fromPartial({
        state: SocketState.SOCKET_STATE_ACTIVE,
        createdAt: new Date(),
        lastActivity: new Date(),
        etag: String(mailboxes.size),
        ...fields,
      }),
      messages: [],
      settledCount: 0,
      epoch: 1,
      wakeups: new Set(),
    };
    mailboxes.set(mailbox.socket.socketId, mailbox);
    return mailbox;
  }

  function find(socketId: string): Mailbox {
    const found = mailboxes.get(socketId);
    if (found !== undefined) return found;
    throw refuse(status.NOT_FOUND, "SOCKET_NOT_FOUND", `there is no socket ${socketId}`);
  }

  function look({ socket, messages, settledCount, epoch }: Mailbox): Socket {
    const tail = { epoch: `epoch${epoch}`, sequence: BigInt(messages.length) };
    return { ...socket, tail, queueSize: messages.length - settledCount };
  }

  function deliver(mailbox: Mailbox, request: WriteRequest, messageId: string): bigint {
    const sequence = BigInt(mailbox.messages.length + 1);
    const { socketId } = mailbox.socket;
    const author = request.sender || (socketId === team ? request.socketId : socketId);
    mailbox.messages.push(
      Message.fromPartial({
        ...request,
        header: `[team-chat-from-${author}]`,
        content: request.message,
        messageId,
        timestamp: new Date(),
        sequence,
        epoch: `epoch${mailbox.epoch}`,
        recipient: request.socketId,
      }),
    );
    wake(mailbox);
    return sequence;
  }

  function skipReasonOf({ socket, messages, settledCount }: Mailbox): SkipReason {
    if (socket.state === SocketState.SOCKET_STATE_INACTIVE) {
      return SkipReason.SKIP_REASON_SOCKET_INACTIVE;
    }
    const queueSizeMax = socket.config?.maxQueueSize ?? 10_000;
    if (messages.length - settledCount >= queueSizeMax) return SkipReason.SKIP_REASON_QUEUE_FULL;
    return SkipReason.SKIP_REASON_UNSPECIFIED;
  }

  function broadcast(request: WriteRequest, messageId: string): WriteResponse {
    const all = [...mailboxes.values()].filter(({ socket }) => socket.socketId !== team);
    const results = all.map((mailbox) => {
      const { socketId } = mailbox.socket;
      const isOwn = socketId === request.sender && !request.includeSender;
      const skipReason = isOwn ? SkipReason.SKIP_REASON_SENDER : skipReasonOf(mailbox);
      const isTaken = skipReason === SkipReason.SKIP_REASON_UNSPECIFIED;
      const sequence = isTaken ? deliver(mailbox, request, messageId) : 0n;
      return { socketId, skipReason, sequence };
    });
    if (request.sender !== "") deliver(find(team), request, messageId);
    const skippedCount = results.filter(({ skipReason }) => skipReason !== 0).length;
    const deliveredCount = results.length - skippedCount;
    return WriteResponse.fromPartial({ messageId, results, skippedCount, deliveredCount });
  }

  function write(request: WriteRequest): WriteResponse {
    const mailbox = find(request.socketId);
    const messageId = `message${++messageCount}`;
    if (request.socketId === team) return broadcast(request, messageId);
    if (skipReasonOf(mailbox) === SkipReason.SKIP_REASON_SOCKET_INACTIVE) {
      const text = `${request.socketId} is inactive`;
      throw refuse(status.FAILED_PRECONDITION, "SOCKET_INACTIVE", text);
    }
    if (skipReasonOf(mailbox) === SkipReason.SKIP_REASON_QUEUE_FULL) {
      throw refuse(status.RESOURCE_EXHAUSTED, "QUEUE_FULL", `${request.socketId} is full`);
    }
    if (request.sender === request.socketId) deliver(find(team), request, messageId);
    else deliver(mailbox, request, messageId);
    if (request.sender === "") deliver(find(team), request, messageId);
    return WriteResponse.fromPartial({ messageId, deliveredCount: 1 });
  }

  function resultOf(request: WriteRequest): WriteStreamResponse["results"][number] {
    try {
      return { outcome: { $case: "response", value: write(request) } };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return { outcome: { $case: "error", value: error.outcome } };
    }
  }

  function mark(socketId: string, stateMessage: string, state: SocketState): { socket: Socket } {
    const mailbox = find(socketId);
    const stateReason = StateReason.STATE_REASON_OPERATOR;
    mailbox.socket = { ...mailbox.socket, state, stateMessage, stateReason };
    return { socket: look(mailbox) };
  }

  return {
    create: unary((request) => {
      const socketId = request.socketId || `${request.model || "socket"}_1a2b3c4d`;
      const found = mailboxes.get(socketId);
      if (found !== undefined && request.onConflict === ConflictPolicy.CONFLICT_POLICY_USE_EXISTING) {
        return { socket: look(found), duplicate: false, token: "" };
      }
      if (found !== undefined && request.onConflict !== ConflictPolicy.CONFLICT_POLICY_REPLACE) {
        throw refuse(status.ALREADY_EXISTS, "SOCKET_EXISTS", `there is a socket ${socketId}`);
      }
      return { socket: look(add({ ...request, socketId })), duplicate: false, token: "" };
    }),
    write: unary(write),
    writeStream: (call: ServerDuplexStream<WriteStreamRequest, WriteStreamResponse>) => {
      call.on("data", ({ writes }: WriteStreamRequest) => call.write({ results: writes.map(resultOf) }));
      call.on("end", () => call.end());
    },
    read: (call) => {
      serve(call, find).then(
        () => call.end(),
        (error: unknown) => void call.emit("error", error),
      );
    },
    reset: unary(({ socketId, scope, etag }) => {
      const mailbox = find(socketId);
      checkEtag(mailbox, etag);
      const droppedCount = mailbox.messages.length - mailbox.settledCount;
      if (scope === ResetScope.RESET_SCOPE_CONTEXT) mailbox.socket = { ...mailbox.socket, context: {} };
      else Object.assign(mailbox, { messages: [], settledCount: 0, epoch: mailbox.epoch + 1 });
      wake(mailbox);
      return { socket: look(mailbox), droppedCount };
    }),
    delete: unary(({ socketId, etag, allowMissing }) => {
      if (allowMissing && !mailboxes.has(socketId)) return { droppedCount: 0 };
      const mailbox = find(socketId);
      checkEtag(mailbox, etag);
      mailboxes.delete(socketId);
      wake(mailbox);
      return { droppedCount: mailbox.messages.length - mailbox.settledCount };
    }),
    // Pages of two, so that a client that does not ask for the next one is found out.
    listSockets: unary(({ pageToken, states, labels, model }) => {
      const start = Number(pageToken);
      const all = [...mailboxes.values()]
        .map(look)
        .filter(
          (socket) =>
            (states.length === 0 || states.includes(socket.state)) &&
            (model === "" || model === socket.model) &&
            Object.entries(labels).every(([key, value]) => socket.labels[key] === value),
        );
      const nextPageToken = start + 2 < all.length ? String(start + 2) : "";
      return { sockets: all.slice(start, start + 2), nextPageToken, revision: 1n };
    }),
    getSocketInfo: unary(({ socketId }) => ({ socket: look(find(socketId)) })),
    markActive: unary((request) => mark(request.socketId, request.reason, SocketState.SOCKET_STATE_ACTIVE)),
    markInactive: unary((request) => mark(request.socketId, request.reason, SocketState.SOCKET_STATE_INACTIVE)),
    markUnresponsive: unary((request) => mark(request.socketId, request.reason, SocketState.SOCKET_STATE_UNRESPONSIVE)),
    peek: unary(({ socketId, pageSize, pageToken }) => {
      const { messages, settledCount } = find(socketId);
      const start = settledCount + Number(pageToken);
      const end = start + Math.min(pageSize || 50, 2);
      const nextPageToken = end < messages.length ? String(end - settledCount) : "";
      return { messages: messages.slice(start, end), nextPageToken };
    }),
    getServerInfo: unary(() =>
      GetServerInfoResponse.fromPartial({
        version: "0.0.0-fake",
        epoch: "fake",
        socketCount: mailboxes.size - 1,
        revision: 9_007_199_254_740_993n,
        limits: { max_message_bytes: 1_048_576n },
        durability: "fsync",
        replication: { state: ReplicationState.REPLICATION_STATE_OFF },
      }),
    ),
  } satisfies Partial<SocketRegistryServer>;
}

function checkEtag({ socket }: Mailbox, etag: string): void {
  if (etag !== "" && etag !== socket.etag) {
    throw refuse(status.ABORTED, "ETAG_MISMATCH", `the etag is ${socket.etag}`);
  }
}

function wake({ wakeups }: Mailbox): void {
  for (const wakeup of wakeups) wakeup();
}

function unary<Request, Response>(handler: (request: Request) => Response) {
  return (call: { request: Request }, callback: (error: Partial<ServiceError> | null, response?: Response) => void) => {
    try {
      callback(null, handler(call.request));
    } catch (error) {
      callback(error instanceof Error ? error : new Error(String(error)));
    }
  };
}

async function serve(
  call: ServerWritableStream<ReadRequest, ReadResponse>,
  find: (socketId: string) => Mailbox,
): Promise<void> {
  const { socketId, ackMode, after, noWait, maxMessages, excludeSender } = call.request;
  const mailbox = find(socketId);
  const isTaking = ackMode !== AckMode.ACK_MODE_NONE;
  let epoch = mailbox.epoch;
  let place = after === undefined ? mailbox.settledCount : Number(after.sequence);
  let remaining = maxMessages || Number.POSITIVE_INFINITY;
  if (place > mailbox.messages.length || (after?.epoch && after.epoch !== `epoch${epoch}`)) {
    throw refuse(status.OUT_OF_RANGE, "POSITION_LOST", `the oldest position is epoch${epoch}:0`);
  }
  const send = async (frame: Parameters<typeof ReadResponse.fromPartial>[0]) => {
    const position = { epoch: `epoch${epoch}`, sequence: BigInt(place) };
    if (!call.write(ReadResponse.fromPartial({ position, ...frame })) && !call.cancelled) {
      await Promise.race([once(call, "drain"), once(call, "cancelled")]);
    }
  };
  mailbox.socket.readerCount += 1;
  try {
    if (call.request.heartbeatInterval !== undefined) {
      await send({ event: ReadEvent.READ_EVENT_STARTED });
    }
    while (!call.cancelled && remaining > 0) {
      if (epoch !== mailbox.epoch) {
        epoch = mailbox.epoch;
        place = 0;
        await send({ event: ReadEvent.READ_EVENT_RESET });
      }
      const end = Math.min(place + frameMessagesMax, place + remaining);
      const batch = mailbox.messages.slice(place, end);
      place += batch.length;
      if (isTaking) mailbox.settledCount = Math.max(mailbox.settledCount, place);
      const messages = batch.filter(({ sender }) => sender === "" || sender !== excludeSender);
      remaining -= messages.length;
      if (messages.length > 0) await send({ messages });
      if (batch.length > 0) continue;
      if (noWait) return;
      await new Promise<void>((resolve) => {
        mailbox.wakeups.add(resolve);
        call.once("cancelled", resolve);
      });
      if (!call.cancelled && isGone(find, mailbox)) {
        throw refuse(status.NOT_FOUND, "SOCKET_DELETED", `the socket ${socketId} was deleted`);
      }
    }
  } finally {
    mailbox.socket.readerCount -= 1;
  }
}

function isGone(find: (socketId: string) => Mailbox, mailbox: Mailbox): boolean {
  try {
    return find(mailbox.socket.socketId) !== mailbox;
  } catch {
    return true;
  }
}
