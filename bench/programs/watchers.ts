/** Those who watch the registry, in a process of their own: a caller beside them would measure their work as his. */
import { setPriority } from "node:os";
import { WatchEventType, WatchResponse } from "../../gen/ts/socketregistry/v1/socket_registry.js";
import { watchBody } from "../messages.js";
import { answer } from "./answer.js";
import { Channel } from "./channel.js";
import { Frames, varint } from "./frames.js";

/** What one of them has seen since the snapshot. */
interface Watcher {
  isSynced: boolean;
  changes: number;
  revision: number;
}

let watchers: Watcher[] = [];
/** How many watchers have not seen what is waited for, and what happens when all have. */
let missing = 0;
let expected = 0;
let complete = (): void => {};

const commands = {
  /** Opens so many Watches. Resolves when each has its snapshot. */
  async open(address: string, count: number): Promise<void> {
    const channel = new Channel(address);
    const synced = all(count, 0);
    watchers = Array.from({ length: count }, () => ({ isSynced: false, changes: 0, revision: 0 }));
    for (const watcher of watchers) {
      const frames = new Frames();
      void channel.stream("Watch", watchBody(), (piece) => {
        for (const frame of frames.take(piece)) see(watcher, frame);
      });
    }
    await synced;
  },

  /** Resolves when every watcher has seen so many changes in all. It fails when one saw more, or in another order. */
  async haveSeen(changes: number): Promise<void> {
    const behind = watchers.filter((watcher) => watcher.changes < changes).length;
    if (behind > 0) await all(behind, changes);
    const revisions = new Set(watchers.map(({ revision }) => revision));
    const isEqual = revisions.size === 1 && watchers.every((watcher) => watcher.changes === changes);
    if (!isEqual) throw new Error(`watchers are at ${revisions.size} revisions after ${changes} changes`);
  },
};

// They share a core with the caller whose time is measured, and would be on other machines.
setPriority(10);

export type WatchersCommands = typeof commands;
answer(commands);

function see(watcher: Watcher, frame: Buffer): void {
  if (!watcher.isSynced) {
    watcher.isSynced = WatchResponse.decode(frame).type === WatchEventType.WATCH_EVENT_TYPE_SYNCED;
    if (!watcher.isSynced) return;
  } else {
    // The revision is the first field, and to decode the rest a thousand times would take longer than to send it.
    const revision = varint(frame, 1).value;
    if (frame[0] !== 0x08 || revision <= watcher.revision) throw new Error("a change came twice or out of order");
    watcher.revision = revision;
    watcher.changes++;
  }
  if (watcher.changes === expected && --missing === 0) complete();
}

function all(count: number, changes: number): Promise<void> {
  missing = count;
  expected = changes;
  return new Promise((resolve) => {
    complete = resolve;
  });
}
