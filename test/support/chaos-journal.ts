/** What the programs of the chaos test write down, a line for each thing that happened, in a file of their own. */
import { appendFileSync, existsSync, readFileSync } from "node:fs";

/** Milliseconds by a clock that all processes of the machine share. */
export const nowMs = (): number => Number(process.hrtime.bigint() / 1_000n) / 1_000;

/** A line of a worker. A delivery is named by the stream it came on; what happened to it, by its place in its queue. */
export type WorkerLine =
  | { readonly what: "open"; readonly atMs: number; readonly stream: string }
  /** The stream broke, or its worker is about to cancel it. */
  | { readonly what: "end"; readonly atMs: number; readonly stream: string }
  | ({ readonly what: "got"; readonly atMs: number } & Delivered)
  /** It is about to be given back. */
  | ({ readonly what: "nack"; readonly atMs: number } & Place)
  /** The server answered an acknowledgement. Fresh: that settled it. */
  | ({ readonly what: "acked"; readonly atMs: number; readonly isFresh: boolean } & Place)
  | Fault;

export interface Place {
  readonly socketId: string;
  readonly sequence: number;
}

export interface Delivered extends Place {
  readonly stream: string;
  readonly messageId: string;
  readonly key: string;
  readonly attempt: number;
}

/** A line of a writer. A key is the request_id of a message and its content. */
export type WriterLine =
  | { readonly what: "send"; readonly atMs: number; readonly key: string; readonly socketId: string }
  | { readonly what: "accepted"; readonly key: string; readonly messageId: string; readonly isDuplicate: boolean }
  /** It will not be asked for again: whether it was accepted stays unknown. */
  | { readonly what: "abandoned"; readonly key: string }
  | Fault;

/** Something that must not happen. */
export interface Fault {
  readonly what: "fault";
  readonly text: string;
}

/** One file. A line is in it as a whole before the next step, whenever its program is killed. */
export class Journal<Line> {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  add(line: Line): void {
    appendFileSync(this.#path, `${JSON.stringify(line)}\n`);
  }

  lines(): Line[] {
    if (!existsSync(this.#path)) return [];
    return readFileSync(this.#path, "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line));
  }
}
