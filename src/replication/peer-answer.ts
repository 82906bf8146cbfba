/** What an Engram answered, and what counts as success: the status alone proves nothing. */
import { PeerError } from "./peer-error.js";

export interface PeerAnswer {
  /** The call it answers, for messages: `GET /memory/a/b`. */
  readonly call: string;
  readonly status: number;
  /** Its media type in lower case; "" when it has none. */
  readonly type: string;
  /** The JSON, when JSON was promised and came; else undefined. */
  readonly body: unknown;
  /** What it says of a failure in its own words: short, on one line, without our token. "" when it says nothing. */
  readonly said: string;
}

export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** An answer with a status that is no success. */
export function statusError({ call, status, said }: PeerAnswer): PeerError {
  return new PeerError("STATUS", `${call} answers ${status}${said === "" ? "" : `: ${said}`}`, { status });
}

/** A success in another shape than it must have. `what` completes the sentence "<call> answers 200 ...". */
export function malformed({ call, status }: PeerAnswer, what: string): PeerError {
  return new PeerError("MALFORMED", `${call} answers ${status} ${what}`, { status });
}

/**
 * The JSON of a success.
 *
 * A success without JSON, 204 also, is none: nothing in it says that anything was done. The contract takes a 2xx by its
 * JSON body, and to send once more what was stored costs little; to believe in what was not, a socket.
 *
 * @throws PeerError STATUS, MALFORMED, REFUSED
 */
export function successOf(answer: PeerAnswer): unknown {
  const { call, status, type, body, said } = answer;
  if (status < 200 || status > 299) throw statusError(answer);
  if (body === undefined) throw malformed(answer, type === "" ? "without a body" : `with ${type}, not with JSON`);
  const failure = failureIn(body);
  if (failure === undefined) return body;
  throw new PeerError("REFUSED", `${call} answers ${status} and ${failure}${said === "" ? "" : `: ${said}`}`, {
    status,
  });
}

/** The JSON object of a success. @throws PeerError STATUS, MALFORMED, REFUSED */
export function objectOf(answer: PeerAnswer): JsonObject {
  const body = successOf(answer);
  if (!isObject(body)) throw malformed(answer, "with JSON that is no object");
  return body;
}

function failureIn(body: unknown): string | undefined {
  if (body === false) return "false";
  if (!isObject(body)) return undefined;
  if (body["success"] === false) return "success:false";
  if (body["status"] === "error") return 'status:"error"';
  return body["error"] ? "an error" : undefined;
}
