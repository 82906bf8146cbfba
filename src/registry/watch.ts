import { answer } from "./answer.js";
import { RegistryError } from "./errors.js";
import type { Change, SocketRow, Storage } from "./storage.js";

export interface WatchRequest {
  /** 0: a snapshot first. */
  readonly afterRevision: number;
  /** Only this socket; empty: all. */
  readonly socketId: string;
  /** Send HEARTBEAT after this long without another frame; undefined: never. */
  readonly heartbeatMs: number | undefined;
}

/** One frame of a Watch: a change, or an event of the stream itself. */
export type WatchFrame =
  | Change
  | { readonly revision: number; readonly kind: "SNAPSHOT"; readonly row: SocketRow }
  | { readonly revision: number; readonly kind: "SYNCED" | "HEARTBEAT"; readonly row: undefined };

/** How many changes are looked for at once. */
const CHANGES_AT_ONCE = 256;

/** How many Watches there are, and may be. */
export class Watches {
  readonly #max: number;
  #count = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** @throws READER_LIMIT */
  enter(): void {
    if (this.#count >= this.#max) {
      throw new RegistryError("READER_LIMIT", `there are ${this.#max} open Watches, the most allowed`, {
        limit: String(this.#max),
      });
    }
    this.#count++;
  }

  leave(): void {
    this.#count--;
  }
}

/**
 * Streams the changes of sockets in order of revision, after a snapshot or after a revision. A watcher that falls behind
 * costs its place: what it has not seen is read from the log when it comes to it.
 *
 * @throws POSITION_LOST, READER_LIMIT
 */
export async function* watch(
  { storage, watches }: { storage: Storage; watches: Watches },
  request: WatchRequest,
  signal: AbortSignal,
): AsyncGenerator<WatchFrame, void, undefined> {
  watches.enter();
  try {
    let revision = request.afterRevision;
    if (revision === 0) {
      const snapshot = await answer(storage, () => ({ revision: storage.revision, rows: rowsOf(storage, request) }));
      revision = snapshot.revision;
      for (const row of snapshot.rows) yield { revision, kind: "SNAPSHOT", row };
      yield { revision, kind: "SYNCED", row: undefined };
    }
    let silentSinceMs = performance.now();
    for (;;) {
      signal.throwIfAborted();
      const page = await storage.changes(revision, CHANGES_AT_ONCE);
      if (page === undefined || revision > storage.revision) throw await lost(storage, revision);
      for (const change of page.changes) {
        if (request.socketId !== "" && change.row.socketId !== request.socketId) continue;
        yield change;
        silentSinceMs = performance.now();
      }
      const isAll = page.through <= revision || page.through >= storage.durableRevision;
      revision = Math.max(revision, page.through);
      if (!isAll) continue;
      const { heartbeatMs } = request;
      const leftMs = heartbeatMs && silentSinceMs + heartbeatMs - performance.now();
      if (leftMs !== undefined && leftMs <= 0) {
        yield { revision, kind: "HEARTBEAT", row: undefined };
        silentSinceMs = performance.now();
      } else {
        await storage.waitChange(revision, signal, leftMs);
      }
    }
  } finally {
    watches.leave();
  }
}

function rowsOf(storage: Storage, { socketId }: WatchRequest): SocketRow[] {
  if (socketId === "") return [...storage.sockets()];
  const row = storage.find(socketId);
  return row === undefined ? [] : [row];
}

async function lost(storage: Storage, revision: number): Promise<RegistryError> {
  await storage.durable();
  return new RegistryError("POSITION_LOST", `the changes after revision ${revision} are not there`, {
    after_revision: String(revision),
    oldest_revision: String(storage.historyFloor),
    revision: String(storage.revision),
  });
}
