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
export interface Storage {
  /** The id of this data directory. Another id is another history. */
  readonly instance: string;
  /** How often the state was made again from what is on disk. Whoever keeps something derived from it looks here. */
  readonly generation: number;
  /** The revision of the newest entry, durable or not. Revisions are contiguous from 1. */
  readonly revision: number;
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
   * as damaged; one that was let go of is not.
   */
  readAt(number: SocketNumber, sequences: readonly number[]): Promise<readonly Stored[]>;
  /** The stored bytes of the message at a sequence, without reading it; 0 when it is gone. */
  sizeAt(number: SocketNumber, sequence: number): number;
  /**
   * Waits until the queue holds a durable message after `after`: at once if it already does. Also wakes, with nothing
   * to read, on `wake`, when the socket is reset or deleted, and after `timeoutMs`; the caller looks again.
   * @throws the signal's reason when it aborts; STORAGE_UNAVAILABLE
   */
  waitAfter(number: SocketNumber, after: number, signal: AbortSignal, timeoutMs?: number): Promise<void>;
  /** Wakes everybody who waits on this queue. */
  wake(number: SocketNumber): void;

  /** Settles messages for good, in any order. Durable with the next batch; what is settled already is left alone. */
  settle(number: SocketNumber, sequences: readonly number[]): void;
  /** Settles the oldest messages up to `through` without anybody having read them, and counts them as dropped. */
  drop(number: SocketNumber, through: number): number;
  /** Remembers that readers have been told of every drop so far. */
  announceDrops(number: SocketNumber): void;

  /**
   * Lets go of settled messages beyond these limits, oldest first, and removes what nobody needs. A message that is
   * older than what was let go of is let go of as soon as it is settled.
   * @returns how many entries it removed
   */
  retain(limits: RetentionLimits): Promise<number>;
  /** Makes what is under way durable and closes. Later calls fail with STORAGE_UNAVAILABLE. */
  close(): Promise<void>;
}

/** A socket's number: assigned at creation, ascending, never used twice. */
export type SocketNumber = number;

/** The number of `team-chat-all`, whose queue is the team feed. */
export const TEAM_NUMBER: SocketNumber = 1;

export type SocketState = "ACTIVE" | "INACTIVE" | "UNRESPONSIVE";
export type StateReason = "NONE" | "OPERATOR" | "LEASE_EXPIRED" | "CLIENT_LEFT";
export type OverflowPolicy = "REJECT" | "DROP_OLDEST";
export type SkipReason = "SOCKET_INACTIVE" | "SOCKET_UNRESPONSIVE" | "QUEUE_FULL" | "SENDER";

/** A socket's own settings. Absent: the server's default. Zero: none. */
export interface SocketConfig {
  readonly leaseDurationMs?: number | undefined;
  readonly messageTtlMs?: number | undefined;
  readonly ackDeadlineMs?: number | undefined;
  readonly maxQueueSize?: number | undefined;
  readonly maxQueueBytes?: number | undefined;
  readonly maxDeliveryAttempts?: number | undefined;
  readonly overflowPolicy?: OverflowPolicy | undefined;
  readonly acceptWhenAway?: boolean | undefined;
}

/** A socket as it is kept: everything but prompt and context. Rows are replaced, never changed. */
export interface SocketRow {
  readonly number: SocketNumber;
  readonly socketId: string;
  readonly model: string;
  readonly state: SocketState;
  readonly stateReason: StateReason;
  readonly stateMessage: string;
  readonly createdMs: number;
  readonly changedMs: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly config: SocketConfig;
  /** The public name of the queue's epoch. */
  readonly epoch: string;
  /** Where the queue begins: it holds no entry up to this revision. */
  readonly epochRevision: number;
  /** The revision of the last change. */
  readonly changedRevision: number;
}

export interface Profile {
  readonly prompt: string;
  /** An encoded google.protobuf.Struct; undefined when there is none. */
  readonly context: Uint8Array | undefined;
}

/** What a caller decides about a socket; number, times, epoch and revisions are the storage's. */
export type SocketDraft = Pick<
  SocketRow,
  "socketId" | "model" | "state" | "stateReason" | "stateMessage" | "labels" | "config"
>;

export type LogEvent =
  | {
      readonly kind: "message";
      /** The shared fields of the message, encoded as they go to the wire. */
      readonly body: Uint8Array;
      readonly sender: string;
      readonly recipient: string;
      /** The sockets that get a copy by name, the feed (TEAM_NUMBER) among them. */
      readonly targets: readonly SocketNumber[];
      /** Whether every other socket but the feed gets a copy too, except those skipped. */
      readonly everyone: boolean;
      /** Ascending by number. */
      readonly skipped: readonly Skip[];
    }
  | {
      readonly kind: "create";
      readonly draft: SocketDraft;
      readonly profile: Profile;
      /** The socket whose id the new one takes. It is deleted in the same step. */
      readonly replaces?: SocketNumber;
    }
  | {
      /** A change of the row that leaves queue and context alone. */
      readonly kind: "change";
      readonly number: SocketNumber;
      readonly draft: SocketDraft;
    }
  | {
      readonly kind: "reset";
      readonly number: SocketNumber;
      readonly draft: SocketDraft;
      /** Whether the queue is cleared, which begins a new epoch. */
      readonly queue: boolean;
      /** Whether the context is cleared. */
      readonly context: boolean;
    }
  | { readonly kind: "delete"; readonly number: SocketNumber };

export interface Skip {
  readonly number: SocketNumber;
  readonly reason: SkipReason;
}

export interface Appended {
  readonly revision: number;
  readonly timeMs: number;
  /** Of a message: the sequence at each target, in the order of `targets`. Of a create: the new socket's number. */
  readonly sequences: readonly number[];
  /** The row afterwards, for everything but messages and deletes. */
  readonly row: SocketRow | undefined;
  /** Resolves when the entry is durable. */
  readonly durable: Promise<void>;
}

/** A queue's counters. Sequences are assigned contiguously from 1 in each epoch. */
export interface QueueView {
  /** The newest sequence, durable or not. */
  readonly tail: number;
  /** The newest durable sequence. */
  readonly durableTail: number;
  /** Every sequence up to this one is settled. */
  readonly floor: number;
  /** The oldest sequence that can still be read; tail + 1 when there is none. */
  readonly oldest: number;
  /** How many messages are not settled. */
  readonly depth: number;
  /** Their stored bytes. */
  readonly bytes: number;
  /** How many were dropped unread in this epoch. */
  readonly dropped: number;
  /** How many of these readers have not been told of. */
  readonly droppedUnannounced: number;
  /** When a message last came or the cursor last moved; 0 when neither ever happened. */
  readonly activityMs: number;
  /** When the oldest unsettled message was appended; undefined when there is none. */
  readonly oldestUnsettledMs: number | undefined;
  isSettled(sequence: number): boolean;
}

export interface ReadLimits {
  readonly messages: number;
  readonly bytes: number;
}

/** How much of what is settled stays readable by position. */
export interface RetentionLimits {
  readonly messages: number;
  readonly bytes: number;
  readonly ageMs: number;
}

/** One message as a queue holds it. */
export interface Stored {
  readonly sequence: number;
  readonly revision: number;
  readonly timeMs: number;
  /** The entry is lost or does not check: time, body, sender and recipient are empty. */
  readonly damaged: boolean;
  readonly sender: string;
  readonly recipient: string;
  readonly body: Uint8Array;
}
