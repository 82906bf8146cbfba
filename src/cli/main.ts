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

// Only the first one is ours: a second kills a run that does not come to its end.
process.once("SIGINT", () => stop.abort(new Stopped(130, "interrupted")));
process.once("SIGTERM", () => stop.abort(new Stopped(143, "terminated")));
// A run that waits for stdin ends with it.
stop.signal.addEventListener("abort", () => input.close());

const { signal } = stop;
const address = process.env["SOCKET_REGISTRY_ADDRESS"] || "127.0.0.1:50051";
// No process.exit: what is still on its way to stdout must arrive.
process.exitCode = await runProgram(process.argv.slice(2), { address, input, output, signal });
input.close();
