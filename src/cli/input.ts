/** What the user types or pipes in: stdin as one text, or line by line. It must be UTF-8. */
import type { Readable } from "node:stream";
import { UsageError } from "./failure.js";

/** Far above what a server takes in one message, far below what hurts this process. */
const textBytesMax = 16 * 1024 * 1024;

export interface Input {
  /** All of stdin, without the newline that ends its last line. Fails when there is nothing at all. */
  text(): Promise<string>;
  /** The lines of stdin, as they arrive, without their newlines. */
  lines(): AsyncGenerator<string, void, undefined>;
  /** The same, with those together that arrived together. */
  lineGroups(): AsyncGenerator<string[], void, undefined>;
  /** Ends a `lines`, `lineGroups` or `text` that waits. Stdin is gone afterwards. */
  close(): void;
}

/** @param open gives stdin; called when it is first needed, as a program that never asks must not hold it */
export function createInput(open: () => Readable): Input {
  let stdin: Readable | undefined;
  let closed = false;

  async function* chunks(): AsyncGenerator<string, void, undefined> {
    stdin ??= open();
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    const decode = (bytes?: Uint8Array) => {
      try {
        return decoder.decode(bytes, { stream: bytes !== undefined });
      } catch {
        throw new UsageError("stdin is not UTF-8");
      }
    };
    try {
      for await (const chunk of stdin) yield decode(chunk);
    } catch (error) {
      if (closed) return;
      throw error instanceof UsageError ? error : new UsageError(`stdin: ${String(error)}`);
    }
    yield decode();
  }

  async function* lineGroups(): AsyncGenerator<string[], void, undefined> {
    let rest = "";
    for await (const chunk of chunks()) {
      const lines = chunk.split("\n");
      lines[0] = append(rest, lines[0] ?? "");
      rest = lines.pop() ?? "";
      if (lines.length > 0) yield lines.map((line) => line.replace(/\r$/, ""));
    }
    // What was typed of a line when it ended from our side is not what was meant.
    if (rest !== "" && !closed) yield [rest];
  }

  return {
    async text() {
      let text = "";
      for await (const chunk of chunks()) text = append(text, chunk);
      if (text === "") throw new UsageError("there is no message: none in the arguments, stdin is empty");
      return text.replace(/\r?\n$/, "");
    },

    async *lines() {
      for await (const group of lineGroups()) yield* group;
    },
    lineGroups,

    close() {
      closed = true;
      stdin?.destroy();
    },
  };
}

function append(text: string, more: string): string {
  if (text.length + more.length > textBytesMax) {
    throw new UsageError(`stdin holds more than ${textBytesMax} bytes in one message`);
  }
  return text + more;
}
