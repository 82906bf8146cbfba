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

/** The place in a token that `encodePageToken` made for the same question. @throws INVALID_FIELD */
export function decodePageToken(token: string, question: unknown): (number | string)[] {
  const place = parse(token);
  if (place.pop() !== digest(question)) {
    throw invalidField("page_token", "must be the next_page_token of an answer to the same request");
  }
  return place;
}

function parse(token: string): (number | string)[] {
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
