/**
 * The broadcasts that some queue still holds, in order: the part of all queues that is the same. A queue refers to it
 * by index, counted from the first broadcast ever, so that a broadcast is one step here whatever the number of sockets.
 */
export class Timeline {
  #base = 0;
  #head = 0;
  #revisions: number[] = [];
  #total = 0;
  #newestMs = 0;

  /** The index that the next broadcast gets. */
  get end(): number {
    return this.#base + this.#revisions.length - this.#head;
  }

  /** The index of the oldest broadcast that is here. */
  get start(): number {
    return this.#base;
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
    this.#revisions.push(revision);
    this.#newestMs = Math.max(this.#newestMs, timeMs);
  }

  /** The revision of the broadcast with this index; 0 when it is gone. */
  at(index: number): number {
    return index < this.#base ? 0 : (this.#revisions[this.#head + index - this.#base] ?? 0);
  }

  /** The index of the first broadcast after this revision. */
  indexAfter(revision: number): number {
    let low = this.#head;
    let high = this.#revisions.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#revisions[middle] ?? 0) <= revision) low = middle + 1;
      else high = middle;
    }
    return this.#base + low - this.#head;
  }

  /** Lets go of the oldest broadcasts while they are dead. */
  trim(isDead: (revision: number) => boolean): void {
    while (this.#head < this.#revisions.length && isDead(this.#revisions[this.#head] ?? 0)) {
      this.#head++;
      this.#base++;
    }
    if (this.#head > 1024 && this.#head > this.#revisions.length / 2) {
      this.#revisions = this.#revisions.slice(this.#head);
      this.#head = 0;
    }
  }

  /** A copy, for a checkpoint. */
  image(): { base: number; revisions: number[] } {
    return { base: this.#base, revisions: this.#revisions.slice(this.#head) };
  }

  /** Recovery: begins with this many broadcasts already gone. */
  static from(base: number): Timeline {
    const timeline = new Timeline();
    timeline.#base = base;
    return timeline;
  }
}
