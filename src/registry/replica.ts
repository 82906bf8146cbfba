/**
 * What replication asks of a store: its durable state in *pieces* that mean nothing to whoever carries them. A piece is
 * put in place of what was there under its key before; pieces of any age together are a state that a new store can be
 * made of, in which nothing is half there. `src/storage/pieces.ts` says how the state is cut.
 */
export interface Replicable {
  /**
   * Begins to note what changes, in place of whoever did so before.
   * @param kept the pieces that are there already, as far as their keeper says so
   */
  follow(kept: readonly KeptPiece[]): Following;
}

/** A piece as its keeper knows it without reading it. */
export interface KeptPiece {
  readonly key: string;
  /** How many messages it holds. */
  readonly messageCount: number;
}

/** One piece of the store's state. */
export interface Piece extends KeptPiece {
  /** The revision that was durable when it was cut: it knows of everything up to there that concerns it. */
  readonly revision: number;
  readonly socketCount: number;
  readonly bytes: Buffer;
}

/**
 * The changes of a store, from one moment on. Everything is a change when it begins, after the store was opened again,
 * and after an error.
 */
export interface Following {
  /**
   * What changed since this was asked last, and is durable. Sent in stages, and what is removed after all of it, it
   * leaves the keeper at no moment with less than it had.
   *
   * A long backlog is told of in several steps: while the revision is not the store's, there is more to ask for.
   * @throws STORAGE_UNAVAILABLE; what would have been told is told the next time
   */
  changed(): Promise<Changed>;
  /**
   * Puts keys in the order in which their pieces are to be sent: those of one stage in any order, those of the next when
   * all of them have arrived. A socket that was reset is so before its cursor is gone.
   */
  stages(keys: Iterable<string>): readonly (readonly string[])[];
  /**
   * Cuts a piece, of the moment when it was last asked what changed, so that all that is told of together goes together;
   * of a later one when nobody asked for a piece for ten seconds. Of the log it has what is not settled by now.
   * Undefined when nothing is left of it, so that it can be removed.
   */
  piece(key: string): Promise<Piece | undefined>;
  /** Tells of these once more: they did not arrive, or are not there any more, or could not be removed. */
  missed(keys: readonly string[]): void;
  /** Ends it. */
  stop(): void;
}

export interface Changed {
  /** Everything up to this revision is in these pieces, and in those that were told of before. */
  readonly revision: number;
  /** The keys of pieces to be cut and sent. */
  readonly keys: readonly string[];
  /** The keys of pieces that nobody needs once the others are there. */
  readonly removed: readonly string[];
  /** The numbers of the sockets of which something changed, the ones that are gone among them; `all` for everyone. */
  readonly sockets: ReadonlySet<number> | "all";
}

/** How well the keeper of the replica follows. */
export interface ReplicationStatus {
  /** Its address, without credentials; empty when there is none. */
  readonly target: string;
  /** The protocol that is spoken with it; empty when it is not known. */
  readonly dialect: string;
  readonly state: "OFF" | "CONNECTING" | "REPLICATING" | "LAGGING" | "INCOMPATIBLE";
  /** How many entries of the log it does not have. */
  readonly lagEntries: number;
  /** For how long there has been something that it does not have, in seconds. */
  readonly lagSeconds: number;
  /** When it last confirmed something, in milliseconds since 1970. */
  readonly lastSuccessMs: number | undefined;
  /** What went wrong last, for people; empty when nothing has. */
  readonly lastError: string;
}

export const REPLICATION_OFF: ReplicationStatus = {
  target: "",
  dialect: "",
  state: "OFF",
  lagEntries: 0,
  lagSeconds: 0,
  lastSuccessMs: undefined,
  lastError: "",
};
