/** What is the same in a store and in one that was restored from its pieces. */
import { expect } from "vitest";
import type { SocketNumber, Storage, Stored } from "../../src/registry/storage.js";

/** A message that is not settled. */
export interface Waiting {
  readonly sequence: number;
  readonly revision: number;
  readonly timeMs: number;
  readonly sender: string;
  readonly recipient: string;
  readonly body: string;
  readonly failures: number;
  readonly deliveredMs: number;
  readonly isParked: boolean;
}

/** Everything of every socket and consumer that a restore keeps. */
export async function stateOf(storage: Storage): Promise<object> {
  const sockets: object[] = [];
  for (const row of storage.sockets()) {
    const { epoch: _, epochRevision: __, changedMs: ___, changedRevision: ____, ...kept } = row;
    const { prompt, context } = await storage.profile(row.number);
    const queue = await contentsOf(storage, row.number);
    sockets.push({ ...kept, prompt, context: context && Buffer.from(context).toString(), queue });
  }
  const consumers: object[] = [];
  for (const consumer of storage.consumers()) {
    consumers.push({ ...consumer, queue: await contentsOf(storage, consumer.number) });
  }
  return { instance: storage.instance, socketCount: storage.socketCount, sockets, consumers };
}

/** What is not settled, in order, with what is known of each message. */
export async function queueOf(storage: Storage, number: SocketNumber): Promise<Waiting[]> {
  const { marks, tail } = storage.queue(number);
  const open = Array.from({ length: tail }, (_, index) => index + 1).filter(
    (sequence) => !storage.queue(number).isSettled(sequence),
  );
  const found = await storage.readAt(number, open);
  expect(found.filter(({ damaged }) => damaged)).toEqual([]);
  return found.map((message: Stored) => {
    const { revision, timeMs, sender, recipient, body, sequence } = message;
    const mark = marks.get(sequence);
    const attempts = { failures: mark?.failures ?? 0, deliveredMs: mark?.deliveredMs ?? 0 };
    const isParked = mark?.state === "PARKED";
    return { sequence, revision, timeMs, sender, recipient, body: Buffer.from(body).toString(), ...attempts, isParked };
  });
}

/** The same but for the sequences, which begin anew. */
async function contentsOf(storage: Storage, number: SocketNumber): Promise<object[]> {
  return (await queueOf(storage, number)).map(({ sequence: _, ...rest }) => rest);
}
