import type { Replicable, ReplicationStatus, Storage } from "../registry/storage.js";
import { BEAT_MS, type Holder, NamespaceClaim, type Surroundings } from "./claim.js";
import { detect } from "./detect.js";
import type { Dialect } from "./dialect.js";
import { pause, pauseMs } from "./pause.js";
import type { Peer } from "./peer.js";
import { PeerError, reasonOf } from "./peer-error.js";
import { logNamespace, Replica } from "./replica.js";

/** Further behind than this it lags. */
const LAGGING_MS = 10_000;
/** How often the peer's listing is compared with what it confirmed. A log-only peer lists by sending everything. */
const AUDIT_MS = { kv: 5_000, "v1-log": 60_000 } as const;
/** A listing of views has so many milliseconds for each of them, so that very many are not listed all the time. */
const AUDIT_MS_PER_VIEW = 5;
/** Some peers tell their uptime in whole seconds. */
const UPTIME_STEP_MS = 1_000;
/** How long the last round may take when the server stops. */
const LAST_ROUND_MS = 3_000;

export interface ReplicationLog {
  debug(values: object, text: string): void;
  info(values: object, text: string): void;
  warn(values: object, text: string): void;
}

export interface ReplicatorOptions {
  readonly storage: Storage & Replicable;
  readonly peer: Peer;
  /** The peer's address, without credentials. */
  readonly target: string;
  readonly namespace: string;
  /** Which process this is. */
  readonly holder: Omit<Holder, "instance">;
  /** Whether a process of this machine is alive. */
  readonly isAlive: (pid: number) => boolean;
  /** What to do when another living registry writes to the namespace. */
  readonly conflict: "refuse" | "warn";
  /** How long after a round the next one begins. */
  readonly intervalMs: number;
  readonly viewsPerSecond: number;
  readonly log: ReplicationLog;
  /** Told of every change of state. */
  readonly onState?: (state: ReplicationStatus["state"]) => void;
}

/**
 * Keeps a replica of the store at an Engram, in rounds, for as long as the server runs. Whatever happens at the peer,
 * the registry neither waits for it nor fails: a round that fails is tried again, ever less often, beginning with the
 * proof that the peer can hold anything at all.
 */
export class Replicator {
  readonly #options: ReplicatorOptions;
  readonly #replica: Replica;
  readonly #claim: NamespaceClaim;
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;
  #state: ReplicationStatus["state"] = "CONNECTING";
  #dialect: Dialect | undefined;
  #lastSuccessMs: number | undefined;
  #lastError = "";
  #failingSinceMs: number | undefined;
  /** The latest moment at which the peer can have begun, by our clock. */
  #peerBeganMs: number | undefined;
  #due = { beatMs: 0, auditMs: 0, viewsMs: 0 };

  constructor(options: ReplicatorOptions) {
    const { storage, namespace, holder, isAlive, viewsPerSecond } = options;
    this.#options = options;
    this.#replica = new Replica(storage, namespace, viewsPerSecond);
    this.#claim = new NamespaceClaim(
      logNamespace(namespace),
      { ...holder, instance: storage.instance },
      surroundings(isAlive, options.log),
    );
  }

  start(): void {
    this.#running ??= this.#run(this.#stopping.signal);
  }

  /** Sends what it can in a moment, leaves the namespace to others, and ends. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    this.#replica.stop();
  }

  get status(): ReplicationStatus {
    const { revision, ms } = this.#replica.confirmed;
    const lagEntries = Math.max(0, this.#durableRevision(revision) - revision);
    return {
      target: this.#options.target,
      dialect: this.#dialect?.name ?? "",
      state: this.#state,
      lagEntries,
      lagSeconds: lagEntries === 0 ? 0 : (performance.now() - ms) / 1_000,
      lastSuccessMs: this.#lastSuccessMs,
      lastError: this.#lastError,
    };
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const dialect = await this.#connect(signal);
        while (!signal.aborted) {
          await this.#replica.round(dialect, signal);
          await this.#lookAfter(dialect, signal);
          this.#succeeded();
          if (!this.#replica.hasMore) await pause(this.#options.intervalMs, signal);
        }
      } catch (error) {
        if (signal.aborted) break;
        this.#failed(error);
        await pause(pauseMs(performance.now() - (this.#failingSinceMs ?? 0)), signal);
      }
    }
    await this.#end();
  }

  async #connect(signal: AbortSignal): Promise<Dialect> {
    const { peer, namespace } = this.#options;
    const dialect = await detect(peer, logNamespace(namespace), signal);
    this.#dialect = dialect;
    await this.#orWarn(this.#claim.take(dialect, this.#replica.confirmed.revision, signal));
    await this.#noticeRestart(signal);
    await this.#replica.takeOver(dialect, signal);
    this.#due = {
      beatMs: performance.now() + BEAT_MS,
      auditMs: performance.now() + AUDIT_MS[dialect.name],
      viewsMs: this.#viewsDueMs(dialect),
    };
    return dialect;
  }

  /** Now and then: the sign of life, and whether the peer still has what it confirmed. */
  async #lookAfter(dialect: Dialect, signal: AbortSignal): Promise<void> {
    const nowMs = performance.now();
    if (nowMs >= this.#due.beatMs) {
      this.#due.beatMs = nowMs + BEAT_MS;
      await this.#orWarn(this.#claim.beat(dialect, this.#replica.confirmed.revision, signal));
    }
    if (nowMs >= this.#due.auditMs) {
      this.#due.auditMs = nowMs + AUDIT_MS[dialect.name];
      await this.#noticeRestart(signal);
      await this.#replica.audit(dialect, signal);
    }
    if (nowMs >= this.#due.viewsMs) {
      this.#due.viewsMs = this.#viewsDueMs(dialect);
      await this.#replica.auditViews(dialect, signal);
    }
  }

  /** A peer that cannot have begun as early as it did before was started again, and may have lost anything. */
  async #noticeRestart(signal: AbortSignal): Promise<void> {
    const askedMs = performance.now();
    const uptimeSeconds = await this.#options.peer.uptimeSeconds(signal);
    if (uptimeSeconds === undefined) return;
    const before = this.#peerBeganMs;
    this.#peerBeganMs = performance.now() - uptimeSeconds * 1_000;
    const hasRestarted = before !== undefined && askedMs - uptimeSeconds * 1_000 > before + UPTIME_STEP_MS;
    if (!hasRestarted) return;
    this.#options.log.info({ uptimeSeconds }, "the peer was started again: everything is sent");
    await this.#replica.sendAll();
  }

  /** Another living registry on the namespace is an error, or only told. */
  async #orWarn(claimed: Promise<void>): Promise<void> {
    try {
      await claimed;
    } catch (error) {
      if (this.#options.conflict === "refuse" || !isIncompatible(error)) throw error;
      this.#options.log.warn({ reason: reasonOf(error) }, "somebody else writes to the namespace; going on as told");
    }
  }

  #viewsDueMs(dialect: Dialect): number {
    const perViewMs = this.#options.storage.socketCount * AUDIT_MS_PER_VIEW;
    return performance.now() + Math.max(AUDIT_MS[dialect.name], perViewMs);
  }

  #succeeded(): void {
    this.#failingSinceMs = undefined;
    this.#lastSuccessMs = Date.now();
    this.#to(this.status.lagSeconds * 1_000 > LAGGING_MS ? "LAGGING" : "REPLICATING");
  }

  #failed(error: unknown): void {
    this.#failingSinceMs ??= performance.now();
    this.#lastError = reasonOf(error);
    // Every attempt is told to whoever wants to know; the change of state to everybody.
    this.#options.log.debug({ err: error }, "a round of replication failed");
    const isNew = this.#lastSuccessMs === undefined;
    this.#to(isIncompatible(error) ? "INCOMPATIBLE" : isNew ? "CONNECTING" : "LAGGING");
  }

  #to(state: ReplicationStatus["state"]): void {
    if (state === this.#state) return;
    this.#state = state;
    const { target, dialect, lagEntries, lastError } = this.status;
    const text = `replication is ${state.toLowerCase()}`;
    if (state === "REPLICATING") this.#options.log.info({ target, dialect }, text);
    else this.#options.log.warn({ target, dialect, lagEntries, lastError }, text);
    this.#options.onState?.(state);
  }

  /** The last round, and the end of the claim, if the peer answers in time. */
  async #end(): Promise<void> {
    const dialect = this.#dialect;
    if (dialect === undefined || this.#state !== "REPLICATING") return;
    const ending = new AbortController();
    const timer = setTimeout(() => ending.abort(), LAST_ROUND_MS);
    try {
      await this.#replica.round(dialect, ending.signal);
      await this.#claim.release(dialect, this.#replica.confirmed.revision, ending.signal);
    } catch (error) {
      this.#options.log.warn({ reason: reasonOf(error) }, "the last changes are not replicated");
    } finally {
      clearTimeout(timer);
    }
  }

  #durableRevision(known: number): number {
    try {
      return this.#options.storage.durableRevision;
    } catch {
      // It is being opened again.
      return known;
    }
  }
}

/** What a claim of this process is surrounded by. */
export function surroundings(isAlive: (pid: number) => boolean, log: ReplicationLog): Surroundings {
  return {
    isAlive,
    elapsedMs: () => performance.now(),
    waiting: ({ host, pid }) =>
      log.info({ host, pid }, "waiting for a sign of life of the registry that was here before"),
    pause,
  };
}

const isIncompatible = (error: unknown): boolean => error instanceof PeerError && error.fault === "INCOMPATIBLE";
