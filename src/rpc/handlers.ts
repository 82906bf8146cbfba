import type { Frame } from "../registry/frames.js";
import type { Limits } from "../registry/limits.js";
import type { Registry } from "../registry/registry.js";
import { checkSocketId } from "../registry/socket.js";
import type { ReplicationStatus, SocketState } from "../registry/storage.js";
import type { WatchFrame } from "../registry/watch.js";
import { MessageRequests } from "./message-requests.js";
import { toReceipt } from "./receipts.js";
import { toReplication } from "./replication.js";
import type { Handlers } from "./services.js";
import { SocketRequests } from "./socket-requests.js";
import { socketStates, toSocket } from "./sockets.js";
import { toDate } from "./times.js";
import { decodeCopy, decodeLetter } from "./wire.js";
import { toAskResponse } from "./writes.js";

/** What GetServerInfo tells beside the registry's own numbers. */
export interface ServerFacts {
  readonly version: string;
  readonly durability: "fsync" | "os";
  /** Every limit by the name of its setting. */
  readonly limits: Readonly<Record<string, number>>;
  /** How the replica does at this moment. */
  readonly replication: () => ReplicationStatus;
}

/** The service's methods: each checks the shape of its request, asks the registry, and words the answer. */
export function createHandlers(registry: Registry, limits: Limits, facts: ServerFacts): Handlers<Frame, WatchFrame> {
  const sockets = new SocketRequests(limits);
  const messages = new MessageRequests(limits);
  const mark =
    (state: SocketState) =>
    async ({ socketId, reason }: { socketId: string; reason: string }) => {
      checkSocketId(socketId);
      return { socket: toSocket(await registry.mark(socketId, state, sockets.text("reason", reason))) };
    };

  return {
    create: async (request) => {
      const { view, duplicate } = await registry.create(sockets.create(request));
      return { socket: toSocket(view), duplicate, token: "" };
    },
    write: async (request) => await registry.write(messages.write(request)),
    writeStream: (requests, { signal }) => registry.writeStream(messages.writeFrames(requests), signal),
    read: (request, call) => registry.read(messages.read(request), call),
    acknowledge: async (request) => {
      const { staleSequences, ...counts } = await registry.acknowledge(messages.acknowledge(request));
      return { ...counts, staleSequences: staleSequences.map(BigInt) };
    },
    requeue: async (request) => ({ requeuedCount: await registry.requeue(messages.requeue(request)) }),
    getMessage: async (request) => {
      const { letter, receipts, nextPageToken } = await registry.receipts(messages.receipts(request));
      return { message: decodeLetter(registry.instance, letter), receipts: receipts.map(toReceipt), nextPageToken };
    },
    ask: async function* (request, { signal }) {
      const asked = messages.ask(request);
      for await (const frame of registry.ask(asked, signal)) yield toAskResponse(registry.instance, frame);
    },
    reset: async (request) => {
      const { socket, droppedCount } = await registry.reset(sockets.reset(request));
      return { socket: toSocket(socket), droppedCount };
    },
    delete: async (request) => {
      checkSocketId(request.socketId);
      sockets.text("etag", request.etag);
      return { droppedCount: await registry.delete(request) };
    },
    listSockets: async (request) => {
      const { sockets: views, nextPageToken, revision } = await registry.list(sockets.list(request));
      return { sockets: views.map(toSocket), nextPageToken, revision: BigInt(revision) };
    },
    getSocketInfo: async ({ socketId }) => {
      checkSocketId(socketId);
      return { socket: toSocket(await registry.info(socketId)) };
    },
    update: async (request) => ({ socket: toSocket(await registry.update(sockets.update(request))) }),
    markUnresponsive: mark("UNRESPONSIVE"),
    markActive: mark("ACTIVE"),
    markInactive: mark("INACTIVE"),
    heartbeat: async ({ socketId, epoch }) => {
      checkSocketId(socketId);
      const { row, queueSize, leaseExpireMs } = await registry.heartbeat(socketId, sockets.text("epoch", epoch));
      return { leaseExpireTime: toDate(leaseExpireMs), state: socketStates[row.state], queueSize };
    },
    watch: (request, { signal }) => registry.watch(sockets.watch(request), signal),
    peek: async (request) => {
      const { socket, messages: found, nextPageToken } = await registry.peek(messages.peek(request));
      const holder = { instance: registry.instance, socket, attempt: () => 0 };
      return { messages: found.map((message) => decodeCopy(message, holder)), nextPageToken };
    },
    getServerInfo: async () => {
      const { epoch, socketCount, revision, dedupeMs } = await registry.status();
      return {
        version: facts.version,
        epoch,
        socketCount,
        revision: BigInt(revision),
        limits: Object.fromEntries(Object.entries(facts.limits).map(([name, limit]) => [name, BigInt(limit)])),
        durability: facts.durability,
        dedupeWindowSeconds: dedupeMs / 1_000,
        replication: toReplication(facts.replication()),
      };
    },
  };
}
