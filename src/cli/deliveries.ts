/**
 * What an EXPLICIT Read handed to us: it is acknowledged, given back, or held, so that it does not come again while
 * somebody works on it. What is told the server is told over its restarts, and also when the run has to stop.
 */
import { setTimeout as pause } from "node:timers/promises";
import type { Duration } from "../../gen/ts/google/protobuf/duration.js";
import { AcknowledgeRequest, type Message } from "../../gen/ts/socketregistry/v1/socket_registry.js";
import type { Context } from "./command.js";
import { CallError, type ExitCode, isUnanswered } from "./failure.js";
import { pauseAfter } from "./retry.js";

/** How often something is told once more when the run has to stop and nobody answers. */
const lastTriesMax = 3;
const lastPauseMs = 250;

/** The queue that the deliveries are of. */
export interface Queue {
  socketId: string;
  consumer: string;
  /** The name of the streams that read it for us. */
  reader: string;
}

/** How deliveries are held. */
export interface Holding {
  periodMs: number;
  /** The deadline that is asked for each time. Absent: the socket's. */
  ackDeadline?: Duration | undefined;
}

export type Deliveries = ReturnType<typeof createDeliveries>;

/** @param holding absent where nothing is ever held */
export function createDeliveries({ client, output, signal }: Context, queue: Queue, holding?: Holding) {
  const underWay = new Set<Promise<unknown>>();
  const held = new Set<Message>();
  const timer = holding && setInterval(() => void holdAll(holding), holding.periodMs);
  let isHolding = false;
  let exitCode: ExitCode | undefined;

  function tell(
    messages: readonly Message[],
    requestOf: (sequences: bigint[]) => Partial<AcknowledgeRequest>,
  ): Promise<unknown> {
    const requests = [...byEpoch(messages)].map(([epoch, sequences]) =>
      AcknowledgeRequest.fromPartial({ ...queue, epoch, ...requestOf(sequences) }),
    );
    const told: Promise<unknown> = Promise.all(requests.map(tellOne)).finally(() => underWay.delete(told));
    underWay.add(told);
    return told;
  }

  async function tellOne(request: AcknowledgeRequest): Promise<void> {
    const sequences = [...request.sequences, ...request.nackSequences];
    try {
      const { staleSequences } = await persist(request);
      if (staleSequences.length > 0) output.warn(staleText(staleSequences));
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      output.warn(`not acknowledged, and will come again: ${sequenceText(sequences)}; ${error.describe()}`);
      exitCode ??= error.exitCode;
    }
  }

  /** Waits for the server as long as the run goes on. */
  async function persist(request: AcknowledgeRequest) {
    let lastTries = 0;
    for (let failures = 0; ; ) {
      try {
        const response = await client.acknowledge(request);
        // What an attempt without an answer has settled is stale to the next one, and no news.
        return failures === 0 ? response : { ...response, staleSequences: [] };
      } catch (error) {
        failures += 1;
        if (signal.aborted) lastTries += 1;
        if (!isUnanswered(error) || lastTries === lastTriesMax) throw error;
      }
      if (signal.aborted) await pause(lastPauseMs);
      else await pauseAfter(failures, signal).catch(() => {});
    }
  }

  async function holdAll({ ackDeadline }: Holding): Promise<void> {
    if (isHolding) return;
    isHolding = true;
    const requests = [...byEpoch([...held])].map(([epoch, extendSequences]) =>
      AcknowledgeRequest.fromPartial({ ...queue, epoch, extendSequences, ...(ackDeadline && { ackDeadline }) }),
    );
    // Without an answer the next period asks again; without the socket there is nothing to hold.
    await Promise.allSettled(requests.map(client.acknowledge));
    isHolding = false;
  }

  return {
    /** Acknowledges. Resolves when the server knows; nobody has to wait for it. */
    settle: (messages: readonly Message[]) => tell(messages, (sequences) => ({ sequences })),
    giveBack: (message: Message, retryDelay: Duration) =>
      tell([message], (nackSequences) => ({ nackSequences, retryDelay })),
    hold: (message: Message) => void held.add(message),
    release: (message: Message) => void held.delete(message),
    /** Waits until the server knows everything so far. */
    async told(): Promise<void> {
      while (underWay.size > 0) await Promise.all(underWay);
    },
    /**
     * Holds nothing any longer, waits, and lets others have what nobody here has begun. Gives an exit code when something
     * could not be told.
     */
    async close(): Promise<ExitCode | undefined> {
      clearInterval(timer);
      await this.told();
      if (exitCode !== undefined) return exitCode;
      const { socketId, consumer, reader } = queue;
      const release = AcknowledgeRequest.fromPartial({ socketId, consumer, releaseReader: reader });
      // Without an answer it comes back by itself, a little later.
      await client.acknowledge(release).catch(() => {});
      return undefined;
    },
  };
}

function byEpoch(messages: readonly Message[]): Map<string, bigint[]> {
  const sequences = new Map<string, bigint[]>();
  for (const { epoch, sequence } of messages) sequences.set(epoch, [...(sequences.get(epoch) ?? []), sequence]);
  return sequences;
}

/** What it means that deliveries are stale. */
export function staleText(sequences: readonly bigint[]): string {
  return `stale: ${sequenceText(sequences)}; not in flight any longer, or not in this epoch`;
}

function sequenceText(sequences: readonly bigint[]): string {
  return `${sequences.length === 1 ? "sequence" : "sequences"} ${sequences.join(", ")}`;
}
