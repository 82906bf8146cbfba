/**
 * From an error to what a client sees of it: a gRPC status with its reason beside it.
 *
 * Nothing else in the program names a status code. A registry error carries a reason; any other error is a defect of
 * ours, of which the client learns nothing and the log everything.
 */
import { Metadata, type StatusObject, status } from "@grpc/grpc-js";
import { BadRequest, ErrorInfo } from "../../gen/ts/google/rpc/error_details.js";
import { Status } from "../../gen/ts/google/rpc/status.js";
import { type ErrorMetadata, type Reason, RegistryError } from "../registry/errors.js";

/** Where defects are told. Every logger with pino's signature fits. */
export interface ErrorLog {
  error(details: object, message: string): void;
}

/** The domain of every reason, as clients compare it. */
export const errorDomain = "socketregistry.v1";

/** What a call is aborted with when its client cancelled it or its deadline passed. One for all: its stack is void. */
export const callCancelled: Error = Object.assign(new Error("the call was cancelled"), { name: "AbortError" });

const codes = {
  SOCKET_NOT_FOUND: status.NOT_FOUND,
  MESSAGE_NOT_FOUND: status.NOT_FOUND,
  SOCKET_DELETED: status.NOT_FOUND,
  SOCKET_EXISTS: status.ALREADY_EXISTS,
  INVALID_SOCKET_ID: status.INVALID_ARGUMENT,
  MESSAGE_TOO_LARGE: status.INVALID_ARGUMENT,
  CONTEXT_TOO_DEEP: status.INVALID_ARGUMENT,
  INVALID_FIELD: status.INVALID_ARGUMENT,
  AFTER_NOT_ALLOWED: status.INVALID_ARGUMENT,
  CONSUMER_NOT_ALLOWED: status.INVALID_ARGUMENT,
  REQUEST_ID_REUSED: status.INVALID_ARGUMENT,
  SOCKET_INACTIVE: status.FAILED_PRECONDITION,
  SOCKET_UNRESPONSIVE: status.FAILED_PRECONDITION,
  BROADCAST_SOCKET_PROTECTED: status.FAILED_PRECONDITION,
  EPOCH_MISMATCH: status.FAILED_PRECONDITION,
  ETAG_MISMATCH: status.ABORTED,
  READER_SUPERSEDED: status.ABORTED,
  QUEUE_FULL: status.RESOURCE_EXHAUSTED,
  SOCKET_LIMIT: status.RESOURCE_EXHAUSTED,
  READER_LIMIT: status.RESOURCE_EXHAUSTED,
  STORAGE_FULL: status.RESOURCE_EXHAUSTED,
  POSITION_LOST: status.OUT_OF_RANGE,
  SHUTTING_DOWN: status.UNAVAILABLE,
  STORAGE_UNAVAILABLE: status.UNAVAILABLE,
  NOT_IMPLEMENTED: status.UNIMPLEMENTED,
} satisfies Record<Reason, status>;

/** The error as grpc-js sends it: code, text, and a google.rpc.Status in `grpc-status-details-bin`. */
export function statusOf(error: unknown, log: ErrorLog): Partial<StatusObject> {
  const { code, message, details } = statusMessage(error, log);
  const metadata = new Metadata();
  if (details.length > 0) {
    const encoded = Status.encode({ code, message, details }).finish();
    metadata.set("grpc-status-details-bin", Buffer.from(encoded));
  }
  return { code, details: message, metadata };
}

/** The error as a google.rpc.Status, for the errors of single items in an answer that is itself OK. */
export function statusMessage(error: unknown, log: ErrorLog): Status {
  const cause = withoutAbortError(error);
  if (cause instanceof RegistryError) {
    const { reason, message, metadata } = cause;
    return describe(codes[reason], reason, message, metadata);
  }
  if (isAbortError(cause)) {
    return { code: status.CANCELLED, message: callCancelled.message, details: [] };
  }
  log.error({ err: error }, "a call failed because of a defect in the server");
  return describe(status.INTERNAL, "INTERNAL", "the server failed; its log says why", {});
}

/** Node's own functions answer an abort with an AbortError of their own, whose cause is the reason that was given. */
function withoutAbortError(error: unknown): unknown {
  return isAbortError(error) && error.cause !== undefined ? error.cause : error;
}

function isAbortError(error: unknown): error is Error {
  return error instanceof Error && error.name === "AbortError";
}

function describe(code: status, reason: string, text: string, values: ErrorMetadata): Status {
  const message = brief(text);
  const metadata = Object.fromEntries(Object.entries(values).map(([key, value]) => [key, brief(value)]));
  const details = [detail("ErrorInfo", ErrorInfo.encode({ reason, domain: errorDomain, metadata }).finish())];
  const field = metadata["field"];
  if (field !== undefined) {
    const violation = { field, description: message, reason, localizedMessage: undefined };
    details.push(detail("BadRequest", BadRequest.encode({ fieldViolations: [violation] }).finish()));
  }
  return { code, message, details };
}

function detail(type: string, value: Uint8Array): Status["details"][number] {
  return { typeUrl: `type.googleapis.com/google.rpc.${type}`, value: Buffer.from(value) };
}

/**
 * A text that trailers can carry. Clients refuse trailers of more than some KiB, and a lone surrogate (half of a
 * character, left by a cut) would throw in grpc-js; an error speaks of values that a client chose.
 */
function brief(text: string): string {
  const limit = 256;
  const cut = text.length > limit ? `${text.slice(0, limit - 1)}…` : text;
  return Buffer.from(cut).toString();
}
