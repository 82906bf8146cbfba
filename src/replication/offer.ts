import { CLAIM_KEY, type Claim, claimOf } from "./claim.js";
import type { Dialect, Listed } from "./dialect.js";
import { INVENTORY_KEY, isPiece, logNamespace } from "./replica.js";

/** What the peer has that a restore could bring. */
export interface Offer {
  readonly claim: Claim | undefined;
  readonly pieces: readonly Listed[];
  /** The keys of views, or of records that an original Rhetor wrote. */
  readonly records: readonly Listed[];
}

/** Looks at what a restore would bring, and changes nothing. @throws PeerError */
export async function survey(dialect: Dialect, namespace: string, signal: AbortSignal): Promise<Offer> {
  const state = logNamespace(namespace);
  const claim = claimOf(await dialect.get(state, CLAIM_KEY, signal));
  const listed = (await dialect.list(state, signal)).filter(isPiece);
  const inventory = (await dialect.get(state, INVENTORY_KEY, signal))?.data["keys"];
  const pieces = new Map<string, Listed>(listed.map((one) => [one.key, one]));
  for (const key of Array.isArray(inventory) ? inventory : []) {
    // A listing may leave out what is there.
    if (typeof key === "string" && !pieces.has(key)) pieces.set(key, { key, metadata: {} });
  }
  return { claim, pieces: [...pieces.values()], records: await dialect.list(namespace, signal) };
}

/** The history that it is of; undefined when nothing says it. */
export function instanceOf({ claim, pieces }: Offer): string | undefined {
  const told = claim?.instance ?? pieces.find(({ metadata }) => "instance" in metadata)?.metadata["instance"];
  return told === undefined ? undefined : String(told);
}

/** The newest revision that a piece knows of; 0 when none says it. */
export function newestRevision({ pieces }: Offer): number {
  return pieces.reduce((newest, piece) => Math.max(newest, countIn(piece, "revision")), 0);
}

/** A number that is told of a piece. It is checked: anybody may have written there. */
export function countIn({ metadata }: Listed, field: "revision" | "socketCount" | "messageCount"): number {
  const value = metadata[field];
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : 0;
}
