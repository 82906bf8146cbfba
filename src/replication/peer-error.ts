/**
 * What went wrong between us and an Engram. The list is closed.
 *
 * UNREACHABLE: it is down: no connection, one that broke, or a health that is not well. TIMEOUT: no whole answer in
 * time. STATUS: an HTTP status that is no success. REFUSED: a success by its status, and a failure by its body.
 * MALFORMED: no JSON where JSON is due, or none of the shape. TOO_LARGE: more than one answer may have. INCOMPATIBLE:
 * it cannot hold state. NOT_KEPT: what it confirmed is not there.
 *
 * After all but INCOMPATIBLE and NOT_KEPT a change may have been made or not.
 */
export type PeerFault =
  | "UNREACHABLE"
  | "TIMEOUT"
  | "STATUS"
  | "REFUSED"
  | "MALFORMED"
  | "TOO_LARGE"
  | "INCOMPATIBLE"
  | "NOT_KEPT";

export interface PeerErrorOptions extends ErrorOptions {
  readonly status?: number | undefined;
}

/** An Engram did not do what it was asked for. Its message is for people, and never holds a credential. */
export class PeerError extends Error {
  override readonly name = "PeerError";
  readonly fault: PeerFault;
  /** The HTTP status, if one came. */
  readonly status: number | undefined;

  constructor(fault: PeerFault, message: string, { status, ...options }: PeerErrorOptions = {}) {
    super(message, options);
    this.fault = fault;
    this.status = status;
  }
}

/** What went wrong, for people. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
