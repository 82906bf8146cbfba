/** What a command is: its arguments and options, its help, and how a command line becomes a run of it. */
import { type ParseArgsConfig, parseArgs } from "node:util";
import type { RegistryClient } from "./client.js";
import { type ExitCode, UsageError } from "./failure.js";
import type { Input } from "./input.js";
import type { Output } from "./output.js";

/** An option as parseArgs wants it, with its line of help. */
export interface Option {
  type: "string" | "boolean";
  /** Whether it may be given several times. */
  multiple?: true;
  short?: string;
  /** The name of its value in the help. Absent for a boolean. */
  value?: string;
  help: string;
}

export type Options = Readonly<Record<string, Option>>;

/** What a command works with. */
export interface Context {
  client: RegistryClient;
  input: Input;
  output: Output;
  /** The server's, for the programs that a command starts. */
  address: string;
  /** How long to wait for an answer, for what is asked past the client. */
  timeoutMs: number;
  /** Aborted with Stopped when the run has to stop. */
  signal: AbortSignal;
  /**
   * For a command that takes its time to stop in good order: once this was called, a second SIGINT or SIGTERM aborts
   * the signal that it gives. Otherwise, and a third time, it kills the process.
   */
  hurry(): AbortSignal;
}

type Parsed<O extends Options> = ReturnType<typeof parseArgs<{ options: O; strict: true; allowPositionals: true }>>;

/** The options of a command, as its `run` gets them. */
export type Values<O extends Options> = Parsed<O>["values"];

interface Definition<O extends Options> {
  name: string;
  /** The arguments, as the usage line shows them: `SOCKET` is needed, `[ID]` is not, `...` repeats. */
  parameters: readonly string[];
  /** What it does, in one sentence. */
  summary: string;
  /** What else there is to know, in whole lines. */
  notes?: string;
  options: O;
  /** Runs the command. Without an exit code the run was a success. */
  run(context: Context, values: Values<O>, positionals: string[]): Promise<ExitCode | undefined>;
}

export interface Command {
  name: string;
  summary: string;
  /** The usage line. */
  usage: string;
  help(): string;
  /** Checks a command line, throws UsageError for a wrong one, and gives what it asks for. */
  parse(args: readonly string[]): Invocation;
}

export interface Invocation {
  globals: Values<typeof globalOptions>;
  run(context: Context): Promise<ExitCode | undefined>;
}

export const globalOptions = {
  address: {
    type: "string",
    value: "HOST:PORT",
    help: "the server (SOCKET_REGISTRY_ADDRESS, else 127.0.0.1:50051)",
  },
  timeout: {
    type: "string",
    value: "DURATION",
    help: "how long to wait for an answer, default 10s; a read may last for ever",
  },
  help: { type: "boolean", short: "h", help: "print this" },
} as const satisfies Options;

export function defineCommand<const O extends Options>(definition: Definition<O>): Command {
  const { name, summary, parameters } = definition;
  const usage = ["usage: socketctl", name, ...parameters, "[OPTION...]"].join(" ");
  return {
    name,
    summary,
    usage,
    help: () => helpOf(definition, usage),
    parse(args) {
      const options = { ...globalOptions, ...definition.options };
      const config = { args: [...args], options, strict: true, allowPositionals: true } as const;
      const globals = parseStrictly<{ options: typeof globalOptions }>(config).values;
      const { values, positionals } = parseStrictly<{ options: O }>(config);
      if (globals.help !== true) checkCount(name, parameters, positionals);
      return { globals, run: (context) => definition.run(context, values, positionals) };
    },
  };
}

type Strict<T> = T & { strict: true; allowPositionals: true };

function parseStrictly<T extends ParseArgsConfig>(config: Strict<T>) {
  try {
    return parseArgs<Strict<T>>(config);
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(error.message);
    throw error;
  }
}

function checkCount(name: string, parameters: readonly string[], positionals: string[]): void {
  const missing = parameters.filter((parameter) => !parameter.startsWith("["))[positionals.length];
  if (missing !== undefined) throw new UsageError(`${name} needs ${missing.replace("...", "")}`);
  const repeats = parameters.some((parameter) => parameter.includes("..."));
  const extra = positionals[parameters.length];
  if (extra !== undefined && !repeats) throw new UsageError(`${name} does not take "${extra}"`);
}

function helpOf({ summary, notes, options }: Definition<Options>, usage: string): string {
  const own = optionLines(options);
  // An option of the command's own may say what one of every command means here.
  const others = Object.entries<Option>(globalOptions).filter(([name]) => !Object.hasOwn(options, name));
  const parts = [usage, summary, notes ?? "", own.join("\n"), optionLines(Object.fromEntries(others)).join("\n")];
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

/** One line for each option. */
export function optionLines(options: Options): string[] {
  return Object.entries(options).map(([name, { value, short, help }]) => {
    const flag = `${short === undefined ? "" : `-${short}, `}--${name}`;
    return `  ${(value === undefined ? flag : `${flag} ${value}`).padEnd(26)}  ${help}`;
  });
}
