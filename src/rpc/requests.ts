/** Requests as they come, checked for their shape and turned into the registry's words. */
import type { Duration } from "../../gen/ts/google/protobuf/duration.js";
import {
  AckMode,
  ConflictPolicy,
  OverflowPolicy,
  ResetScope,
  SocketState,
  type SocketConfig as WireConfig,
  type CreateRequest as WireCreate,
  type ListSocketsRequest as WireList,
  type PeekRequest as WirePeek,
  type ReadRequest as WireRead,
  type ResetRequest as WireReset,
  type WriteRequest as WireWrite,
} from "../../gen/ts/socketregistry/v1/socket_registry.js";
import { invalidField, RegistryError } from "../registry/errors.js";
import type { Limits } from "../registry/limits.js";
import type { ListRequest, PeekRequest } from "../registry/listing.js";
import type { ReadRequest } from "../registry/read.js";
import type { CreateRequest, ResetRequest } from "../registry/registry.js";
import { checkSocketId, TEAM_CHAT_ALL } from "../registry/socket.js";
import type { OverflowPolicy as Policy, SocketConfig, SocketState as State } from "../registry/storage.js";
import type { WriteRequest } from "../registry/write.js";
import { checkEnum, checkStruct } from "./decode.js";
import { encodeBody } from "./wire.js";

const HEARTBEAT_MIN_MS = 100;
const HEARTBEAT_MAX_MS = 3_600_000;
/** No duration of ours is longer than ten years. */
const DURATION_MAX_MS = 10 * 365 * 86_400_000;

/** A listing asks for this many states at most: more than there are, for clients that name one twice. */
const STATES_MAX = 16;

/** The registry's words by the wire's numbers. */
const conflictPolicies: readonly CreateRequest["onConflict"][] = ["FAIL", "FAIL", "USE_EXISTING", "REPLACE"];
const resetScopes: readonly ResetRequest["scope"][] = ["ALL", "ALL", "QUEUE", "CONTEXT"];
const states: readonly (State | undefined)[] = [undefined, "ACTIVE", "INACTIVE", "UNRESPONSIVE"];
const overflowPolicies: readonly (Policy | undefined)[] = [undefined, "REJECT", "DROP_OLDEST"];

/** The checks of every request, with the limits they enforce. */
export class Requests {
  readonly #limits: Limits;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  create(request: WireCreate): CreateRequest {
    const limits = this.#limits;
    if (request.socketId !== "") checkSocketId(request.socketId);
    this.text("model", request.model);
    this.text("prompt", request.prompt, limits.maxPromptBytes);
    this.labels(request.labels);
    notYet("request_id", request.requestId !== "");
    notYet("issue_token", request.issueToken);
    const context = checkStruct("context", request.context, {
      maxBytes: limits.maxContextBytes,
      maxDepth: limits.maxStructDepth,
      tooLarge: "INVALID_FIELD",
    });
    return {
      socketId: request.socketId,
      model: request.model,
      profile: { prompt: request.prompt, context },
      labels: request.labels,
      config: toConfig(request.config),
      onConflict: conflictPolicies[checkEnum("on_conflict", request.onConflict, ConflictPolicy)] ?? "FAIL",
    };
  }

  write(request: WireWrite): WriteRequest {
    const { maxContentBytes, maxMetadataBytes, maxStructDepth } = this.#limits;
    checkSocketId(request.socketId);
    const contentBytes = utf8Length(request.message, maxContentBytes);
    if (contentBytes > maxContentBytes) {
      throw new RegistryError(
        "MESSAGE_TOO_LARGE",
        `message has ${contentBytes} bytes and may have ${maxContentBytes}`,
        {
          field: "message",
          limit: String(maxContentBytes),
          size: String(contentBytes),
        },
      );
    }
    checkStruct("metadata", request.metadata, {
      maxBytes: maxMetadataBytes,
      maxDepth: maxStructDepth,
      tooLarge: "MESSAGE_TOO_LARGE",
    });
    if (request.sender !== "") checkSender(request.sender);
    this.text("thread_id", request.threadId);
    this.text("reply_to", request.replyTo);
    notYet("request_id", request.requestId !== "");
    notYet("match_labels", Object.keys(request.matchLabels).length > 0);
    return {
      socketId: request.socketId,
      sender: request.sender,
      includeSender: request.includeSender,
      body: encodeBody(request),
    };
  }

  read(request: WireRead): ReadRequest {
    const ackMode = checkEnum("ack_mode", request.ackMode, AckMode);
    checkSocketId(request.socketId);
    if (request.consumer !== "" && request.socketId !== TEAM_CHAT_ALL) {
      throw new RegistryError("CONSUMER_NOT_ALLOWED", `consumer is for ${TEAM_CHAT_ALL} only`, { field: "consumer" });
    }
    if (request.after !== undefined && ackMode === AckMode.ACK_MODE_EXPLICIT) {
      const why = "after does not go with ACK_MODE_EXPLICIT: the server knows what is not settled, just Read again";
      throw new RegistryError("AFTER_NOT_ALLOWED", why, { field: "after" });
    }
    this.text("exclude_sender", request.excludeSender);
    this.text("after.epoch", request.after?.epoch ?? "");
    notYet("ack_mode ACK_MODE_EXPLICIT", ackMode === AckMode.ACK_MODE_EXPLICIT);
    notYet("consumer", request.consumer !== "");
    notYet("exclusive", request.exclusive);
    return {
      socketId: request.socketId,
      ackMode: ackMode === AckMode.ACK_MODE_NONE ? "NONE" : "AUTO",
      noWait: request.noWait,
      maxMessages: request.maxMessages,
      after: request.after && { epoch: request.after.epoch, sequence: Number(request.after.sequence) },
      heartbeatMs: toHeartbeat(request.heartbeatInterval),
      excludeSender: request.excludeSender,
    };
  }

  reset(request: WireReset): ResetRequest {
    checkSocketId(request.socketId);
    this.text("etag", request.etag);
    const scope = resetScopes[checkEnum("scope", request.scope, ResetScope)] ?? "ALL";
    return { socketId: request.socketId, scope, etag: request.etag };
  }

  list(request: WireList): ListRequest {
    this.text("model", request.model);
    this.labels(request.labels);
    this.text("page_token", request.pageToken, 1_024);
    if (request.states.length > STATES_MAX) {
      throw invalidField("states", `has ${request.states.length} entries and may have ${STATES_MAX}`, {
        limit: String(STATES_MAX),
      });
    }
    return {
      ...request,
      states: request.states.flatMap((state) => states[checkEnum("states", state, SocketState)] ?? []),
    };
  }

  peek(request: WirePeek): PeekRequest {
    checkSocketId(request.socketId);
    this.text("page_token", request.pageToken, 1_024);
    notYet("parked", request.parked);
    return request;
  }

  /** A text field of the request. @throws INVALID_FIELD when it is longer than allowed */
  text(field: string, value: string, maxBytes: number = this.#limits.maxStringBytes): string {
    const bytes = utf8Length(value, maxBytes);
    if (bytes <= maxBytes) return value;
    throw invalidField(field, `has ${bytes} bytes and may have ${maxBytes}`, { limit: String(maxBytes) });
  }

  labels(labels: Readonly<Record<string, string>>): void {
    const { maxLabels } = this.#limits;
    const entries = Object.entries(labels);
    if (entries.length > maxLabels) {
      throw invalidField("labels", `has ${entries.length} entries and may have ${maxLabels}`, {
        limit: String(maxLabels),
      });
    }
    for (const [key, value] of entries) {
      if (key === "") throw invalidField("labels", "must not have an empty key");
      this.text("labels", key);
      this.text("labels", value);
    }
  }
}

/** An author's name stands in headers, so it is held to what an id is. */
function checkSender(sender: string): void {
  checkSocketId(sender, "sender");
  if (sender === TEAM_CHAT_ALL) throw invalidField("sender", `must not be ${TEAM_CHAT_ALL}, which is nobody`);
}

/** What the contract has and this server does not do yet is refused aloud, and never ignored. */
function notYet(what: string, isAsked: boolean): void {
  if (!isAsked) return;
  throw new RegistryError("NOT_IMPLEMENTED", `this server does not support ${what} yet`, {
    field: what.split(" ")[0] ?? what,
  });
}

function toConfig(config: WireConfig | undefined): SocketConfig {
  if (config === undefined) return {};
  const leaseDurationMs = toMs("config.lease_duration", config.leaseDuration);
  const messageTtlMs = toMs("config.message_ttl", config.messageTtl);
  notYet("config.lease_duration", (leaseDurationMs ?? 0) > 0);
  notYet("config.message_ttl", (messageTtlMs ?? 0) > 0);
  const policy = config.overflowPolicy ?? OverflowPolicy.OVERFLOW_POLICY_UNSPECIFIED;
  const settings: SocketConfig = {
    leaseDurationMs,
    messageTtlMs,
    ackDeadlineMs: toMs("config.ack_deadline", config.ackDeadline),
    maxQueueSize: config.maxQueueSize,
    maxQueueBytes: toCount("config.max_queue_bytes", config.maxQueueBytes),
    maxDeliveryAttempts: config.maxDeliveryAttempts,
    overflowPolicy: overflowPolicies[checkEnum("config.overflow_policy", policy, OverflowPolicy)],
    acceptWhenAway: config.acceptWhenAway,
  };
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}

function toHeartbeat(interval: Duration | undefined): number | undefined {
  const ms = toMs("heartbeat_interval", interval);
  if (ms === undefined || ms === 0) return undefined;
  if (ms >= HEARTBEAT_MIN_MS && ms <= HEARTBEAT_MAX_MS) return ms;
  throw invalidField("heartbeat_interval", `must be from ${HEARTBEAT_MIN_MS} ms to ${HEARTBEAT_MAX_MS} ms`);
}

/** Whole milliseconds, rounded up so that something short is not nothing. */
function toMs(field: string, duration: Duration | undefined): number | undefined {
  if (duration === undefined) return undefined;
  const { seconds, nanos } = duration;
  const ms = Number(seconds) * 1_000 + Math.ceil(nanos / 1_000_000);
  const isDuration = nanos >= 0 && nanos < 1_000_000_000 && seconds >= 0n && ms <= DURATION_MAX_MS;
  if (isDuration) return ms;
  throw invalidField(field, "must be a duration from 0 to 10 years");
}

function toCount(field: string, value: bigint | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value);
  throw invalidField(field, `must be at most ${Number.MAX_SAFE_INTEGER}`);
}

/** The bytes of a text in UTF-8, counted only where they could be more than `maxBytes`. */
function utf8Length(text: string, maxBytes: number): number {
  return text.length * 3 <= maxBytes ? text.length : Buffer.byteLength(text);
}
