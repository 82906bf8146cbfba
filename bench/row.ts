/** What a row of the table is: ours, whoever is measured beside it, and what is read off and asked for. */
import type { Peer } from "./peers.js";

/** One measurement of one contender. */
export interface Sample {
  /** In the unit of the row's first figure. */
  readonly value: number;
  /** The server's CPU time for one call or message, in microseconds. */
  readonly cpuUs?: number;
  /** Whatever else was seen. It goes to the JSON, and further figures are read off it. */
  readonly details?: Readonly<Record<string, number>>;
}

/** Who is ready to be measured, as often as wanted. */
export interface Contender {
  measure(): Promise<Sample>;
  close(): Promise<void>;
}

/** How long to measure, in seconds for a rate, as a share for what is counted. */
export interface Effort {
  readonly seconds: number;
  /** 1, or less for a quick look. */
  readonly scale: number;
}

export type Open = (effort: Effort) => Promise<Contender>;

/** Rates are to be high, everything else is to be low. */
export type Unit = "calls/s" | "messages/s" | "messages" | "ms" | "bytes" | "times" | "% of a core";
export const isRate = (unit: Unit): boolean => unit.endsWith("/s");

/** What is asked for: the gate must hold, the goal is what we are after. */
export interface Bar {
  readonly gate?: number;
  readonly goal?: number;
  /** What is compared with them: ours divided by the other, unless it is ours less the other. */
  readonly as?: "difference";
}

/** Who is measured beside ours. */
export interface Other {
  readonly name: string;
  /** What must be installed for it. */
  readonly peer?: Peer;
  readonly open: Open;
}

/** By this name ours is known among the contenders. What it is asked for alone is absolute, in the figure's unit. */
export const OURS = "ours";

/** One number of each sample. */
export interface Figure {
  /** It follows the row's name. */
  readonly name?: string;
  readonly unit: Unit;
  /** Which detail of the sample it is, unless it is its value. */
  readonly detail?: string;
  /** What is asked for, by the name of the other. An other without a bar is only shown. */
  readonly bars?: Readonly<Record<string, Bar>>;
}

export interface Row {
  readonly name: string;
  readonly figures: readonly Figure[];
  readonly ours: Open;
  readonly others: readonly Other[];
  /** How often to measure when it is not as often as the others. */
  readonly rounds?: number;
  /** Whether it belongs to the short form of the gate. */
  readonly isShort?: boolean;
}
