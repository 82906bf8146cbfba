/** A socket as people read it. */
import { type Socket, SocketState } from "../../gen/ts/socketregistry/v1/socket_registry.js";
import { configJson, enumName, stateReasonName } from "./json.js";
import { pairs, table } from "./output.js";

/** The states by the words the command line uses. */
export const stateWords = {
  active: SocketState.SOCKET_STATE_ACTIVE,
  inactive: SocketState.SOCKET_STATE_INACTIVE,
  unresponsive: SocketState.SOCKET_STATE_UNRESPONSIVE,
} as const;

export function stateWord(state: SocketState): string {
  return enumName(stateWords, state);
}

export function socketTable(sockets: readonly Socket[]): string {
  const rows = sockets.map((socket) => [
    socket.socketId,
    stateWord(socket.state),
    String(socket.queueSize),
    socket.model,
    timeText(socket.lastActivity),
    labelsText(socket.labels),
  ]);
  return table(["SOCKET", "STATE", "QUEUE", "MODEL", "LAST ACTIVITY", "LABELS"], rows);
}

/** `apollo active claude-3 team=red`: a socket on one line. */
export function socketLine(socket: Socket): string {
  const words = [socket.socketId, stateText(socket), socket.model, labelsText(socket.labels)];
  return words.filter((word) => word !== "").join(" ");
}

/** Everything that is known of a socket. What is absent, zero or empty and says nothing is left out. */
export function socketText(socket: Socket): string {
  const entries: [string, string][] = [
    ["socket", socket.socketId],
    ["model", socket.model],
    ["state", stateText(socket)],
    ["labels", labelsText(socket.labels)],
    ["created", timeText(socket.createdAt)],
    ["last activity", timeText(socket.lastActivity)],
    ["last seen", timeText(socket.lastSeenTime)],
    ["lease expires", timeText(socket.leaseExpireTime)],
    ["queue", queueText(socket)],
    ["oldest unsettled", timeText(socket.oldestUnsettledTime)],
    ["readers", String(socket.readerCount)],
    ["tail", socket.tail === undefined ? "" : `${socket.tail.epoch}:${socket.tail.sequence}`],
    ["etag", socket.etag],
    ["config", socket.config === undefined ? "" : JSON.stringify(configJson(socket.config))],
    ["prompt", socket.prompt],
    ["context", socket.context === undefined ? "" : JSON.stringify(socket.context, null, 2)],
  ];
  return pairs(entries.filter(([, text]) => text !== ""));
}

function stateText({ state, stateReason, stateMessage }: Socket): string {
  const why = [stateReasonName(stateReason), stateMessage].filter((text) => text !== "");
  return why.length === 0 ? stateWord(state) : `${stateWord(state)} (${why.join(": ")})`;
}

function queueText({ queueSize, inFlightCount, parkedCount, droppedCount }: Socket): string {
  return `${queueSize} (in flight ${inFlightCount}, parked ${parkedCount}, dropped ${droppedCount})`;
}

function labelsText(labels: Readonly<Record<string, string>>): string {
  const texts = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  return texts.sort().join(" ");
}

export function timeText(time: Date | undefined): string {
  return time?.toISOString() ?? "";
}
