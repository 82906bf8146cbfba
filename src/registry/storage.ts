import type {
  Appended,
  ChangesPage,
  Consumer,
  DropReason,
  Fate,
  Letter,
  LogEvent,
  Mark,
  Profile,
  QueueView,
  ReadLimits,
  Remembered,
  RetentionLimits,
  SocketNumber,
  SocketRow,
  Stored,
} from "./stored.js";

export * from "./replica.js";
export * from "./stored.js";

/**
 * What the registry asks of the place where it keeps its state: one ordered log, the rows of the sockets, and for each
 * socket a queue of references into the log. The contract owns revisions, sequences and wake-ups, so that a store whose
 * appends happen elsewhere can keep it too. `test/support/storage-contract.ts` is this file as a test suite.
 *
 * **Changes take effect at once and leave when they are durable.** `append` assigns its revision and changes rows and
 * queues before it returns, so that the next decision stands on it; but messages become readable, and waiters wake,
 * only once their batch is durable. Whoever answers from rows or counters awaits `durable()` first.
 *
 * **After a failed batch** every waiting promise rejects with STORAGE_UNAVAILABLE, the store goes back to what is on
 * disk, and until then every call that needs it fails the same way.
 */
/** What may be there at once. Whoever has the time awaits it, which is right either way. */
export type MaybePromise<T> = T | Promise<T>;

export interface Storage {
  /** The id of this data directory. Another id is another history. */
  readonly instance: string;
  /** How often the state was made again from what is on disk. Whoever keeps something derived from it looks here. */
  readonly generation: number;
  /** The revision of the newest entry, durable or not. Revisions are contiguous from 1. */
  readonly revision: number;
  /** The revision of the newest durable entry. */
  readonly durableRevision: number;
  /** Every change of a socket after this revision can still be read. */
  readonly historyFloor: number;
  /** The bytes that the entries of the log occupy, dead ones that wait for removal included. */
  readonly bytes: number;
  /** How many sockets there are, the team feed not counted. */
  readonly socketCount: number;

  /** The row of this public id. */
  find(socketId: string): SocketRow | undefined;
  /** The row of this number. */
  socket(number: SocketNumber): SocketRow | undefined;
  /** Every row with a number above `after`, in order of number, which is the order of creation. The feed is the first. */
  sockets(after?: SocketNumber): Iterable<SocketRow>;
  /** A socket's prompt and context, as they are durable. */
  profile(number: SocketNumber): Promise<Profile>;

  /**
   * Adds one entry. What it says holds at once, for every later call.
   * @throws STORAGE_UNAVAILABLE
   */
  append(event: LogEvent): Appended;
  /** Resolves when every change so far is durable; at once when there is none under way. */
  durable(): Promise<void>;

  /** The counters of a queue. The object is a view: its values change, until the socket is reset or deleted. */
  queue(number: SocketNumber): QueueView;
  /**
   * The messages after sequence `after`, in order, durable ones only, settled ones included while they are retained.
   * At least one if there is one, even past the limits.
   * @returns fewer than asked for only at the limits or at the end
   */
  readAfter(number: SocketNumber, after: number, limits: ReadLimits): Promise<readonly Stored[]>;
  /**
   * The messages of these sequences, in the order asked for, durable ones only. One that does not check is there, marked
   * as damaged; one that was let go of is not. Without a promise when all are in memory, as they are for live readers:
   * there may be ten thousand, and what each waits for in vain adds up.
   */
  readAt(number: SocketNumber, sequences: readonly number[]): MaybePromise<readonly Stored[]>;
  /** The stored bytes of the message at a sequence, without reading it; 0 when it is gone. */
  sizeAt(number: SocketNumber, sequence: number): number;
  /** When the message at a sequence was appended; undefined when it is gone. */
  timeAt(number: SocketNumber, sequence: number): number | undefined;
  /**
   * Waits until the queue holds a durable message after `after`: at once if it already does. Also wakes, with nothing
   * to read, on `wake`, when the socket is reset or deleted, and after `timeoutMs`; the caller looks again.
   * @throws the signal's reason when it aborts; STORAGE_UNAVAILABLE
   */
  waitAfter(number: SocketNumber, after: number, signal: AbortSignal, timeoutMs?: number): Promise<void>;
  /** Wakes everybody who waits on this queue. */
  wake(number: SocketNumber): void;

  /**
   * Settles messages for good, in any order, and takes their marks away. Durable with the next batch, as everything here
   * is that changes a queue; what is settled already is left alone.
   */
  settle(number: SocketNumber, sequences: readonly number[]): void;
  /** Sets the marks of messages that are not settled, in place of those they have. */
  mark(number: SocketNumber, marks: readonly Mark[]): void;
  /**
   * Settles messages that nobody has read, and counts them as dropped.
   * @returns how many that were: those that were settled already are left alone
   */
  drop(number: SocketNumber, sequences: readonly number[], reason: DropReason): number;
  /** Remembers that readers have been told of so many more drops for this reason, or of all of them if that is less. */
  announceDrops(number: SocketNumber, reason: DropReason, count: number): void;
  /** Keeps when the socket's agent was last seen. */
  seen(number: SocketNumber, seenMs: number): void;

  /** The named cursor of the feed. */
  consumer(name: string): Consumer | undefined;
  consumers(): Iterable<Consumer>;
  /**
   * Makes a named cursor of the feed that starts after this sequence, unless it is there, and notes that it is used. Its
   * queue is the feed's, in the same epoch and with the same sequences, with settled messages and marks of its own. It
   * keeps no message from retention: what is let go of counts as settled, and what of it was not, as dropped
   * (OVERFLOW). A reset of the feed begins it anew.
   */
  openConsumer(name: string, after: number): Consumer;
  closeConsumer(number: SocketNumber): void;

  /**
   * The changes of sockets after a revision, durable ones only, in order, and up to which revision that is all. Undefined
   * when some of them may have been let go of.
   */
  changes(after: number, limit: number): Promise<ChangesPage | undefined>;
  /** Waits until there is a durable change of a socket after a revision, as `waitAfter` does for messages. */
  waitChange(after: number, signal: AbortSignal, timeoutMs?: number): Promise<void>;

  /** The message at a revision, durable ones only; undefined when there is none, or it is damaged or let go of. */
  letter(revision: number): Promise<Letter | undefined>;
  /** What became of the durable message at a revision in a queue; undefined when the queue never held it. */
  fate(number: SocketNumber, revision: number): Promise<Fate | undefined>;
  /** The revisions after `after` of the durable messages that answer the one at `question`, in order, as far as they are there. */
  replies(question: number, after: number): Promise<readonly number[]>;

  /** Remembers an answer, in the batch of the entry that was appended last. */
  remember(remembered: Remembered): void;
  /** Whether `recall` would find something. */
  isRemembered(key: string): boolean;
  recall(key: string): Promise<Remembered | undefined>;
  /** How many answers are remembered. */
  readonly rememberedCount: number;
  /** The revision of the oldest of them; 0 when there is none. */
  readonly rememberedFrom: number;
  /** Forgets answers: those of entries up to this revision, and the oldest beyond this many. Durable with the next batch. */
  forget(through: number, countMax: number): void;

  /**
   * Lets go of settled messages beyond these limits, oldest first, and removes what nobody needs. A message that is
   * older than what was let go of is let go of as soon as it is settled.
   * @returns how many entries it removed
   */
  retain(limits: RetentionLimits): Promise<number>;
  /** Makes what is under way durable and closes. Later calls fail with STORAGE_UNAVAILABLE. */
  close(): Promise<void>;
}
