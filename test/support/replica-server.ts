/** The server as a process of its own that replicates, and how much memory it takes. */
import { readFileSync } from "node:fs";
import { expect, vi } from "vitest";
import { ReplicationState } from "../../gen/ts/socketregistry/v1/socket_registry.js";
import { connect, type Service } from "./client.js";
import { Program } from "./process.js";

const MIB = 1024 * 1024;

export interface ReplicaServerOptions {
  /** The compiled `main.js`. */
  readonly main: string;
  readonly engramUrl: string;
  readonly dataDir: string;
  readonly flags?: readonly string[];
}

export class ReplicaServer {
  readonly program: Program;
  readonly service: Service;
  readonly #engramUrl: string;

  private constructor(program: Program, service: Service, engramUrl: string) {
    this.program = program;
    this.service = service;
    this.#engramUrl = engramUrl;
  }

  static async start({ main, engramUrl, dataDir, flags = [] }: ReplicaServerOptions): Promise<ReplicaServer> {
    // A small young generation, so that what the process takes tells what it holds.
    const args = ["--max-semi-space-size=4", main, "--listen=127.0.0.1:0", `--data-dir=${dataDir}`];
    const program = new Program(process.execPath, [...args, `--engram-url=${engramUrl}`, ...flags]);
    const { address } = await program.line("listening");
    return new ReplicaServer(program, connect(String(address)), engramUrl);
  }

  /** How well the replica follows. */
  async status() {
    const { replication, revision } = await this.service.info();
    if (replication === undefined) throw new Error(`nothing is said of the replica at ${this.#engramUrl}`);
    const { state, lagEntries, lagSeconds, lastError } = replication;
    return { state, lagEntries: Number(lagEntries), lagSeconds, lastError, revision: Number(revision) };
  }

  /** Waits until everything that was written so far is replicated. */
  async replicated(timeoutMs: number): Promise<void> {
    const { revision } = await this.status();
    await vi.waitFor(
      async () => {
        const status = await this.status();
        expect(status).toMatchObject({ state: ReplicationState.REPLICATION_STATE_REPLICATING });
        expect(status.revision - status.lagEntries, status.lastError).toBeGreaterThanOrEqual(revision);
      },
      { timeout: timeoutMs, interval: 50 },
    );
  }

  /** The anonymous memory of the process, in MiB. */
  get memory(): number {
    const status = readFileSync(`/proc/${this.program.child.pid}/status`, "utf8");
    return (Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1]) * 1_024) / MIB;
  }

  async kill(): Promise<void> {
    this.program.kill("SIGKILL");
    await this.program.exit;
  }
}
