import { expect } from "vitest";
import { type Socket, WatchEventType, type WatchResponse } from "../../gen/ts/socketregistry/v1/socket_registry.js";
import { Following } from "./following.js";
import { nameOf } from "./names.js";

/** One open Watch. */
export class Watching extends Following<WatchResponse> {
  /** The snapshot and its moment. */
  async snapshot(): Promise<{ sockets: Socket[]; revision: bigint }> {
    const sockets: Socket[] = [];
    for (;;) {
      const { type, socket, revision } = await this.frame();
      if (type === WatchEventType.WATCH_EVENT_TYPE_SYNCED) return { sockets, revision };
      expect(typeOf(type)).toBe("SNAPSHOT");
      sockets.push(socket ?? expect.unreachable("a snapshot without a socket"));
    }
  }

  /** The next so many changes in words, such as `CREATED x`. */
  async changes(count: number): Promise<string[]> {
    const changes: string[] = [];
    while (changes.length < count) changes.push(wordsOf(await this.frame()));
    return changes;
  }
}

/** A change in words, such as `CREATED x`; a heartbeat is `HEARTBEAT`. */
export function wordsOf({ type, socket }: WatchResponse): string {
  return [typeOf(type), socket?.socketId].filter((word) => word !== undefined).join(" ");
}

function typeOf(type: WatchEventType): string {
  return nameOf(WatchEventType, type, "WATCH_EVENT_TYPE_");
}

/** What a follower makes of the changes it is told. */
export class Mirror {
  readonly sockets = new Map<string, Socket>();

  add(sockets: readonly Socket[]): this {
    for (const socket of sockets) this.sockets.set(socket.socketId, socket);
    return this;
  }

  take({ type, socket }: WatchResponse): void {
    if (socket === undefined) return;
    if (type === WatchEventType.WATCH_EVENT_TYPE_DELETED) this.sockets.delete(socket.socketId);
    else this.sockets.set(socket.socketId, socket);
  }

  get etags(): Record<string, string> {
    return Object.fromEntries([...this.sockets].map(([id, { etag }]) => [id, etag]).sort());
  }
}
