/**
 * What the registry is told of deliveries, over its restarts: one Acknowledge is under way at a time, and what comes
 * meanwhile goes with the next.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { AcknowledgeRequest } from "../../../gen/ts/socketregistry/v1/socket_registry.js";
import { settledWithin } from "./abort.js";
import type { Connection } from "./connection.js";
import { durationOf } from "./duration.js";
import { isGone } from "./errors.js";
import { persist } from "./reopen.js";

/** The queue that deliveries are of. */
export interface Queue {
  socketId: string;
  consumer: string;
}

/** A delivery by its place in the queue. */
export interface Place {
  epoch: string;
  sequence: bigint;
}

/** The most sequences in one call. */
export const sequencesMax = 10_000;
/** How long the end waits for the server to be told. */
const flushMs = 10_000;
const pauseMsMax = 2_000;

interface Outcome extends Place {
  /** Before it is delivered again. Absent: it is settled. */
  retryDelayMs: number | undefined;
  resolve(): void;
  reject(error: unknown): void;
}

export type Acknowledgements = ReturnType<typeof createAcknowledgements>;

export function createAcknowledgements({ stub, onWarning }: Connection, queue: Queue) {
  const waiting: Outcome[] = [];
  const givenUp = new AbortController();
  let telling: Promise<void> | undefined;
  let releasing: Promise<void> | undefined;

  function tell({ epoch, sequence }: Place, retryDelayMs?: number): Promise<void> {
    const told = new Promise<void>((resolve, reject) => {
      waiting.push({ epoch, sequence, retryDelayMs, resolve, reject });
    });
    // Nobody has to wait for it, and what goes wrong is a warning as well.
    told.catch(() => {});
    telling ??= tellAll().finally(() => {
      telling = undefined;
    });
    return told;
  }

  async function tellAll(): Promise<void> {
    // What is said at the same moment goes with the same call.
    await nextTurn();
    while (waiting.length > 0) await tellOne(takeBatch(waiting));
  }

  async function tellOne(batch: readonly [Outcome, ...Outcome[]]): Promise<void> {
    const request = requestOf(queue, batch);
    try {
      // What is stale was settled before, or has come again meanwhile: there is nothing to do about it.
      await persist(() => stub.acknowledge(request, { signal: givenUp.signal }), {
        signal: givenUp.signal,
        pauseMsMax,
      });
      for (const { resolve } of batch) resolve();
    } catch (error) {
      if (!isGone(error)) onWarning(new Error(lostText(queue, batch), { cause: error }));
      for (const { reject } of batch) reject(error);
    }
  }

  /** Once everything is told: what a nack had the server send to a stream that nobody reads is released as well. */
  async function release(releaseReader: string): Promise<void> {
    await telling;
    try {
      await stub.acknowledge({ ...queue, releaseReader }, { signal: givenUp.signal });
    } catch {
      // Then it waits again after the server's grace for a stream that broke.
    }
  }

  return {
    /** Settles a delivery. Resolves when the server knows. */
    ack: (place: Place): Promise<void> => tell(place),
    /** Gives a delivery back. Resolves when the server knows. */
    nack: (place: Place, retryDelayMs: number): Promise<void> => tell(place, retryDelayMs),
    /**
     * Waits until the server knows everything, for a while; then gives up and says what it has not been told.
     *
     * @param reader the name of the streams that are read no more, if the server may know it. It is told once.
     */
    async finish(reader: string | undefined): Promise<void> {
      if (reader !== undefined) releasing ??= release(reader);
      const told = Promise.all([telling, releasing]);
      if (await settledWithin(told, flushMs)) return;
      givenUp.abort(new Error(`no answer within ${flushMs / 1_000} s`));
      await told;
    },
  };
}

/** Takes out what can go with the first: what has the same epoch, and the same is to become of. */
function takeBatch(waiting: Outcome[]): [Outcome, ...Outcome[]] {
  const [first, ...others] = waiting.splice(0) as [Outcome, ...Outcome[]];
  const batch: [Outcome, ...Outcome[]] = [first];
  for (const each of others) {
    const fits = each.epoch === first.epoch && each.retryDelayMs === first.retryDelayMs && batch.length < sequencesMax;
    (fits ? batch : waiting).push(each);
  }
  return batch;
}

function requestOf(queue: Queue, batch: readonly [Outcome, ...Outcome[]]): AcknowledgeRequest {
  const [{ epoch, retryDelayMs }] = batch;
  const sequences = batch.map(({ sequence }) => sequence);
  return AcknowledgeRequest.fromPartial({
    ...queue,
    epoch,
    ...(retryDelayMs === undefined
      ? { sequences }
      : { nackSequences: sequences, retryDelay: durationOf(retryDelayMs) }),
  });
}

function lostText({ socketId }: Queue, batch: readonly Outcome[]): string {
  const sequences = batch.slice(0, 10).map(({ sequence }) => sequence);
  const others = batch.length > 10 ? ` and ${batch.length - 10} more` : "";
  return `${socketId}: not acknowledged, and will come again: ${sequences.join(", ")}${others}`;
}
