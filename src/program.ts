/** What the programs that serve have in common: flags, settings, signals, exit codes. */
import { createLog, type Log } from "./log.js";
import { SettingsError } from "./settings.js";

/** Settings are wrong. */
const EXIT_USAGE = 2;
/** The program could not start, or not stop. */
const EXIT_FAILURE = 1;
/** A Ctrl-C under npm arrives twice, from the terminal and from npm: what comes so soon is the same signal. */
const ECHO_MS = 100;

type LogLevel = Parameters<typeof createLog>[0];

export interface Program<Config extends { readonly logLevel: LogLevel }> {
  /** What it is, for its log: "the server". */
  readonly name: string;
  readonly helpText: () => string;
  /** @throws SettingsError naming every fault */
  readonly readConfig: (args: readonly string[], environment: NodeJS.ProcessEnv) => Config;
  readonly start: (config: Config, log: Log, machine: Machine) => Promise<Running>;
}

/** What a program knows of the processes around it. */
export interface Machine {
  /** The number of this process. */
  readonly pid: number;
  /** Whether a process of this machine is alive. */
  readonly isAlive: (pid: number) => boolean;
}

const machine: Machine = {
  pid: process.pid,
  isAlive(pid) {
    try {
      return process.kill(pid, 0);
    } catch (error) {
      // It is there, and somebody else's.
      return (error as NodeJS.ErrnoException).code === "EPERM";
    }
  },
};

interface Running {
  stop(): Promise<void>;
}

/** Reads the settings, starts the program, and stops it on a signal. */
export async function run<Config extends { readonly logLevel: LogLevel }>(program: Program<Config>): Promise<void> {
  const args = process.argv.slice(2);
  if (args.includes("--help")) {
    process.stdout.write(program.helpText());
    return;
  }
  const config = read(program, args);
  if (config === undefined) return;
  const { name } = program;
  const log = createLog(config.logLevel, process.stderr.isTTY === true);
  // A defect that no call can be blamed for ends the process, as it would anyway, but not without a line in the log.
  process.on("uncaughtExceptionMonitor", (error) => log.fatal({ err: error }, `${name} failed`));
  try {
    stopOnSignal(await program.start(config, log, machine), name, log);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    log.fatal({ err: error }, `${name} cannot start: ${why}`);
    process.exit(EXIT_FAILURE);
  }
}

function read<Config extends { readonly logLevel: LogLevel }>(
  { readConfig }: Program<Config>,
  args: readonly string[],
): Config | undefined {
  try {
    return readConfig(args, process.env);
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    for (const fault of error.faults) process.stderr.write(`${fault}\n`);
    process.exitCode = EXIT_USAGE;
    return undefined;
  }
}

/** The first signal stops the program and lets it finish; a second one does not wait for that. */
function stopOnSignal(running: Running, name: string, log: Log): void {
  let stoppingSinceMs: number | undefined;
  const stop = (signal: NodeJS.Signals): void => {
    if (stoppingSinceMs !== undefined) {
      if (performance.now() - stoppingSinceMs < ECHO_MS) return;
      log.warn({ signal }, "stopped without finishing");
      process.exit(EXIT_FAILURE);
    }
    stoppingSinceMs = performance.now();
    log.info({ signal }, "stopping");
    running.stop().then(
      () => process.exit(0),
      (error: unknown) => {
        log.fatal({ err: error }, `${name} did not stop cleanly`);
        process.exit(EXIT_FAILURE);
      },
    );
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
}
