/** A driver of a client, as a process, spoken to as clients/conformance/README.md says. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { commandOf, type Language } from "./clients-languages.js";
import { root } from "./process.js";

/** A value as JSON has it. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export type JsonObject = { readonly [key: string]: Json };

/** How an operation ended. */
export type Ending = { readonly result: Json } | { readonly error: Json };

/** How long anything that a driver owes may take. Far more than it needs, as the machine may be busy. */
export const PATIENCE_MS = 40_000;

/** Gives up on a promise that takes too long, with a word on what was waited for. */
export async function within<T>(promise: Promise<T>, what: () => string, ms = PATIENCE_MS): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`within ${ms / 1_000} s there was no ${what()}`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** One operation of a driver: the items as they come, and the ending. */
export class Operation {
  readonly id: number;
  readonly name: string;
  readonly #items: Json[] = [];
  #ending: Ending | undefined;
  #failure: Error | undefined;
  #wake: (() => void)[] = [];

  constructor(id: number, name: string) {
    this.id = id;
    this.name = name;
  }

  get isOver(): boolean {
    return this.#ending !== undefined || this.#failure !== undefined;
  }

  /** The next item, or undefined when the operation ends without one. */
  async next(): Promise<Json | undefined> {
    await this.#until(() => this.#items.length > 0 || this.isOver);
    if (this.#items.length > 0) return this.#items.shift();
    if (this.#failure !== undefined) throw this.#failure;
    return undefined;
  }

  /** The ending; items that nobody took are left where they are. */
  async ended(): Promise<Ending> {
    await this.#until(() => this.isOver);
    if (this.#ending === undefined) throw this.#failure;
    return this.#ending;
  }

  /** Items that nobody has taken yet. */
  get waiting(): readonly Json[] {
    return this.#items;
  }

  takeLine(line: JsonObject): void {
    if (this.#ending !== undefined) throw new Error(`a line for ${this.name} after its ending: ${brief(line)}`);
    if (line["item"] !== undefined) this.#items.push(line["item"]);
    else if (line["result"] !== undefined) this.#ending = { result: line["result"] };
    else if (line["error"] !== undefined) this.#ending = { error: line["error"] };
    else throw new Error(`neither item nor result nor error: ${brief(line)}`);
    this.#ring();
  }

  fail(error: Error): void {
    this.#failure ??= error;
    this.#ring();
  }

  #ring(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }

  async #until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await new Promise<void>((resolve) => void this.#wake.push(resolve));
  }
}

export class Driver {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #exit: Promise<number | NodeJS.Signals | null>;
  readonly #operations = new Map<number, Operation>();
  readonly #ready = new Operation(0, "ready");
  #ended = false;
  #lastId = 0;
  #stderr = "";
  #failure: Error | undefined;

  private constructor(language: Language, address: string, environment: Readonly<Record<string, string>>) {
    const [command, ...args] = commandOf(language, "driver");
    // As the leader of a group, so that a driver behind a script dies with the script.
    this.#child = spawn(command, args, {
      cwd: root,
      detached: true,
      env: { ...process.env, SOCKET_REGISTRY_ADDRESS: address, ...environment },
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.#child.stdin.on("error", () => {});
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-4_000);
    });
    createInterface({ input: this.#child.stdout }).on("line", (line) => this.#take(line));
    this.#child.on("error", (error) => this.#fail(error));
    this.#exit = new Promise((resolve) => {
      this.#child.on("close", (code, signal) => {
        this.#ended = true;
        this.#fail(new Error(`the driver ended with ${code ?? signal}:\n${this.#stderr}`));
        resolve(code ?? signal);
      });
    });
  }

  /** Starts a driver and waits until it is ready. The caller ends it. */
  static async start(
    language: Language,
    address: string,
    environment: Readonly<Record<string, string>> = {},
  ): Promise<Driver> {
    const driver = new Driver(language, address, environment);
    await within(driver.#ready.ended(), () => `ready driver\n${driver.#stderr}`);
    return driver;
  }

  /** What the driver said to people last. */
  get stderr(): string {
    return this.#stderr;
  }

  begin(op: string, args: Json, timeoutMs?: number): Operation {
    this.#lastId += 1;
    const id = this.#lastId;
    const operation = new Operation(id, op);
    this.#operations.set(id, operation);
    if (this.#failure !== undefined) operation.fail(this.#failure);
    const line = { id, op, args, ...(timeoutMs === undefined ? {} : { timeout_ms: timeoutMs }) };
    this.#child.stdin.write(`${JSON.stringify(line)}\n`);
    return operation;
  }

  /** Carries out an operation to its end. */
  async call(op: string, args: Json, timeoutMs?: number): Promise<Ending> {
    const operation = this.begin(op, args, timeoutMs);
    return await within(operation.ended(), () => `end of ${op}${this.#said()}`);
  }

  /** Cancels what is still under way. */
  async cancelAll(): Promise<void> {
    const open = [...this.#operations.values()].filter(({ isOver }) => !isOver);
    await Promise.all(open.map(({ id }) => this.call("cancel", { id })));
    await Promise.all(
      open.map((each) => within(each.ended(), () => `end of ${each.name} after cancel${this.#said()}`)),
    );
    this.#operations.clear();
  }

  /** Kills the process without a warning. */
  async kill(): Promise<void> {
    if (!this.#ended && this.#child.pid !== undefined) process.kill(-this.#child.pid, "SIGKILL");
    await this.#exit;
  }

  /** Ends the standard input, and gives what the driver ends with. */
  async close(): Promise<number | NodeJS.Signals | null> {
    this.#child.stdin.end();
    try {
      return await within(this.#exit, () => "exit after the end of the standard input", 10_000);
    } catch (error) {
      await this.kill();
      throw error;
    }
  }

  #said(): string {
    return this.#stderr === "" ? "" : `; the driver said:\n${this.#stderr}`;
  }

  #take(text: string): void {
    try {
      const line: JsonObject = JSON.parse(text);
      const { id, ready } = line;
      const operation = ready === true ? this.#ready : this.#operations.get(Number(id));
      if (operation === undefined) throw new Error(`a line for nothing that is under way: ${brief(line)}`);
      operation.takeLine(ready === true ? { result: {} } : line);
    } catch (error) {
      this.#fail(new Error(`the driver said ${brief(text)}`, { cause: error }));
    }
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const operation of [this.#ready, ...this.#operations.values()]) {
      if (!operation.isOver) operation.fail(error);
    }
  }
}

/** A value for people: cut where it is long. */
export function brief(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 600 ? `${text.slice(0, 600)}... (${text.length} characters)` : text;
}
