import type { Peer } from "./peer.js";
import { parseSeal, queries } from "./v1-log-entry.js";
import { clientOf, hasAny, searchFor } from "./v1-log-wire.js";

/** How many generations in a row may have lost their seals before those behind them are not found. */
const LOST_MAX = 3;

/**
 * The newest generation of a namespace's log at a peer: the last that is sealed, or the one that was begun after it.
 *
 * @param from a generation that is known to be there; 1 when none is
 * @throws PeerError; the signal's reason
 */
export async function newestGeneration(
  peer: Peer,
  namespace: string,
  from: number,
  signal: AbortSignal,
): Promise<number> {
  const isSealed = async (generation: number): Promise<boolean> =>
    (await sealsIn(peer, namespace, generation, queries.seal(namespace, generation), signal)).includes(generation);
  const sealedAfter = async (generation: number): Promise<number | undefined> => {
    for (let next = generation + 1; next <= generation + LOST_MAX + 1; next++) {
      if (await isSealed(next)) return next;
    }
    return undefined;
  };
  let newest = Math.max(from, ...(await sealsIn(peer, namespace, 1, queries.seals(namespace), signal)));
  // The next, then in strides that double; where those end, again from the next.
  for (let next = await sealedAfter(newest); next !== undefined; next = await sealedAfter(newest)) {
    newest = next;
    for (let stride = 2; await isSealed(newest + stride); stride *= 2) newest += stride;
  }
  const isBegun = await hasAny(peer, clientOf(namespace, newest + 1), queries.all(namespace), signal);
  return isBegun ? newest + 1 : newest;
}

/** The generations that texts in this one say are complete. */
async function sealsIn(
  peer: Peer,
  namespace: string,
  generation: number,
  query: string,
  signal: AbortSignal,
): Promise<readonly number[]> {
  const sealed = (texts: readonly string[]): number[] => texts.flatMap((text) => parseSeal(text, namespace) ?? []);
  const wanted = { query, isEnough: (page: readonly string[]) => sealed(page).length > 0 };
  return sealed(await searchFor(peer, clientOf(namespace, generation), wanted, signal));
}
