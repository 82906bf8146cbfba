#!/usr/bin/env node
/** The process around the program: arguments, environment, standard streams, signals, exit code. */
import process from "node:process";
import { Stopped } from "./failure.js";
import { createInput } from "./input.js";
import { createOutput } from "./output.js";
import { runProgram } from "./program.js";

const stop = new AbortController();
const input = createInput(() => process.stdin);
const output = createOutput({ stdout: process.stdout, stderr: process.stderr, stop });

const hurried = new AbortController();
let secondIsTaken = false;

// The first one is ours, and the second if the run asked for it. The next one kills a run that does not come to its end.
function takeSignal(name: NodeJS.Signals, stopped: Stopped): void {
  process.once(name, () => {
    stop.abort(stopped);
    if (secondIsTaken) process.once(name, () => hurried.abort(stopped));
  });
}
takeSignal("SIGINT", new Stopped(130, "interrupted"));
takeSignal("SIGTERM", new Stopped(143, "terminated"));

function hurry(): AbortSignal {
  secondIsTaken = true;
  return hurried.signal;
}

// A run that waits for stdin ends with it.
stop.signal.addEventListener("abort", () => input.close());

const { signal } = stop;
const address = process.env["SOCKET_REGISTRY_ADDRESS"] || "127.0.0.1:50051";
// No process.exit: what is still on its way to stdout must arrive.
process.exitCode = await runProgram(process.argv.slice(2), { address, input, output, signal, hurry });
input.close();
