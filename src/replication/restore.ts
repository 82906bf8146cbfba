import { setInterval } from "node:timers";
import type { Storage } from "../registry/storage.js";
import { adoptRecords, type EncodeBody, mergeStores } from "./adopt.js";
import type { NamespaceClaim } from "./claim.js";
import { detect } from "./detect.js";
import type { Dialect } from "./dialect.js";
import { type FetchedPiece, fetchPieces, withPatience } from "./fetching.js";
import { instanceOf, newestRevision, type Offer, survey } from "./offer.js";
import type { Peer } from "./peer.js";
import { PeerError, reasonOf } from "./peer-error.js";
import { parseRecord, type SocketRecord } from "./record.js";
import { logNamespace } from "./replica.js";
import type { ReplicationLog } from "./replicator.js";

/** How often the progress is told. */
const PROGRESS_MS = 1_000;

export interface Restored {
  readonly revision: number;
  readonly socketCount: number;
  readonly messageCount: number;
  /** The keys of pieces that others spoke of and that were not there: something of a socket is missing. */
  readonly missing?: readonly string[];
}

/** What is done to the data directory. Each step leaves it whole, whatever happens in between. */
export interface DataDirectory {
  /** Whether there is no store. */
  isEmpty(): boolean;
  /** The history of the store that is there, and how far it goes. */
  describe(): Promise<{ readonly instance: string; readonly revision: number }>;
  /** Makes a store of pieces, where none is. */
  restore(pieces: AsyncIterable<FetchedPiece>): Promise<Restored>;
  /** Puts the store that is there aside, and makes one of pieces. */
  replace(pieces: AsyncIterable<FetchedPiece>): Promise<Restored>;
  /** Uses a store that is made of pieces, and the one that is there. */
  merge<T>(pieces: AsyncIterable<FetchedPiece>, use: (from: Storage, to: Storage) => Promise<T>): Promise<T>;
  /** Makes a store where none is, by filling it. `setNow` sets its clock. */
  fill<T>(fill: (storage: Storage, setNow: (ms: number) => void) => Promise<T>): Promise<T>;
}

export interface RestoreOptions {
  readonly peer: Peer;
  readonly namespace: string;
  readonly mode: "never" | "if-empty" | "merge";
  readonly conflict: "refuse" | "warn";
  readonly claim: (namespace: string) => NamespaceClaim;
  readonly directory: DataDirectory;
  readonly encodeBody: EncodeBody;
  /** For how long a peer that does not answer is asked before the server starts with what it has. */
  readonly patienceMs: number;
  readonly log: ReplicationLog;
  readonly signal: AbortSignal;
}

/**
 * Restores the data directory from the peer, before anything is served.
 * @throws PeerError when the peer has a state and cannot hand it over, or a living registry writes it; PieceDamaged
 */
export async function restore(options: RestoreOptions): Promise<Restored | undefined> {
  const { mode, directory, namespace, patienceMs, signal, log } = options;
  if (mode === "never" || (mode === "if-empty" && !directory.isEmpty())) return undefined;
  const dialect = await connect(options);
  if (dialect === undefined) return undefined;
  await withPatience(patienceMs, signal, () =>
    orWarn(options, options.claim(logNamespace(namespace)).await(dialect, signal)),
  );
  const offer = await withPatience(patienceMs, signal, () => survey(dialect, namespace, signal));
  const bring = await choose(options, offer);
  if (bring === undefined) return undefined;
  const startedMs = performance.now();
  const { missing = [], ...restored } = await bring(dialect, offer);
  const tookMs = Math.round(performance.now() - startedMs);
  if (missing.length > 0) log.warn({ missing }, "the peer has lost parts of sockets; the rest is restored");
  log.info({ ...restored, tookMs }, "restored from the peer");
  return restored;
}

type Bring = (dialect: Dialect, offer: Offer) => Promise<Restored>;

/** What is to be done with what the peer has, if anything. */
async function choose(options: RestoreOptions, offer: Offer): Promise<Bring | undefined> {
  const { directory, log } = options;
  const { pieces, records } = offer;
  if (directory.isEmpty()) {
    if (pieces.length > 0) return (dialect) => directory.restore(piecesOf(options, dialect, offer));
    if (records.length > 0) return (dialect) => adopt(options, dialect, offer);
    log.info({}, "the peer has nothing to restore");
    return undefined;
  }
  if (pieces.length === 0) return undefined;
  const local = await directory.describe();
  if (instanceOf(offer) !== local.instance) {
    return (dialect) => directory.merge(piecesOf(options, dialect, offer), mergeStores);
  }
  // Of one history the longer copy has everything that the other has.
  if (newestRevision(offer) <= local.revision) return undefined;
  return (dialect) => directory.replace(piecesOf(options, dialect, offer));
}

/** The dialect of the peer; undefined when there is none to restore from. */
async function connect({ peer, namespace, patienceMs, signal, log }: RestoreOptions): Promise<Dialect | undefined> {
  try {
    return await withPatience(patienceMs, signal, () => detect(peer, logNamespace(namespace), signal));
  } catch (error) {
    if (!(error instanceof PeerError)) throw error;
    const reason = reasonOf(error);
    log.warn({ reason }, "nothing is restored: the peer does not answer, or cannot hold a state");
    return undefined;
  }
}

async function orWarn({ conflict, log }: RestoreOptions, claimed: Promise<unknown>): Promise<void> {
  try {
    await claimed;
  } catch (error) {
    if (conflict === "refuse" || !(error instanceof PeerError) || error.fault !== "INCOMPATIBLE") throw error;
    log.warn({ reason: reasonOf(error) }, "somebody else writes to the namespace; restoring as told");
  }
}

/** Takes over what an original Rhetor wrote. */
async function adopt(options: RestoreOptions, dialect: Dialect, offer: Offer): Promise<Restored> {
  const { directory, encodeBody, log } = options;
  const { refused, ...restored } = await directory.fill((storage, setNow) =>
    adoptRecords(storage, recordsOf(options, dialect, offer), encodeBody, setNow),
  );
  for (const why of refused) log.warn({ why }, "a record was not taken over, and is left where it is");
  return restored;
}

async function* piecesOf(options: RestoreOptions, dialect: Dialect, { pieces }: Offer): AsyncGenerator<FetchedPiece> {
  const { namespace, log } = options;
  let count = 0;
  const telling = setInterval(() => log.info({ count, of: pieces.length }, "restoring"), PROGRESS_MS);
  try {
    for await (const piece of fetchPieces(dialect, logNamespace(namespace), pieces, options)) {
      count++;
      yield piece;
    }
  } finally {
    clearInterval(telling);
  }
}

async function* recordsOf(options: RestoreOptions, dialect: Dialect, { records }: Offer): AsyncGenerator<SocketRecord> {
  const { namespace, patienceMs, signal, log } = options;
  for (const { key } of records) {
    const found = await withPatience(patienceMs, signal, () => dialect.get(namespace, key, signal));
    const parsed = found && parseRecord(found.data);
    if (parsed === undefined) continue;
    if ("record" in parsed) yield parsed.record;
    else log.warn({ key, fault: parsed.fault }, "a record was not taken over, and is left where it is");
  }
}
