/**
 * What the registry must do, said as plainly as it can be: lists and loops. It is told every call in the order of the
 * calls, since the registry decides at once, and says what the answer must be.
 */
import type { Reason } from "../../src/registry/errors.js";
import type { Limits } from "../../src/registry/limits.js";
import type { Change, SkipReason, SocketConfig, SocketState, StateReason } from "../../src/registry/storage.js";
import type { FakeClock } from "./fake-clock.js";
import type { Letter, Post, Written } from "./model-letter.js";
import { ModelQueue, type Taker, type World } from "./model-queue.js";

export const TEAM = "team-chat-all";

/** A socket from its creation to its deletion. */
export interface Box {
  readonly socketId: string;
  readonly createdRevision: number;
  config: SocketConfig;
  labels: Readonly<Record<string, string>>;
  prompt: string;
  state: SocketState;
  reason: StateReason;
  changedRevision: number;
  queue: ModelQueue;
  /** When its lease runs out, unless somebody works on its queue. */
  leaseDueMs: number;
  lastSeenMs: number;
  isGone: boolean;
  /** In which period of the history it went. */
  goneIn: number;
}

/** A reader, as far as the team knows it. */
export interface Open extends Taker {
  readonly box: Box;
  /** The queue that it reads; another one after a reset. */
  queue: ModelQueue;
  readonly takes: boolean;
  readonly isExclusive: boolean;
  readonly consumer: string;
  /** Its client reads it no more. */
  release(): void;
}

export interface Consumer {
  queue: ModelQueue;
  usedMs: number;
  /** When it was last seen to be read, since the server was started. */
  readMs: number;
}

export interface Told {
  readonly revision: number;
  readonly kind: Change["kind"];
  readonly socketId: string;
  readonly state: SocketState;
  readonly labels: Readonly<Record<string, string>>;
}

export class TeamModel implements World {
  /** In order of creation. */
  readonly boxes = new Map<string, Box>();
  readonly consumers = new Map<string, Consumer>();
  readonly letters = new Map<number, Letter>();
  readonly changes: Told[] = [];
  readonly open = new Set<Open>();
  readonly clock: FakeClock;
  readonly limits: Limits;
  readonly graceMs: number;
  period = 0;
  revision: number;
  #logMs = 0;

  constructor(clock: FakeClock, limits: Limits, revision: number) {
    this.clock = clock;
    this.limits = limits;
    this.graceMs = limits.returnGraceMs;
    this.revision = revision;
    this.boxes.set(TEAM, this.#box({ socketId: TEAM, config: {}, labels: {}, prompt: "" }));
  }

  get feed(): Box {
    return this.boxes.get(TEAM) as Box;
  }

  get queues(): ModelQueue[] {
    const own = [...this.boxes.values()].map(({ queue }) => queue);
    return [...own, ...[...this.consumers.values()].map(({ queue }) => queue)];
  }

  create(asked: Pick<Box, "socketId" | "config" | "labels" | "prompt">, onConflict: string): Box | Reason {
    const existing = this.boxes.get(asked.socketId);
    if (existing !== undefined && onConflict === "FAIL") return "SOCKET_EXISTS";
    if (existing !== undefined && onConflict === "USE_EXISTING") return existing;
    if (existing !== undefined) this.#remove(existing);
    this.#append();
    const box = this.#box(asked);
    this.boxes.set(asked.socketId, box);
    this.#tell("CREATED", box);
    return box;
  }

  reset(socketId: string, scope: "ALL" | "QUEUE" | "CONTEXT"): number | Reason {
    const box = this.boxes.get(socketId);
    if (scope === "CONTEXT" && socketId === TEAM) return "BROADCAST_SOCKET_PROTECTED";
    if (box === undefined) return "SOCKET_NOT_FOUND";
    const count = scope === "CONTEXT" ? 0 : box.queue.unsettled.length;
    this.#append();
    if (scope === "ALL") this.#setState(box, "ACTIVE", "NONE");
    this.#tell(scope === "CONTEXT" ? "UPDATED" : "RESET", box);
    if (scope === "CONTEXT") return count;
    box.queue = this.#queue(box);
    if (box !== this.feed) return count;
    for (const consumer of this.consumers.values()) consumer.queue = this.#queue(box);
    return count;
  }

  delete(socketId: string): number | Reason {
    const box = this.boxes.get(socketId);
    if (box === undefined) return "SOCKET_NOT_FOUND";
    this.#append();
    this.#tell("DELETED", box);
    this.#remove(box);
    return box.queue.unsettled.length;
  }

  mark(socketId: string, state: SocketState): SocketState | Reason {
    const box = this.boxes.get(socketId);
    if (box === undefined) return "SOCKET_NOT_FOUND";
    const reason = state === "INACTIVE" ? "CLIENT_LEFT" : "OPERATOR";
    if (box.state === state && box.reason === reason) return state;
    this.#append();
    this.#setState(box, state, reason);
    this.#tell("STATE_CHANGED", box);
    return state;
  }

  update(socketId: string, change: Partial<Pick<Box, "config" | "labels" | "prompt">>): true | Reason {
    const box = this.boxes.get(socketId);
    if (socketId === TEAM) return "BROADCAST_SOCKET_PROTECTED";
    if (box === undefined) return "SOCKET_NOT_FOUND";
    const before = JSON.stringify([box.config, box.labels]);
    const leaseMs = box.config.leaseDurationMs;
    Object.assign(box, change);
    if (change.prompt === undefined && JSON.stringify([box.config, box.labels]) === before) return true;
    this.#append();
    if (box.config.leaseDurationMs !== leaseMs) this.renew(box);
    this.#tell("UPDATED", box);
    return true;
  }

  heartbeat(socketId: string, isCurrent: boolean): SocketState | Reason {
    const box = this.boxes.get(socketId);
    if (socketId === TEAM) return "BROADCAST_SOCKET_PROTECTED";
    if (box === undefined) return "SOCKET_NOT_FOUND";
    if (!isCurrent) return "EPOCH_MISMATCH";
    this.seen(box);
    return box.state;
  }

  /** Rule 3: signed broadcasts, what a socket writes to itself, and unsigned direct messages are on the feed. */
  write(post: Post): Written | Reason {
    const isBroadcast = post.socketId === TEAM;
    const target = this.boxes.get(post.socketId);
    if (target === undefined) return "SOCKET_NOT_FOUND";
    const isOwn = post.sender === post.socketId;
    const [takers, skips]: [Box[], { box: Box; reason: SkipReason }[]] = [[], []];
    for (const box of isBroadcast ? this.boxes.values() : isOwn ? [] : [target]) {
      if (box === this.feed || (isBroadcast && !hasLabels(box, post.labels))) continue;
      const isAuthor = isBroadcast && box.socketId === post.sender && !post.includeSender;
      const reason = isAuthor ? "SENDER" : this.#refusal(box);
      if (reason === undefined) takers.push(box);
      else skips.push({ box, reason });
    }
    if (!isBroadcast && skips[0] !== undefined) return skips[0].reason as Reason;
    const { sender, isQuestion } = post;
    const isOnFeed = isBroadcast ? sender !== "" : isOwn || (sender === "" && !isQuestion);
    if (isOnFeed) this.#makeRoomOnFeed();
    const { revision, timeMs } = this.#append();
    const letter = { revision, timeMs, content: post.content, sender, recipient: post.socketId };
    const copies = takers.map((box) => ({ box, queue: box.queue, sequence: box.queue.put(letter) }));
    const feed = this.feed.queue;
    const onFeed = isOnFeed ? { queue: feed, sequence: feed.put(letter) } : undefined;
    if (isOnFeed) for (const { queue } of this.consumers.values()) queue.put(letter);
    const everyone = isBroadcast && Object.keys(post.labels).length === 0;
    const author = sender || post.socketId;
    const routes = { author, everyone, recipient: post.socketId, copies, onFeed, skips };
    this.letters.set(revision, { revision, timeMs, ...routes, replies: [] });
    this.letters.get(post.replyTo)?.replies.push(revision);
    const results = [
      ...skips.map(({ box, reason }) => ({ socketId: box.socketId, sequence: 0, skipReason: reason })),
      ...copies.map(({ box, sequence }) => ({ socketId: box.socketId, sequence, skipReason: undefined })),
    ];
    if (isOwn && !isBroadcast) {
      results.push({ socketId: TEAM, sequence: onFeed?.sequence ?? 0, skipReason: undefined });
    }
    const signed = this.boxes.get(sender);
    if (signed !== undefined) this.seen(signed);
    return { revision, results };
  }

  /** Whether a queue holds a message, so that it is not erased. */
  isKept({ copies, onFeed }: Letter): boolean {
    return onFeed?.queue === this.feed.queue || copies.some(({ box, queue }) => box.queue === queue && !box.isGone);
  }

  /** Everybody who reads a socket's own queue, or a consumer's. */
  readersOf(box: Box, consumer: string): Open[] {
    return [...this.open].filter((one) => one.box === box && one.consumer === consumer);
  }

  /** Whether somebody takes a socket's messages and has let no deadline pass. */
  isWorkedOn(box: Box): boolean {
    return this.readersOf(box, "").some(({ takes, isOverdue }) => takes && !isOverdue);
  }

  /** A sign of life. */
  seen(box: Box): void {
    if (box === this.feed) return;
    this.signed(box);
    if (box.state !== "UNRESPONSIVE" || box.reason !== "LEASE_EXPIRED") return;
    this.#append();
    this.#setState(box, "ACTIVE", "NONE");
    this.#tell("STATE_CHANGED", box);
  }

  /** A sign of life that heals nothing. */
  signed(box: Box): void {
    if (box === this.feed) return;
    box.lastSeenMs = this.clock.wallMs();
    this.renew(box);
  }

  renew(box: Box): void {
    box.leaseDueMs = this.clock.elapsedMs() + (box.config.leaseDurationMs || Infinity);
  }

  /** When something happens by time alone; Infinity: never. */
  get nextMs(): number {
    const nowMs = this.clock.elapsedMs();
    const leases = [...this.boxes.values()].filter(({ state, leaseDueMs }) => state === "ACTIVE" && leaseDueMs > nowMs);
    return Math.min(...leases.map(({ leaseDueMs }) => leaseDueMs), ...this.queues.map(({ nextMs }) => nextMs));
  }

  /** What time does to deliveries. */
  passTime(): void {
    for (const queue of this.queues) {
      for (const taker of queue.passTime()) {
        if (taker.isOverdue) continue;
        taker.isOverdue = true;
        const { box, consumer } = taker as Open;
        if (consumer === "") this.renew(box);
      }
    }
  }

  /** The sockets whose leases are over. Which of them goes first is not said. */
  get overdue(): Box[] {
    const nowMs = this.clock.elapsedMs();
    const isOver = (box: Box): boolean => box.state === "ACTIVE" && box.leaseDueMs <= nowMs && !this.isWorkedOn(box);
    return [...this.boxes.values()].filter(isOver);
  }

  /** A lease runs out. */
  expire(box: Box): void {
    this.#append();
    this.#setState(box, "UNRESPONSIVE", "LEASE_EXPIRED");
    this.#tell("STATE_CHANGED", box);
  }

  /** The server was started again. */
  restart(): void {
    this.open.clear();
    for (const queue of this.queues) queue.restart();
    for (const consumer of this.consumers.values()) consumer.readMs = 0;
    for (const box of this.boxes.values()) {
      const durationMs = box.config.leaseDurationMs || Infinity;
      box.leaseDueMs = this.clock.elapsedMs() + Math.max(durationMs, this.limits.leaseStartGraceMs);
    }
  }

  /** Whether a message has outlived its socket's message_ttl. */
  isExpired({ config }: Box, timeMs: number): boolean {
    return (config.messageTtlMs ?? 0) > 0 && timeMs <= this.clock.wallMs() - (config.messageTtlMs ?? 0);
  }

  /** Makes a named cursor of the feed, or notes that it is used. @returns whether there was room */
  useConsumer(name: string, after: number): ModelQueue | undefined {
    const usedMs = this.clock.wallMs();
    const known = this.consumers.get(name);
    if (known !== undefined) {
      known.usedMs = usedMs;
      return known.queue;
    }
    if (this.consumers.size >= this.limits.maxConsumers) return undefined;
    const queue = this.#queue(this.feed);
    for (const letter of this.feed.queue.entries) queue.put(letter);
    for (const entry of queue.entries.slice(0, after)) queue.settle(entry);
    this.consumers.set(name, { queue, usedMs, readMs: 0 });
    return queue;
  }

  /** Notes who is at work, and lets the consumers go that nobody used for long. */
  sweep(): void {
    for (const box of this.boxes.values()) {
      if (box !== this.feed && this.isWorkedOn(box)) box.lastSeenMs = this.clock.wallMs();
    }
    const nowMs = this.clock.wallMs();
    for (const [name, consumer] of this.consumers) {
      if (this.readersOf(this.feed, name).length > 0) {
        consumer.readMs = nowMs;
        // The store hears of it once an hour.
        if (nowMs - consumer.usedMs >= 3_600_000) consumer.usedMs = nowMs;
      } else if (nowMs - Math.max(consumer.usedMs, consumer.readMs) >= this.limits.consumerIdleMs) {
        this.consumers.delete(name);
      }
    }
  }

  #box(asked: Pick<Box, "socketId" | "config" | "labels" | "prompt">): Box {
    const { socketId, config, labels, prompt } = asked;
    const box: Partial<Box> = { socketId, config, labels, prompt, state: "ACTIVE", reason: "NONE", isGone: false };
    Object.assign(box, { createdRevision: this.revision, changedRevision: this.revision, lastSeenMs: 0, goneIn: 0 });
    const full = box as Box;
    full.queue = this.#queue(full);
    this.renew(full);
    return full;
  }

  #queue(box: Box): ModelQueue {
    return new ModelQueue(this, () => ({
      deadlineMs: (box.config.ackDeadlineMs ?? this.limits.ackDeadlineMs) || Infinity,
      attemptsMax: (box.config.maxDeliveryAttempts ?? this.limits.maxDeliveryAttempts) || Infinity,
    }));
  }

  #remove(box: Box): void {
    Object.assign(box, { isGone: true, goneIn: this.period });
    this.boxes.delete(box.socketId);
  }

  #setState(box: Box, state: SocketState, reason: StateReason): void {
    if (box.state !== state) this.renew(box);
    Object.assign(box, { state, reason });
  }

  #append(): { revision: number; timeMs: number } {
    this.#logMs = Math.max(this.#logMs, this.clock.wallMs());
    return { revision: ++this.revision, timeMs: this.#logMs };
  }

  #tell(kind: Change["kind"], box: Box): void {
    box.changedRevision = this.revision;
    const { socketId, state, labels } = box;
    this.changes.push({ revision: this.revision, kind, socketId, state, labels });
  }

  /** The feed refuses nothing: its oldest messages go first. */
  #makeRoomOnFeed(): void {
    const { queue } = this.feed;
    while (queue.unsettled.length + queue.parked.length >= this.limits.maxQueueMessages) queue.dropOldest();
  }

  /** Why a socket does not take a message; a queue that may make room has made it afterwards. */
  #refusal({ state, reason, config, queue }: Box): SkipReason | undefined {
    const isAway = state === "INACTIVE" || reason === "LEASE_EXPIRED";
    const isOpen = state === "ACTIVE" || (isAway && config.acceptWhenAway === true);
    if (!isOpen) return state === "INACTIVE" ? "SOCKET_INACTIVE" : "SOCKET_UNRESPONSIVE";
    const sizeMax = config.maxQueueSize ?? this.limits.maxQueueMessages;
    const isFull = (): boolean => sizeMax > 0 && queue.unsettled.length + queue.parked.length >= sizeMax;
    if (!isFull()) return undefined;
    if (config.overflowPolicy !== "DROP_OLDEST") return "QUEUE_FULL";
    while (isFull()) queue.dropOldest();
    return undefined;
  }
}

function hasLabels(box: Box, labels: Readonly<Record<string, string>>): boolean {
  return Object.entries(labels).every(([key, value]) => box.labels[key] === value);
}
