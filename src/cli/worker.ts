/** A command that is run once for each message of an EXPLICIT Read. Its success settles the message. */
import type { Duration } from "../../gen/ts/google/protobuf/duration.js";
import type { Message } from "../../gen/ts/socketregistry/v1/socket_registry.js";
import type { Context } from "./command.js";
import type { Deliveries } from "./deliveries.js";
import { messageJson } from "./json.js";
import { indent } from "./output.js";
import { runShell } from "./shell.js";

export interface WorkerOptions {
  socketId: string;
  command: string;
  /** How many commands run at the same time. */
  commandsMax: number;
  /** Before what has failed is delivered again. */
  retryDelay: Duration;
  /** Whether the command gets the whole message as JSON instead of its content. */
  asJson: boolean;
}

/** @param context when its signal is aborted no command is started any more, and those that run go on */
export function createWorker(context: Context, deliveries: Deliveries, options: WorkerOptions) {
  const { output, signal, address } = context;
  const hurried = context.hurry();
  const running = new Map<string, Promise<void>>();
  const stopped = new Promise<void>((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });

  async function work(message: Message): Promise<void> {
    const failure = await runShell({
      command: options.command,
      stdin: options.asJson ? `${JSON.stringify(messageJson(message))}\n` : message.content,
      environment: { ...environmentOf(message), SOCKET_ID: options.socketId, SOCKET_REGISTRY_ADDRESS: address },
      signal: hurried,
    });
    deliveries.release(message);
    // Until the server knows, the message counts as worked on: after a restart it may come again before we get through.
    if (failure === undefined) return void (await deliveries.settle([message]));
    output.warn(indent(`message ${message.messageId}: the command ${failure}; given back`));
    void deliveries.giveBack(message, options.retryDelay);
  }

  return {
    /** Starts a command for each message, and waits while as many run as may. */
    async take(messages: readonly Message[]): Promise<void> {
      // What comes again while it is worked on needs no second command: the first one's end settles it.
      const fresh = messages.filter((message) => !running.has(nameOf(message)));
      for (const message of fresh) deliveries.hold(message);
      try {
        for (const message of fresh) {
          while (running.size >= options.commandsMax && !signal.aborted) {
            await Promise.race([...running.values(), stopped]);
          }
          signal.throwIfAborted();
          const name = nameOf(message);
          running.set(
            name,
            work(message).finally(() => running.delete(name)),
          );
        }
      } finally {
        // What was not started comes back by itself when the stream ends, and is no failed attempt.
        for (const message of fresh) if (!running.has(nameOf(message))) deliveries.release(message);
      }
    },
    /** Waits until no command runs. */
    async idle(): Promise<void> {
      while (running.size > 0) await Promise.all(running.values());
    },
  };
}

/** A delivery by its place in the queue. */
function nameOf({ epoch, sequence }: Message): string {
  return `${epoch}:${sequence}`;
}

function environmentOf(message: Message): Record<string, string> {
  return {
    MESSAGE_ID: message.messageId,
    SENDER: message.sender,
    SEQUENCE: String(message.sequence),
    EPOCH: message.epoch,
    THREAD_ID: message.threadId,
    REPLY_TO: message.replyTo,
    DELIVERY_ATTEMPT: String(message.deliveryAttempt),
  };
}
