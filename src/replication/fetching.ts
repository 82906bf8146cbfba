import type { Dialect, Listed } from "./dialect.js";
import { hashOf } from "./mirror.js";
import { REQUESTS_MAX } from "./parallel.js";
import { pause, pauseMs } from "./pause.js";
import { PeerError } from "./peer-error.js";

/** What stopped for good: the peer has a piece and it is not what was put there. */
export class PieceDamaged extends Error {
  override readonly name = "PieceDamaged";
}

/** A piece as it came back. */
export interface FetchedPiece {
  readonly key: string;
  readonly bytes: Buffer;
}

/**
 * Reads pieces back, a few at a time and in order. A peer that fails is asked again for `patienceMs`.
 * @throws PieceDamaged; PeerError when the patience is over
 */
export async function* fetchPieces(
  dialect: Dialect,
  namespace: string,
  listed: readonly Listed[],
  { patienceMs, signal }: { readonly patienceMs: number; readonly signal: AbortSignal },
): AsyncGenerator<FetchedPiece> {
  const ahead: Promise<FetchedPiece>[] = [];
  const rest = listed.values();
  const fetchNext = (): void => {
    const { value, done } = rest.next();
    if (done === true) return;
    const piece = withPatience(patienceMs, signal, () => fetchPiece(dialect, namespace, value, signal));
    // Its failure is met when its turn comes.
    piece.catch(() => {});
    ahead.push(piece);
  };
  for (let count = 0; count < REQUESTS_MAX; count++) fetchNext();
  for (let next = ahead.shift(); next !== undefined; next = ahead.shift()) {
    const piece = await next;
    fetchNext();
    yield piece;
  }
}

/** Asks again while a peer fails, for so long. @throws what failed last */
export async function withPatience<T>(patienceMs: number, signal: AbortSignal, ask: () => Promise<T>): Promise<T> {
  const sinceMs = performance.now();
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      const failingForMs = performance.now() - sinceMs;
      const isOver = !(error instanceof PeerError) || error.fault === "INCOMPATIBLE" || failingForMs >= patienceMs;
      if (isOver || signal.aborted) throw error;
      await pause(pauseMs(failingForMs), signal);
    }
  }
}

async function fetchPiece(
  dialect: Dialect,
  namespace: string,
  { key, metadata }: Listed,
  signal: AbortSignal,
): Promise<FetchedPiece> {
  const record = await dialect.get(namespace, key, signal);
  if (record === undefined) throw new PeerError("NOT_KEPT", `the peer lists ${key} and does not have it`);
  const { bytes } = record.data;
  if (typeof bytes !== "string" || hashOf(record.data) !== (record.metadata["hash"] ?? metadata["hash"])) {
    throw new PieceDamaged(`the piece ${key} at the peer is damaged`);
  }
  return { key, bytes: Buffer.from(bytes, "base64") };
}
