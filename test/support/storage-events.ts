/** What the tests of the storage put into it, and how they look at what is there. */
import type {
  LogEvent,
  ReadLimits,
  RetentionLimits,
  Skip,
  SocketDraft,
  SocketNumber,
  Storage,
} from "../../src/registry/storage.js";

type Message = Extract<LogEvent, { kind: "message" }>;

export const ALL: ReadLimits = { messages: 1_000_000, bytes: 1_000_000_000 };

/** Limits that let go of nothing. */
export const FOREVER: RetentionLimits = { messages: 1e15, bytes: 1e15, ageMs: 1e15 };

export function draft(socketId: string, fields: Partial<SocketDraft> = {}): SocketDraft {
  return {
    socketId,
    model: "model",
    state: "ACTIVE",
    stateReason: "NONE",
    stateMessage: "",
    labels: {},
    config: {},
    ...fields,
  };
}

export function create(socketId: string, fields: Partial<SocketDraft> = {}, replaces?: SocketNumber): LogEvent {
  const profile = { prompt: "", context: undefined };
  const event = { kind: "create", draft: draft(socketId, fields), profile } as const;
  return replaces === undefined ? event : { ...event, replaces };
}

/** A message to these sockets by name. */
export function direct(body: string | Uint8Array, ...targets: SocketNumber[]): Message {
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  return {
    kind: "message",
    body: bytes,
    sender: "s",
    recipient: "r",
    targets,
    everyone: false,
    skipped: [],
    replyTo: 0,
  };
}

/** A message to everybody but these, and to these targets by name. */
export function broadcast(body: string, skipped: readonly SocketNumber[] = [], targets: SocketNumber[] = []): Message {
  const skips = skipped.map((number): Skip => ({ number, reason: "QUEUE_FULL" }));
  return { ...direct(body, ...targets), everyone: true, skipped: skips };
}

/** Creates a socket, durably. @returns its number */
export async function createSocket(storage: Storage, socketId: string): Promise<SocketNumber> {
  const { row } = storage.append(create(socketId));
  await storage.durable();
  return row?.number ?? 0;
}

/** Appends and waits until it is durable. */
export async function write(storage: Storage, ...events: LogEvent[]): Promise<void> {
  for (const event of events) storage.append(event);
  await storage.durable();
}

/** What can be read of a queue, as "sequence:body". Damaged messages have the body "damaged". */
export async function readAll(storage: Storage, number: SocketNumber, after = 0, limits = ALL): Promise<string[]> {
  const found = await storage.readAfter(number, after, limits);
  return found.map(({ sequence, body, damaged }) => `${sequence}:${damaged ? "damaged" : Buffer.from(body)}`);
}

/** The bodies of what is not settled, in order. */
export async function unsettled(storage: Storage, number: SocketNumber): Promise<string[]> {
  const queue = storage.queue(number);
  const found = await storage.readAfter(number, queue.floor, ALL);
  return found.filter(({ sequence }) => !queue.isSettled(sequence)).map(({ body }) => Buffer.from(body).toString());
}

/** A clock that tests move. */
export class Clock {
  ms = 1_700_000_000_000;
  readonly now = (): number => this.ms;
}

/** A signal that nobody aborts. */
export const never = (): AbortSignal => new AbortController().signal;
