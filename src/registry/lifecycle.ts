import { isDeepStrictEqual } from "node:util";
import { RegistryError, socketNotFound } from "./errors.js";
import type { Limits } from "./limits.js";
import type { RetryKey } from "./retries.js";
import { checkEtag, checkNotTeam, draftOf, FRESH, generateSocketId } from "./socket.js";
import type { LogEvent, Profile, SocketConfig, SocketRow, SocketState, StateReason, Storage } from "./storage.js";
import { type UpdateRequest, updated } from "./update.js";
import { storageFull } from "./write.js";

export interface CreateRequest {
  /** Empty: made from the model. */
  readonly socketId: string;
  readonly model: string;
  readonly profile: Profile;
  readonly labels: Readonly<Record<string, string>>;
  readonly config: SocketConfig;
  readonly onConflict: "FAIL" | "USE_EXISTING" | "REPLACE";
  /** Undefined without a request_id. */
  readonly retry: RetryKey | undefined;
}

export interface ResetRequest {
  readonly socketId: string;
  readonly scope: "ALL" | "QUEUE" | "CONTEXT";
  readonly etag: string;
}

export interface DeleteRequest {
  readonly socketId: string;
  readonly etag: string;
  readonly allowMissing: boolean;
}

/** How sockets come, change and go. Every function decides and appends; what comes back may not be durable yet. */
export class Lifecycle {
  readonly #storage: Storage;
  readonly #limits: Limits;

  constructor(storage: Storage, limits: Limits) {
    this.#storage = storage;
    this.#limits = limits;
  }

  /** @returns the socket, whether it is a new one, and the one that it replaces */
  create(request: CreateRequest): { row: SocketRow; isNew: boolean; replaced: SocketRow | undefined } {
    const socketId = request.socketId || this.#unusedId(request.model);
    checkNotTeam(socketId, "created");
    const existing = this.#storage.find(socketId);
    if (existing !== undefined && request.onConflict === "FAIL") {
      throw new RegistryError("SOCKET_EXISTS", `there is a socket ${socketId} already`, { socket_id: socketId });
    }
    if (existing !== undefined && request.onConflict === "USE_EXISTING") {
      return { row: existing, isNew: false, replaced: undefined };
    }
    this.#checkSpace(existing === undefined);
    const { model, labels, config, profile } = request;
    const draft = { ...FRESH, socketId, model, labels, config };
    const replaces = existing === undefined ? {} : { replaces: existing.number };
    const row = this.#append({ kind: "create", draft, profile, ...replaces });
    return { row, isNew: true, replaced: existing };
  }

  /** @returns the socket afterwards, and how many messages its queue held */
  reset({ socketId, scope, etag }: ResetRequest): { row: SocketRow; droppedCount: number } {
    if (scope === "CONTEXT") checkNotTeam(socketId, "reset but for its queue");
    const before = this.find(socketId);
    checkEtag(before, etag);
    const queue = scope !== "CONTEXT";
    const droppedCount = queue ? this.#storage.queue(before.number).depth : 0;
    const row = this.#append({
      kind: "reset",
      number: before.number,
      draft: scope === "ALL" ? { ...draftOf(before), ...FRESH } : draftOf(before),
      queue,
      context: scope !== "QUEUE",
    });
    return { row, droppedCount };
  }

  /** @returns the socket as it was, and how many messages its queue held; undefined when it was not there and need not */
  delete({ socketId, etag, allowMissing }: DeleteRequest): { row: SocketRow; droppedCount: number } | undefined {
    checkNotTeam(socketId, "deleted");
    if (allowMissing && this.#storage.find(socketId) === undefined) return undefined;
    const row = this.find(socketId);
    checkEtag(row, etag);
    const droppedCount = this.#storage.queue(row.number).depth;
    this.#storage.append({ kind: "delete", number: row.number });
    return { row, droppedCount };
  }

  /** Changes the state. What is so already is left as it is, with its etag. */
  mark(socketId: string, state: SocketState, stateMessage: string): SocketRow {
    checkNotTeam(socketId, "marked");
    const row = this.find(socketId);
    const stateReason: StateReason = state === "INACTIVE" ? "CLIENT_LEFT" : "OPERATOR";
    const isSame = row.state === state && row.stateReason === stateReason && row.stateMessage === stateMessage;
    if (isSame) return row;
    const draft = { ...draftOf(row), state, stateReason, stateMessage };
    return this.#append({ kind: "change", what: "STATE_CHANGED", number: row.number, draft });
  }

  /** Changes what a client may set. What is so already is left as it is, with its etag. */
  update(request: UpdateRequest): SocketRow {
    const row = this.find(request.socketId);
    const { draft, profile } = updated(row, request);
    this.#checkSpace(false);
    const isSame = Object.keys(profile).length === 0 && isDeepStrictEqual(draft, draftOf(row));
    if (isSame) return row;
    return this.#append({ kind: "change", what: "UPDATED", number: row.number, draft, profile });
  }

  /** @throws SOCKET_NOT_FOUND */
  find(socketId: string): SocketRow {
    const row = this.#storage.find(socketId);
    if (row === undefined) throw socketNotFound(socketId);
    return row;
  }

  #append(event: Exclude<LogEvent, { kind: "message" | "delete" }>): SocketRow {
    const { row } = this.#storage.append(event);
    if (row === undefined) throw new Error(`the storage gave no row for a ${event.kind}`);
    return row;
  }

  #checkSpace(isOneMore: boolean): void {
    const { maxSockets, maxStoreBytes } = this.#limits;
    if (isOneMore && this.#storage.socketCount >= maxSockets) {
      throw new RegistryError("SOCKET_LIMIT", `there are ${maxSockets} sockets, the most allowed`, {
        limit: String(maxSockets),
      });
    }
    if (this.#storage.bytes >= maxStoreBytes) throw storageFull(this.#storage, maxStoreBytes);
  }

  #unusedId(model: string): string {
    let socketId = generateSocketId(model);
    while (this.#storage.find(socketId) !== undefined) socketId = generateSocketId(model);
    return socketId;
  }
}
