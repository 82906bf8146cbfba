import type { LogEvent, SocketNumber } from "../registry/storage.js";

/** Who gets something with one batch, so that those who wait for it can be woken when it is durable. */
export class Growth {
  readonly numbers = new Set<SocketNumber>();
  /** Whether a broadcast is among it, which nearly everybody gets. */
  everyone = false;
  /** The revision of the last change of a socket in it; 0 when there is none. */
  change = 0;

  add({ targets, everyone }: Pick<Extract<LogEvent, { kind: "message" }>, "targets" | "everyone">): void {
    for (const number of targets) this.numbers.add(number);
    this.everyone ||= everyone;
  }
}
