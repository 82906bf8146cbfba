/**
 * A store whose pieces go to a keeper at random moments, and what has to be true of a store that is restored from there:
 * what a round confirmed that came to its end, and nobody settled since, is in it; what was settled by then is not; and
 * nothing is half there.
 */
import { rmSync } from "node:fs";
import { expect } from "vitest";
import { type LogEvent, type SocketNumber, type Storage, TEAM_NUMBER } from "../../src/registry/storage.js";
import { LevelStorage } from "../../src/storage/level.js";
import { restoreStore } from "../../src/storage/restore.js";
import { crashCopy } from "./crash-copy.js";
import { Lines } from "./level-storage.js";
import { Keeper } from "./pieces.js";
import { queueOf, type Waiting } from "./pieces-state.js";
import { Clock } from "./storage-events.js";
import { newFolder } from "./storage-pair.js";

interface QueueState {
  readonly epochRevision: number;
  /** The revisions of what is not settled, with what else is known of each. */
  readonly open: ReadonlyMap<number, Waiting>;
  /** The revisions of what is not settled and above the floor. */
  readonly above: ReadonlySet<number>;
  /** The revisions of what is settled and above the floor. */
  readonly excepted: ReadonlySet<number>;
}

interface StoreState {
  readonly revision: number;
  readonly queues: ReadonlyMap<SocketNumber, QueueState>;
}

export class ReplicatedHistory {
  readonly clock = new Clock();
  readonly keeper = new Keeper();
  #elapsedMs = 0;
  #folder = newFolder();
  readonly #folders = [this.#folder];
  #storage: LevelStorage | undefined;
  /** The body of every message that was ever written, by revision, the newest last: a crash takes some of them back. */
  readonly #bodies = new Map<number, string[]>();
  /** The prompts and contexts that a socket had at any time since the last round that came to its end. */
  readonly #profiles = new Map<SocketNumber, Set<string>>();
  /** The sockets that changed since the last round began. */
  #changing = new Set<SocketNumber>();
  #confirmed: StoreState | undefined;

  static async open(): Promise<ReplicatedHistory> {
    const history = new ReplicatedHistory();
    await history.#open();
    return history;
  }

  get storage(): LevelStorage {
    if (this.#storage === undefined) throw new Error("the store is not open");
    return this.#storage;
  }

  get numbers(): SocketNumber[] {
    return [...this.storage.sockets()].map(({ number }) => number);
  }

  append(event: LogEvent): void {
    const { revision, row } = this.storage.append(event);
    if (event.kind === "message") {
      const bodies = this.#bodies.get(revision) ?? [];
      this.#bodies.set(revision, [...bodies, Buffer.from(event.body).toString()]);
    } else if (row !== undefined) {
      this.#profiles.get(row.number)?.add("anything");
      this.#changing.add(row.number);
      if (event.kind === "create") this.#profiles.set(row.number, new Set([profileText(event.profile)]));
    }
  }

  tick(ms: number): void {
    this.clock.ms += ms;
    this.#elapsedMs += ms;
  }

  /**
   * A round, or only the first steps of one.
   * @param meanwhile what goes on while the pieces are under way
   */
  async round(steps: number, meanwhile?: () => void | Promise<void>): Promise<void> {
    const { storage } = this;
    const isWhole = steps === Number.POSITIVE_INFINITY;
    // A round tells of what is durable by then. Of a part of one nothing is confirmed anyway.
    if (isWhole) await storage.durable();
    let told: StoreState | undefined;
    const profiles = new Map<SocketNumber, Set<string>>();
    const { revision } = await this.keeper.round(steps, async (isFirst) => {
      if (!isWhole) return;
      if (!isFirst) return await meanwhile?.();
      told = await stateOf(storage);
      for (const number of this.numbers) profiles.set(number, new Set([profileText(await storage.profile(number))]));
      this.#changing = new Set();
    });
    if (told === undefined || revision < told.revision) return;
    this.#confirmed = told;
    this.#profiles.clear();
    for (const [number, texts] of profiles) if (!this.#changing.has(number)) this.#profiles.set(number, texts);
  }

  /** The store ends, by a close or by a crash, and begins again; the keeper is there all the time. */
  async restart(isCrash: boolean): Promise<void> {
    const before = this.storage;
    if (isCrash) {
      const folder = newFolder();
      this.#folders.push(folder);
      crashCopy(this.#folder, folder);
      this.#folder = folder;
    }
    await before.close();
    await this.#open();
  }

  /** Restores what the keeper has by now and compares it. */
  async check(): Promise<void> {
    const confirmed = this.#confirmed;
    if (confirmed === undefined) return;
    await this.storage.durable();
    const now = await stateOf(this.storage);
    const folder = newFolder();
    this.#folders.push(folder);
    expect((await restoreStore(folder, this.keeper.contents())).missing).toEqual([]);
    const lines = new Lines();
    const restored = await LevelStorage.open({ folder, durability: "os", recentBytes: 1_000, log: lines });
    try {
      expect(lines.errors).toEqual([]);
      await this.#compare(restored, confirmed, now);
    } finally {
      await restored.close();
    }
  }

  async dispose(): Promise<void> {
    await this.#storage?.close();
    for (const folder of this.#folders) rmSync(folder, { recursive: true, force: true });
  }

  async #compare(restored: LevelStorage, confirmed: StoreState, now: StoreState): Promise<void> {
    const found = await stateOf(restored);
    for (const [number, { open, epochRevision }] of confirmed.queues) {
      const after = now.queues.get(number);
      // What became of a socket that was reset or deleted since is nobody's business.
      if (after?.epochRevision !== epochRevision) continue;
      // A consumer finds what the feed's own order still has.
      const isThere = restored.socket(number) === undefined ? now.queues.get(TEAM_NUMBER)?.above : after.open;
      for (const revision of open.keys()) {
        if (after.open.has(revision) && isThere?.has(revision) === true)
          expect(found.queues.get(number)?.open.has(revision), `${revision} in ${number}`).toBe(true);
      }
    }
    for (const [number, { open }] of found.queues) {
      const before = confirmed.queues.get(number);
      const isOver = before !== undefined && now.queues.get(number)?.epochRevision !== before.epochRevision;
      // A consumer that is new since may begin with what was there before it.
      const isNewConsumer = before === undefined && restored.socket(number) === undefined;
      const revisions = [...open.keys()];
      expect(revisions, `order in ${number}`).toEqual(revisions.toSorted((a, b) => a - b));
      for (const [revision, message] of open) {
        const isNew = isNewConsumer || isOver || revision > confirmed.revision;
        // Where the feed's own order has a message no more, a consumer may not know that it had settled it.
        const isForgotten = restored.socket(number) === undefined && before?.excepted.has(revision) === true;
        const isOpen = before?.open.has(revision) === true || isForgotten;
        expect(isNew || isOpen, `${revision} came again in ${number}`).toBe(true);
        expect(this.#bodies.get(revision)).toContain(message.body);
      }
    }
    await this.#compareSockets(restored, confirmed);
  }

  async #compareSockets(restored: LevelStorage, confirmed: StoreState): Promise<void> {
    for (const row of restored.sockets()) {
      expect(restored.find(row.socketId)).toBe(row);
      const isNew = !confirmed.queues.has(row.number);
      if (isNew) expect(row.createdRevision).toBeGreaterThan(confirmed.revision);
      const profiles = this.#profiles.get(row.number);
      if (profiles === undefined || profiles.has("anything")) continue;
      expect([...profiles]).toContain(profileText(await restored.profile(row.number)));
    }
  }

  async #open(): Promise<void> {
    this.#storage = undefined;
    const options = { folder: this.#folder, durability: "os", recentBytes: 1_000, log: new Lines() } as const;
    const clocks = { now: this.clock.now, elapsedMs: () => this.#elapsedMs, eraseAfterMs: 50, checkpointInterval: 100 };
    this.#storage = await LevelStorage.open({ ...options, ...clocks });
    this.keeper.follow(this.#storage);
  }
}

function profileText({ prompt, context }: { prompt: string; context: Uint8Array | undefined }): string {
  return `${prompt} ${context === undefined ? "none" : Buffer.from(context).toString()}`;
}

async function stateOf(storage: Storage): Promise<StoreState> {
  const queues = new Map<SocketNumber, QueueState>();
  for (const { number } of [...storage.sockets(), ...storage.consumers()]) {
    const messages = await queueOf(storage, number);
    const queue = storage.queue(number);
    const above = Array.from({ length: queue.tail - queue.floor }, (_, index) => queue.floor + 1 + index);
    const settled = await storage.readAt(
      number,
      above.filter((sequence) => queue.isSettled(sequence)),
    );
    const over = messages.filter(({ sequence }) => sequence > queue.floor);
    queues.set(number, {
      epochRevision: (storage.socket(number) ?? storage.socket(TEAM_NUMBER))?.epochRevision ?? 0,
      above: new Set(over.map(({ revision }) => revision)),
      open: new Map(messages.map((message) => [message.revision, message])),
      excepted: new Set(settled.map(({ revision }) => revision)),
    });
  }
  return { revision: storage.durableRevision, queues };
}
