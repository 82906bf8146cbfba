/** A message as it is read from the log, before anybody's queue gives it a sequence. */
export interface Body {
  readonly timeMs: number;
  readonly sender: string;
  readonly recipient: string;
  readonly body: Uint8Array;
}

/**
 * The newest messages, so that live readers need no disk. It is bounded in bytes and drops the oldest first; what is
 * not here is in the log.
 */
export class Recent {
  readonly #bytesMax: number;
  readonly #messages = new Map<number, Body>();
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get(revision: number): Body | undefined {
    return this.#messages.get(revision);
  }

  add(revision: number, message: Body): void {
    this.#bytes += costOf(message);
    this.#messages.set(revision, message);
    for (const oldest of this.#messages.keys()) {
      if (this.#bytes <= this.#bytesMax) return;
      this.delete(oldest);
    }
  }

  /** Forgets messages that are erased. */
  delete(revision: number): void {
    const message = this.#messages.get(revision);
    if (message === undefined) return;
    this.#messages.delete(revision);
    this.#bytes -= costOf(message);
  }
}

/** The body, and about what a message costs beside it: small ones are not free. */
function costOf({ body }: Body): number {
  return body.length + 256;
}
