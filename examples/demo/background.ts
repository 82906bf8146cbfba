/** A program in the background: what it prints, and its end. */
import { type ChildProcess, spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

/** How long anything may take that is waited for. */
const patienceMs = 30_000;
/** How long it may take to end when it is told to, before it is killed. */
const endGraceMs = 3_000;

export class Background {
  readonly name: string;
  /** Resolves with the exit code, or with the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
  readonly #child: ChildProcess;
  readonly #lines = { stdout: [] as string[], stderr: [] as string[] };
  /** Tells of every line, and of the end. */
  readonly #news = new EventEmitter();
  #isRunning = true;

  constructor(name: string, command: string, args: readonly string[], environment: NodeJS.ProcessEnv) {
    this.name = name;
    // In a group of its own, so that a Ctrl-C in the terminal is ours, and ends everything in order.
    this.#child = spawn(command, args, { env: environment, stdio: ["ignore", "pipe", "pipe"], detached: true });
    this.#listen("stdout", this.#child.stdout);
    this.#listen("stderr", this.#child.stderr);
    this.ended = new Promise((resolve, reject) => {
      this.#child.once("error", reject);
      this.#child.once("close", (code, signal) => {
        this.#isRunning = false;
        this.#news.emit("news");
        resolve(code ?? signal ?? 0);
      });
    });
    // Whoever waits for it hears of it.
    this.ended.catch(() => {});
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** Everything that it has printed to stdout and that nobody has taken. */
  get rest(): readonly string[] {
    return this.#lines.stdout;
  }

  /** What it has said last on stderr. */
  get complaints(): readonly string[] {
    return this.#lines.stderr.slice(-10);
  }

  /** Takes the next lines from stdout, when there are so many. */
  async take(count: number): Promise<string[]> {
    await this.#until(() => this.#lines.stdout.length >= count, `${count} lines`);
    return this.#lines.stdout.splice(0, count);
  }

  /** The first line of its log with this message. */
  async logged(message: string): Promise<Record<string, unknown>> {
    let found: Record<string, unknown> | undefined;
    await this.#until(() => {
      const entries = this.#lines.stderr.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
      found = entries.find(({ msg }) => msg === message);
      return found !== undefined;
    }, `"${message}"`);
    return found ?? {};
  }

  /** Ends it, with everything that it has started. */
  async end(signal: NodeJS.Signals = "SIGTERM"): Promise<number | NodeJS.Signals> {
    this.#kill(signal);
    const timer = setTimeout(() => this.#kill("SIGKILL"), endGraceMs);
    try {
      return await this.ended;
    } finally {
      clearTimeout(timer);
    }
  }

  async #until(isThere: () => boolean, what: string): Promise<void> {
    const signal = AbortSignal.timeout(patienceMs);
    while (!isThere()) {
      if (!this.#isRunning) throw new Error(`${this.name} has ended, and ${what} did not come`);
      await once(this.#news, "news", { signal }).catch(() => {
        throw new Error(`${this.name}: ${what} did not come`);
      });
    }
  }

  #listen(name: "stdout" | "stderr", stream: Readable | null): void {
    if (stream === null) return;
    createInterface({ input: stream }).on("line", (line) => {
      this.#lines[name].push(line);
      this.#news.emit("news");
    });
  }

  #kill(signal: NodeJS.Signals): void {
    if (!this.#isRunning || this.pid === 0) return;
    try {
      process.kill(-this.pid, signal);
    } catch {
      // It has ended in the meantime.
    }
  }
}
