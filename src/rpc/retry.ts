/** What makes two requests with a request_id the same. */
import { hash } from "node:crypto";
import type { RetryKey } from "../registry/retries.js";
import type { PlainFields } from "./write-bytes.js";

/** So many bytes of SHA-256 that two requests never agree in them by chance. */
const DIGEST_BYTES = 16;

/** Every field of a request but its request_id, by name. */
type Fields = { readonly requestId: string };

/**
 * The digests of a request with a request_id; undefined without one. Maps are sorted, because a client that encodes its
 * request once more may do so in another order.
 *
 * @param caller who calls, so that nobody gets somebody else's answer
 */
export function toRetry(caller: string, method: string, request: Fields): RetryKey | undefined {
  const { requestId, ...rest } = request;
  if (requestId === "") return undefined;
  return { key: keyOf(caller, method, requestId), fingerprint: digest(JSON.stringify(rest, plain)) };
}

/** The same for a Write that has neither metadata nor labels, in less time. */
export function toPlainRetry(caller: string, fields: PlainFields): RetryKey {
  const { includeSender, message, replyTo, requestId, sender, socketId, threadId } = fields;
  // In the order of the names, as `plain` puts them.
  const rest = { includeSender, matchLabels: {}, message, replyTo, sender, socketId, threadId };
  return { key: keyOf(caller, "Write", requestId), fingerprint: digest(JSON.stringify(rest)) };
}

function keyOf(caller: string, method: string, requestId: string): string {
  return digest(JSON.stringify([caller, method, requestId]));
}

function digest(text: string): string {
  return hash("sha256", text, "buffer").toString("latin1", 0, DIGEST_BYTES);
}

function plain(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return String(value);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
