/** A handler that is called for each message of a queue, several at once if it may. */
import { settledWithin } from "./abort.js";
import type { Activity, Connection } from "./connection.js";
import { openDeliveries } from "./deliveries.js";
import type { ReceivedMessage } from "./message.js";
import { deliveriesOptions, type ReadingOptions } from "./messages.js";

/**
 * Works on a message. Returning settles it; throwing gives it back as a failed attempt. The signal is aborted when the
 * reading ends: a handler that heeds it and throws has its message given back, one that does not is waited for a while.
 */
export type Handler = (message: ReceivedMessage, signal: AbortSignal) => unknown;

export interface HandleOptions extends ReadingOptions {
  /** How long a message waits before it is delivered again to a handler that threw. Default 1 second. */
  retryDelayMs?: number | undefined;
  /** Told what a handler threw. Default: a warning. */
  onFailure?: ((error: unknown, message: ReceivedMessage) => void) | undefined;
  /** How long handlers are waited for at the end; then their messages are given back. Default 5 seconds. */
  graceMs?: number | undefined;
}

/** Calls the handler until the signal is aborted or the reading fails, and rejects with the reason or the error. */
export async function handle(
  connection: Connection,
  socketId: string,
  handler: Handler,
  options: HandleOptions = {},
): Promise<never> {
  const { retryDelayMs = 1_000, graceMs = 5_000, onFailure = warnOf(connection, socketId), ...reading } = options;
  const handlersMax = Math.max(1, reading.maxOutstanding ?? 1);
  const deliveries = openDeliveries(connection, deliveriesOptions(connection, socketId, reading));
  const ending = new AbortController();
  const running = new Map<ReceivedMessage, Promise<void>>();
  let stopped: Promise<unknown> | undefined;

  async function work(message: ReceivedMessage): Promise<void> {
    try {
      await handler(message, ending.signal);
      void message.ack();
    } catch (error) {
      const isStopped = ending.signal.aborted;
      void message.nack(isStopped ? 0 : retryDelayMs);
      if (!isStopped) onFailure(error, message);
    } finally {
      running.delete(message);
      deliveries.ring();
    }
  }

  async function run(): Promise<never> {
    try {
      for (;;) {
        const message = running.size < handlersMax ? deliveries.poll() : deliveries.check();
        if (message === undefined) await deliveries.changed();
        // Not at once, as a handler may throw at once, which must not be noted before its beginning is.
        else running.set(message, Promise.resolve(message).then(work));
      }
    } finally {
      const reason = new Error("the handling ended");
      await deliveries.stop(reason);
      ending.abort();
      await settledWithin(Promise.all(running.values()), graceMs);
      for (const message of running.keys()) void message.nack();
      await deliveries.close(reason);
      connection.activities.delete(activity);
    }
  }

  const activity: Activity = {
    stop(reason) {
      stopped ??= deliveries.stop(reason).then(() => ran.catch(() => {}));
      return stopped;
    },
  };
  connection.activities.add(activity);
  const ran = run();
  return ran;
}

function warnOf({ onWarning }: Connection, socketId: string) {
  return (error: unknown, { messageId }: ReceivedMessage) =>
    onWarning(new Error(`${socketId}: message ${messageId} failed and is given back: ${error}`, { cause: error }));
}
