/**
 * What a registry was asked, what it answered, and how much of that was confirmed to be replicated; and what must be
 * there, may be there and must not be there when all that is left of it is the replica.
 */
import { expect } from "vitest";
import type { Message } from "../../gen/ts/socketregistry/v1/socket_registry.js";
import { revisionOf } from "../../src/registry/message.js";
import { TEAM } from "./replica-state.js";

/** One call. The times are of the test's own clock; a call that was not answered may have been carried out. */
interface Call {
  readonly sentMs: number;
  answeredMs: number;
}

export interface Written extends Call {
  readonly content: string;
  readonly socketId: string;
  readonly metadata: object;
  /** 0 when it was not answered. */
  revision: number;
}

/** A socket that comes and may go. */
interface Guest {
  readonly context: object;
  readonly created: Call;
  deleted?: Call;
}

/** A socket as it came back. */
export interface Restored {
  readonly context: object | undefined;
  readonly messages: readonly Message[];
}

const NEVER = Number.POSITIVE_INFINITY;

export class ReplicaAccount {
  /** The history that is told of. */
  instance = "";
  readonly written = new Map<string, Written>();
  readonly guests = new Map<string, Guest>();
  /** By socket and content. */
  readonly #settled = new Map<string, Call>();
  /** By socket. */
  readonly #resets = new Map<string, Call[]>();
  #confirmed = 0;

  /** Everything up to this revision was told to be replicated. */
  get confirmed(): number {
    return this.#confirmed;
  }

  confirm(revision: number): void {
    this.#confirmed = Math.max(this.#confirmed, revision);
  }

  /** Notes a call; undefined when it was not answered. */
  async #call<T, C extends Call>(call: C, work: () => Promise<T>): Promise<T | undefined> {
    const answer = await work().catch(() => undefined);
    if (answer !== undefined) call.answeredMs = performance.now();
    return answer;
  }

  async write(message: Pick<Written, "content" | "socketId" | "metadata">, work: () => Promise<{ messageId: string }>) {
    const written: Written = { ...message, ...newCall(), revision: 0 };
    this.written.set(written.content, written);
    const answer = await this.#call(written, work);
    if (answer !== undefined) written.revision = revisionOf(this.instance, answer.messageId);
    return answer;
  }

  create(socketId: string, context: object, work: () => Promise<unknown>) {
    const created = newCall();
    this.guests.set(socketId, { context, created });
    return this.#call(created, work);
  }

  delete(socketId: string, work: () => Promise<unknown>) {
    const guest = this.guests.get(socketId) ?? expect.unreachable();
    guest.deleted = newCall();
    return this.#call(guest.deleted, work);
  }

  settle(socketId: string, contents: readonly string[], work: () => Promise<unknown>) {
    const call = newCall();
    for (const content of contents) this.#settled.set(`${socketId} ${content}`, call);
    return this.#call(call, work);
  }

  reset(socketId: string, work: () => Promise<unknown>) {
    const call = newCall();
    this.#resets.set(socketId, [...(this.#resets.get(socketId) ?? []), call]);
    return this.#call(call, work);
  }

  get confirmedWrites(): readonly Written[] {
    return [...this.written.values()].filter(({ revision }) => revision > 0 && revision <= this.#confirmed);
  }

  /** What was answered before this was done when the newest confirmed write was sent, so that it is confirmed too. */
  get #confirmedMs(): number {
    return Math.max(0, ...this.confirmedWrites.map(({ sentMs }) => sentMs));
  }

  /** @param takers those that are there all the time and get every broadcast */
  check(takers: readonly string[], restored: ReadonlyMap<string, Restored>): void {
    this.#checkGuests(takers, restored);
    for (const [socketId, { messages }] of restored) this.#checkMessages(socketId, messages);
    for (const written of this.written.values()) this.#checkWritten(written, takers, restored);
  }

  #checkGuests(takers: readonly string[], restored: ReadonlyMap<string, Restored>): void {
    const confirmedMs = this.#confirmedMs;
    for (const socketId of takers) expect(restored.has(socketId), `${socketId} is there`).toBe(true);
    for (const [socketId, { context, created, deleted }] of this.guests) {
      const found = restored.get(socketId);
      if (found !== undefined) expect(found.context, `the context of ${socketId}`).toEqual(context);
      const isConfirmed = created.answeredMs < confirmedMs;
      if (isConfirmed && deleted === undefined) expect(found, `${socketId} was confirmed`).toBeDefined();
      if (deleted !== undefined && deleted.answeredMs < confirmedMs) {
        expect(found, `${socketId} was deleted, confirmed`).toBeUndefined();
      }
    }
    const known = new Set([...takers, ...this.guests.keys()]);
    expect([...restored.keys()].filter((socketId) => !known.has(socketId))).toEqual([]);
  }

  /** What is there was written so, is in order, and was not settled, as far as that was confirmed. */
  #checkMessages(socketId: string, messages: readonly Message[]): void {
    const revisions = messages.map(({ messageId }) => revisionOf(this.instance, messageId));
    expect(revisions, `the order of ${socketId}`).toEqual([...new Set(revisions)].sort((a, b) => a - b));
    const confirmedMs = this.#confirmedMs;
    for (const [index, { content, metadata }] of messages.entries()) {
      const written = this.written.get(content) ?? expect.unreachable(`nobody wrote ${content}`);
      expect([socketId, TEAM], `${content} is in ${socketId}`).toContain(written.socketId);
      expect(metadata ?? {}, content).toEqual(written.metadata);
      if (written.revision > 0) expect(revisions[index], `the revision of ${content}`).toBe(written.revision);
      const settled = this.#settled.get(`${socketId} ${content}`);
      const isSettled = settled !== undefined && settled.answeredMs < confirmedMs;
      expect(isSettled, `${content} was settled in ${socketId}, confirmed, and is there again`).toBe(false);
      const isReset = (this.#resets.get(socketId) ?? []).some(
        ({ sentMs, answeredMs }) => answeredMs < confirmedMs && written.answeredMs < sentMs,
      );
      expect(isReset, `${content} was in ${socketId} before a confirmed reset, and is there again`).toBe(false);
    }
  }

  /** What was confirmed is there for everybody, and what was not is so for nobody. */
  #checkWritten(written: Written, takers: readonly string[], restored: ReadonlyMap<string, Restored>): void {
    const { content, socketId, revision } = written;
    const recipients = (socketId === TEAM ? takers : [socketId]).filter((id) => this.#mustHave(id, written));
    const holders = recipients.filter((id) => contentsOf(restored.get(id)).has(content));
    const isThere = revision > 0 && revision <= this.#confirmed;
    if (isThere || holders.length > 0) expect(holders, `${content}, revision ${revision}`).toEqual(recipients);
  }

  /** Whether a recipient has a message for certain, when anybody has it: it is there, and did not let go of it. */
  #mustHave(socketId: string, { content, answeredMs, sentMs }: Written): boolean {
    const guest = this.guests.get(socketId);
    if (guest?.deleted !== undefined) return false;
    if (this.#settled.has(`${socketId} ${content}`)) return false;
    const resets = this.#resets.get(socketId) ?? [];
    return resets.every((reset) => reset.answeredMs < sentMs && answeredMs < NEVER);
  }
}

const newCall = (): Call => ({ sentMs: performance.now(), answeredMs: NEVER });

const contentSets = new WeakMap<Restored, ReadonlySet<string>>();

function contentsOf(restored: Restored | undefined): ReadonlySet<string> {
  if (restored === undefined) return new Set();
  const known = contentSets.get(restored) ?? new Set(restored.messages.map(({ content }) => content));
  contentSets.set(restored, known);
  return known;
}
