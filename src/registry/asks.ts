import { RegistryError } from "./errors.js";

/** One open Ask: the replies to its question that came while it was open, and what became of the asked. */
export interface Listener {
  /** The revisions of replies, ascending, that nobody has taken from here yet. */
  readonly replies: number[];
  /** Called when there is a reply, or when a socket was deleted. */
  wake: () => void;
}

/** Who waits for replies to which question. */
export class Asks {
  readonly #max: number;
  /** By the question's message_id, of which every message has one and no other. */
  readonly #listeners = new Map<string, Set<Listener>>();
  #count = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** @throws READER_LIMIT */
  checkRoom(): void {
    if (this.#count < this.#max) return;
    throw new RegistryError("READER_LIMIT", `there are ${this.#max} open Asks, the most allowed`, {
      limit: String(this.#max),
    });
  }

  /** From here on the listener hears of replies to this message. */
  open(question: string): Listener {
    const listener: Listener = { replies: [], wake: () => {} };
    const listeners = this.#listeners.get(question) ?? new Set();
    this.#listeners.set(question, listeners.add(listener));
    this.#count++;
    return listener;
  }

  close(question: string, listener: Listener): void {
    const listeners = this.#listeners.get(question);
    if (listeners?.delete(listener) !== true) return;
    this.#count--;
    if (listeners.size === 0) this.#listeners.delete(question);
  }

  /** A message was appended that answers another one. It may not be durable yet. */
  replied(question: string, reply: number): void {
    for (const listener of this.#listeners.get(question) ?? []) {
      listener.replies.push(reply);
      listener.wake();
    }
  }

  /** A socket was deleted, so that nobody need wait for it. */
  deleted(): void {
    for (const listeners of this.#listeners.values()) for (const listener of listeners) listener.wake();
  }
}
