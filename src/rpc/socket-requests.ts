/** Requests about sockets as they come, checked for their shape and turned into the registry's words. */
import {
  ConflictPolicy,
  OverflowPolicy,
  ResetScope,
  SocketState,
  type SocketConfig as WireConfig,
  type CreateRequest as WireCreate,
  type ListSocketsRequest as WireList,
  type ResetRequest as WireReset,
  type UpdateRequest as WireUpdate,
  type WatchRequest as WireWatch,
} from "../../gen/ts/socketregistry/v1/socket_registry.js";
import { invalidField, RegistryError } from "../registry/errors.js";
import { ACK_DEADLINE_MAX_MS, type Limits } from "../registry/limits.js";
import type { ListRequest } from "../registry/listing.js";
import type { CreateRequest, ResetRequest } from "../registry/registry.js";
import { checkSocketId } from "../registry/socket.js";
import type { OverflowPolicy as Policy, SocketConfig, SocketState as State } from "../registry/storage.js";
import { checkMask, type UpdateRequest } from "../registry/update.js";
import type { WatchRequest } from "../registry/watch.js";
import { checkEnum, checkStruct, type StructValue } from "./decode.js";
import { Fields, toCount, toHeartbeat, toMs } from "./fields.js";
import { toRetry } from "./retry.js";

/** A listing asks for this many states at most: more than there are, for clients that name one twice. */
const STATES_MAX = 16;
/** An update names this many fields at most: more than there are, for clients that name one twice. */
const MASK_MAX = 64;

/** The registry's words by the wire's numbers. */
const conflictPolicies: readonly CreateRequest["onConflict"][] = ["FAIL", "FAIL", "USE_EXISTING", "REPLACE"];
const resetScopes: readonly ResetRequest["scope"][] = ["ALL", "ALL", "QUEUE", "CONTEXT"];
const states: readonly (State | undefined)[] = [undefined, "ACTIVE", "INACTIVE", "UNRESPONSIVE"];
const overflowPolicies: readonly (Policy | undefined)[] = [undefined, "REJECT", "DROP_OLDEST"];

export class SocketRequests {
  readonly #fields: Fields;

  constructor(limits: Limits) {
    this.#fields = new Fields(limits);
  }

  create(request: WireCreate): CreateRequest {
    const { limits } = this.#fields;
    if (request.socketId !== "") checkSocketId(request.socketId);
    this.#fields.text("model", request.model);
    this.#fields.text("prompt", request.prompt, limits.maxPromptBytes);
    this.#fields.labels("labels", request.labels);
    this.#fields.text("request_id", request.requestId);
    notYet("issue_token", request.issueToken);
    return {
      socketId: request.socketId,
      model: request.model,
      profile: { prompt: request.prompt, context: this.#context("context", request.context) },
      labels: request.labels,
      config: toConfig("config", request.config),
      onConflict: conflictPolicies[checkEnum("on_conflict", request.onConflict, ConflictPolicy)] ?? "FAIL",
      retry: toRetry("", "Create", request),
    };
  }

  update({ socket, updateMask }: WireUpdate): UpdateRequest {
    const { limits } = this.#fields;
    if (socket === undefined) throw invalidField("socket", "must be given");
    checkSocketId(socket.socketId, "socket.socket_id");
    this.#fields.text("socket.etag", socket.etag);
    this.#fields.text("socket.model", socket.model);
    this.#fields.text("socket.prompt", socket.prompt, limits.maxPromptBytes);
    this.#fields.labels("socket.labels", socket.labels);
    const context = this.#context("socket.context", socket.context);
    const config = toConfig("socket.config", socket.config);
    const mask = updateMask ?? [];
    if (mask.length > MASK_MAX) {
      const limit = { limit: String(MASK_MAX) };
      throw invalidField("update_mask", `has ${mask.length} paths and may have ${MASK_MAX}`, limit);
    }
    checkMask(mask);
    const { socketId, etag, model, prompt, labels } = socket;
    const given = { model, prompt, context, labels, config: socket.config && config };
    return {
      socketId,
      etag,
      model,
      prompt,
      context,
      labels,
      config,
      mask: mask.length > 0 ? mask : Object.keys(given).filter((name) => isSet(given[name as keyof typeof given])),
    };
  }

  reset(request: WireReset): ResetRequest {
    checkSocketId(request.socketId);
    this.#fields.text("etag", request.etag);
    const scope = resetScopes[checkEnum("scope", request.scope, ResetScope)] ?? "ALL";
    return { socketId: request.socketId, scope, etag: request.etag };
  }

  list(request: WireList): ListRequest {
    this.#fields.text("model", request.model);
    this.#fields.labels("labels", request.labels);
    this.#fields.pageToken(request.pageToken);
    if (request.states.length > STATES_MAX) {
      const limit = { limit: String(STATES_MAX) };
      throw invalidField("states", `has ${request.states.length} entries and may have ${STATES_MAX}`, limit);
    }
    return {
      ...request,
      states: request.states.flatMap((state) => states[checkEnum("states", state, SocketState)] ?? []),
    };
  }

  watch(request: WireWatch): WatchRequest {
    if (request.socketId !== "") checkSocketId(request.socketId);
    return {
      afterRevision: toCount("after_revision", request.afterRevision) ?? 0,
      socketId: request.socketId,
      heartbeatMs: toHeartbeat(request.heartbeatInterval),
    };
  }

  text(field: string, value: string): string {
    return this.#fields.text(field, value);
  }

  #context(field: string, context: StructValue): Uint8Array | undefined {
    const { maxContextBytes, maxStructDepth } = this.#fields.limits;
    return checkStruct(field, context, {
      maxBytes: maxContextBytes,
      maxDepth: maxStructDepth,
      tooLarge: "INVALID_FIELD",
    });
  }
}

/** What the contract has and this server does not do yet is refused aloud, and never ignored. */
function notYet(what: string, isAsked: boolean): void {
  if (!isAsked) return;
  throw new RegistryError("NOT_IMPLEMENTED", `this server does not support ${what} yet`, { field: what });
}

/** Whether a field of an update is there, for a request without a mask. */
function isSet(value: unknown): boolean {
  if (typeof value === "string") return value !== "";
  return value !== undefined && (value instanceof Uint8Array || Object.keys(value as object).length > 0);
}

function toConfig(field: string, config: WireConfig | undefined): SocketConfig {
  if (config === undefined) return {};
  const policy = config.overflowPolicy ?? OverflowPolicy.OVERFLOW_POLICY_UNSPECIFIED;
  const settings: SocketConfig = {
    leaseDurationMs: toMs(`${field}.lease_duration`, config.leaseDuration),
    messageTtlMs: toMs(`${field}.message_ttl`, config.messageTtl),
    ackDeadlineMs: toMs(`${field}.ack_deadline`, config.ackDeadline, ACK_DEADLINE_MAX_MS),
    maxQueueSize: config.maxQueueSize,
    maxQueueBytes: toCount(`${field}.max_queue_bytes`, config.maxQueueBytes),
    maxDeliveryAttempts: config.maxDeliveryAttempts,
    overflowPolicy: overflowPolicies[checkEnum(`${field}.overflow_policy`, policy, OverflowPolicy)],
    acceptWhenAway: config.acceptWhenAway,
  };
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}
