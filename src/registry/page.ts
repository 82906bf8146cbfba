import { createHash } from "node:crypto";
import { invalidField } from "./errors.js";
import { PAGE_DEFAULT, PAGE_MAX } from "./limits.js";

/** How many items a page holds when the request says this. @throws INVALID_FIELD */
export function pageSize(requested: number): number {
  if (requested > PAGE_MAX) throw invalidField("page_size", `must be at most ${PAGE_MAX}`, { limit: String(PAGE_MAX) });
  return requested === 0 ? PAGE_DEFAULT : requested;
}

/**
 * An opaque place in a listing. It carries a digest of what the listing was asked for, so that it is refused when the
 * question has changed; it is no secret and grants nothing.
 */
export function encodePageToken(place: readonly (number | string)[], question: unknown): string {
  return Buffer.from(JSON.stringify([...place, digest(question)])).toString("base64url");
}

/**
 * The place in a token that `encodePageToken` made for the same question, whose items are of the kinds of `start`.
 * @param start the place where a listing begins, which an empty token stands for
 * @throws INVALID_FIELD
 */
export function decodePageToken<P extends readonly (number | string)[]>(token: string, question: unknown, start: P): P {
  if (token === "") return start;
  const place = parse(token);
  if (place.pop() === digest(question) && isPlace(place, start)) return place;
  throw invalidField("page_token", "must be the next_page_token of an answer to the same request");
}

/** Whether the items are of the kinds of those of `start`, numbers being such as count something. */
function isPlace<P extends readonly (number | string)[]>(items: unknown, start: P): items is P {
  if (!Array.isArray(items) || items.length !== start.length) return false;
  return (
    items.every((item) => typeof item === "string" || (Number.isSafeInteger(item) && item >= 0)) &&
    items.every((item, index) => typeof item === typeof start[index])
  );
}

function parse(token: string): unknown[] {
  try {
    const value: unknown = JSON.parse(Buffer.from(token, "base64url").toString());
    if (Array.isArray(value)) return value;
  } catch {
    // Whatever it is, it is not ours.
  }
  return [];
}

function digest(question: unknown): string {
  return createHash("sha256").update(JSON.stringify(question)).digest("base64url").slice(0, 12);
}
