import { randomBytes } from "node:crypto";
import { RegistryError } from "./errors.js";
import type { SkipReason, SocketDraft, SocketRow } from "./storage.js";

/** The address of everyone, and the id of the socket whose queue is the team feed. */
export const TEAM_CHAT_ALL = "team-chat-all";

const ID_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
/** A generated id begins with at most this many characters of the model. */
const MODEL_PART_MAX = 100;

/** Whether an id is safe in a header, in a URL and in a file name. */
export function isSocketId(socketId: string): boolean {
  return ID_PATTERN.test(socketId);
}

/** @throws INVALID_SOCKET_ID */
export function checkSocketId(socketId: string, field = "socket_id"): void {
  if (isSocketId(socketId)) return;
  throw new RegistryError(
    "INVALID_SOCKET_ID",
    `${field} must be 1 to 128 letters, digits, dots, underscores or hyphens, the first a letter or digit`,
    { field, pattern: ID_PATTERN.source },
  );
}

/** An id made from the model's name, such as `claude_3_sonnet_1a2b3c4d`. */
export function generateSocketId(model: string): string {
  const words = model
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "_")
    .replace(/^_|_$/g, "")
    .slice(0, MODEL_PART_MAX)
    .replace(/_$/, "");
  return `${words || "socket"}_${randomBytes(4).toString("hex")}`;
}

/** `team-chat-all` is always there and always as it is. */
export function checkNotTeam(socketId: string, what: string): void {
  if (socketId !== TEAM_CHAT_ALL) return;
  throw new RegistryError("BROADCAST_SOCKET_PROTECTED", `${TEAM_CHAT_ALL} cannot be ${what}`, {
    socket_id: TEAM_CHAT_ALL,
  });
}

/** Why a socket takes no message in its present state; undefined when it does. */
export function refusalOf(row: SocketRow): SkipReason | undefined {
  if (row.state === "ACTIVE") return undefined;
  const isAway = row.state === "INACTIVE" || row.stateReason === "LEASE_EXPIRED";
  if (isAway && row.config.acceptWhenAway === true) return undefined;
  return row.state === "INACTIVE" ? "SOCKET_INACTIVE" : "SOCKET_UNRESPONSIVE";
}

/** The tag that changes with everything that a client can set, and with the epoch. */
export function etagOf(row: SocketRow): string {
  return row.changedRevision.toString(36);
}

/** @throws ETAG_MISMATCH when a tag is given and is not the socket's */
export function checkEtag(row: SocketRow, etag: string): void {
  if (etag === "" || etag === etagOf(row)) return;
  throw new RegistryError("ETAG_MISMATCH", `${row.socketId} has changed: its etag is ${etagOf(row)}, not ${etag}`, {
    socket_id: row.socketId,
    etag: etagOf(row),
  });
}

/** The settable part of a row, to begin a change with. */
export function draftOf(row: SocketRow): SocketDraft {
  const { socketId, model, state, stateReason, stateMessage, labels, config } = row;
  return { socketId, model, state, stateReason, stateMessage, labels, config };
}

/** Whether a socket has all these labels with these values. */
export function hasLabels(row: SocketRow, labels: Readonly<Record<string, string>>): boolean {
  return Object.entries(labels).every(([key, value]) => Object.hasOwn(row.labels, key) && row.labels[key] === value);
}

/** @throws EPOCH_MISMATCH when an epoch is given and is not the socket's */
export function checkEpoch({ socketId, epoch }: SocketRow, given: string): void {
  if (given === "" || given === epoch) return;
  throw new RegistryError("EPOCH_MISMATCH", `${socketId} is in epoch ${epoch}: it was reset or replaced`, {
    socket_id: socketId,
    epoch,
  });
}

/** The state that Create and Reset give a socket, and a sign of life after its lease ran out. */
export const FRESH = { state: "ACTIVE", stateReason: "NONE", stateMessage: "" } as const;
