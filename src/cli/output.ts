/**
 * What the user sees. Messages and tables go to stdout, everything else to stderr, and nothing that
 * came from a server can drive the terminal: control characters are shown, not sent.
 */
import type { Writable } from "node:stream";
import { Stopped } from "./failure.js";
import type { Json } from "./json.js";

export interface Output {
  /** Writes text to stdout; waits while the reader of stdout is slow. Fails once the run has to stop. */
  print(text: string): Promise<void>;
  /** Writes one line of JSON for each value, in the same manner. */
  printJson(values: Iterable<Json>): Promise<void>;
  /** Writes a line to stderr, after the name of the program. */
  warn(text: string): void;
}

export interface OutputOptions {
  stdout: Writable;
  stderr: Writable;
  /** Aborted with Stopped when stdout cannot be written to any longer. */
  stop: AbortController;
}

export function createOutput({ stdout, stderr, stop }: OutputOptions): Output {
  stdout.on("error", (error: NodeJS.ErrnoException) => stop.abort(outputFailure(error)));
  // There is no other place left to complain.
  stderr.on("error", () => {});

  /** Waits until the text is out, so that a closed pipe is noticed before more is taken for it. */
  function write(text: string): Promise<void> {
    const { signal } = stop;
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const fail = () => reject(signal.reason);
      signal.addEventListener("abort", fail, { once: true });
      stdout.write(text, (error) => {
        if (error) stop.abort(outputFailure(error));
        signal.removeEventListener("abort", fail);
        resolve();
      });
    });
  }

  return {
    print: (text) => write(neutralise(text)),
    printJson: (values) => write([...values].map((value) => `${jsonLine(value)}\n`).join("")),
    warn: (text) => void stderr.write(`socketctl: ${neutralise(text)}\n`),
  };
}

function outputFailure(error: NodeJS.ErrnoException): Stopped {
  if (error.code === "EPIPE") return new Stopped(0, "the reader of stdout has gone");
  return new Stopped(74, `stdout: ${error.message}`);
}

/** Shows C0 and C1 controls (ESC among them) and DEL as \xNN. Tabs and newlines pass. */
export function neutralise(text: string): string {
  return text.replace(controls, (control) => `\\x${hex(control, 2)}`);
}

/** JSON on one line. JSON.stringify lets DEL and the C1 controls through, which terminals obey. */
function jsonLine(value: Json): string {
  return JSON.stringify(value).replace(controls, (control) => `\\u${hex(control, 4)}`);
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const controls = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/g;

function hex(character: string, digits: number): string {
  return character.charCodeAt(0).toString(16).padStart(digits, "0");
}

/** A text of several lines as one entry: every line but the first is indented. */
export function indent(text: string, width = 2): string {
  return text.replaceAll("\n", `\n${" ".repeat(width)}`);
}

/** Rows under headings, in columns as wide as their widest cell. A cell stays on its line. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [headings, ...rows].map((row) => row.map((cell) => neutralise(cell).replace(/[\t\n]/g, " ")));
  const widths = headings.map((_, column) =>
    lines.reduce((width, line) => Math.max(width, line[column]?.length ?? 0), 0),
  );
  return lines
    .map((line) => line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  "))
    .map((line) => `${line.trimEnd()}\n`)
    .join("");
}

/** Names and values, one pair a line; values of several lines are indented below their first. */
export function pairs(entries: readonly (readonly [name: string, value: string])[]): string {
  const width = entries.reduce((widest, [name]) => Math.max(widest, name.length), 0) + 2;
  return entries.map(([name, value]) => `${`${name}:`.padEnd(width)}${indent(value, width)}\n`).join("");
}
