import type { Delivery } from "./delivery.js";
import type { Gap } from "./frames.js";
import type { Source } from "./reader.js";
import type { Holder } from "./slots.js";
import type { ReadLimits, SocketNumber, Storage, Stored } from "./storage.js";

/**
 * Takes messages from the queue and keeps them in flight until somebody settles them, as many at a time as its client
 * allows. A message leaves only when the mark that it is in flight is durable, so that no restart can forget an attempt,
 * or take an acknowledgement for one of nothing.
 */
export class Holding implements Source {
  readonly #storage: Storage;
  readonly #number: SocketNumber;
  readonly #delivery: Delivery;
  readonly #holder: Holder;
  /** Whether the queue is still there. */
  readonly #isCurrent: () => boolean;
  /** What was taken and cannot have left yet. */
  #taken: readonly number[] = [];
  #position: number;

  constructor(
    storage: Storage,
    number: SocketNumber,
    delivery: Delivery,
    { holder, isCurrent }: { readonly holder: Holder; readonly isCurrent: () => boolean },
  ) {
    this.#storage = storage;
    this.#number = number;
    this.#delivery = delivery;
    this.#holder = holder;
    this.#isCurrent = isCurrent;
    this.#position = storage.queue(number).oldestUnsettled - 1;
  }

  get position(): number {
    return this.#position;
  }

  get backlog(): number {
    return this.#delivery.waiting;
  }

  gap(): Gap | undefined {
    return this.#delivery.announcer.next(this);
  }

  isReady(): boolean {
    return this.#delivery.canDeliver(this.#holder);
  }

  async take(limits: ReadLimits): Promise<readonly Stored[]> {
    const taken = this.#delivery.take(this.#holder, limits);
    this.#taken = taken;
    await this.#storage.durable();
    if (!this.#isCurrent()) return [];
    const messages = await this.#storage.readAt(this.#number, taken);
    // What is taken is in order.
    this.#position = Math.max(this.#position, taken.at(-1) ?? 0);
    // From here on nobody knows whether the client has it.
    this.#taken = [];
    const started = this.#delivery.start(this.#holder, taken);
    if (started.length === taken.length) return messages;
    const leaving = new Set(started);
    return messages.filter(({ sequence }) => leaving.has(sequence));
  }

  pass(sequences: readonly number[]): void {
    this.#delivery.pass(sequences);
  }

  handed(): void {
    this.#delivery.announcer.told(this);
  }

  release(): void {
    this.#delivery.announcer.release(this);
    this.#delivery.abandon(this.#holder, this.#taken);
    this.#taken = [];
  }

  finish(): void {
    this.#delivery.outstanding.leave(this.#holder, true);
  }

  attempt(sequence: number): number {
    return this.#delivery.attempt(sequence);
  }
}
