/** A message, as the model of the registry knows it. */
import type { SkipReason } from "../../src/registry/storage.js";
import type { ModelQueue } from "./model-queue.js";
import type { Box } from "./team-model.js";

/** A message with its routes. */
export interface Letter {
  readonly revision: number;
  readonly timeMs: number;
  readonly author: string;
  readonly everyone: boolean;
  readonly recipient: string;
  /** Sockets and sequences, in order of creation; the feed is not among them. */
  readonly copies: readonly { readonly box: Box; readonly queue: ModelQueue; readonly sequence: number }[];
  readonly onFeed: { readonly queue: ModelQueue; readonly sequence: number } | undefined;
  readonly skips: readonly { readonly box: Box; readonly reason: SkipReason }[];
  /** The revisions of the messages that answer it. */
  readonly replies: number[];
}

/** What was asked to be written. */
export interface Post {
  readonly socketId: string;
  readonly sender: string;
  readonly includeSender: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly isQuestion: boolean;
  /** The revision of the message that it answers; 0: none. */
  readonly replyTo: number;
  readonly content: string;
}

export interface Result {
  readonly socketId: string;
  readonly sequence: number;
  readonly skipReason: SkipReason | undefined;
}

/** The answer to a write. */
export interface Written {
  readonly revision: number;
  readonly results: readonly Result[];
}

/** An unsigned write that answers nothing and is remembered by nobody. */
export const quietly = { sender: "", includeSender: false, labels: {}, requestId: 0, isSame: false, replyTo: 0 };
