import type { Dialect, PeerRecord } from "./dialect.js";
import { PeerError } from "./peer-error.js";

/** The key of the record that says which registry writes to a namespace. */
export const CLAIM_KEY = "instance";

/** A holder that has been silent for so long is gone. */
const SILENT_MS = 30_000;
/** How often a holder gives a sign of life. */
export const BEAT_MS = 5_000;

/** Who writes to a namespace. */
export interface Holder {
  /** The history that is written: the instance of a store. */
  readonly instance: string;
  /** The process that writes it: another one each time. */
  readonly process: string;
  /** Where it runs, to see at once that a process of this machine is gone; a pid of 0 is not known. */
  readonly host: string;
  readonly pid: number;
}

/** The record as it lies at the peer. */
export interface Claim extends Holder {
  /** Counts up with every holder: a higher one is the rightful one. */
  readonly term: number;
  /** Counts up with every sign of life. No clock of another machine is believed. */
  readonly beat: number;
  /** The holder has gone, and said so. */
  readonly released: boolean;
  /** Everything up to this revision is there. */
  readonly revision: number;
}

/** What a claim asks of the world around it. */
export interface Surroundings {
  /** Whether a process of this machine is alive. */
  isAlive(pid: number): boolean;
  elapsedMs(): number;
  /** Told of the holder that is waited for. */
  waiting(holder: Holder): void;
  /** Waits, or returns sooner when the signal aborts. */
  pause(ms: number, signal: AbortSignal): Promise<void>;
}

/**
 * The claim of one process to a namespace. The peer knows no compare-and-set, so that two registries could overwrite
 * each other there; a registry therefore says that it is alive, and looks before it does whether somebody else is.
 */
export class NamespaceClaim {
  readonly #namespace: string;
  readonly #holder: Holder;
  readonly #around: Surroundings;
  #term = 0;
  #beat = 0;

  constructor(namespace: string, holder: Holder, around: Surroundings) {
    this.#namespace = namespace;
    this.#holder = holder;
    this.#around = around;
  }

  /**
   * Takes the namespace, after waiting until a holder that gives no sign of life counts as gone.
   * @throws PeerError INCOMPATIBLE when a living registry has it, or it holds another history
   */
  async take(dialect: Dialect, revision: number, signal: AbortSignal): Promise<void> {
    const found = await this.#others(dialect, signal);
    if (found !== undefined && found.instance !== this.#holder.instance) throw otherHistory(this.#namespace, found);
    await this.#assertGone(dialect, found, signal);
    this.#term = Math.max(this.#term, (found?.term ?? 0) + 1);
    await this.#put(dialect, revision, false, signal);
  }

  /** Waits until nobody holds the namespace, and leaves it so. @throws PeerError INCOMPATIBLE when a living one does */
  async await(dialect: Dialect, signal: AbortSignal): Promise<void> {
    await this.#assertGone(dialect, await this.#others(dialect, signal), signal);
  }

  /** Gives a sign of life. @throws PeerError INCOMPATIBLE when somebody else has taken over */
  async beat(dialect: Dialect, revision: number, signal: AbortSignal): Promise<void> {
    const found = await this.#others(dialect, signal);
    if (found !== undefined && found.term >= this.#term && !found.released) throw taken(this.#namespace, found);
    await this.#put(dialect, revision, false, signal);
  }

  /** Says that this process has gone. */
  async release(dialect: Dialect, revision: number, signal: AbortSignal): Promise<void> {
    if (this.#term > 0) await this.#put(dialect, revision, true, signal);
  }

  /** The claim of somebody else, if there is one. */
  async #others(dialect: Dialect, signal: AbortSignal): Promise<Claim | undefined> {
    const claim = claimOf(await dialect.get(this.#namespace, CLAIM_KEY, signal));
    return claim?.process === this.#holder.process ? undefined : claim;
  }

  async #assertGone(dialect: Dialect, found: Claim | undefined, signal: AbortSignal): Promise<void> {
    if (found !== undefined && !(await this.#isGone(dialect, found, signal))) throw taken(this.#namespace, found);
  }

  /** Whether its holder is gone. Where nothing tells that, it must be silent for a while. */
  async #isGone(dialect: Dialect, found: Claim, signal: AbortSignal): Promise<boolean> {
    const { host, pid } = this.#holder;
    if (found.released) return true;
    // A process of our own number on our own machine is a life before ours.
    if (found.host === host && pid > 0 && (found.pid === pid || !this.#around.isAlive(found.pid))) return true;
    this.#around.waiting(found);
    const sinceMs = this.#around.elapsedMs();
    while (this.#around.elapsedMs() - sinceMs < SILENT_MS) {
      await this.#around.pause(BEAT_MS, signal);
      signal.throwIfAborted();
      const now = await this.#others(dialect, signal);
      if (now === undefined || now.released) return true;
      if (now.process !== found.process || now.beat !== found.beat) return false;
    }
    return true;
  }

  async #put(dialect: Dialect, revision: number, released: boolean, signal: AbortSignal): Promise<void> {
    const claim: Claim = { ...this.#holder, term: this.#term, beat: ++this.#beat, released, revision };
    await dialect.put(this.#namespace, { key: CLAIM_KEY, data: { ...claim }, metadata: { ...claim } }, signal);
  }
}

/** A record that is no claim counts as none: it would keep everybody out for ever. */
export function claimOf(record: PeerRecord | undefined): Claim | undefined {
  const { instance, process, host, pid, term, beat, released, revision } = record?.data ?? {};
  if (typeof instance !== "string" || typeof process !== "string" || typeof term !== "number") return undefined;
  return {
    ...{ instance, process, term },
    host: typeof host === "string" ? host : "",
    pid: typeof pid === "number" ? pid : 0,
    beat: typeof beat === "number" ? beat : 0,
    released: released === true,
    revision: typeof revision === "number" ? revision : 0,
  };
}

function taken(namespace: string, { host, pid, instance }: Claim): PeerError {
  const who = `the registry ${instance} (process ${pid} on ${host})`;
  return new PeerError("INCOMPATIBLE", `${who} is alive and writes to the namespace ${namespace}`);
}

function otherHistory(namespace: string, { instance }: Claim): PeerError {
  const what = `the namespace ${namespace} holds the state of another registry, ${instance}`;
  const cure = "replicate to another one (--restore merge brings its sockets here, and --restore if-empty all of it)";
  return new PeerError("INCOMPATIBLE", `${what}: ${cure}`);
}
