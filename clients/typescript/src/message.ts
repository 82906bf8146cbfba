/** A message as the loop hands it out, with what can be done with it. */
import type { Message, WriteResponse } from "../../../gen/ts/socketregistry/v1/socket_registry.js";
import type { Connection } from "./connection.js";
import { type WriteOptions, write } from "./write.js";

export interface ReceivedMessage extends Message {
  /**
   * Settles the message now, instead of when the body of the loop is done. Resolves when the registry knows; rejects when
   * it could not be told. The first of ack and nack counts.
   */
  ack(): Promise<void>;
  /**
   * Gives the message back as a failed attempt: it is delivered again after a delay (default: none), or parked after too
   * many of them.
   */
  nack(retryDelayMs?: number): Promise<void>;
  /** Gives it a new deadline, counted from now. The loop does so by itself as long as the body works on the message. */
  extend(): Promise<void>;
  /**
   * Writes to the queue of the message's author, as an answer to it: with `reply_to` and its thread. The sender is the
   * connection's, else this socket. Throws a TypeError when the message is unsigned.
   */
  reply(text: string, options?: WriteOptions): Promise<WriteResponse>;
}

/** What becomes of a message: how it is settled depends on how it was read. */
export type Fate = Pick<ReceivedMessage, "ack" | "nack" | "extend">;

/** @param owner the socket whose queue it was in. Empty for the team feed, which is nobody's */
export function received(connection: Connection, message: Message, fate: Fate, owner: string): ReceivedMessage {
  return {
    ...message,
    ...fate,
    async reply(text, options) {
      const { sender, messageId, threadId } = message;
      if (sender === "") throw new TypeError(`message ${messageId} is unsigned: there is nobody to reply to`);
      const from = connection.sender || owner;
      return write(connection, sender, text, { sender: from, replyTo: messageId, threadId, ...options });
    },
  };
}

/** Of a message that nothing is expected of: it was settled when it was handed over, or is only looked at. */
export const settledFate: Fate = {
  ack: async () => {},
  async nack() {
    throw new TypeError("only a message of an EXPLICIT loop can be given back");
  },
  extend: async () => {},
};
