/**
 * Lines that are written as messages, each once and in their order, by one WriteStream after another. What is read at
 * once goes out at once, and a stream that breaks is followed by one that says again what was not answered.
 */
import { status } from "@grpc/grpc-js";
import type { RegistryClient, WriteOutcome } from "./client.js";
import type { Context } from "./command.js";
import { CallError } from "./failure.js";
import { createOutbox, type Outbox, type OutboxOptions } from "./outbox.js";
import type { Output } from "./output.js";
import { createPatience } from "./patience.js";
import { reopen } from "./reopen.js";
import { isUnavailable } from "./retry.js";

/** How often in a row a stream is opened without an answer from the server. */
const triesMax = 5;

interface Surroundings extends Pick<Context, "signal" | "timeoutMs" | "address"> {
  client: Pick<RegistryClient, "writeStream">;
  output: Pick<Output, "warn">;
}

/**
 * The outcomes, one for each line, in their order, as they come. After a refusal no line is sent any more: it ends with
 * the outcomes of those that had been sent. If their stream breaks, those are UNAVAILABLE, as it is not opened again.
 */
export async function* writeLines(
  context: Surroundings,
  options: OutboxOptions,
): AsyncGenerator<WriteOutcome[], void, undefined> {
  const outbox = createOutbox(options);
  try {
    yield* reopen({
      open: () => outcomesOf(context, outbox),
      onFrame: () => {},
      isDone: () => outbox.isDone(),
      isEnd: (failures) => failures === triesMax,
      signal: context.signal,
      announce: context.output.warn,
      doing: "writing",
    });
    outbox.throwIfCutShort();
    const unanswered = new CallError(status.UNAVAILABLE, `${context.address}: no answer`);
    if (outbox.unansweredCount() > 0) yield Array(outbox.unansweredCount()).fill(unanswered);
  } finally {
    outbox.close();
  }
}

/** Until everything is answered, or a stream breaks on which something was not. */
async function* outcomesOf(context: Surroundings, outbox: Outbox): AsyncGenerator<WriteOutcome[], void, undefined> {
  while (await outbox.hasWork()) {
    try {
      yield* outcomesOfStream(context, outbox);
    } catch (error) {
      // While stdin is silent nobody waits for the server: the next line opens a stream when it comes.
      if (!isUnavailable(error) || outbox.unansweredCount() > 0) throw error;
    }
  }
}

async function* outcomesOfStream(
  { client, signal, timeoutMs, address }: Surroundings,
  outbox: Outbox,
): AsyncGenerator<WriteOutcome[], void, undefined> {
  const late = () => new CallError(status.DEADLINE_EXCEEDED, `${address}: no answer for ${timeoutMs / 1_000} s`);
  const patience = createPatience({ timeoutMs, signal, late });
  try {
    const stream = client.writeStream(patience.signal);
    outbox.attach({
      send: (requests) => {
        stream.send(requests);
        patience.begin();
      },
      end: () => {
        stream.end();
        patience.begin();
      },
    });
    for await (const outcomes of stream.outcomes) {
      patience.hold();
      yield* settle(outbox, outcomes);
      patience.resume();
      if (!outbox.isIdle()) patience.begin();
    }
    if (outbox.unansweredCount() === 0) return;
    throw new CallError(status.UNAVAILABLE, `${address}: the stream ended before everything was answered`);
  } finally {
    outbox.detach();
    patience.end();
  }
}

/** A write that was not carried out for now is no outcome: it breaks the stream, and is sent again with what follows. */
function* settle(outbox: Outbox, outcomes: WriteOutcome[]): Generator<WriteOutcome[], void, undefined> {
  const firstUnknown = outcomes.findIndex(isUnavailable);
  const known = firstUnknown === -1 ? outcomes : outcomes.slice(0, firstUnknown);
  outbox.settle(known);
  if (known.length > 0) yield known;
  if (firstUnknown !== -1) throw outcomes[firstUnknown];
}
