/** What became of the lines of a run that stops at the first one that is refused, for those who have to go on from there. */
import type { WriteResponse } from "../../gen/ts/socketregistry/v1/socket_registry.js";
import type { WriteOutcome } from "./client.js";
import { CallError, isUnanswered } from "./failure.js";

/** More stretches of lines than this are not named. */
const stretchesNamedMax = 20;

type Stretch = [first: number, last: number];

export function createLineAccount() {
  let count = 0;
  let refusal: { line: number; error: CallError } | undefined;
  const writtenLater: Stretch[] = [];
  const unansweredLater: Stretch[] = [];

  return {
    /** Takes the outcomes of the next lines, and gives the answers among them. */
    take(outcomes: readonly WriteOutcome[]): WriteResponse[] {
      const written: WriteResponse[] = [];
      for (const outcome of outcomes) {
        count += 1;
        if (!(outcome instanceof CallError)) {
          written.push(outcome);
          if (refusal !== undefined) extend(writtenLater, count);
        } else if (refusal === undefined) refusal = { line: count, error: outcome };
        else if (isUnanswered(outcome)) extend(unansweredLater, count);
      }
      return written;
    },
    /** How many lines it knows of. */
    count: () => count,
    /** The first refusal. */
    refusal: () => refusal,
    /** What happened behind the first refusal, other than that nothing was written. */
    afterRefusal(): string[] {
      return [
        ...sentence("written, as it had been sent already", writtenLater),
        ...sentence("without an answer, as it had been sent already", unansweredLater),
      ];
    },
  };
}

function extend(stretches: Stretch[], line: number): void {
  const last = stretches.at(-1);
  if (last !== undefined && last[1] === line - 1) last[1] = line;
  else stretches.push([line, line]);
}

function sentence(text: string, stretches: readonly Stretch[]): string[] {
  if (stretches.length === 0) return [];
  const named = stretches
    .slice(0, stretchesNamedMax)
    .map(([first, last]) => (first === last ? first : `${first}-${last}`));
  const others = stretches.slice(stretchesNamedMax).reduce((sum, [first, last]) => sum + last - first + 1, 0);
  return [`${text}: line ${named.join(", ")}${others > 0 ? ` and ${others} more` : ""}`];
}
