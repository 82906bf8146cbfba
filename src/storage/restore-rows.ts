import { LogEntry } from "../../gen/ts/socketregistry/storage/v1/records.js";
import { type SocketNumber, TEAM_NUMBER } from "../registry/storage.js";
import { decodeConsumer, decodeCursor, decodeParked } from "./cursor-rows.js";
import {
  consumerKey,
  consumerRange,
  contextRange,
  cursorRange,
  type KeyRange,
  logRange,
  number32,
  parkedRange,
  promptRange,
  rowKey,
  rowRange,
} from "./keys.js";
import type { Database } from "./level-files.js";
import { rowsOf } from "./level-source.js";
import { decodeIfSound } from "./records.js";
import { Holes } from "./restore-holes.js";
import { decodeRow } from "./rows.js";
import { type ReadRows, readEach } from "./source.js";

/** Rows that are of a socket or a consumer, and nothing without it. */
const OWNED: readonly KeyRange[] = [promptRange, contextRange, cursorRange, parkedRange];

/**
 * What is found in rows that came in pieces of different ages. A row that does not check is left to the opening, which
 * finds it too.
 */
export class RestoredRows {
  readonly holes = new Holes();
  /** The keys of rows that do not go with the others. */
  readonly stray: Buffer[] = [];
  /** The newest revision that any row knows of. */
  newest = 0;
  /** The newest time. */
  timeMs = 0;
  /** No row has this number or a higher one. */
  nextNumber: SocketNumber = 0;
  /** How many sockets there are, the team feed not counted. */
  socketCount = 0;
  messageCount = 0;
  readonly #read: ReadRows;
  /** The numbers that have a row of their own. */
  readonly #owners = new Set<SocketNumber>();

  constructor(db: Database) {
    this.#read = rowsOf(db);
  }

  async read(): Promise<void> {
    await this.#readSockets();
    await this.#readConsumers();
    for (const range of OWNED) {
      for await (const [key] of this.#read(range)) {
        this.#see(number32(key));
        if (!this.#owners.has(number32(key))) this.stray.push(key);
      }
    }
    await readEach(this.#read, cursorRange, (_, value) => {
      const { epochRevision, floorRevision, marks } = decodeCursor(value);
      this.#know(epochRevision, floorRevision, ...marks.map(({ revision }) => revision));
    });
    await readEach(this.#read, parkedRange, (_, value) => {
      const { epochRevision, marks } = decodeParked(value);
      this.#know(epochRevision, ...marks.map(({ revision }) => revision));
    });
    await this.#readLog();
  }

  /** A socket that was replaced may be in an older piece than the one that has its id. */
  async #readSockets(): Promise<void> {
    const byId = new Map<string, SocketNumber>();
    await readEach(this.#read, rowRange, (_, value) => {
      const { number, socketId, epochRevision, changedRevision, createdRevision, changedMs } = decodeRow(value);
      this.#see(number);
      this.#know(epochRevision, changedRevision, createdRevision);
      this.timeMs = Math.max(this.timeMs, changedMs);
      this.#replace(byId, socketId, number, rowKey);
    });
    this.socketCount = byId.size - Number(this.#owners.has(TEAM_NUMBER));
  }

  async #readConsumers(): Promise<void> {
    const byName = new Map<string, SocketNumber>();
    await readEach(this.#read, consumerRange, (_, value) => {
      const { number, name } = decodeConsumer(value);
      this.#see(number);
      this.#replace(byName, name, number, consumerKey);
    });
  }

  async #readLog(): Promise<void> {
    for await (const [, value] of this.#read(logRange(0))) {
      const entry = decodeIfSound(LogEntry, value);
      if (entry === undefined) continue;
      this.messageCount++;
      this.holes.fill(entry.revision);
      this.#know(entry.revision);
      this.timeMs = Math.max(this.timeMs, entry.timeMs);
      for (const number of entry.message?.targets ?? []) this.#see(number);
    }
  }

  /** Numbers ascend, so that the later one is the newer. */
  #replace(
    named: Map<string, SocketNumber>,
    name: string,
    number: SocketNumber,
    keyOf: (number: number) => Buffer,
  ): void {
    const before = named.get(name);
    if (before !== undefined) {
      this.stray.push(keyOf(before));
      this.#owners.delete(before);
    }
    named.set(name, number);
    this.#owners.add(number);
  }

  #see(number: SocketNumber): void {
    this.nextNumber = Math.max(this.nextNumber, number + 1);
  }

  #know(...revisions: number[]): void {
    for (const revision of revisions) if (revision > this.newest) this.newest = revision;
  }
}
