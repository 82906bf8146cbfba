/** The two calls of the real Engram of summer 2025 that work: to add a text, and to search for texts. */
import { createHash } from "node:crypto";
import type { Peer } from "./peer.js";
import { isObject, malformed, objectOf, statusError } from "./peer-answer.js";
import { PeerError } from "./peer-error.js";

/** Every client has a store of its own, and in it namespaces. Any other than the fixed ones lands among conversations. */
const NAMESPACE = "projects";
/** How many results a search for a few asks for. What others wrote in the same words may fill that: then for all. */
const PAGE = 20;
/** Every result there is. The peer has no limit of its own. */
const EVERYTHING = 1_000_000;
/** A client id has at most 64 characters: these, and room for a digest and a generation. */
const CLIENT_CHARACTERS_MAX = 40;
const DIGEST_CHARACTERS = 8;

/**
 * The client id under which a generation of a namespace's log lies. It becomes the name of a file, unlooked at, so it
 * has letters, digits, `_` and `-` only. What is no such name, or would be that of another log, gets a digest.
 */
export function clientOf(namespace: string, generation: number): string {
  const plain = namespace.replace(/[^A-Za-z0-9_-]/g, "_").slice(0, CLIENT_CHARACTERS_MAX);
  const isOwn = plain === namespace && !/^default$|-g\d+$/.test(namespace);
  const digest = createHash("sha256").update(namespace).digest("hex").slice(0, DIGEST_CHARACTERS);
  const base = isOwn ? namespace : `${plain}-${digest}`;
  return generation === 1 ? base : `${base}-g${generation}`;
}

/** Adds a text to a client's store. @throws PeerError; REFUSED when it was not stored, whatever the status said */
export async function add(peer: Peer, client: string, content: string, signal: AbortSignal): Promise<void> {
  const headers = { "x-client-id": client };
  const body = { content, namespace: NAMESPACE };
  const answer = await peer.request("POST", "/api/v1/memory", { headers, body, signal });
  // No other success is known of this API.
  if (answer.status !== 200) throw statusError(answer);
  const { id, status } = objectOf(answer);
  if (id === true && status === "success") return;
  const text = `${answer.call} answers ${answer.status} and id:${JSON.stringify(id)}: nothing was stored`;
  throw new PeerError("REFUSED", text, { status: answer.status });
}

/** Every text in a client's store with a text in it, whatever the case of letters. @throws PeerError */
export function searchAll(peer: Peer, client: string, query: string, signal: AbortSignal): Promise<readonly string[]> {
  return search(peer, client, { query, limit: EVERYTHING }, signal);
}

/**
 * The newest few texts with a text in them; every one when there are more, and these are not enough.
 *
 * @param isEnough whether what was looked for is among them
 * @throws PeerError
 */
export async function searchFor(
  peer: Peer,
  client: string,
  { query, isEnough }: { readonly query: string; readonly isEnough: (page: readonly string[]) => boolean },
  signal: AbortSignal,
): Promise<readonly string[]> {
  const page = await search(peer, client, { query, limit: PAGE }, signal);
  return page.length < PAGE || isEnough(page) ? page : await searchAll(peer, client, query, signal);
}

/** Whether a client's store has any text with a text in it. @throws PeerError */
export async function hasAny(peer: Peer, client: string, query: string, signal: AbortSignal): Promise<boolean> {
  return (await search(peer, client, { query, limit: 1 }, signal)).length > 0;
}

async function search(
  peer: Peer,
  client: string,
  { query, limit }: { readonly query: string; readonly limit: number },
  signal: AbortSignal,
): Promise<readonly string[]> {
  const headers = { "x-client-id": client };
  const body = { query, namespace: NAMESPACE, limit };
  const answer = await peer.request("POST", "/api/v1/search", { headers, body, signal });
  if (answer.status !== 200) throw statusError(answer);
  const { results, forgotten_count: forgottenCount = 0 } = objectOf(answer);
  if (!Array.isArray(results)) throw malformed(answer, "without a list of results");
  // Somebody told it, under this client id, to leave out what has some text in it. What is left says nothing then.
  if (forgottenCount !== 0) {
    const text = `${answer.call} leaves out ${JSON.stringify(forgottenCount)} records that it was told to forget`;
    throw new PeerError("REFUSED", text, { status: answer.status });
  }
  return results.map((result: unknown) => {
    const content = isObject(result) ? result["content"] : undefined;
    if (typeof content !== "string") throw malformed(answer, "with a result without content");
    return content;
  });
}
