import type { Stored } from "./storage.js";

/** What a reader sees as the author: the sender when there is one, else the socket whose queue holds the copy. */
export function headerFrom(author: string): string {
  return `[team-chat-from-${author}]`;
}

/** What the author wrote it to. */
export function headerTo(recipient: string): string {
  return `[team-chat-to-${recipient}]`;
}

/**
 * The header of one copy. On the feed, where all copies lie in one queue, an unsigned message is taken to come from the
 * socket it was written to: that is how an agent answers that does not say who it is.
 */
export function headerOf(message: Pick<Stored, "sender" | "recipient">, holder: string, isFeed: boolean): string {
  return headerFrom(message.sender || (isFeed ? message.recipient : holder));
}

/** The id of the message at a revision. Opaque to clients; it says which history it belongs to and where it lies. */
export function messageIdOf(instance: string, revision: number): string {
  return `${instance.slice(0, 8)}-${revision.toString(36)}`;
}

/** The revision in an id that `messageIdOf` made for this history; 0 when it is no such id. */
export function revisionOf(instance: string, messageId: string): number {
  const match = /^([0-9a-f]{8})-([1-9a-z][0-9a-z]{0,10})$/.exec(messageId);
  const revision = match?.[1] === instance.slice(0, 8) ? Number.parseInt(match[2] ?? "", 36) : 0;
  return Number.isSafeInteger(revision) ? revision : 0;
}
