import { answer } from "./answer.js";
import { messageIdOf } from "./message.js";
import type { Parts } from "./parts.js";
import type { WriteAnswer, WriteRequest } from "./write.js";

/**
 * A Write with all that hangs on it: the answer to the same request before, the Asks that wait for it, and its author,
 * who is alive.
 */
export class Writing {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** @throws SOCKET_NOT_FOUND, SOCKET_INACTIVE, SOCKET_UNRESPONSIVE, QUEUE_FULL, STORAGE_FULL, REQUEST_ID_REUSED */
  write(request: WriteRequest): Promise<WriteAnswer> {
    const { storage } = this.#parts;
    return answer(storage, () => this.decideInTurn(request));
  }

  /** The same for who sees to it that no answer leaves before it is durable. Only a repeated request has to wait. */
  decideInTurn(request: WriteRequest): WriteAnswer | Promise<WriteAnswer> {
    return this.#parts.retries.has(request.retry) ? this.#decideAgain(request) : this.decide(request);
  }

  /** Decides about a message and appends it, once for each request_id. */
  decide(request: WriteRequest): WriteAnswer {
    const { storage, writes, asks } = this.#parts;
    const written = writes.write(request);
    const { revision, timeMs, deliveredCount, skippedCount, results } = written;
    if (request.retry !== undefined) {
      const remembered = { kind: "write", deliveredCount, skippedCount, results } as const;
      storage.remember({ ...request.retry, revision, timeMs, answer: remembered });
    }
    if (request.replyTo !== "") asks.replied(request.replyTo, revision);
    this.#signed(request);
    return written;
  }

  /** The answer to the same request before; undefined when there was none. @throws REQUEST_ID_REUSED */
  async before({ retry }: WriteRequest): Promise<WriteAnswer | undefined> {
    const { storage, retries } = this.#parts;
    const earlier = retry && (await retries.earlier(retry));
    if (earlier?.answer.kind !== "write") return undefined;
    const { revision, timeMs, answer } = earlier;
    return { ...answer, revision, timeMs, messageId: messageIdOf(storage.instance, revision), duplicate: true };
  }

  async #decideAgain(request: WriteRequest): Promise<WriteAnswer> {
    const earlier = await this.before(request);
    return earlier === undefined ? this.decide(request) : this.#again(request, earlier);
  }

  /** Nothing is written again, but its author is alive. */
  #again(request: WriteRequest, earlier: WriteAnswer): WriteAnswer {
    this.#signed(request);
    return earlier;
  }

  #signed({ sender }: WriteRequest): void {
    const author = sender === "" ? undefined : this.#parts.storage.find(sender);
    if (author !== undefined) this.#parts.liveness.seen(author);
  }
}
