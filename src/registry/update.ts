import { invalidField } from "./errors.js";
import { checkEtag, checkNotTeam, draftOf } from "./socket.js";
import type { ProfileChange, SocketConfig, SocketDraft, SocketRow } from "./storage.js";

export interface UpdateRequest {
  readonly socketId: string;
  readonly etag: string;
  /** The fields to change, as the proto names them; `*` is all. */
  readonly mask: readonly string[];
  readonly model: string;
  readonly prompt: string;
  readonly context: Uint8Array | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly config: SocketConfig;
}

export interface Updated {
  readonly draft: SocketDraft;
  readonly profile: ProfileChange;
}

/** The settings by the names of their fields in the proto. */
const SETTINGS = {
  "config.lease_duration": "leaseDurationMs",
  "config.message_ttl": "messageTtlMs",
  "config.ack_deadline": "ackDeadlineMs",
  "config.max_queue_size": "maxQueueSize",
  "config.max_queue_bytes": "maxQueueBytes",
  "config.max_delivery_attempts": "maxDeliveryAttempts",
  "config.overflow_policy": "overflowPolicy",
  "config.accept_when_away": "acceptWhenAway",
} as const satisfies Record<string, keyof SocketConfig>;

const ALL = ["model", "prompt", "context", "labels", "config"];

/** What an update makes of a socket. @throws ETAG_MISMATCH, INVALID_FIELD, BROADCAST_SOCKET_PROTECTED */
export function updated(row: SocketRow, request: UpdateRequest): Updated {
  checkNotTeam(row.socketId, "updated");
  checkEtag(row, request.etag);
  const paths = new Set(request.mask.includes("*") ? ALL : request.mask);
  const draft = draftOf(row);
  return {
    draft: {
      ...draft,
      model: paths.has("model") ? request.model : draft.model,
      labels: paths.has("labels") ? request.labels : draft.labels,
      config: paths.has("config") ? request.config : mergedConfig(draft.config, request.config, paths),
    },
    profile: {
      ...(paths.has("prompt") && { prompt: request.prompt }),
      ...(paths.has("context") && { context: { value: request.context } }),
    },
  };
}

/** @throws INVALID_FIELD when a path names no field that can be updated */
export function checkMask(mask: readonly string[]): void {
  for (const path of mask) {
    if (path === "*" || ALL.includes(path) || Object.hasOwn(SETTINGS, path)) continue;
    throw invalidField("update_mask", `names ${path}, which is no field that can be updated`, { path });
  }
}

function mergedConfig(before: SocketConfig, wanted: SocketConfig, paths: ReadonlySet<string>): SocketConfig {
  const merged: Record<string, unknown> = { ...before };
  for (const [path, setting] of Object.entries(SETTINGS)) {
    if (!paths.has(path)) continue;
    const value = wanted[setting];
    if (value === undefined) delete merged[setting];
    else merged[setting] = value;
  }
  return merged;
}
