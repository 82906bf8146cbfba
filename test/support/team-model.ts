/**
 * What the registry must do, said as plainly as it can be: lists and loops. It is told every call in the order of the
 * calls, since the registry decides at once, and says what the answer must be.
 */
import type { Reason } from "../../src/registry/errors.js";
import type { SkipReason, SocketConfig, SocketState } from "../../src/registry/storage.js";

export const TEAM = "team-chat-all";

export interface Entry {
  readonly content: string;
  readonly sender: string;
  readonly recipient: string;
  readonly sequence: number;
  /** Appended, and its commit is held back. */
  pending: boolean;
  /** A reader has it, or a full queue let it go. */
  state: "waiting" | "settled" | "dropped";
  /** The reader that was handed it and is not with the next frame yet. */
  holder: object | undefined;
  /** Readers have seen it, as a message of the queue and not as history. */
  delivered: boolean;
}

/** One queue from its beginning to its end. */
export class Epoch {
  readonly entries: Entry[] = [];
  /** How many of the dropped ones readers have been told of. */
  announced = 0;

  get unsettled(): Entry[] {
    return this.entries.filter(({ state }) => state === "waiting");
  }

  /** How many of the oldest are not waiting any more. */
  get floor(): number {
    const first = this.entries.findIndex(({ state }) => state === "waiting");
    return first < 0 ? this.entries.length : first;
  }

  get dropped(): number {
    return this.entries.filter(({ state }) => state === "dropped").length;
  }
}

export interface Box {
  readonly socketId: string;
  readonly config: SocketConfig;
  state: SocketState;
  epoch: Epoch;
}

export interface Post {
  readonly socketId: string;
  readonly sender: string;
  readonly includeSender: boolean;
  readonly content: string;
}

/** The answer to a write, or the reason of the refusal. */
export type Outcome = Reason | Result[];
export interface Result {
  readonly socketId: string;
  readonly sequence: number;
  readonly skipReason: SkipReason | undefined;
}

export class TeamModel {
  /** In order of creation. */
  readonly boxes = new Map<string, Box>();
  readonly #maxQueueMessages: number;

  constructor(maxQueueMessages: number) {
    this.#maxQueueMessages = maxQueueMessages;
    this.boxes.set(TEAM, { socketId: TEAM, config: {}, state: "ACTIVE", epoch: new Epoch() });
  }

  /** @returns what the socket is then, or why it is not */
  create(socketId: string, config: SocketConfig, onConflict: "FAIL" | "USE_EXISTING" | "REPLACE"): Box | Reason {
    const existing = this.boxes.get(socketId);
    if (existing !== undefined && onConflict === "FAIL") return "SOCKET_EXISTS";
    if (existing !== undefined && onConflict === "USE_EXISTING") return existing;
    const box: Box = { socketId, config, state: "ACTIVE", epoch: new Epoch() };
    this.boxes.delete(socketId);
    this.boxes.set(socketId, box);
    return box;
  }

  reset(socketId: string, scope: "ALL" | "QUEUE" | "CONTEXT"): number | Reason {
    const box = this.boxes.get(socketId);
    if (scope === "CONTEXT" && socketId === TEAM) return "BROADCAST_SOCKET_PROTECTED";
    if (box === undefined) return "SOCKET_NOT_FOUND";
    if (scope === "ALL") box.state = "ACTIVE";
    if (scope === "CONTEXT") return 0;
    const { length } = box.epoch.unsettled;
    box.epoch = new Epoch();
    return length;
  }

  delete(socketId: string): number | Reason {
    const box = this.boxes.get(socketId);
    if (box === undefined) return "SOCKET_NOT_FOUND";
    this.boxes.delete(socketId);
    return box.epoch.unsettled.length;
  }

  mark(socketId: string, state: SocketState): Reason | undefined {
    const box = this.boxes.get(socketId);
    if (box === undefined) return "SOCKET_NOT_FOUND";
    box.state = state;
    return undefined;
  }

  write(post: Post): Outcome {
    return post.socketId === TEAM ? this.#toEveryone(post) : this.#toOne(post);
  }

  /** Rule 3: signed broadcasts, what a socket writes to itself, and unsigned direct messages are on the feed. */
  #toOne(post: Post): Outcome {
    const box = this.boxes.get(post.socketId);
    if (box === undefined) return "SOCKET_NOT_FOUND";
    if (post.sender === post.socketId) return [delivery(TEAM, this.#toFeed(post))];
    const refusal = this.#refusal(box);
    if (refusal !== undefined) return refusal;
    const result = delivery(box.socketId, put(box, post));
    if (post.sender === "") this.#toFeed(post);
    return [result];
  }

  #toEveryone(post: Post): Outcome {
    const results: Result[] = [];
    const skips: Result[] = [];
    for (const box of this.boxes.values()) {
      if (box.socketId === TEAM) continue;
      const isAuthor = box.socketId === post.sender && !post.includeSender;
      const skipReason = isAuthor ? "SENDER" : this.#refusal(box);
      if (skipReason !== undefined) skips.push({ socketId: box.socketId, sequence: 0, skipReason });
      else results.push(delivery(box.socketId, put(box, post)));
    }
    if (post.sender !== "") this.#toFeed(post);
    return [...skips, ...results];
  }

  #toFeed(post: Post): number {
    const feed = this.boxes.get(TEAM) as Box;
    while (feed.epoch.unsettled.length >= this.#maxQueueMessages) dropOldest(feed);
    return put(feed, post);
  }

  /** Why a socket does not take a message; a queue that may make room has made it afterwards. */
  #refusal(box: Box): "SOCKET_INACTIVE" | "SOCKET_UNRESPONSIVE" | "QUEUE_FULL" | undefined {
    if (box.state !== "ACTIVE") return `SOCKET_${box.state}`;
    const limit = box.config.maxQueueSize ?? this.#maxQueueMessages;
    if (limit === 0 || box.epoch.unsettled.length < limit) return undefined;
    if (box.config.overflowPolicy !== "DROP_OLDEST") return "QUEUE_FULL";
    dropOldest(box);
    return undefined;
  }
}

function delivery(socketId: string, sequence: number): Result {
  return { socketId, sequence, skipReason: undefined };
}

function dropOldest({ epoch }: Box): void {
  const [oldest] = epoch.unsettled;
  if (oldest !== undefined) oldest.state = "dropped";
}

function put({ epoch }: Box, { content, sender, socketId }: Post): number {
  const sequence = epoch.entries.length + 1;
  const told = { content, sender, recipient: socketId, sequence };
  epoch.entries.push({ ...told, pending: true, state: "waiting", holder: undefined, delivered: false });
  return sequence;
}
