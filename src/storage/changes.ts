import {
  type Change,
  type LogEvent,
  type ProfileChange,
  type SocketNumber,
  type SocketRow,
  TEAM_NUMBER,
} from "../registry/storage.js";
import type { Batch } from "./commit.js";
import { deleteCursor, putCursor } from "./cursor-rows.js";
import { contextKey, logKey, promptKey, rowKey } from "./keys.js";
import { seal } from "./records.js";
import { encodeChange, encodeRow } from "./rows.js";
import type { State } from "./state.js";

type SocketEvent = Exclude<LogEvent, { kind: "message" }>;

/** What a change of a socket did. */
export interface Changed {
  readonly change: Change;
  /** The stored bytes of its entry. */
  readonly bytes: number;
  /** The socket whose queue ended, or may have, if one did. */
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
      return { ...putChange(state, batch, "CREATED", row, replaces), ended: replaces };
    }
    case "change": {
      const row = state.change(revision, timeMs, event.number, event.draft, false);
      if (event.profile !== undefined) putProfile(batch, event.number, event.profile);
      return { ...putChange(state, batch, event.what, row), ended: undefined };
    }
    case "reset": {
      const row = state.change(revision, timeMs, event.number, event.draft, event.queue);
      if (event.queue) renewCursors(state, batch, event.number);
      if (event.context) batch.del(contextKey(event.number));
      return { ...putChange(state, batch, event.queue ? "RESET" : "UPDATED", row), ended: event.number };
    }
    case "delete": {
      const row = state.delete(event.number);
      return { ...putDelete(state, batch, revision, timeMs, row), ended: row.number };
    }
  }
}

/** Removes what was kept of a queue that begins anew, and of those that follow it. */
function renewCursors(state: State, batch: Batch, number: SocketNumber): void {
  deleteCursor(batch, number);
  const queue = state.queue(number);
  // When its agent was seen stays.
  if (queue !== undefined && queue.seenMs > 0) putCursor(batch, queue);
  if (number !== TEAM_NUMBER) return;
  for (const consumer of state.consumers.all()) deleteCursor(batch, consumer.number);
}

/** Logs a change of a row that was changed in memory already, and replaces it on disk. */
export function putChange(
  state: State,
  batch: Batch,
  kind: Change["kind"],
  row: SocketRow,
  replaces: SocketNumber = 0,
): Omit<Changed, "ended"> {
  const change: Change = { revision: row.changedRevision, kind, row };
  batch.put(rowKey(row.number), encodeRow(row));
  return { change, bytes: putEntry(state, batch, change, row.changedMs, replaces) };
}

/** Logs that a socket is gone, with its row as it was, and removes every row of it. */
export function putDelete(
  state: State,
  batch: Batch,
  revision: number,
  timeMs: number,
  row: SocketRow,
): Omit<Changed, "ended"> {
  const change: Change = { revision, kind: "DELETED", row };
  forget(row.number, batch);
  return { change, bytes: putEntry(state, batch, change, timeMs, 0) };
}

function putEntry(state: State, batch: Batch, change: Change, timeMs: number, replaces: SocketNumber): number {
  const stored = encodeChange(change, timeMs, replaces);
  batch.put(logKey(change.revision), stored);
  const { number } = change.row;
  state.addChange(change.revision, timeMs, stored.length, { number, replaces, isGone: change.kind === "DELETED" });
  return stored.length;
}

/** A row that would say nothing is not kept. */
function putProfile(batch: Batch, number: SocketNumber, { prompt, context }: ProfileChange): void {
  if (prompt === "") batch.del(promptKey(number));
  else if (prompt !== undefined) batch.put(promptKey(number), seal(Buffer.from(prompt)));
  if (context === undefined) return;
  if (context.value === undefined) batch.del(contextKey(number));
  else batch.put(contextKey(number), seal(context.value));
}

function forget(number: SocketNumber, batch: Batch): void {
  for (const key of [rowKey(number), promptKey(number), contextKey(number)]) batch.del(key);
  deleteCursor(batch, number);
}
