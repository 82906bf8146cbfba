import { ReplicationState, SkipReason, type WriteResponse } from "../../gen/ts/socketregistry/v1/socket_registry.js";
import type { Frame } from "../registry/frames.js";
import type { Limits } from "../registry/limits.js";
import type { Registry } from "../registry/registry.js";
import { checkSocketId } from "../registry/socket.js";
import type { SocketState } from "../registry/storage.js";
import type { WriteAnswer } from "../registry/write.js";
import { Requests } from "./requests.js";
import type { Handlers } from "./services.js";
import { toSocket } from "./sockets.js";
import { decodeCopy } from "./wire.js";

/** What GetServerInfo tells beside the registry's own numbers. */
export interface ServerFacts {
  readonly version: string;
  readonly durability: "fsync" | "os";
  /** Every limit by the name of its setting. */
  readonly limits: Readonly<Record<string, number>>;
}

const skipReasons = {
  SOCKET_INACTIVE: SkipReason.SKIP_REASON_SOCKET_INACTIVE,
  SOCKET_UNRESPONSIVE: SkipReason.SKIP_REASON_SOCKET_UNRESPONSIVE,
  QUEUE_FULL: SkipReason.SKIP_REASON_QUEUE_FULL,
  SENDER: SkipReason.SKIP_REASON_SENDER,
};

/** The service's methods: each checks the shape of its request, asks the registry, and words the answer. */
export function createHandlers(registry: Registry, limits: Limits, facts: ServerFacts): Handlers<Frame> {
  const requests = new Requests(limits);
  const mark =
    (state: SocketState) =>
    async ({ socketId, reason }: { socketId: string; reason: string }) => {
      checkSocketId(socketId);
      return { socket: toSocket(await registry.mark(socketId, state, requests.text("reason", reason))) };
    };

  return {
    create: async (request) => {
      const socket = await registry.create(requests.create(request));
      return { socket: toSocket(socket), duplicate: false, token: "" };
    },
    write: async (request) => toWriteResponse(await registry.write(requests.write(request))),
    read: (request, { signal }) => registry.read(requests.read(request), signal),
    reset: async (request) => {
      const { socket, droppedCount } = await registry.reset(requests.reset(request));
      return { socket: toSocket(socket), droppedCount };
    },
    delete: async (request) => {
      checkSocketId(request.socketId);
      requests.text("etag", request.etag);
      return { droppedCount: await registry.delete(request) };
    },
    listSockets: async (request) => {
      const { sockets, nextPageToken, revision } = await registry.list(requests.list(request));
      return { sockets: sockets.map(toSocket), nextPageToken, revision: BigInt(revision) };
    },
    getSocketInfo: async ({ socketId }) => {
      checkSocketId(socketId);
      return { socket: toSocket(await registry.info(socketId)) };
    },
    markUnresponsive: mark("UNRESPONSIVE"),
    markActive: mark("ACTIVE"),
    markInactive: mark("INACTIVE"),
    peek: async (request) => {
      const { instance, socket, messages, nextPageToken } = await registry.peek(requests.peek(request));
      const holder = { instance, socket, deliveryAttempt: 0 };
      return { messages: messages.map((message) => decodeCopy(message, holder)), nextPageToken };
    },
    getServerInfo: async () => {
      const { epoch, socketCount, revision } = await registry.status();
      return {
        version: facts.version,
        epoch,
        socketCount,
        revision: BigInt(revision),
        limits: Object.fromEntries(Object.entries(facts.limits).map(([name, limit]) => [name, BigInt(limit)])),
        durability: facts.durability,
        dedupeWindowSeconds: 0,
        replication: REPLICATION_OFF,
      };
    },
  };
}

const REPLICATION_OFF = {
  target: "",
  dialect: "",
  state: ReplicationState.REPLICATION_STATE_OFF,
  lagEntries: 0n,
  lagSeconds: 0,
  lastSuccessTime: undefined,
  lastError: "",
};

function toWriteResponse(answer: WriteAnswer): WriteResponse {
  return {
    messageId: answer.messageId,
    deliveredCount: answer.deliveredCount,
    skippedCount: answer.skippedCount,
    results: answer.results.map(({ socketId, sequence, skipReason }) => ({
      socketId,
      sequence: BigInt(sequence),
      skipReason: skipReason === undefined ? SkipReason.SKIP_REASON_UNSPECIFIED : skipReasons[skipReason],
    })),
    duplicate: false,
  };
}
