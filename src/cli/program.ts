/** The program: which command a command line names, and how its run ends. */

import { parseWaitMs } from "./arguments.js";
import { createClient } from "./client.js";
import { type Command, globalOptions, type Invocation, optionLines } from "./command.js";
import { ack } from "./commands/ack.js";
import { ask } from "./commands/ask.js";
import { chat } from "./commands/chat.js";
import { create } from "./commands/create.js";
import { heartbeat } from "./commands/heartbeat.js";
import { info } from "./commands/info.js";
import { ls } from "./commands/ls.js";
import { mark } from "./commands/mark.js";
import { peek } from "./commands/peek.js";
import { read } from "./commands/read.js";
import { receipt } from "./commands/receipt.js";
import { replication } from "./commands/replication.js";
import { requeue } from "./commands/requeue.js";
import { reset } from "./commands/reset.js";
import { restore } from "./commands/restore.js";
import { rm } from "./commands/rm.js";
import { server } from "./commands/server.js";
import { update } from "./commands/update.js";
import { watch } from "./commands/watch.js";
import { write } from "./commands/write.js";
import { CallError, type ExitCode, exitCodes, Stopped, UsageError } from "./failure.js";
import type { Input } from "./input.js";
import type { Output } from "./output.js";
import { splitCommand } from "./split.js";
import { readVersion } from "./version.js";

const commands: readonly Command[] = [
  create,
  write,
  read,
  ask,
  chat,
  ls,
  info,
  watch,
  peek,
  ack,
  requeue,
  receipt,
  heartbeat,
  mark,
  update,
  reset,
  rm,
  server,
  replication,
  restore,
];

const timeoutMsDefault = 10_000;

export interface Environment {
  /** The server, unless the command line names another. */
  address: string;
  input: Input;
  output: Output;
  /** Aborted with Stopped when the run has to stop. */
  signal: AbortSignal;
  /** See Context. */
  hurry(): AbortSignal;
}

/** Runs a command line and gives the exit code. Whatever goes wrong has then been said on stderr. */
export async function runProgram(args: readonly string[], environment: Environment): Promise<ExitCode> {
  const { output, signal } = environment;
  try {
    const exitCode = await dispatch(args, environment);
    signal.throwIfAborted();
    return exitCode ?? 0;
  } catch (error) {
    if (signal.aborted && signal.reason instanceof Stopped) return stoppedBy(signal.reason, output);
    if (error instanceof CallError) {
      output.warn(error.describe());
      return error.exitCode;
    }
    if (error instanceof UsageError) {
      output.warn(`${error.message}\ntry: socketctl help`);
      return 2;
    }
    output.warn(`a defect of socketctl: ${error instanceof Error ? error.stack : String(error)}`);
    return 70;
  }
}

function stoppedBy({ exitCode, message }: Stopped, output: Output): ExitCode {
  if (exitCode === 74) output.warn(message);
  return exitCode;
}

async function dispatch(args: readonly string[], environment: Environment): Promise<ExitCode | undefined> {
  const { name, rest } = splitCommand(args, globalOptions);
  const { output } = environment;
  if (name === "help") return help(rest, output);
  if (name === "version") return version(rest, output);
  if (name === undefined) {
    if (rest.length === 1 && (rest[0] === "--help" || rest[0] === "-h")) return help([], output);
    if (rest.length === 1 && rest[0] === "--version") return version([], output);
    throw new UsageError(`which command?\n\n${overview()}`);
  }
  const command = find(name);
  const invocation = parse(command, rest);
  if (invocation.globals.help !== true) return start(invocation, environment);
  await output.print(command.help());
  return 0;
}

function parse(command: Command, args: readonly string[]): Invocation {
  try {
    return command.parse(args);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(`${error.message}\n${command.usage}`);
  }
}

async function start({ globals, run }: Invocation, environment: Environment): Promise<ExitCode | undefined> {
  const timeoutMs = parseWaitMs("--timeout", globals.timeout) ?? timeoutMsDefault;
  const address = globals.address ?? environment.address;
  const client = createClient({ address, timeoutMs, signal: environment.signal });
  try {
    return await run({ ...environment, address, client, timeoutMs });
  } finally {
    client.close();
  }
}

function find(name: string): Command {
  const command = commands.find((candidate) => candidate.name === name);
  if (command !== undefined) return command;
  throw new UsageError(`there is no command "${name}"\n\n${overview()}`);
}

async function help([name, ...others]: readonly string[], output: Output): Promise<ExitCode> {
  if (others.length > 0) throw new UsageError("help takes one command");
  await output.print(name === undefined ? manual() : find(name).help());
  return 0;
}

async function version(rest: readonly string[], output: Output): Promise<ExitCode> {
  if (rest.length > 0) throw new UsageError("version takes no arguments");
  await output.print(`socketctl ${await readVersion()}\n`);
  return 0;
}

function overview(): string {
  const others = [
    { name: "help", summary: "Prints this, or with the name of a command, its options." },
    { name: "version", summary: "Prints the version of socketctl." },
  ];
  const lines = [...commands, ...others].map(({ name, summary }) => `  ${name.padEnd(11)} ${summary}\n`);
  return `usage: socketctl COMMAND [ARGUMENT...] [OPTION...]\n\n${lines.join("")}`;
}

function manual(): string {
  const globals = optionLines(globalOptions).map((line) => `${line}\n`);
  const codes = Object.entries(exitCodes).map(([code, text]) => `  ${code.padStart(3)}  ${text}\n`);
  return [
    overview(),
    `options of every command:\n${globals.join("")}`,
    `exit codes:\n${codes.join("")}`,
    'example:\n  echo "question" | socketctl write team-chat-all; socketctl read team-chat-all --follow\n',
  ].join("\n");
}
