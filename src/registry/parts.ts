import { Alarms } from "./alarms.js";
import { Asks } from "./asks.js";
import type { Clock } from "./clock.js";
import { Consumers } from "./consumers.js";
import { Deliveries } from "./deliveries.js";
import { Expiry } from "./expiry.js";
import { Lifecycle } from "./lifecycle.js";
import type { Limits } from "./limits.js";
import { Liveness } from "./liveness.js";
import { Readers } from "./readers.js";
import { Retries } from "./retries.js";
import { type SocketNumber, type SocketRow, type Storage, TEAM_NUMBER } from "./storage.js";
import { Watches } from "./watch.js";
import { Writes } from "./write.js";

/** Everything that the registry is made of, and how one part hears of another. */
export class Parts {
  readonly storage: Storage;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly alarms: Alarms;
  readonly readers: Readers;
  readonly deliveries: Deliveries;
  readonly liveness: Liveness;
  readonly expiry: Expiry;
  readonly consumers: Consumers;
  readonly writes: Writes;
  readonly lifecycle: Lifecycle;
  readonly retries: Retries;
  readonly asks: Asks;
  readonly watches: Watches;
  #generation = 0;

  constructor(storage: Storage, limits: Limits, clock: Clock) {
    this.storage = storage;
    this.limits = limits;
    this.clock = clock;
    this.alarms = new Alarms(clock);
    this.readers = new Readers(limits.maxReadersPerSocket);
    const overdue = (number: SocketNumber): void => this.liveness.overdue(number);
    const changed = (row: SocketRow): void => this.changed(row);
    this.deliveries = new Deliveries({ storage, limits, clock, alarms: this.alarms, overdue });
    this.liveness = new Liveness({ storage, limits, clock, alarms: this.alarms, readers: this.readers, changed });
    this.expiry = new Expiry(storage, this.deliveries, clock);
    this.consumers = new Consumers(storage, limits, this.readers, clock);
    this.writes = new Writes(storage, limits, this.deliveries, this.expiry);
    this.lifecycle = new Lifecycle(storage, limits);
    this.retries = new Retries(storage, limits);
    this.asks = new Asks(limits.maxAsks);
    this.watches = new Watches(limits.maxWatches);
    this.sync();
  }

  /** A socket is new or has changed. */
  changed(row: SocketRow): void {
    this.writes.look(row);
    this.liveness.look(row);
    this.expiry.look(row);
  }

  /** A socket is gone for good. */
  gone(row: SocketRow): void {
    this.deliveries.forget(row.number);
    this.liveness.forget(row.number);
    this.asks.deleted();
  }

  /** After a start, and when the store went back to its disk: takes up what time decides from what is there. */
  sync(): void {
    const { storage, deliveries, liveness, expiry } = this;
    if (this.#generation === storage.generation) return;
    this.#generation = storage.generation;
    liveness.lookAtAll();
    for (const row of storage.sockets()) {
      expiry.look(row);
      deliveries.find(row);
    }
    const team = storage.socket(TEAM_NUMBER);
    for (const { number } of storage.consumers()) if (team !== undefined) deliveries.find(team, number);
  }
}
