import { setImmediate } from "node:timers/promises";
import type { SocketNumber, Storage } from "../registry/storage.js";
import type { Dialect, Listed } from "./dialect.js";
import { Mirror } from "./mirror.js";
import { inParallel } from "./parallel.js";
import { encodeRecord } from "./record.js";
import { viewOf } from "./view.js";

/** A view is sent again no sooner than this, however often its socket changes. */
const VIEW_MIN_MS = 1_000;
/** At Engram this is a route, so that the socket of this name has no view. It is in the replica like any other. */
const UNREADABLE_KEY = "search";
/** What was not used of the rate is kept for so long. */
const BURST_SECONDS = 30;
/** So many sockets are noted in one turn of the event loop. */
const NOTED_PER_TURN = 10_000;

/**
 * The views of sockets that an original Rhetor reads: one record for each, under its id. A view is as large as the
 * queue it shows, so that they are sent at a bounded rate, whoever changed longest ago first; a restore needs none of
 * them.
 */
export class Views {
  readonly #storage: Storage;
  readonly #mirror: Mirror;
  readonly #perSecond: number;
  readonly #elapsedMs: () => number;
  readonly #changed = new Set<SocketNumber>();
  readonly #sentMs = new Map<SocketNumber, number>();
  /** Under which key the view of a socket lies, to find it when the socket is gone. */
  readonly #keys = new Map<SocketNumber, string>();
  readonly #gone = new Set<string>();
  #hasAudited = false;
  #allowance: number;
  #filledMs: number;

  constructor(storage: Storage, namespace: string, perSecond: number, elapsedMs: () => number) {
    this.#storage = storage;
    this.#mirror = new Mirror(namespace);
    this.#perSecond = perSecond;
    this.#elapsedMs = elapsedMs;
    this.#allowance = perSecond * BURST_SECONDS;
    this.#filledMs = elapsedMs();
  }

  reconnected(): void {
    this.#mirror.reconnected();
  }

  /** Takes note of sockets that changed. */
  async note(sockets: ReadonlySet<SocketNumber> | "all"): Promise<void> {
    if (sockets !== "all") {
      for (const number of sockets) this.#changed.add(number);
      return;
    }
    // Those that are gone by now have a view that must go.
    for (const number of this.#keys.keys()) this.#changed.add(number);
    let count = 0;
    for (const { number } of this.#storage.sockets()) {
      this.#changed.add(number);
      if (++count % NOTED_PER_TURN === 0) await setImmediate();
    }
  }

  /** Sends what has waited longest, as much as the rate allows. @throws PeerError */
  async send(dialect: Dialect, signal: AbortSignal): Promise<void> {
    await inParallel([...this.#gone], async (key) => {
      // Another socket may have the id by now.
      if (this.#storage.find(key) === undefined) await this.#mirror.remove(dialect, key, signal);
      this.#gone.delete(key);
    });
    await inParallel(this.#due(), async (number) => {
      this.#changed.delete(number);
      try {
        if (await this.#sendOne(dialect, number, signal)) this.#allowance--;
      } catch (error) {
        this.#changed.add(number);
        throw error;
      }
    });
  }

  /**
   * Compares the peer's listing, and one view, with what it confirmed; what is missing there is sent again.
   * @throws PeerError
   */
  async audit(dialect: Dialect, signal: AbortSignal): Promise<void> {
    const { instance } = this.#storage;
    const isOurs = ({ metadata }: Listed): boolean => metadata["instance"] === instance;
    // What an earlier process sent is taken for granted; later we know what we have confirmed.
    const adopt = (one: Listed): boolean => !this.#hasAudited && isOurs(one);
    const { listed, missing } = await this.#mirror.audit(dialect, signal, adopt);
    this.#hasAudited = true;
    for (const { key } of listed.filter(isOurs)) {
      const row = this.#storage.find(key);
      if (row === undefined) this.#gone.add(key);
      else this.#keys.set(row.number, key);
    }
    for (const key of missing) this.#sendAgain(key);
    const key = this.#mirror.sample();
    if (key === undefined) return;
    await this.#mirror.prove(dialect, key, signal).catch((error: unknown) => {
      this.#sendAgain(key);
      throw error;
    });
  }

  #sendAgain(key: string): void {
    const row = this.#storage.find(key);
    if (row !== undefined) this.#changed.add(row.number);
  }

  /** The peer may have lost everything. */
  async sendAll(): Promise<void> {
    this.#mirror.forget();
    await this.note("all");
  }

  #due(): SocketNumber[] {
    const nowMs = this.#elapsedMs();
    const filled = this.#allowance + ((nowMs - this.#filledMs) * this.#perSecond) / 1_000;
    this.#allowance = Math.min(filled, this.#perSecond * BURST_SECONDS);
    this.#filledMs = nowMs;
    const due: SocketNumber[] = [];
    for (const number of this.#changed) {
      if (due.length >= this.#allowance) break;
      const sentMs = this.#sentMs.get(number);
      if (sentMs === undefined || nowMs - sentMs >= VIEW_MIN_MS) due.push(number);
    }
    return due;
  }

  /** @returns whether something had to be sent */
  async #sendOne(dialect: Dialect, number: SocketNumber, signal: AbortSignal): Promise<boolean> {
    const view = await viewOf(this.#storage, number);
    if (view === undefined) {
      const key = this.#keys.get(number);
      this.#keys.delete(number);
      this.#sentMs.delete(number);
      if (key !== undefined) this.#gone.add(key);
      return false;
    }
    if (view.socketId === UNREADABLE_KEY) return false;
    const { instance, durableRevision: revision } = this.#storage;
    const { data, metadata } = encodeRecord(view, { instance, revision });
    this.#keys.set(number, view.socketId);
    const content = { data, metadata };
    const isSent = await this.#mirror.put(dialect, view.socketId, content, signal);
    if (isSent) this.#sentMs.set(number, this.#elapsedMs());
    return isSent;
  }
}
