import { Delivery } from "./delivery.js";
import type { DeliveryContext } from "./delivery-context.js";
import type { DropReason, SocketNumber, SocketRow } from "./storage.js";

/** Who has what, by queue: of every queue of which somebody has something, or is about to. */
export class Deliveries {
  readonly #context: DeliveryContext;
  readonly #deliveries = new Map<SocketNumber, Delivery>();

  constructor(context: DeliveryContext) {
    this.#context = context;
  }

  /** That of a queue in its present epoch. */
  of(row: SocketRow, number: SocketNumber = row.number): Delivery {
    const known = this.#deliveries.get(number);
    if (known?.epoch === row.epoch) return known;
    const delivery = new Delivery(this.#context, row, number);
    this.#deliveries.set(number, delivery);
    return delivery;
  }

  /** The same, undefined when nobody has anything of the queue. */
  find(row: SocketRow, number: SocketNumber = row.number): Delivery | undefined {
    const hasMarks = this.#context.storage.queue(number).marks.size > 0;
    const known = this.#deliveries.get(number);
    if (known?.epoch === row.epoch) return known;
    return hasMarks ? this.of(row, number) : undefined;
  }

  /** Nobody reads the queue any more. */
  leave(number: SocketNumber): void {
    if (this.#deliveries.get(number)?.isEmpty === true) this.#deliveries.delete(number);
  }

  /** The queue is gone for good. */
  forget(number: SocketNumber): void {
    this.#deliveries.get(number)?.end();
    this.#deliveries.delete(number);
  }

  /** Drops messages from a queue, whoever has them. */
  drop(row: SocketRow, sequences: readonly number[], reason: DropReason): void {
    this.find(row)?.outstanding.forget(sequences);
    this.#context.storage.drop(row.number, sequences, reason);
  }

  /** The oldest message of a queue that no reader has; undefined when readers have them all. */
  oldestFree(row: SocketRow): number | undefined {
    const delivery = this.find(row);
    if (delivery !== undefined) return delivery.oldestFree();
    const { oldestUnsettled, tail } = this.#context.storage.queue(row.number);
    return oldestUnsettled <= tail ? oldestUnsettled : undefined;
  }
}
