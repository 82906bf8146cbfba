import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import type { Dialect, Listed, PeerRecord } from "./dialect.js";
import { PeerError } from "./peer-error.js";

/** One record of so many is read back after it was put, beside the first of each connection and every removal. */
const SAMPLE = 32;

/** What is put under a key: the metadata gets the hash of the data beside what the caller says. */
export type Content = Omit<PeerRecord, "key">;

/**
 * What the peer is known to have of one namespace: only what it has confirmed. An answer of 200 is no confirmation by
 * itself, since peers have been seen to give it for what they did not do: the first record of each connection is read
 * back, then one of so many, and every removal; the rest is found by `audit`.
 */
export class Mirror {
  readonly #namespace: string;
  /** The hash of what lies under each key. */
  readonly #kept = new Map<string, string>();
  #puts = 0;

  constructor(namespace: string) {
    this.#namespace = namespace;
  }

  has(key: string): boolean {
    return this.#kept.has(key);
  }

  keys(): Iterable<string> {
    return this.#kept.keys();
  }

  /** One of the keys, by chance; undefined when there is none. */
  sample(): string | undefined {
    let place = Math.floor(Math.random() * this.#kept.size);
    for (const key of this.#kept.keys()) if (place-- === 0) return key;
    return undefined;
  }

  /** A new connection, perhaps to another peer: the next put is read back. */
  reconnected(): void {
    this.#puts = 0;
  }

  /** Nothing is known of the peer any more. */
  forget(): void {
    this.#kept.clear();
  }

  /** Puts a record, unless the peer has just that. @returns whether it had to. @throws PeerError */
  async put(dialect: Dialect, key: string, content: Content, signal: AbortSignal): Promise<boolean> {
    const hash = hashOf(content.data);
    if (this.#kept.get(key) === hash) return false;
    // From here on nobody knows what the peer has.
    this.#kept.delete(key);
    const record = { key, data: content.data, metadata: { ...content.metadata, hash } };
    await dialect.put(this.#namespace, record, signal);
    if (this.#puts++ % SAMPLE === 0) await this.#readBack(dialect, record, signal);
    this.#kept.set(key, hash);
    return true;
  }

  /** Removes a record, and makes sure that it is gone. @throws PeerError */
  async remove(dialect: Dialect, key: string, signal: AbortSignal): Promise<void> {
    await dialect.delete(this.#namespace, key, signal);
    if ((await dialect.get(this.#namespace, key, signal)) !== undefined) {
      throw new PeerError("NOT_KEPT", `the peer says that it removed ${key}, and still has it`);
    }
    this.#kept.delete(key);
  }

  /**
   * Compares what the peer lists with what it confirmed, and forgets what is missing there or another one: it was lost,
   * or somebody else wrote it. What it lists and never confirmed is taken for granted only when `adopt` says so.
   * @returns the listing, and the keys that were forgotten
   */
  async audit(
    dialect: Dialect,
    signal: AbortSignal,
    adopt: (listed: Listed) => boolean = () => false,
  ): Promise<{ listed: readonly Listed[]; missing: string[] }> {
    const before = new Map(this.#kept);
    const listed = await dialect.list(this.#namespace, signal);
    const hashes = new Map(listed.map(({ key, metadata }) => [key, metadata["hash"]]));
    const missing: string[] = [];
    for (const [key, hash] of before) {
      if (hashes.get(key) === hash) continue;
      this.#kept.delete(key);
      missing.push(key);
    }
    for (const one of listed) {
      const { hash } = one.metadata;
      if (typeof hash === "string" && !before.has(one.key) && adopt(one)) this.#kept.set(one.key, hash);
    }
    return { listed, missing };
  }

  /** Reads one record that the peer has confirmed, and compares it with its own hash. @throws PeerError NOT_KEPT */
  async prove(dialect: Dialect, key: string, signal: AbortSignal): Promise<void> {
    const hash = this.#kept.get(key);
    const record = await dialect.get(this.#namespace, key, signal);
    if (hash === undefined || this.#kept.get(key) !== hash) return;
    if (record !== undefined && hashOf(record.data) === hash) return;
    this.#kept.delete(key);
    throw new PeerError("NOT_KEPT", `the peer has another ${key} than it confirmed`);
  }

  async #readBack(dialect: Dialect, { key, data, metadata }: PeerRecord, signal: AbortSignal): Promise<void> {
    const found = await dialect.get(this.#namespace, key, signal);
    if (found?.metadata["hash"] === metadata["hash"] && isDeepStrictEqual(found?.data, data)) return;
    throw new PeerError("NOT_KEPT", `the peer says that it stored ${key}, and does not have it`);
  }
}

/** The same data always has the same hash: its keys are always written in the same order, and peers keep that. */
export function hashOf(data: unknown): string {
  return createHash("sha256").update(JSON.stringify(data)).digest("base64url");
}
