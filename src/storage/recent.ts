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
  /** No message before this revision is here. A Map that lost its first keys is slow to find the next one. */
  #oldest = 0;
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get(revision: number): Body | undefined {
    return this.#messages.get(revision);
  }

  /** Adds a message that is newer than all that are here. */
  add(revision: number, message: Body): void {
    if (this.#messages.size === 0) this.#oldest = revision;
    this.#bytes += costOf(message);
    this.#messages.set(revision, message);
    while (this.#bytes > this.#bytesMax) this.delete(this.#oldest++);
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
