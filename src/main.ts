import { helpText, readConfig } from "./config.js";
import { createLog, type Log } from "./log.js";
import { type RunningServer, startServer } from "./server.js";
import { SettingsError } from "./settings.js";

/** Settings are wrong. */
const EXIT_USAGE = 2;
/** The server could not start, or not stop. */
const EXIT_FAILURE = 1;
/** A Ctrl-C on `npm start` arrives twice, from the terminal and from npm: what comes so soon is the same signal. */
const ECHO_MS = 100;

const args = process.argv.slice(2);
const config = args.includes("--help") ? help() : read();
if (config !== undefined) {
  const log = createLog(config.logLevel, process.stderr.isTTY === true);
  // A defect that no call can be blamed for ends the process, as it would anyway, but not without a line in the log.
  process.on("uncaughtExceptionMonitor", (error) => log.fatal({ err: error }, "the server failed"));
  try {
    const server = await startServer(config, log);
    stopOnSignal(server, log);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    log.fatal({ err: error }, `the server cannot start: ${why}`);
    process.exit(EXIT_FAILURE);
  }
}

function help(): undefined {
  process.stdout.write(helpText());
}

function read(): ReturnType<typeof readConfig> | undefined {
  try {
    return readConfig(args, process.env);
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    for (const fault of error.faults) process.stderr.write(`${fault}\n`);
    process.exitCode = EXIT_USAGE;
    return undefined;
  }
}

/** The first signal stops the server and lets it finish; a second one does not wait for that. */
function stopOnSignal(server: RunningServer, log: Log): void {
  let stoppingSinceMs: number | undefined;
  const stop = (signal: NodeJS.Signals): void => {
    if (stoppingSinceMs !== undefined) {
      if (performance.now() - stoppingSinceMs < ECHO_MS) return;
      log.warn({ signal }, "stopped without finishing");
      process.exit(EXIT_FAILURE);
    }
    stoppingSinceMs = performance.now();
    log.info({ signal }, "stopping");
    server.stop().then(
      () => process.exit(0),
      (error: unknown) => {
        log.fatal({ err: error }, "the server did not stop cleanly");
        process.exit(EXIT_FAILURE);
      },
    );
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
}
