import { ChangeKind } from "../../gen/ts/socketregistry/storage/v1/records.js";
import type { LogEvent, SocketNumber, SocketRow } from "../registry/storage.js";
import type { Batch } from "./commit.js";
import { contextKey, cursorKey, logKey, promptKey, rowKey } from "./keys.js";
import { seal } from "./records.js";
import { encodeChange, encodeRow } from "./rows.js";
import type { State } from "./state.js";

type SocketEvent = Exclude<LogEvent, { kind: "message" }>;

/** What a change of a socket did. */
export interface Changed {
  /** The row afterwards; of a delete, as it was before. */
  readonly row: SocketRow;
  /** The socket whose queue ended, if one did. */
  readonly ended: SocketNumber | undefined;
}

/** Changes a socket in memory, and adds to a batch what that changes on disk. */
export function applyChange(state: State, batch: Batch, event: SocketEvent, revision: number, timeMs: number): Changed {
  switch (event.kind) {
    case "create": {
      const { profile, replaces } = event;
      if (replaces !== undefined) forget(state.delete(replaces).number, batch);
      const row = state.create(revision, timeMs, event.draft);
      if (profile.prompt !== "") batch.put(promptKey(row.number), seal(Buffer.from(profile.prompt)));
      if (profile.context !== undefined) batch.put(contextKey(row.number), seal(profile.context));
      putChange(state, batch, { kind: ChangeKind.CHANGE_KIND_CREATED, row, replaces: replaces ?? 0 });
      return { row, ended: replaces };
    }
    case "change": {
      const row = state.change(revision, timeMs, event.number, event.draft, false);
      putChange(state, batch, { kind: ChangeKind.CHANGE_KIND_STATE, row });
      return { row, ended: undefined };
    }
    case "reset": {
      const row = state.change(revision, timeMs, event.number, event.draft, event.queue);
      if (event.queue) batch.del(cursorKey(event.number));
      if (event.context) batch.del(contextKey(event.number));
      const kind = event.queue ? ChangeKind.CHANGE_KIND_RESET : ChangeKind.CHANGE_KIND_UPDATED;
      putChange(state, batch, { kind, row });
      return { row, ended: event.number };
    }
    case "delete": {
      const row = state.delete(event.number);
      putDelete(state, batch, revision, timeMs, row);
      return { row, ended: row.number };
    }
  }
}

/** Logs a change of a row that was changed in memory already, and replaces it on disk. */
export function putChange(
  state: State,
  batch: Batch,
  { kind, row, replaces = 0 }: { kind: ChangeKind; row: SocketRow; replaces?: SocketNumber },
): void {
  const { changedRevision: revision, changedMs: timeMs } = row;
  const stored = encodeChange(revision, timeMs, kind, row, replaces);
  batch.put(logKey(revision), stored);
  batch.put(rowKey(row.number), encodeRow(row));
  state.addChange(revision, timeMs, stored.length);
}

/** Logs that a socket is gone, with its row as it was, and removes every row of it. */
export function putDelete(state: State, batch: Batch, revision: number, timeMs: number, row: SocketRow): void {
  const stored = encodeChange(revision, timeMs, ChangeKind.CHANGE_KIND_DELETED, row, 0);
  batch.put(logKey(revision), stored);
  state.addChange(revision, timeMs, stored.length);
  forget(row.number, batch);
}

function forget(number: SocketNumber, batch: Batch): void {
  for (const key of [rowKey(number), promptKey(number), contextKey(number), cursorKey(number)]) batch.del(key);
}
