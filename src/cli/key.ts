/** The request_id of a call: by it the server knows a call that is made again, and carries it out once. */
import { randomUUID } from "node:crypto";
import type { Context, Options } from "./command.js";
import { isUnanswered } from "./failure.js";
import { retry } from "./retry.js";

export const keyOptions = {
  "request-id": {
    type: "string",
    value: "ID",
    help: "by which the server knows this call if it is made again; made up if absent",
  },
} as const satisfies Options;

export interface CallOnceOptions {
  /** What is done, as `writing`. */
  doing: string;
  requestId: string;
}

/** Makes a call, again where the server cannot be reached. If that is in vain, says how to go on from here. */
export async function callOnce<T>(
  { output, signal }: Pick<Context, "output" | "signal">,
  { doing, requestId }: CallOnceOptions,
  call: () => Promise<T>,
): Promise<T> {
  try {
    return await retry(call, { signal, announce: output.warn, doing });
  } catch (error) {
    if (isUnanswered(error)) output.warn(unansweredText(requestId));
    throw error;
  }
}

/** The request id that was given, or one that nobody else makes up. */
export function requestIdOf(given: string | undefined): string {
  return given || randomUUID();
}

/** @param requestId the value of --request-id with which the command can be repeated */
export function unansweredText(requestId: string): string {
  return `it may have happened; with --request-id ${requestId} it happens once, however often it is tried`;
}
