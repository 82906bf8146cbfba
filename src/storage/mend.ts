import { type SocketRow, TEAM_NUMBER } from "../registry/storage.js";
import { applyChange, putChange, putDelete } from "./changes.js";
import { Checkpoints } from "./checkpoint.js";
import type { Batch } from "./commit.js";
import { deleteCursor } from "./cursor-rows.js";
import { isConsumerKey, isRowKey, number32 } from "./keys.js";
import { isRenewed, type Recovered } from "./recovery.js";
import type { Removal } from "./removal.js";

/** The feed's row: the one socket that is always there. */
const TEAM = {
  draft: {
    socketId: "team-chat-all",
    model: "broadcast",
    state: "ACTIVE",
    stateReason: "NONE",
    stateMessage: "",
    labels: {},
    config: {},
  },
  profile: { prompt: "", context: undefined },
} as const;

/** A row of which nothing is known. */
const NOBODY: Omit<SocketRow, "number"> = {
  ...TEAM.draft,
  socketId: "",
  model: "",
  createdMs: 0,
  createdRevision: 0,
  changedMs: 0,
  epoch: "",
  epochRevision: 0,
  changedRevision: 0,
};

/**
 * Adds to the first batch of an opening what the store lacks: the feed, and what damage makes necessary. What is lost is
 * noted, so that it is missed only once, and every socket gets a new epoch, because nobody can know whose message it
 * was.
 * @returns the numbers of the queues whose cursors changed
 */
export function mend({ state, damage }: Recovered, removal: Removal, batch: Batch, nowMs: number): number[] {
  const timeMs = Math.max(state.timeMs, nowMs);
  if (isRenewed(damage)) {
    Checkpoints.forget(batch, state.digest);
    for (const key of damage.damagedKeys) {
      batch.del(key);
      if (!isRowKey(key) && !isConsumerKey(key)) continue;
      // Without its row it is gone, and the rest of it goes too. Nobody knows any more who it was.
      const number = number32(key);
      state.nextNumber = Math.max(state.nextNumber, number + 1);
      if (isRowKey(key)) putDelete(state, batch, state.entries.last + 1, timeMs, { ...NOBODY, number });
      else deleteCursor(batch, number);
    }
    removal.remove(damage.lost, batch);
  }
  if (state.socket(TEAM_NUMBER) === undefined) {
    applyChange(state, batch, { kind: "create", ...TEAM }, state.entries.last + 1, timeMs);
  }
  if (!isRenewed(damage)) return [];
  const numbers = [...state.sockets()].map((row) => row.number);
  for (const number of numbers) {
    const row = state.renewEpoch(state.entries.last + 1, timeMs, number);
    putChange(state, batch, "UPDATED", row);
  }
  const queues = [...numbers, ...[...state.consumers.all()].map(({ number }) => number)];
  // They are written anew, but what they no longer have would stay.
  for (const number of queues) deleteCursor(batch, number);
  return queues;
}
