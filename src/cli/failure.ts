/**
 * The ways a run of socketctl can end, and the exit code of each. Scripts branch on these codes, so
 * a code never changes its meaning.
 */
import { status } from "@grpc/grpc-js";

/** Every exit code with what it means, as `socketctl help` prints it. */
export const exitCodes = {
  0: "done, or the reader of our output has gone",
  1: "the server refused; stderr says REASON: text",
  2: "the command line or the input is wrong",
  3: "no answer: the server cannot be reached, stops, or took too long; a write may have happened",
  4: "there is no such socket or message, or it was deleted",
  5: "the position to read from is lost; read again without --after",
  6: "ask: nobody answered, or not everybody",
  7: "replication: the replica is not up to date; restore: there is nothing to restore",
  70: "a defect of socketctl",
  74: "the output cannot be written",
  130: "interrupted (SIGINT)",
  143: "terminated (SIGTERM)",
} as const;

export type ExitCode = keyof typeof exitCodes;

/** The command line or the input is wrong. The message completes "socketctl: ...". */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** The reason of the abort signal of a run that has to stop before its command is done. */
export class Stopped extends Error {
  override readonly name = "Stopped";
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** A call that failed: refused by the server, or never answered. */
export class CallError extends Error {
  override readonly name = "CallError";
  readonly code: status;
  /** The ErrorInfo reason. Empty when the server sent none, as when there is no server. */
  readonly reason: string;
  readonly metadata: Readonly<Record<string, string>>;

  constructor(code: status, message: string, reason = "", metadata: Readonly<Record<string, string>> = {}) {
    super(message);
    this.code = code;
    this.reason = reason;
    this.metadata = metadata;
  }

  get exitCode(): ExitCode {
    if (this.code === status.UNAVAILABLE || this.code === status.DEADLINE_EXCEEDED) return 3;
    if (notFoundReasons.has(this.reason)) return 4;
    if (this.reason === "POSITION_LOST") return 5;
    return 1;
  }

  /** For people: the reason, or the name of the status where there is none, and the text on indented lines. */
  describe(): string {
    return `${this.reason || status[this.code]}: ${this.message.replaceAll("\n", "\n  ")}`;
  }
}

/** Whether nobody answered: the call may have been carried out or not. */
export function isUnanswered(error: unknown): error is CallError {
  return error instanceof CallError && error.exitCode === 3;
}

const notFoundReasons = new Set(["SOCKET_NOT_FOUND", "SOCKET_DELETED", "MESSAGE_NOT_FOUND"]);
