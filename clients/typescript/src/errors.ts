/** How a call can fail. Branch on `reason`, never on the text. */
import { type Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { ErrorInfo } from "../../../gen/ts/google/rpc/error_details.js";
import { Status } from "../../../gen/ts/google/rpc/status.js";

/** Every reason that a registry gives for a refusal. */
export type Reason =
  | "SOCKET_NOT_FOUND"
  | "MESSAGE_NOT_FOUND"
  | "SOCKET_DELETED"
  | "SOCKET_EXISTS"
  | "INVALID_SOCKET_ID"
  | "MESSAGE_TOO_LARGE"
  | "CONTEXT_TOO_DEEP"
  | "INVALID_FIELD"
  | "AFTER_NOT_ALLOWED"
  | "CONSUMER_NOT_ALLOWED"
  | "REQUEST_ID_REUSED"
  | "SOCKET_INACTIVE"
  | "SOCKET_UNRESPONSIVE"
  | "BROADCAST_SOCKET_PROTECTED"
  | "EPOCH_MISMATCH"
  | "ETAG_MISMATCH"
  | "READER_SUPERSEDED"
  | "QUEUE_FULL"
  | "SOCKET_LIMIT"
  | "READER_LIMIT"
  | "STORAGE_FULL"
  | "POSITION_LOST"
  | "SHUTTING_DOWN"
  | "STORAGE_UNAVAILABLE"
  | "NOT_IMPLEMENTED"
  | "INTERNAL";

/**
 * A call that failed: refused by the registry, or never answered. What the caller aborts does not fail with it, but with
 * the reason of the signal.
 */
export class RegistryError extends Error {
  override readonly name = "RegistryError";
  /** The gRPC status. */
  readonly code: status;
  /** Why the registry refused. Empty when no registry spoke, as when there is none. */
  readonly reason: Reason | "";
  /** The values that the message speaks of, such as `socket_id`. */
  readonly metadata: Readonly<Record<string, string>>;

  constructor(
    code: status,
    message: string,
    reason: Reason | "" = "",
    metadata: Readonly<Record<string, string>> = {},
    options?: ErrorOptions,
  ) {
    super(reason === "" ? `${status[code]}: ${message}` : `${reason}: ${message}`, options);
    this.code = code;
    this.reason = reason;
    this.metadata = metadata;
  }
}

/** The reason of a failed call. Empty for every other error, and where no registry spoke. */
export function reasonOf(error: unknown): Reason | "" {
  return error instanceof RegistryError ? error.reason : "";
}

/** What calls fail with once this program has closed its connection or writer, which is no broken one. */
export class ClosedError extends RegistryError {
  constructor(what = "connection") {
    super(status.CANCELLED, `the ${what} was closed by this program`);
  }
}

/** Whether the call may have been carried out or not: nobody answered. */
export function isUnanswered(error: unknown): error is RegistryError {
  return isBroken(error) || (error instanceof RegistryError && error.code === status.DEADLINE_EXCEEDED);
}

/** Whether it is the connection that failed, or the server that stops: the same call may succeed later. */
export function isBroken(error: unknown): error is RegistryError {
  if (!(error instanceof RegistryError) || error instanceof ClosedError) return false;
  return error.code === status.UNAVAILABLE || (error.reason === "" && brokenCodes.has(error.code));
}

/** What grpc-js makes of a connection that breaks, and proxies of a server that is gone. */
const brokenCodes: ReadonlySet<status> = new Set([status.INTERNAL, status.UNKNOWN, status.CANCELLED]);

/** Whether the socket is not there, or not any longer. */
export function isGone(error: unknown): boolean {
  const reason = reasonOf(error);
  return reason === "SOCKET_NOT_FOUND" || reason === "SOCKET_DELETED";
}

/** An error of grpc-js as ours; any other stays what it is. */
export function toRegistryError(error: unknown): unknown {
  if (!isServiceError(error)) return error;
  return failureOf(error.code, error.details, errorInfoOf(error.metadata), { cause: error });
}

/** The error of one write among many, which is the one that a call of its own would have failed with. */
export function toWriteError({ code, message, details }: Status): RegistryError {
  return failureOf(code, message, errorInfoIn(details));
}

function failureOf(code: status, message: string, info?: ErrorInfo, options?: ErrorOptions): RegistryError {
  return new RegistryError(code, message, (info?.reason ?? "") as Reason | "", info?.metadata, options);
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && "code" in error && "metadata" in error && "details" in error;
}

/** The ErrorInfo of a failed call. Absent when the server sent none, or something that is none. */
function errorInfoOf(metadata: Metadata): ErrorInfo | undefined {
  const [bytes] = metadata.get("grpc-status-details-bin");
  if (!Buffer.isBuffer(bytes)) return undefined;
  try {
    return errorInfoIn(Status.decode(bytes).details);
  } catch {
    return undefined;
  }
}

function errorInfoIn(details: Status["details"]): ErrorInfo | undefined {
  const info = details.find(({ typeUrl }) => typeUrl.endsWith("/google.rpc.ErrorInfo"));
  return info && ErrorInfo.decode(info.value);
}
