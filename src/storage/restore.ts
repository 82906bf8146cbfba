import { StoreRow } from "../../gen/ts/socketregistry/storage/v1/records.js";
import { storeKey } from "./keys.js";
import { type Database, hasFiles, makeFiles } from "./level-files.js";
import { decodePiece, inPiece, kindOfPiece, type PieceKind, rowPiece, STORE_PIECE } from "./pieces.js";
import { DamagedRecord, encodeRecord } from "./records.js";
import { decodeStore } from "./recovery.js";
import { RestoredRows } from "./restore-rows.js";

/**
 * So many revisions are left out after the newest that is known. What was answered and never replicated may have had
 * them, and a message id must never name two messages; at 2,000 writes a second it is 37 hours of them.
 */
export const REVISION_GAP = 2 ** 28;

/** What a new store was made of. */
export interface Restored {
  /** The newest revision that anything in the pieces knows of. The next one is `REVISION_GAP` later. */
  readonly revision: number;
  /** How many sockets there are, the team feed not counted. */
  readonly socketCount: number;
  /** How many entries of the log there are. */
  readonly messageCount: number;
  /** The keys of pieces that others refer to and that were not among them: a prompt, say, that its keeper has lost. */
  readonly missing: readonly string[];
}

/** The data directory has a log already. */
export class FolderHasLog extends Error {
  override readonly name = "FolderHasLog";
}

/**
 * Makes the store of a data directory out of pieces, in any order. It is there when this resolves and not before: what a
 * crash leaves is cleared away by the next attempt. The first opening gives every socket a new epoch.
 * @throws FolderHasLog; DamagedRecord, naming the piece, when one does not check or the store's own is not there;
 *   UnknownVersion, naming the piece, when a newer program wrote it. Nothing is left behind then.
 */
export async function restoreStore(
  folder: string,
  pieces: AsyncIterable<{ readonly key: string; readonly bytes: Buffer }>,
): Promise<Restored> {
  if (hasFiles(folder)) throw new FolderHasLog(`the data directory ${folder} has a log already`);
  return await makeFiles(folder, async (db) => {
    let store: StoreRow | undefined;
    const apart = new Set<string>();
    const found = new Set<string>();
    for await (const { key, bytes } of pieces) {
      const rows = decodePiece(key, bytes);
      const { kind } = kindOfPiece(key) as PieceKind;
      if (kind === "store") {
        store = inPiece(key, () => decodeStore(rows[0]?.value ?? Buffer.alloc(0)));
        continue;
      }
      if (kind === "row") found.add(key);
      const batch = db.batch();
      for (const row of rows) {
        if (row.apart) apart.add(row.key.toString("hex"));
        else batch.put(kind === "row" ? aside(row.key) : row.key, row.value);
      }
      await batch.write();
    }
    if (store === undefined) throw new DamagedRecord(`the piece ${STORE_PIECE} is not there`);
    await putApart(db, apart);
    const missing = [...apart].map((key) => rowPiece(Buffer.from(key, "hex"))).filter((key) => !found.has(key));
    return { ...(await complete(db, store)), missing };
  });
}

/** Adds what the rows leave to be said of them all. */
async function complete(db: Database, store: StoreRow): Promise<Omit<Restored, "missing">> {
  const rows = new RestoredRows(db);
  await rows.read();
  const revision = Math.max(rows.newest, store.lastRevision, store.historyFloor);
  const last = revision + REVISION_GAP;
  const batch = db.batch();
  for (const key of rows.stray) batch.del(key);
  for (const [key, value] of rows.holes.notes(last)) batch.put(key, value);
  const restored: StoreRow = {
    ...store,
    // Nothing of before can be watched any more: not even what never came here.
    historyFloor: last,
    firstRevision: rows.holes.firstRevision(last),
    lastRevision: last,
    lastTimeMs: Math.max(rows.timeMs, store.lastTimeMs),
    nextNumber: Math.max(rows.nextNumber, store.nextNumber),
    restored: true,
  };
  batch.put(storeKey, encodeRecord(StoreRow, restored));
  await batch.write();
  return { revision, socketCount: rows.socketCount, messageCount: rows.messageCount };
}

/** The key of a row whose page has not said yet that it is apart. No other key begins so. */
const ASIDE = 0xf0;
const aside = (key: Buffer): Buffer => Buffer.concat([Buffer.from([ASIDE]), key]);

/** Puts the rows in their places that pages say are apart. The others are of an earlier time. */
async function putApart(db: Database, apart: ReadonlySet<string>): Promise<void> {
  for (const text of apart) {
    const key = Buffer.from(text, "hex");
    const value: Buffer | undefined = await db.get(aside(key));
    if (value !== undefined) await db.put(key, value);
  }
  await db.clear({ gte: Buffer.from([ASIDE]), lt: Buffer.from([ASIDE + 1]) });
}
