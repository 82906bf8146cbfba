/** Replication as the server starts it: from settings to a restore before it serves and a replicator while it does. */
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { REPLICATION_OFF, type Replicable, type ReplicationStatus, type Storage } from "../registry/storage.js";
import type { EncodeBody } from "./adopt.js";
import { NamespaceClaim } from "./claim.js";
import { Peer, RESPONSE_BYTES_MAX } from "./peer.js";
import { Replicator, surroundings } from "./replicator.js";
import { type DataDirectory, type Restored, type RestoreOptions, restore } from "./restore.js";

/** The settings of replication, by their names in `config.ts`. */
export interface ReplicationConfig {
  readonly engramUrl: string;
  readonly engramNamespace: string;
  readonly engramTokenFile: string;
  readonly engramTimeoutMs: number;
  readonly engramConflict: "refuse" | "warn";
  readonly replicationIntervalMs: number;
  readonly replicationViewsPerSecond: number;
  readonly restore: "never" | "if-empty" | "merge";
  readonly restorePatienceMs: number;
}

/** What replication knows of the processes around it. */
export interface Machine {
  /** The number of this process; 0 when it is not known. */
  readonly pid: number;
  readonly isAlive: (pid: number) => boolean;
}

type Log = RestoreOptions["log"];

/** Replication to one Engram, or to none. */
export class Replication {
  readonly #config: ReplicationConfig;
  readonly #machine: Machine;
  readonly #log: Log;
  readonly #peer: Peer | undefined;
  /** This process, in the claim to the namespace. */
  readonly #process = randomUUID();
  #replicator: Replicator | undefined;

  private constructor(config: ReplicationConfig, machine: Machine, log: Log, peer: Peer | undefined) {
    this.#config = config;
    this.#machine = machine;
    this.#log = log;
    this.#peer = peer;
  }

  /** @throws Error when the file with the token cannot be read */
  static async open(config: ReplicationConfig, machine: Machine, log: Log): Promise<Replication> {
    const { engramUrl: url, engramTokenFile, engramTimeoutMs: callTimeoutMs } = config;
    if (url === "") {
      log.info({}, "replication is off: no Engram is set");
      return new Replication(config, machine, log, undefined);
    }
    const token = engramTokenFile === "" ? undefined : (await readFile(engramTokenFile, "utf8")).trim();
    const peer = new Peer({ url, token, callTimeoutMs, maxResponseBytes: RESPONSE_BYTES_MAX });
    return new Replication(config, machine, log, peer);
  }

  get isOn(): boolean {
    return this.#peer !== undefined;
  }

  get status(): ReplicationStatus {
    return this.#replicator?.status ?? REPLICATION_OFF;
  }

  /**
   * Restores the data directory, when that is asked for and there is something. Whoever stops the process meanwhile
   * leaves it as it was. @throws what `restore` does
   */
  async restore(directory: DataDirectory, encodeBody: EncodeBody): Promise<Restored | undefined> {
    if (this.#peer === undefined) return undefined;
    const { engramNamespace: namespace, engramConflict: conflict } = this.#config;
    const { restore: mode, restorePatienceMs: patienceMs } = this.#config;
    const claim = (inNamespace: string): NamespaceClaim => {
      const around = surroundings(this.#machine.isAlive, this.#log);
      return new NamespaceClaim(inNamespace, { ...this.#holder(), instance: "" }, around);
    };
    const options = { peer: this.#peer, namespace, mode, conflict, claim, directory, patienceMs };
    return await restore({ ...options, encodeBody, log: this.#log, signal: new AbortController().signal });
  }

  /** Begins to replicate. @param onState told of every change of state */
  start(storage: Storage & Replicable, onState: (state: ReplicationStatus["state"]) => void): void {
    if (this.#peer === undefined) return;
    const { engramUrl, engramNamespace: namespace, engramConflict: conflict } = this.#config;
    this.#replicator = new Replicator({
      storage,
      peer: this.#peer,
      target: engramUrl,
      namespace,
      holder: this.#holder(),
      isAlive: this.#machine.isAlive,
      conflict,
      intervalMs: this.#config.replicationIntervalMs,
      viewsPerSecond: this.#config.replicationViewsPerSecond,
      log: this.#log,
      onState,
    });
    this.#replicator.start();
  }

  async stop(): Promise<void> {
    await this.#replicator?.stop();
    this.#peer?.close();
  }

  #holder() {
    return { process: this.#process, host: hostname(), pid: this.#machine.pid };
  }
}
