import type { LogEvent, SocketNumber } from "../registry/storage.js";

/** Which queues get something with one batch, so that who waits on them can be woken when it is durable. */
export class Growth {
  readonly numbers = new Set<SocketNumber>();
  /** Whether a broadcast is among it, which nearly everybody gets. */
  everyone = false;

  add({ targets, everyone }: Pick<Extract<LogEvent, { kind: "message" }>, "targets" | "everyone">): void {
    for (const number of targets) this.numbers.add(number);
    this.everyone ||= everyone;
  }
}
