import { Alarm, type Alarms } from "./alarms.js";
import type { Clock } from "./clock.js";
import type { Limits } from "./limits.js";
import type { Readers } from "./readers.js";
import { Round } from "./round.js";
import { draftOf, FRESH } from "./socket.js";
import { type SocketNumber, type SocketRow, type SocketState, type Storage, TEAM_NUMBER } from "./storage.js";

/** When an agent was last seen is kept this often at most, because it changes all the time. */
const KEPT_EVERY_MS = 60_000;
/** And so many agents are looked at each time, because there may be very many. */
const KEPT_AT_ONCE = 1_000;

/** The state of a socket whose lease ran out. */
const EXPIRED = { state: "UNRESPONSIVE", stateReason: "LEASE_EXPIRED", stateMessage: "" } as const;

interface Lease {
  durationMs: number;
  state: SocketState;
  readonly alarm: Alarm;
}

export interface LivenessContext {
  readonly storage: Storage;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly alarms: Alarms;
  readonly readers: Readers;
  /** A socket's state has changed. */
  readonly changed: (row: SocketRow) => void;
}

/**
 * Who is alive. A sign of life is an open Read that takes messages, an acknowledgement, a heartbeat, a signed Write. A
 * socket with a lease that gives none for so long becomes UNRESPONSIVE, and its next sign of life heals that.
 */
export class Liveness {
  readonly #context: LivenessContext;
  readonly #leases = new Map<SocketNumber, Lease>();
  /** When agents were last seen, where that is not kept yet. */
  readonly #seen = new Map<SocketNumber, number>();
  readonly #workers = new Round<SocketNumber>();
  readonly #unkept = new Round<[SocketNumber, number]>();

  constructor(context: LivenessContext) {
    this.#context = context;
  }

  /** A socket is new or has changed, which can change its lease. */
  look(row: SocketRow): void {
    const durationMs = row.number === TEAM_NUMBER ? 0 : (row.config.leaseDurationMs ?? 0);
    const lease = this.#leases.get(row.number);
    if (durationMs === 0) {
      if (lease !== undefined) lease.alarm.dueMs = Number.POSITIVE_INFINITY;
      this.#leases.delete(row.number);
    } else if (lease === undefined) {
      const alarm = new Alarm(() => this.#runOut(row.number));
      this.#leases.set(row.number, { durationMs, state: row.state, alarm });
      this.#renew(row.number);
    } else if (lease.durationMs !== durationMs || lease.state !== row.state) {
      Object.assign(lease, { durationMs, state: row.state });
      this.#renew(row.number);
    }
  }

  /** After a start: nobody could give a sign of life for a while, and everybody needs some time to come back. */
  lookAtAll(): void {
    const { clock, alarms, limits, storage } = this.#context;
    for (const row of storage.sockets(TEAM_NUMBER)) {
      this.look(row);
      const lease = this.#leases.get(row.number);
      if (lease === undefined) continue;
      alarms.set(lease.alarm, clock.elapsedMs() + Math.max(lease.durationMs, limits.leaseStartGraceMs));
    }
  }

  /** The socket's agent gave a sign of life. */
  seen(row: SocketRow): void {
    this.left(row.number);
    if (row.stateReason === "LEASE_EXPIRED" && row.state === "UNRESPONSIVE") this.#change(row, FRESH);
  }

  /** A sign of life that went on has ended just now: the lease counts from here. */
  left(number: SocketNumber): void {
    if (number === TEAM_NUMBER) return;
    this.#seen.set(number, this.#context.clock.wallMs());
    this.#renew(number);
  }

  /** An open Read has let a deadline pass and is no sign of life any more: the lease counts from here. */
  overdue(number: SocketNumber): void {
    this.#renew(number);
  }

  lastSeenMs(number: SocketNumber): number | undefined {
    const { readers, clock, storage } = this.#context;
    if (number !== TEAM_NUMBER && readers.isWorkedOn(number)) return clock.wallMs();
    return this.#seen.get(number) ?? (storage.queue(number).seenMs || undefined);
  }

  /** When the lease of an ACTIVE socket runs out by the wall clock, unless there is a sign of life before. */
  leaseExpireMs(number: SocketNumber): number | undefined {
    const { readers, clock } = this.#context;
    const lease = this.#leases.get(number);
    if (lease === undefined || lease.state !== "ACTIVE") return undefined;
    const leftMs = readers.isWorkedOn(number) ? lease.durationMs : lease.alarm.dueMs - clock.elapsedMs();
    return Number.isFinite(leftMs) ? Math.round(clock.wallMs() + leftMs) : undefined;
  }

  /** The socket is gone for good. */
  forget(number: SocketNumber): void {
    const lease = this.#leases.get(number);
    if (lease !== undefined) lease.alarm.dueMs = Number.POSITIVE_INFINITY;
    this.#leases.delete(number);
    this.#seen.delete(number);
  }

  /** Has the storage keep when agents were last seen: of some of them each time, in turn, or of all. */
  keep(everything = false): void {
    const { storage, readers, clock } = this.#context;
    const steps = everything ? Number.POSITIVE_INFINITY : KEPT_AT_ONCE;
    for (const number of this.#workers.next(() => readers.workedOn(), steps)) {
      if (number !== TEAM_NUMBER) this.#seen.set(number, clock.wallMs());
    }
    for (const [number, seenMs] of this.#unkept.next(() => this.#seen, steps)) {
      if (storage.socket(number) === undefined) this.#seen.delete(number);
      else if (everything || seenMs - storage.queue(number).seenMs >= KEPT_EVERY_MS) {
        storage.seen(number, seenMs);
        this.#seen.delete(number);
      }
    }
  }

  #renew(number: SocketNumber): void {
    const lease = this.#leases.get(number);
    if (lease === undefined) return;
    this.#context.alarms.set(lease.alarm, this.#context.clock.elapsedMs() + lease.durationMs);
  }

  #runOut(number: SocketNumber): void {
    const { storage, readers } = this.#context;
    const row = storage.socket(number);
    if (row?.state !== "ACTIVE") return;
    if (readers.isWorkedOn(number)) this.#renew(number);
    else this.#change(row, EXPIRED);
  }

  #change(row: SocketRow, state: typeof FRESH | typeof EXPIRED): void {
    const draft = { ...draftOf(row), ...state };
    const { row: changed } = this.#context.storage.append({
      kind: "change",
      what: "STATE_CHANGED",
      number: row.number,
      draft,
    });
    if (changed !== undefined) this.#context.changed(changed);
  }
}
