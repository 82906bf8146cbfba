/** The state of a registry as it can be compared: told by the registry, by the views at an Engram, and by its pieces. */
import { rmSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { Struct } from "../../gen/ts/google/protobuf/struct.js";
import { Message, SocketState } from "../../gen/ts/socketregistry/v1/socket_registry.js";
import type { SocketNumber } from "../../src/registry/storage.js";
import type { Dialect } from "../../src/replication/dialect.js";
import { isPiece } from "../../src/replication/replica.js";
import { LevelStorage } from "../../src/storage/level.js";
import { restoreStore } from "../../src/storage/restore.js";
import type { Service } from "./client.js";
import { Lines } from "./level-storage.js";
import { tempDir } from "./temp-dir.js";

export const TEAM = "team-chat-all";
/** What a registry keeps at an Engram. */
export interface Replica {
  readonly dialect: Dialect;
  readonly namespace: string;
}

/** A view shows so many messages. */
const VIEW_MESSAGES = 100;
const AT_ONCE = 32;
const FIELDS = ["socket_id", "model", "prompt", "context", "created_at", "state", "last_activity", "message_queue"];

/** A socket with everything that waits in it, oldest first. */
export interface SocketContent {
  readonly model: string;
  readonly prompt: string;
  readonly context: object;
  readonly createdMs: number;
  readonly state: string;
  readonly messages: readonly Waiting[];
}

export interface Waiting {
  readonly content: string;
  readonly metadata: object;
  readonly timeMs: number;
  /** Absent in views, which do not say it. */
  readonly sender?: string;
}

/** Every socket by its id, that of the team too. */
export type State = ReadonlyMap<string, SocketContent>;

/** What the registry itself says. */
export async function toldState(service: Service): Promise<State> {
  const ids = await idsOf(service);
  const states = await inSteps(ids, async (socketId) => {
    const { model, prompt, context, createdAt, state } = await service.socket(socketId);
    const messages = (await waitingAt(service, socketId)).map(({ content, metadata, timestamp, sender }) => ({
      ...{ content, metadata: metadata ?? {}, timeMs: timestamp?.getTime() ?? 0, sender },
    }));
    const name = nameOf(SocketState, state).toLowerCase();
    return { model, prompt, context: context ?? {}, createdMs: createdAt?.getTime() ?? 0, state: name, messages };
  });
  return new Map(ids.map((socketId, index) => [socketId, states[index] as SocketContent]));
}

/** The same as a Rhetor may see it: the newest messages of each socket, and nobody's name. */
export function visible(state: State): State {
  const shown = [...state].map(([socketId, socket]): [string, SocketContent] => {
    const newest = socket.messages.slice(-VIEW_MESSAGES);
    return [socketId, { ...socket, messages: newest.map(({ sender: _, ...message }) => message) }];
  });
  return new Map(shown);
}

/** What the views say. @throws when one has other fields than a Rhetor knows */
export async function viewedState({ dialect, namespace }: Replica): Promise<State> {
  const listed = await dialect.list(namespace, never());
  const states = await inSteps(listed, async ({ key }): Promise<[string, SocketContent]> => {
    const data = (await dialect.get(namespace, key, never()))?.data;
    if (data === undefined) throw new Error(`the view ${key} is listed and not there`);
    return [key, socketIn(key, data)];
  });
  return new Map(states);
}

/** What is made of the pieces in a new folder. @throws when something of them is missing or damaged */
export async function restoredState({ dialect, namespace }: Replica): Promise<State> {
  const log = `${namespace}.log`;
  const listed = (await dialect.list(log, never())).filter(isPiece);
  const pieces = await inSteps(listed, async ({ key }) => {
    const bytes = (await dialect.get(log, key, never()))?.data["bytes"];
    if (typeof bytes !== "string") throw new Error(`${key} is listed and not there`);
    return { key, bytes: Buffer.from(bytes, "base64") };
  });
  const folder = tempDir();
  try {
    const { missing } = await restoreStore(
      folder,
      (async function* () {
        yield* pieces;
      })(),
    );
    if (missing.length > 0) throw new Error(`the pieces ${missing.join(", ")} are missing`);
    return await storedState(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What lies in a data directory that no server has open. */
export async function storedState(folder: string): Promise<State> {
  const storage = await LevelStorage.open({ folder, durability: "os", recentBytes: 0, log: new Lines() });
  try {
    const states = new Map<string, SocketContent>();
    for (const { number, socketId, model, createdMs, state } of storage.sockets()) {
      const { prompt, context } = await storage.profile(number);
      const known = context === undefined ? {} : Struct.unwrap(Struct.decode(context));
      const messages = await waitingIn(storage, number);
      states.set(socketId, { model, prompt, context: known, createdMs, state: state.toLowerCase(), messages });
    }
    return states;
  } finally {
    await storage.close();
  }
}

/** The first thing in which two states differ, in words; undefined when there is none. */
export function differenceOf(expected: State, found: State): string | undefined {
  for (const socketId of found.keys()) if (!expected.has(socketId)) return `${socketId} is one too many`;
  for (const [socketId, socket] of expected) {
    const other = found.get(socketId);
    if (other === undefined) return `${socketId} is missing`;
    const { messages, ...rest } = socket;
    const { messages: others, ...otherRest } = other;
    if (!isDeepStrictEqual(rest, otherRest)) return `${socketId} is ${text(otherRest)}, not ${text(rest)}`;
    const place = messages.findIndex((message, index) => !isDeepStrictEqual(message, others[index]));
    if (place === -1 && messages.length === others.length) continue;
    const at = place === -1 ? messages.length : place;
    const counts = `${others.length} messages, not ${messages.length}`;
    return `${socketId} has ${counts}; first ${text(others[at])}, not ${text(messages[at])}`;
  }
  return undefined;
}

/** Everything that waits in a socket, oldest first. */
export async function waitingAt(service: Service, socketId: string): Promise<Message[]> {
  const messages: Message[] = [];
  for (let pageToken = ""; ; ) {
    const page = await service.peek({ socketId, pageSize: 1_000, pageToken });
    messages.push(...page.messages);
    pageToken = page.nextPageToken;
    if (pageToken === "") return messages;
  }
}

async function idsOf(service: Service): Promise<string[]> {
  const ids: string[] = [];
  for (let pageToken = ""; ; ) {
    const page = await service.list({ pageSize: 1_000, pageToken });
    ids.push(...page.sockets.map(({ socketId }) => socketId));
    pageToken = page.nextPageToken;
    if (pageToken === "") return ids;
  }
}

async function waitingIn(storage: LevelStorage, number: SocketNumber): Promise<Waiting[]> {
  const sequences = [...storage.queue(number).unsettledAfter(0)];
  const found = await storage.readAt(number, sequences);
  return found.map(({ body, timeMs, sender, damaged, sequence }) => {
    if (damaged) throw new Error(`message ${sequence} of socket number ${number} is damaged`);
    const { content, metadata } = Message.decode(body);
    return { content, metadata: metadata ?? {}, timeMs, sender };
  });
}

function socketIn(key: string, data: Record<string, unknown>): SocketContent {
  const fields = Object.keys(data);
  if (!isDeepStrictEqual(fields, FIELDS)) throw new Error(`the view ${key} has the fields ${fields.join(", ")}`);
  if (data["socket_id"] !== key) throw new Error(`the view ${key} is that of ${String(data["socket_id"])}`);
  const { model, prompt, context, created_at: createdAt, state, message_queue: queue } = data as unknown as View;
  const messages = queue.map(({ header, content, metadata, timestamp }) => {
    if (header !== `[team-chat-to-${key}]`) throw new Error(`a message of ${key} has the header ${header}`);
    return { content, metadata, timeMs: timeOf(timestamp) };
  });
  return { model, prompt, context, createdMs: timeOf(createdAt), state, messages };
}

interface View {
  readonly model: string;
  readonly prompt: string;
  readonly context: object;
  readonly created_at: string;
  readonly state: string;
  readonly message_queue: readonly { header: string; content: string; metadata: object; timestamp: string }[];
}

/** The name of a value of an enum, without the words that all of its names begin with. */
export function nameOf(values: Readonly<Record<string, number>>, value: number): string {
  const name = Object.keys(values).find((key) => values[key] === value) ?? "";
  return name.replace(/^(SOCKET|REPLICATION)_STATE_/, "");
}

/** A signal of each call's own: one that all had would have their listeners. */
const never = (): AbortSignal => new AbortController().signal;

/** Naive UTC to the microsecond. */
const timeOf = (written: string): number => Date.parse(`${written.slice(0, 23)}Z`);

const text = (value: unknown): string => JSON.stringify(value)?.slice(0, 300) ?? "nothing";

async function inSteps<T, U>(items: readonly T[], work: (item: T) => Promise<U>): Promise<U[]> {
  const results: U[] = [];
  for (let from = 0; from < items.length; from += AT_ONCE) {
    results.push(...(await Promise.all(items.slice(from, from + AT_ONCE).map(work))));
  }
  return results;
}
