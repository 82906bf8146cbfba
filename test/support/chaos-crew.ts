/**
 * The processes of the chaos test: a server, workers and writers, all compiled, each started again at once when it was
 * killed. It knows when each of them was killed, by the clock that they share.
 */
import { type ChildProcess, execFileSync, type ForkOptions, fork } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, onTestFinished } from "vitest";
import { nowMs } from "./chaos-journal.js";
import type { Life, WorkerDuty, WriterDuty } from "./chaos-program.js";
import type { Random } from "./chaos-random.js";
import { Program, root } from "./process.js";

export type Kills = Record<Victim, number>;

type Victim = "server" | "worker" | "writer";

/** Of ten that are killed so many are of each kind, in any order. */
const ROUND: readonly Victim[] = [
  ...Array<Victim>(2).fill("server"),
  ...Array<Victim>(2).fill("writer"),
  ...Array<Victim>(6).fill("worker"),
];

/** A part of the crew: what it does, and its present process. */
interface Member {
  readonly kind: Exclude<Victim, "server">;
  readonly duty: Duty;
  readonly life: number;
  readonly child: ChildProcess;
  readonly exit: Promise<void>;
}

type Duty = WorkerDuty | WriterDuty;

export class Crew {
  readonly kills: Kills = { server: 0, worker: 0, writer: 0 };
  /** When the server was killed. */
  readonly serverKillsMs: number[] = [];
  /** When each life of a worker or writer was killed, by `name.life`. */
  readonly killsMs = new Map<string, number>();
  /** What ended other than it should. */
  readonly faults: string[] = [];
  readonly #folder: string;
  readonly #programs: string;
  readonly #flags: readonly string[];
  readonly #random: Random;
  readonly #members: Member[] = [];
  #server: Program | undefined;
  #address = "";

  constructor(folder: string, programs: string, flags: readonly string[], random: Random) {
    this.#folder = folder;
    this.#programs = programs;
    this.#flags = flags;
    this.#random = random;
    onTestFinished(() => {
      for (const { child } of this.#members) child.kill("SIGKILL");
    });
  }

  get address(): string {
    return this.#address;
  }

  /** Starts the server, always on the same port. */
  async startServer(): Promise<void> {
    const listen = this.#address || "127.0.0.1:0";
    const flags = [`--listen=${listen}`, `--data-dir=${join(this.#folder, "data")}`, ...this.#flags];
    const server = new Program(process.execPath, [
      "--max-semi-space-size=64",
      join(this.#programs, "src/main.js"),
      ...flags,
    ]);
    this.#server = server;
    this.#address = String((await server.line("listening"))["address"]);
  }

  async killServer(): Promise<void> {
    this.serverKillsMs.push(nowMs());
    this.#server?.kill("SIGKILL");
    await this.#server?.exit;
    this.kills.server++;
    await this.startServer();
  }

  addWorker(duty: WorkerDuty): void {
    this.#members.push(this.#start("worker", duty, 0));
  }

  addWriter(duty: WriterDuty): void {
    this.#members.push(this.#start("writer", duty, 0));
  }

  /** Waits until everybody has begun. */
  async atWork(): Promise<void> {
    for (const { duty } of this.#members) while (!existsSync(this.journalOf(duty.name))) await delay(20);
  }

  /** Kills one after the other, whoever comes, for so long. */
  async killFor(durationMs: number): Promise<void> {
    const endMs = nowMs() + durationMs;
    let round: Victim[] = [];
    while (nowMs() < endMs) {
      await delay(this.#random.between(150, 650));
      if (round.length === 0) round = [...ROUND];
      const [victim] = round.splice(this.#random.below(round.length), 1);
      if (victim === "server") await this.killServer();
      else if (victim !== undefined) await this.#kill(victim);
    }
  }

  /** Asks all of a kind to end what they are at, and waits until they have. */
  async stop(kind: Member["kind"]): Promise<void> {
    const members = this.#members.filter((member) => member.kind === kind);
    for (const { child } of members) child.send("stop");
    await Promise.all(members.map(({ exit }) => exit));
  }

  journalOf(name: string): string {
    return join(this.#folder, `${name}.jsonl`);
  }

  async #kill(kind: Member["kind"]): Promise<void> {
    const place = this.#random.pick([...this.#members.keys()].filter((place) => this.#members[place]?.kind === kind));
    const { duty, life, child, exit } = this.#members[place] as Member;
    this.killsMs.set(`${duty.name}.${life}`, nowMs());
    child.kill("SIGKILL");
    await exit;
    this.kills[kind]++;
    this.#members[place] = this.#start(kind, duty, life + 1);
  }

  #start(kind: Member["kind"], duty: Duty, life: number): Member {
    const journal = this.journalOf(duty.name);
    const task: Duty & Life = { ...duty, life, journal, address: this.#address, seed: this.#random.below(2 ** 31) };
    const program = join(this.#programs, `test/support/chaos-${kind}.js`);
    // Without the flags of the process that runs the tests.
    const options: ForkOptions = { execArgv: [], stdio: ["ignore", "inherit", "inherit", "ipc"] };
    const child = fork(program, [JSON.stringify(task)], options);
    const exit = once(child, "exit").then(([code, signal]) => {
      if (signal !== "SIGKILL" && code !== 0) this.faults.push(`${duty.name} ended with ${signal ?? code}`);
    });
    return { kind, duty, life, child, exit };
  }
}

/** Compiles the server, the worker and the writer, without checking types. @returns the folder */
export function compileChaos(): string {
  // Below node_modules, so that packages are found from there.
  const cache = join(root, "node_modules/.cache");
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, "chaos-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const project = {
    extends: join(root, "tsconfig.json"),
    compilerOptions: { rootDir: root, outDir: folder, noCheck: true },
    include: ["src/main.ts", "test/support/chaos-worker.ts", "test/support/chaos-writer.ts"].map((file) =>
      join(root, file),
    ),
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(project));
  execFileSync(join(root, "node_modules/.bin/tsc"), ["--project", folder], { stdio: "inherit" });
  copyFileSync(join(root, "package.json"), join(folder, "package.json"));
  copyFileSync(join(root, "gen/descriptors.binpb"), join(folder, "gen/descriptors.binpb"));
  return folder;
}
