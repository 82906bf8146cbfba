import type { SocketRow, Stored } from "./storage.js";

export type ReadEvent = "STARTED" | "CAUGHT_UP" | "HEARTBEAT" | "RESET" | "GAP";
export type GapReason = "OVERFLOW" | "EXPIRED" | "RETENTION" | "DAMAGED";

/** A place in a queue: everything up to the sequence lies before it. */
export interface Position {
  /** Empty in a request: the current epoch. */
  readonly epoch: string;
  readonly sequence: number;
}

/** One frame of a Read: messages, or an event. */
export interface Frame {
  readonly socket: SocketRow;
  readonly messages: readonly Stored[];
  /** At which attempt a message is delivered; 0 where nothing is. */
  readonly attempt: (sequence: number) => number;
  readonly event: ReadEvent | undefined;
  /** The last sequence that the stream has covered. */
  readonly position: Position;
  readonly backlogCount: number;
  readonly droppedCount: number;
  readonly gapReason: GapReason | undefined;
}

/** Messages that will never come. */
export interface Gap {
  readonly reason: GapReason;
  readonly count: number;
}
