import { countBefore } from "../registry/search.js";

/** A message as it is read from the log, before anybody's queue gives it a sequence. */
export interface Body {
  readonly timeMs: number;
  readonly sender: string;
  readonly recipient: string;
  readonly body: Uint8Array;
}

/** A chunk has room for so many bytes, and for so many revisions one after the other. */
const CHUNK_BYTES = 64 * 1024;
const CHUNK_REVISIONS = 256;
/** About what a message costs beside its bytes: small ones are not free. */
const COST = 104;

/**
 * The newest messages, so that live readers need no disk. It is bounded in bytes and drops the oldest first; what is
 * not here is in the log.
 *
 * The bytes lie one behind the other in chunks, which go as a whole: an object for each message, and a table of them,
 * would cost more memory than the messages, and the collector a good part of every Write.
 */
export class Recent {
  readonly #bytesMax: number;
  readonly #chunkBytes: number;
  /** In order. */
  #chunks: Chunk[] = [];
  #bytes = 0;
  /** Where the last message was found: the next one that is looked for lies behind it as a rule. */
  #last: Chunk | undefined;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
    this.#chunkBytes = Math.min(CHUNK_BYTES, Math.floor(bytesMax / 8));
  }

  get(revision: number): Body | undefined {
    if (this.#last?.holds(revision) !== true) this.#last = this.#chunkOf(revision);
    return this.#last?.get(revision);
  }

  /** Adds a message that is newer than all that are here, unless it is larger than all may be. */
  add(revision: number, message: Body): void {
    const { length } = message.body;
    if (length + COST > this.#bytesMax) return;
    let chunk = this.#chunks.at(-1);
    if (chunk?.hasRoom(revision, length) !== true) {
      chunk = new Chunk(revision, Math.max(this.#chunkBytes, length));
      this.#chunks.push(chunk);
      this.#bytes += chunk.size;
    }
    chunk.add(revision, message);
    this.#bytes += COST;
    while (this.#bytes > this.#bytesMax) this.#dropOldest();
  }

  /** Forgets messages that are erased. */
  delete(revision: number): void {
    this.#chunkOf(revision)?.delete(revision);
  }

  #chunkOf(revision: number): Chunk | undefined {
    const chunks = this.#chunks;
    return chunks[countBefore(chunks.length, (place) => (chunks[place]?.first ?? 0) <= revision) - 1];
  }

  #dropOldest(): void {
    const chunk = this.#chunks.shift();
    if (chunk === undefined) return;
    this.#bytes -= chunk.size + chunk.count * COST;
    if (chunk === this.#last) this.#last = undefined;
  }
}

/** Some messages whose revisions lie close together. */
class Chunk {
  /** The lowest revision that it can have. */
  readonly first: number;
  /** How many were added. */
  count = 0;
  readonly #bytes: Buffer;
  #used = 0;
  /** By the distance from the first revision: where the message begins, or -1, and how long it is. */
  readonly #starts = new Int32Array(CHUNK_REVISIONS).fill(-1);
  readonly #lengths = new Int32Array(CHUNK_REVISIONS);
  readonly #times = new Float64Array(CHUNK_REVISIONS);
  readonly #senders: string[] = [];
  readonly #recipients: string[] = [];

  constructor(first: number, bytes: number) {
    this.first = first;
    this.#bytes = Buffer.allocUnsafeSlow(bytes);
  }

  get size(): number {
    return this.#bytes.length;
  }

  /** Whether a revision lies between those of its first and its last message. */
  holds(revision: number): boolean {
    return revision >= this.first && revision < this.first + this.#senders.length;
  }

  /** Whether a message of a higher revision has room. */
  hasRoom(revision: number, length: number): boolean {
    return revision < this.first + CHUNK_REVISIONS && this.#used + length <= this.#bytes.length;
  }

  add(revision: number, { timeMs, sender, recipient, body }: Body): void {
    const place = revision - this.first;
    this.#bytes.set(body, this.#used);
    this.#starts[place] = this.#used;
    this.#lengths[place] = body.length;
    this.#times[place] = timeMs;
    // The changes of sockets between two messages have places too.
    while (this.#senders.length < place) this.#senders.push("");
    while (this.#recipients.length < place) this.#recipients.push("");
    this.#senders.push(sender);
    this.#recipients.push(recipient);
    this.#used += body.length;
    this.count++;
  }

  get(revision: number): Body | undefined {
    const place = revision - this.first;
    const start = this.#starts[place] ?? -1;
    if (start < 0) return undefined;
    return {
      timeMs: this.#times[place] ?? 0,
      sender: this.#senders[place] ?? "",
      recipient: this.#recipients[place] ?? "",
      body: this.#bytes.subarray(start, start + (this.#lengths[place] ?? 0)),
    };
  }

  /** Its bytes stay until the chunk goes, which may be in a frame that is about to leave. */
  delete(revision: number): void {
    this.#starts[revision - this.first] = -1;
  }
}
