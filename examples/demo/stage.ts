/** What the demo plays on: real processes on free ports, in a folder that is gone afterwards. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Background } from "./background.js";

const agentScript = fileURLToPath(new URL("../agent.sh", import.meta.url));

export class Stage {
  /** The folder with the programs, as they were built. */
  readonly #programs: string;
  readonly #folder = mkdtempSync(join(tmpdir(), "socket-registry-demo-"));
  readonly #started: Background[] = [];
  /** What all programs find in their environment. Settings of the server that is in use elsewhere are not meant here. */
  readonly #environment: NodeJS.ProcessEnv = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith("SOCKET_REGISTRY_")),
  );
  #closing: Promise<void> | undefined;

  constructor(programs: string) {
    this.#programs = programs;
    const bin = join(this.#folder, "bin");
    mkdirSync(bin);
    writeFileSync(
      join(bin, "socketctl"),
      `#!/bin/sh\nexec "${process.execPath}" "${this.#path("cli/main.js")}" "$@"\n`,
    );
    chmodSync(join(bin, "socketctl"), 0o755);
    this.#environment["PATH"] = `${bin}${delimiter}${process.env["PATH"] ?? ""}`;
    this.#environment["DATA"] = join(this.#folder, "data");
  }

  /** Starts an Engram. Commands find its address as $ENGRAM. */
  async startEngram(): Promise<void> {
    const places = ["--listen", "127.0.0.1:0", "--data-dir", join(this.#folder, "engram-data")];
    const { logged } = await this.#serve("the Engram", "engram/main.js", places);
    this.#environment["ENGRAM"] = String(logged["url"]);
  }

  /** Starts the registry, or starts it again where it was. Commands find its process as $REGISTRY, its data as $DATA. */
  async startRegistry(): Promise<Background> {
    const { ENGRAM = "", DATA = "", SOCKET_REGISTRY_ADDRESS: address = "127.0.0.1:0" } = this.#environment;
    const places = ["--listen", address, "--data-dir", DATA, "--engram-url", ENGRAM];
    const { logged, program } = await this.#serve("the registry", "main.js", places);
    this.#environment["SOCKET_REGISTRY_ADDRESS"] = String(logged["address"]);
    this.#environment["REGISTRY"] = String(program.pid);
    return program;
  }

  /** Starts an agent that has a socket already. */
  startAgent(socketId: string): Background {
    return this.start(socketId, ["read", socketId, "--follow", "--exec", `sh "${agentScript}"`]);
  }

  /** Starts socketctl. */
  start(name: string, args: readonly string[]): Background {
    return this.#start(name, process.execPath, [this.#path("cli/main.js"), ...args]);
  }

  /** Runs a line of shell to its end, and gives what it printed. Fails if it says that something is wrong. */
  async run(line: string): Promise<string[]> {
    const shell = this.#start(line, "/bin/sh", ["-c", line]);
    const exitCode = await shell.ended;
    this.#started.splice(this.#started.indexOf(shell), 1);
    if (exitCode === 0 && shell.complaints.length === 0) return [...shell.rest];
    throw new Error([`${line} ended with ${exitCode}`, ...shell.complaints].join("\n"));
  }

  /** What the programs have said that are there, for when something went wrong. */
  get complaints(): string {
    return this.#started.map(({ name, complaints }) => [`-- ${name}:`, ...complaints].join("\n")).join("\n");
  }

  /** Ends everything, the last first, and removes the folder. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    for (const program of this.#started.toReversed()) await program.end().catch(() => {});
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #serve(name: string, path: string, settings: readonly string[]) {
    const program = this.#start(name, process.execPath, [this.#path(path), ...settings]);
    return { program, logged: await program.logged("listening") };
  }

  #start(name: string, command: string, args: readonly string[]): Background {
    if (this.#closing !== undefined) throw new Error("the demo is over");
    const program = new Background(name, command, args, this.#environment);
    this.#started.push(program);
    return program;
  }

  #path(name: string): string {
    return join(this.#programs, "src", name);
  }
}
