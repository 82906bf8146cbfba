import { countBefore } from "../registry/search.js";

/** Broadcasts are kept in chunks of this many. */
export const CHUNK_SIZE = 1_024;

interface Chunk {
  /** How many broadcasts came before the first of the chunk, divided by the chunk's size. */
  readonly number: number;
  readonly revisions: number[];
  /** How many of the first are known to be dead. */
  dead: number;
}

/** A copy of the timeline: the numbers of its chunks, and their revisions. Every chunk but the last is full. */
export interface TimelineImage {
  readonly chunks: readonly number[];
  readonly revisions: readonly number[];
}

/**
 * The broadcasts that some queue still holds, in order: the part of all queues that is the same. A queue refers to it
 * by index, counted from the first broadcast ever, so that a broadcast is one step here whatever the number of sockets.
 * Chunks of which all is dead are dropped wherever they lie, so that one old broadcast keeps one chunk.
 */
export class Timeline {
  /** In order. The last is never dropped: it tells the index of the next broadcast. */
  #chunks: Chunk[] = [];
  #total = 0;
  #newestMs = 0;

  /** The index that the next broadcast gets. */
  get end(): number {
    const last = this.#chunks.at(-1);
    return last === undefined ? 0 : last.number * CHUNK_SIZE + last.revisions.length;
  }

  /** The bytes of all broadcasts ever. */
  get totalBytes(): number {
    return this.#total;
  }

  /** When the newest broadcast was written. */
  get newestMs(): number {
    return this.#newestMs;
  }

  push(revision: number, size: number, timeMs: number): void {
    this.#total += size;
    this.#newestMs = Math.max(this.#newestMs, timeMs);
    const last = this.#chunks.at(-1);
    if (last !== undefined && last.revisions.length < CHUNK_SIZE) last.revisions.push(revision);
    else this.#chunks.push({ number: (last?.number ?? -1) + 1, revisions: [revision], dead: 0 });
  }

  /** The revision of the broadcast with this index; 0 when it is gone. */
  at(index: number): number {
    const number = Math.floor(index / CHUNK_SIZE);
    const chunk = this.#chunks[this.#place((other) => other.number < number)];
    return chunk?.number === number ? (chunk.revisions[index % CHUNK_SIZE] ?? 0) : 0;
  }

  /** The index of the first broadcast after this revision that is still here. */
  indexAfter(revision: number): number {
    const place = this.#place((chunk) => (chunk.revisions.at(-1) ?? 0) <= revision);
    const chunk = this.#chunks[place];
    if (chunk === undefined) return this.end;
    const { number, revisions } = chunk;
    return number * CHUNK_SIZE + countBefore(revisions.length, (offset) => (revisions[offset] ?? 0) <= revision);
  }

  /** How many broadcasts that are still here have a lower index. */
  rank(index: number): number {
    const number = Math.floor(index / CHUNK_SIZE);
    const place = this.#place((chunk) => chunk.number < number);
    return place * CHUNK_SIZE + (this.#chunks[place]?.number === number ? index % CHUNK_SIZE : 0);
  }

  /** The revisions of what is still here, in order: the place of each is the rank of its index. */
  revisions(): number[] {
    return this.#chunks.flatMap((chunk) => chunk.revisions);
  }

  /** Lets go of chunks that are dead. */
  trim(isDead: (revision: number) => boolean): void {
    const last = this.#chunks.at(-1);
    this.#chunks = this.#chunks.filter((chunk) => {
      while (chunk.dead < chunk.revisions.length && isDead(chunk.revisions[chunk.dead] ?? 0)) chunk.dead++;
      return chunk.dead < chunk.revisions.length || chunk === last;
    });
  }

  image(): TimelineImage {
    return { chunks: this.#chunks.map((chunk) => chunk.number), revisions: this.revisions() };
  }

  /** Recovery: takes an image. What is not in it comes from the table of entries, of those that are still there. */
  static from(
    { chunks, revisions }: TimelineImage,
    entries: { size(revision: number): number; timeMs(revision: number): number | undefined },
  ): Timeline {
    const timeline = new Timeline();
    timeline.#chunks = chunks.map((number, place) => ({
      number,
      revisions: revisions.slice(place * CHUNK_SIZE, (place + 1) * CHUNK_SIZE),
      dead: 0,
    }));
    for (const revision of revisions) timeline.#total += entries.size(revision);
    timeline.#newestMs = Math.max(0, entries.timeMs(revisions.at(-1) ?? 0) ?? 0);
    return timeline;
  }

  #place(isBefore: (chunk: Chunk) => boolean): number {
    return countBefore(this.#chunks.length, (place) => isBefore(this.#chunks[place] as Chunk));
  }
}
