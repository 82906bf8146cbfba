/**
 * Asks for more time for what is worked on, as long as it is: before its deadline passes, and often enough that the 15
 * seconds are not over which the server gives to the deliveries of a stream that broke.
 */
import type { GetServerInfoResponse, Socket } from "../../../gen/ts/socketregistry/v1/socket_registry.js";
import { onAbort } from "./abort.js";
import { type Place, type Queue, sequencesMax } from "./acknowledgements.js";
import type { Connection } from "./connection.js";
import { msOf } from "./duration.js";

const periodMsMax = 5_000;
const periodMsMin = 10;

/**
 * @param places what is to be held now
 * @param signal ends it
 */
export function createHolding({ stub }: Connection, queue: Queue, places: () => readonly Place[], signal: AbortSignal) {
  let periodMs = periodMsMax;
  let timer: NodeJS.Timeout | undefined;
  let isAsking = false;

  function schedule(): void {
    clearInterval(timer);
    if (!signal.aborted) timer = setInterval(() => void hold(), periodMs);
  }

  onAbort(signal, () => clearInterval(timer));

  async function hold(): Promise<void> {
    if (isAsking) return;
    isAsking = true;
    // Without an answer the next period asks again; without the socket there is nothing to hold.
    await Promise.allSettled(
      requestsOf(places()).map((request) => stub.acknowledge({ ...queue, ...request }, { signal })),
    );
    isAsking = false;
  }

  return {
    /** A stream is open: what the one before left is ours again, and how long a delivery lasts may have changed. */
    async opened(): Promise<void> {
      if (timer === undefined) schedule();
      else void hold();
      try {
        const { socketId } = queue;
        const [{ socket }, info] = await Promise.all([
          stub.getSocketInfo({ socketId }, { signal }),
          stub.getServerInfo({}, { signal }),
        ]);
        const deadlineMs = deadlineMsOf(socket, info);
        periodMs = deadlineMs > 0 ? Math.min(periodMsMax, Math.max(periodMsMin, deadlineMs / 3)) : periodMsMax;
        schedule();
      } catch {
        // What was known before goes on to hold.
      }
    },
  };
}

/** Zero: there is none. */
function deadlineMsOf(socket: Socket | undefined, { limits }: GetServerInfoResponse): number {
  const own = socket?.config?.ackDeadline;
  return own === undefined ? Number(limits["ack_deadline_ms"] ?? 0) : msOf(own);
}

/** One request for each epoch, and for each as many sequences as it may name. */
function requestsOf(places: readonly Place[]): { epoch: string; extendSequences: bigint[] }[] {
  const requests: { epoch: string; extendSequences: bigint[] }[] = [];
  for (const { epoch, sequence } of places) {
    const open = requests.findLast((request) => request.epoch === epoch);
    if (open !== undefined && open.extendSequences.length < sequencesMax) open.extendSequences.push(sequence);
    else requests.push({ epoch, extendSequences: [sequence] });
  }
  return requests;
}
