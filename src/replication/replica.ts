import type { Following, Replicable, Storage } from "../registry/storage.js";
import { CLAIM_KEY } from "./claim.js";
import type { Dialect, Listed } from "./dialect.js";
import { Mirror } from "./mirror.js";
import { inParallel } from "./parallel.js";
import { PeerError } from "./peer-error.js";
import { Views } from "./views.js";

/** The namespace of the state itself, beside that of the views. */
export const logNamespace = (namespace: string): string => `${namespace}.log`;

/** The key of the list of all pieces: no listing of a peer is taken for complete when a store is made of it. */
export const INVENTORY_KEY = "inventory";

/** Whether a record of the namespace is a piece of the state. */
export const isPiece = ({ key }: { readonly key: string }): boolean => key !== CLAIM_KEY && key !== INVENTORY_KEY;

/** Up to where the peer has everything. */
export interface Confirmed {
  readonly revision: number;
  /** Since when, by the clock that never jumps: what came after it is what the peer may lack. */
  readonly ms: number;
}

/**
 * What the peer has of the store, and what it lacks. A round cuts what changed into pieces and sends them, a few at a
 * time; then it removes what nobody needs any more, so that the peer never has less than it had. What is not confirmed
 * stays for the next round, by its key alone: no message is held in memory, however long the peer is away.
 */
export class Replica {
  readonly #storage: Storage & Replicable;
  readonly #namespace: string;
  readonly #pieces: Mirror;
  readonly #views: Views;
  /** Changed, and not at the peer yet. */
  readonly #unsent = new Set<string>();
  /** At the peer, and needed no more. */
  readonly #removed = new Set<string>();
  #following: Following | undefined;
  #hasMore = false;
  #confirmed: Confirmed = { revision: 0, ms: performance.now() };

  constructor(storage: Storage & Replicable, namespace: string, viewsPerSecond: number) {
    this.#storage = storage;
    this.#namespace = logNamespace(namespace);
    this.#pieces = new Mirror(this.#namespace);
    this.#views = new Views(storage, namespace, viewsPerSecond, () => performance.now());
  }

  get confirmed(): Confirmed {
    return this.#confirmed;
  }

  /** Whether the last round left something for the next one that was there before it. */
  get hasMore(): boolean {
    return this.#hasMore;
  }

  /**
   * Takes over what the peer has, after each connection; the first time the store is followed from there.
   * @throws PeerError INCOMPATIBLE when it has the state of another registry
   */
  async takeOver(dialect: Dialect, signal: AbortSignal): Promise<void> {
    this.#pieces.reconnected();
    this.#views.reconnected();
    // What is there before our first round is taken for granted; later we know what we have confirmed.
    const isFirst = this.#following === undefined;
    const adopt = (one: Listed): boolean => isFirst && this.#isOurs(one);
    const { listed, missing } = await this.#pieces.audit(dialect, signal, adopt);
    const pieces = listed.filter(isPiece);
    const foreign = pieces.find((one) => !this.#isOurs(one));
    if (foreign !== undefined) {
      const whose = String(foreign.metadata["instance"]);
      throw new PeerError("INCOMPATIBLE", `${this.#namespace} has the state of another registry, ${whose}`);
    }
    this.#sendAgain(missing);
    const kept = pieces.map(({ key, metadata }) => ({ key, messageCount: Number(metadata["messageCount"] ?? 0) }));
    this.#following ??= this.#storage.follow(kept);
    await this.#views.audit(dialect, signal);
  }

  /** @throws PeerError; STORAGE_UNAVAILABLE */
  async round(dialect: Dialect, signal: AbortSignal): Promise<void> {
    const following = this.#following;
    if (following === undefined) return;
    const ms = performance.now();
    const { durableRevision } = this.#storage;
    const changed = await following.changed();
    for (const key of changed.keys) {
      this.#unsent.add(key);
      this.#removed.delete(key);
    }
    for (const key of changed.removed) if (this.#pieces.has(key)) this.#removed.add(key);
    await this.#views.note(changed.sockets);
    for (const stage of following.stages(this.#unsent)) {
      await inParallel(stage, (key) => this.#send(dialect, following, key, signal));
    }
    await this.#takeInventory(dialect, signal);
    await inParallel([...this.#removed], async (key) => {
      await this.#pieces.remove(dialect, key, signal);
      this.#removed.delete(key);
    });
    this.#confirmed = { revision: changed.revision, ms };
    this.#hasMore = changed.revision < durableRevision;
    await this.#views.send(dialect, signal);
  }

  /**
   * Compares the peer's listing, and one piece of it, with what it confirmed. What an earlier process of ours left there
   * is cut again or removed.
   * @throws PeerError NOT_KEPT when something is missing, which is sent again with the next round
   */
  async audit(dialect: Dialect, signal: AbortSignal): Promise<void> {
    const left: string[] = [];
    const { missing } = await this.#pieces.audit(dialect, signal, (one) => {
      const isLeft = isPiece(one) && this.#isOurs(one) && !this.#unsent.has(one.key);
      if (isLeft) left.push(one.key);
      return isLeft;
    });
    this.#following?.missed(left);
    this.#sendAgain(missing);
    if (missing.length > 0) {
      throw new PeerError("NOT_KEPT", `the peer has lost ${missing.length} pieces that it had confirmed`);
    }
    const key = this.#pieces.sample();
    if (key === undefined || this.#removed.has(key)) return;
    await this.#pieces.prove(dialect, key, signal).catch((error: unknown) => {
      this.#sendAgain([key]);
      throw error;
    });
  }

  auditViews(dialect: Dialect, signal: AbortSignal): Promise<void> {
    return this.#views.audit(dialect, signal);
  }

  /** The peer may have lost everything: it is sent once more. */
  async sendAll(): Promise<void> {
    this.#sendAgain([...this.#pieces.keys()]);
    this.#pieces.forget();
    await this.#views.sendAll();
  }

  stop(): void {
    this.#following?.stop();
  }

  /** The peer has lost these. What was to go is gone, and the inventory is made anew. */
  #sendAgain(keys: readonly string[]): void {
    for (const key of keys) if (!this.#removed.delete(key) && isPiece({ key })) this.#unsent.add(key);
  }

  /** Says which pieces there are, before others are removed. */
  async #takeInventory(dialect: Dialect, signal: AbortSignal): Promise<void> {
    const keys = [...this.#pieces.keys()].filter((key) => isPiece({ key }) && !this.#removed.has(key)).sort();
    const metadata = { instance: this.#storage.instance, pieceCount: keys.length };
    await this.#pieces.put(dialect, INVENTORY_KEY, { data: { keys }, metadata }, signal);
  }

  async #send(dialect: Dialect, following: Following, key: string, signal: AbortSignal): Promise<void> {
    const piece = await following.piece(key);
    if (piece === undefined) {
      if (this.#pieces.has(key)) this.#removed.add(key);
    } else {
      const { bytes, revision, socketCount, messageCount } = piece;
      const metadata = { instance: this.#storage.instance, revision, socketCount, messageCount };
      await this.#pieces.put(dialect, key, { data: { bytes: bytes.toString("base64") }, metadata }, signal);
    }
    this.#unsent.delete(key);
  }

  readonly #isOurs = ({ metadata }: Listed): boolean => metadata["instance"] === this.#storage.instance;
}
