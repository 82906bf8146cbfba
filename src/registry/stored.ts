/** What the storage keeps, as the registry sees it. `storage.ts` says what happens to it. */

/** A socket's number: assigned at creation, ascending, never used twice. */
export type SocketNumber = number;

/** The number of `team-chat-all`, whose queue is the team feed. */
export const TEAM_NUMBER: SocketNumber = 1;

export type SocketState = "ACTIVE" | "INACTIVE" | "UNRESPONSIVE";
export type StateReason = "NONE" | "OPERATOR" | "LEASE_EXPIRED" | "CLIENT_LEFT";
export type OverflowPolicy = "REJECT" | "DROP_OLDEST";
export type DropReason = "OVERFLOW" | "EXPIRED";
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
  /** The revision at which it was created: earlier broadcasts are not for it. 0 in rows of before this was kept. */
  readonly createdRevision: number;
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

/** A context that is undefined is removed. */
export interface ProfileChange {
  readonly prompt?: string;
  readonly context?: { readonly value: Uint8Array | undefined };
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
      /** The revision of the message that this one answers; 0 when it answers none of this history. */
      readonly replyTo: number;
    }
  | {
      readonly kind: "create";
      readonly draft: SocketDraft;
      readonly profile: Profile;
      /** The socket whose id the new one takes. It is deleted in the same step. */
      readonly replaces?: SocketNumber;
    }
  | {
      /** A change of the row that leaves the queue alone. */
      readonly kind: "change";
      readonly what: "UPDATED" | "STATE_CHANGED";
      readonly number: SocketNumber;
      readonly draft: SocketDraft;
      /** What becomes of the profile; what is not named stays. */
      readonly profile?: ProfileChange;
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
}

/** A queue's counters. Sequences are assigned contiguously from 1 in each epoch. */
export interface QueueView {
  /** The newest sequence, durable or not. */
  readonly tail: number;
  /** The newest durable sequence. */
  readonly durableTail: number;
  /** Every sequence up to this one is settled or has a mark. */
  readonly floor: number;
  /** The oldest sequence that can still be read by position; tail + 1 when there is none. */
  readonly oldest: number;
  /** The oldest sequence that is neither settled nor parked; tail + 1 when there is none. */
  readonly oldestUnsettled: number;
  /** What was handed out and is not settled, by sequence. */
  readonly marks: ReadonlyMap<number, Mark>;
  /** How many messages are neither settled nor parked. */
  readonly depth: number;
  /** How many messages are parked. */
  readonly parked: number;
  /** The stored bytes of everything that is not settled, parked messages included. */
  readonly bytes: number;
  /** How many were dropped unread in this epoch, for either reason. */
  readonly dropped: number;
  /** When the socket's agent was last seen, as far as `seen` was told; 0 when it never was. */
  readonly seenMs: number;
  /** When a message last came or the cursor last moved; 0 when neither ever happened. */
  readonly activityMs: number;
  /** When the oldest unsettled message was appended; undefined when there is none. */
  readonly oldestUnsettledMs: number | undefined;
  /** Whether a message is settled. One that has a mark is not. */
  isSettled(sequence: number): boolean;
  /** How many messages were dropped for this reason that readers have not been told of. */
  unannounced(reason: DropReason): number;
  /** The durable messages after a sequence that are neither settled nor parked, in order. */
  unsettledAfter(sequence: number): Iterable<number>;
}

/** What is kept of a message that was handed out and is not settled. Times are those of the wall clock. */
export interface Mark {
  readonly sequence: number;
  /**
   * HELD: in flight on a stream, which a restart of the server breaks. LENT: in flight, the stream having ended as its
   * client asked. WAITING: to be delivered again. PARKED: not to be delivered again until it is requeued.
   */
  readonly state: "HELD" | "LENT" | "WAITING" | "PARKED";
  /** How many attempts have failed. */
  readonly failures: number;
  /** When it was last delivered. */
  readonly deliveredMs: number;
  /** HELD, LENT: when the deadline passes. WAITING: from when on. PARKED: since when. 0: at no time, or at once. */
  readonly dueMs: number;
}

/** A named cursor of the team feed. Its number is good for every call that takes a queue's. */
export interface Consumer {
  readonly name: string;
  readonly number: SocketNumber;
  /** When `openConsumer` was last called for it. */
  readonly usedMs: number;
}

/** A change of a socket, as Watch tells it. */
export interface Change {
  readonly revision: number;
  readonly kind: "CREATED" | "UPDATED" | "STATE_CHANGED" | "RESET" | "DELETED";
  /** The socket afterwards; of a DELETED one, as it was. */
  readonly row: SocketRow;
}

/** Some changes in order, and up to which revision there are no others. */
export interface ChangesPage {
  readonly changes: readonly Change[];
  readonly through: number;
}

/** An entry of the log that is a message, with its routes. */
export interface Letter {
  readonly revision: number;
  readonly timeMs: number;
  readonly sender: string;
  readonly recipient: string;
  readonly body: Uint8Array;
  readonly targets: readonly SocketNumber[];
  readonly everyone: boolean;
  readonly skipped: readonly Skip[];
}

/** What became of a message in one queue. */
export interface Fate {
  /** 0 when the queue no longer knows. */
  readonly sequence: number;
  readonly state: "QUEUED" | "DELIVERED" | "SETTLED" | "PARKED" | "EXPIRED" | "DROPPED";
  /** At which attempt; 0 when it was never delivered. */
  readonly attempt: number;
  /** When it was last delivered; 0 when it never was. */
  readonly deliveredMs: number;
  /** When it was settled, parked or dropped; 0 when it was not, or nobody knows any more. */
  readonly settledMs: number;
}

/** An answer that was given to a request with a request_id, to be given again. */
export interface Remembered {
  /** Of the caller, the method and the request_id: 16 characters from U+0000 to U+00FF. */
  readonly key: string;
  /** Of everything else in the request, the same way. */
  readonly fingerprint: string;
  /** The entry that the request made. */
  readonly revision: number;
  readonly timeMs: number;
  readonly answer:
    | { readonly kind: "create"; readonly row: SocketRow }
    | {
        readonly kind: "write";
        readonly deliveredCount: number;
        readonly skippedCount: number;
        readonly results: readonly RememberedResult[];
      };
}

export interface RememberedResult {
  readonly socketId: string;
  readonly sequence: number;
  readonly skipReason: SkipReason | undefined;
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
