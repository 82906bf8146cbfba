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
  let newest = Math.max(from, ...(await sealsIn(peer, namespace, 1, queries.seals(namespace), signal)));
  // In strides that double, and then in small ones again, until there is none within reach.
  for (let stride = 1; ; ) {
    if (await isSealed(newest + stride)) {
      newest += stride;
      stride *= 2;
    } else if (stride > LOST_MAX) {
      stride = 1;
    } else if (stride === LOST_MAX) {
      break;
    } else {
      stride++;
    }
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
