/** What the programs of the chaos test wrote down, put together: who was given what, when, and on which stream. */
import type { Crew } from "./chaos-crew.js";
import { type Delivered, Journal, type WorkerLine, type WriterLine } from "./chaos-journal.js";

export interface Delivery extends Delivered {
  readonly atMs: number;
}

/** What became of one copy of a message. */
export interface Copy {
  readonly deliveries: Delivery[];
  nacks: number;
  /** When the server said that it was settled by an acknowledgement, each time. */
  readonly settledMs: number[];
}

export interface Written {
  readonly key: string;
  readonly socketId: string;
  readonly atMs: number;
  /** Every id that the server answered with. */
  readonly messageIds: Set<string>;
}

export class Account {
  /** By socket and sequence, as `copyName` makes it. */
  readonly copies = new Map<string, Copy>();
  /** By key. */
  readonly written = new Map<string, Written>();
  readonly faults: string[] = [];
  /** How many answers said that the message was written before. */
  repeated = 0;
  readonly #openedMs = new Map<string, number>();
  readonly #endedMs = new Map<string, number>();
  readonly #crew: Crew;

  constructor(crew: Crew, workers: readonly string[], writers: readonly string[]) {
    this.#crew = crew;
    this.faults.push(...crew.faults);
    for (const name of workers) for (const line of this.#lines<WorkerLine>(name)) this.#addWorker(line);
    for (const name of writers) for (const line of this.#lines<WriterLine>(name)) this.#addWriter(line);
    for (const { deliveries } of this.copies.values()) deliveries.sort((a, b) => a.atMs - b.atMs);
  }

  /** What the server answered for. */
  get accepted(): Written[] {
    return [...this.written.values()].filter(({ messageIds }) => messageIds.size > 0);
  }

  openedMs(stream: string): number {
    return this.#openedMs.get(stream) ?? Number.NEGATIVE_INFINITY;
  }

  /** When a stream broke: with its server, with its worker, or on its own. */
  brokeMs(stream: string): number {
    const openedMs = this.openedMs(stream);
    const life = stream.slice(0, stream.lastIndexOf("."));
    const serverMs = this.#crew.serverKillsMs.find((killedMs) => killedMs > openedMs);
    const ends = [this.#endedMs.get(stream), this.#crew.killsMs.get(life), serverMs];
    return Math.min(...ends.map((endMs) => endMs ?? Number.POSITIVE_INFINITY));
  }

  /** What was given to somebody again, though the time before counted as no failure. */
  returned(): { copy: string; first: Delivery; again: Delivery }[] {
    return [...this.copies].flatMap(([copy, { deliveries }]) =>
      deliveries.flatMap((again, place) => {
        const first = deliveries.slice(0, place).findLast(({ attempt }) => attempt === again.attempt);
        return first === undefined ? [] : [{ copy, first, again }];
      }),
    );
  }

  #lines<Line>(name: string): Line[] {
    return new Journal<Line>(this.#crew.journalOf(name)).lines();
  }

  #addWorker(line: WorkerLine): void {
    if (line.what === "fault") this.faults.push(line.text);
    else if (line.what === "open") this.#openedMs.set(line.stream, line.atMs);
    else if (line.what === "end") {
      // A stream that is cancelled ends once more when that has happened.
      if (!this.#endedMs.has(line.stream)) this.#endedMs.set(line.stream, line.atMs);
    } else {
      const name = copyName(line.socketId, line.sequence);
      const copy = this.copies.get(name) ?? { deliveries: [], nacks: 0, settledMs: [] };
      this.copies.set(name, copy);
      if (line.what === "got") copy.deliveries.push(line);
      else if (line.what === "nack") copy.nacks++;
      else if (line.isFresh) copy.settledMs.push(line.atMs);
    }
  }

  #addWriter(line: WriterLine): void {
    if (line.what === "fault") this.faults.push(line.text);
    else if (line.what === "send") this.written.set(line.key, { ...line, messageIds: new Set() });
    else if (line.what === "accepted") {
      this.written.get(line.key)?.messageIds.add(line.messageId);
      if (line.isDuplicate) this.repeated++;
    }
  }
}

export const copyName = (socketId: string, sequence: number): string => `${socketId} ${sequence}`;
