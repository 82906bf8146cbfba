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

/** The changes of a store, from one moment on. Everything is a change when it begins. */
export interface Following {
  /**
   * What changed since this was asked last, and is durable. Sent in this order, and what is removed after all of it, it
   * leaves the keeper at no moment with less than it had.
   */
  changed(): Promise<Changed>;
  /** Cuts a piece as the state is now; undefined when nothing is left of it, so that it can be removed. */
  piece(key: string): Promise<Piece | undefined>;
  /** Counts these as changed once more: they did not arrive, or are not there any more. */
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
