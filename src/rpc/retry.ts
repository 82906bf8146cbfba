/** What makes two requests with a request_id the same. */
import { createHash } from "node:crypto";
import type { RetryKey } from "../registry/retries.js";

/** So many bytes of SHA-256 that two requests never agree in them by chance. */
const DIGEST_BYTES = 16;

/**
 * The digests of a request with a request_id; undefined without one. Maps are sorted, because a client that encodes its
 * request once more may do so in another order.
 *
 * @param caller who calls, so that nobody gets somebody else's answer
 */
export function toRetry(caller: string, method: string, request: { readonly requestId: string }): RetryKey | undefined {
  const { requestId, ...rest } = request;
  if (requestId === "") return undefined;
  return { key: digest([caller, method, requestId]), fingerprint: digest(rest) };
}

function digest(value: unknown): string {
  const hash = createHash("sha256").update(JSON.stringify(value, plain)).digest();
  return hash.toString("latin1", 0, DIGEST_BYTES);
}

function plain(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return String(value);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
