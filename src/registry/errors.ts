/**
 * Why an operation was refused. The list is closed: `src/rpc/status.ts` gives each reason its gRPC status, and does not
 * compile while one is missing.
 */
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
  | "NOT_IMPLEMENTED";

/** The values an error speaks of. They reach the client, so they never hold content, prompts or secrets. */
export type ErrorMetadata = Readonly<Record<string, string>>;

/**
 * A refusal that a client may know about. Anything else that is thrown is a defect of ours: the client learns nothing
 * and the log everything.
 */
export class RegistryError extends Error {
  override readonly name = "RegistryError";
  readonly reason: Reason;
  readonly metadata: ErrorMetadata;

  /**
   * @param reason what clients branch on
   * @param message one sentence for people; clients must not read it
   * @param metadata the values in that sentence, and `field` (the request field as the proto names it) when one is at
   * fault
   */
  constructor(reason: Reason, message: string, metadata: ErrorMetadata = {}, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
    this.metadata = metadata;
  }
}

/** A field that is not as it must be. `rule` completes the sentence "`field` ...". */
export function invalidField(field: string, rule: string, metadata: ErrorMetadata = {}): RegistryError {
  return new RegistryError("INVALID_FIELD", `${field} ${rule}`, { field, ...metadata });
}

export function socketNotFound(socketId: string): RegistryError {
  return new RegistryError("SOCKET_NOT_FOUND", `there is no socket ${socketId}`, { socket_id: socketId });
}

export function socketDeleted(socketId: string): RegistryError {
  return new RegistryError("SOCKET_DELETED", `the socket ${socketId} was deleted`, { socket_id: socketId });
}

export function storageUnavailable(cause: unknown): RegistryError {
  return new RegistryError(
    "STORAGE_UNAVAILABLE",
    "the store cannot be used at the moment; the outcome of writes under way is unknown",
    {},
    { cause },
  );
}
