import { isCanary, type PeerRecord } from "./dialect.js";
import type { Peer } from "./peer.js";
import { PeerError } from "./peer-error.js";
import {
  type Entry,
  entryText,
  isNewer,
  type LoggedEntry,
  parseEntry,
  parseSeal,
  queries,
  sealText,
} from "./v1-log-entry.js";
import { newestGeneration } from "./v1-log-generations.js";
import { V1LogHeads } from "./v1-log-heads.js";
import { add, clientOf, searchAll, searchFor } from "./v1-log-wire.js";

/** What a log holds: of each record the entry that counts. */
interface Contents {
  readonly newest: ReadonlyMap<string, LoggedEntry>;
  /** The same, of the newest generation alone. */
  readonly here: ReadonlyMap<string, LoggedEntry>;
}

/**
 * One namespace as a log that can only grow. A record's newest revision counts; a deletion is a revision too.
 *
 * Each entry makes the peer write the whole log anew, and nothing is ever removed from it. So after a while the log goes
 * on as a new *generation* under another client id, which begins with a copy of what is live. It counts when it is
 * *sealed*: until then the one before counts too, and of both together what has the highest revision. So it does not
 * matter where the copying was cut off, nor whether the peer lost the seal: the next change completes the copy first.
 */
export class V1LogSpace {
  readonly #peer: Peer;
  readonly #namespace: string;
  readonly #writer: string;
  readonly #heads: V1LogHeads;
  #generation = 1;
  #isSealed = true;
  /** Whether the newest generation is known, and what it holds. */
  #isKnown = false;
  #turn: Promise<unknown> = Promise.resolve();

  /** @param writer goes into what is written, and is nobody else's */
  constructor(peer: Peer, namespace: string, writer: string) {
    this.#peer = peer;
    this.#namespace = namespace;
    this.#writer = writer;
    this.#heads = new V1LogHeads(peer.maxResponseBytes);
  }

  put({ key, data, metadata }: PeerRecord, signal: AbortSignal): Promise<void> {
    return this.#inTurn(() => this.#append({ key, data, metadata, isDeleted: false }, signal));
  }

  delete(key: string, signal: AbortSignal): Promise<void> {
    return this.#inTurn(async () => {
      await this.#know(signal);
      if (!this.#heads.isDeleted(key)) await this.#append({ key, data: {}, metadata: {}, isDeleted: true }, signal);
    });
  }

  async get(key: string, signal: AbortSignal): Promise<PeerRecord | undefined> {
    if (!this.#isKnown) await this.#inTurn(() => this.#know(signal));
    const known = this.#heads.of(key);
    let newest: LoggedEntry | undefined;
    for (const client of this.#clients()) {
      const found = await this.#find(client, key, known.reserved, signal);
      if (found !== undefined && isNewer(found, newest)) newest = found;
    }
    const revision = newest?.revision ?? 0;
    this.#heads.seen(key, revision);
    // It lost what it had confirmed, or never stored it: what else we believe of it may be as wrong.
    if (revision < known.confirmed) this.#isKnown = false;
    if (newest === undefined || newest.isDeleted) return undefined;
    return { key, data: newest.data, metadata: newest.metadata };
  }

  list(signal: AbortSignal): Promise<readonly PeerRecord[]> {
    return this.#inTurn(async () => {
      if (!this.#isKnown) await this.#locate(signal);
      const { newest } = await this.#load(signal);
      return [...newest.values()].filter(({ key, isDeleted }) => !isDeleted && !isCanary(key));
    });
  }

  async #append(record: Omit<Entry, "revision" | "writer">, signal: AbortSignal): Promise<void> {
    await this.#know(signal);
    if (!this.#isSealed) await this.#complete(signal);
    if (this.#heads.isOverfull(this.#nextText(record))) {
      this.#generation++;
      this.#isSealed = false;
      await this.#complete(signal);
    }
    const { key, isDeleted } = record;
    const text = this.#nextText(record);
    if (!isDeleted) this.#checkRoom(key, text);
    // A call that fails may have stored it all the same, so its revision is not used for anything else.
    this.#heads.reserve(key, text);
    await add(this.#peer, this.#client(this.#generation), text, signal);
    this.#heads.confirm(key, text, isDeleted);
  }

  #nextText(record: Omit<Entry, "revision" | "writer">): string {
    const revision = this.#heads.of(record.key).reserved + 1;
    return entryText(this.#namespace, { ...record, revision, writer: this.#writer });
  }

  /** What is live has to be listed in one answer, and as much again until the generation ends. @throws PeerError */
  #checkRoom(key: string, text: string): void {
    const bytesMax = this.#peer.maxResponseBytes / 2;
    if (this.#heads.liveBytesWith(key, text) <= bytesMax) return;
    throw new PeerError(
      "TOO_LARGE",
      `with ${key} the records of ${this.#namespace} would have more than ${bytesMax} bytes`,
    );
  }

  async #know(signal: AbortSignal): Promise<void> {
    if (this.#isKnown) return;
    await this.#locate(signal);
    await this.#load(signal);
  }

  /** Finds the newest generation. */
  async #locate(signal: AbortSignal): Promise<void> {
    this.#generation = await newestGeneration(this.#peer, this.#namespace, this.#generation, signal);
  }

  /** Reads everything that counts. */
  async #load(signal: AbortSignal): Promise<Contents> {
    const generation = this.#generation;
    const query = queries.all(this.#namespace);
    const texts = await searchAll(this.#peer, this.#client(generation), query, signal);
    const here = this.#newestOf(texts);
    this.#isSealed = generation === 1 || texts.some((text) => parseSeal(text, this.#namespace) === generation);
    const before = this.#isSealed ? [] : await searchAll(this.#peer, this.#client(generation - 1), query, signal);
    const newest = this.#newestOf(before, new Map(here));
    this.#heads.reset(newest.values(), texts);
    this.#isKnown = true;
    return { newest, here };
  }

  /** Copies what is live into the newest generation, as far as it is not there, looks whether it is, and seals it. */
  async #complete(signal: AbortSignal): Promise<void> {
    const client = this.#client(this.#generation);
    const { newest, here } = await this.#load(signal);
    if (this.#isSealed) return;
    for (const [key, entry] of newest) {
      const copied = here.get(key);
      // A deletion only has to be there when there is something that it deletes.
      const isNeeded = copied !== entry && (copied !== undefined || !entry.isDeleted);
      if (isNeeded) await add(this.#peer, client, entry.content, signal);
    }
    await this.#checkCopied(newest, signal);
    const seal = sealText(this.#namespace, this.#generation, this.#writer);
    await add(this.#peer, client, seal, signal);
    // And where everybody looks first, so that it is found although other seals were lost.
    await add(this.#peer, this.#client(1), seal, signal);
    this.#isSealed = true;
    this.#heads.forgetDeleted();
  }

  async #checkCopied(copied: Contents["newest"], signal: AbortSignal): Promise<void> {
    const { here } = await this.#load(signal);
    const isThere = ({ key, isDeleted, revision }: LoggedEntry): boolean =>
      isDeleted || (here.get(key)?.revision ?? 0) >= revision;
    if ([...copied.values()].every(isThere)) return;
    const text = `the peer says that it stored generation ${this.#generation} of ${this.#namespace}, and lacks some of it`;
    throw new PeerError("NOT_KEPT", text);
  }

  /** @param reserved the highest revision that there can be */
  async #find(client: string, key: string, reserved: number, signal: AbortSignal): Promise<LoggedEntry | undefined> {
    const wanted = {
      query: queries.key(this.#namespace, key),
      isEnough: (page: readonly string[]) => (this.#newestOf(page).get(key)?.revision ?? -1) >= reserved,
    };
    return this.#newestOf(await searchFor(this.#peer, client, wanted, signal)).get(key);
  }

  #newestOf(texts: readonly string[], newest = new Map<string, LoggedEntry>()): Map<string, LoggedEntry> {
    for (const text of texts) {
      const entry = parseEntry(text, this.#namespace);
      if (entry !== undefined && isNewer(entry, newest.get(entry.key))) newest.set(entry.key, entry);
    }
    return newest;
  }

  /** The clients whose stores count. */
  #clients(): readonly string[] {
    const newest = this.#client(this.#generation);
    return this.#isSealed ? [newest] : [newest, this.#client(this.#generation - 1)];
  }

  #client(generation: number): string {
    return clientOf(this.#namespace, generation);
  }

  /** One change at a time: the peer writes its whole store at each, and answers nobody meanwhile. */
  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(run);
    this.#turn = done.catch(() => {});
    return done;
  }
}
