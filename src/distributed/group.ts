/** What numbers travel between ranks as. */
export type RankNumbers = Float32Array | Float64Array;

/**
 * Processes that train one network together, each with a share of every batch. All ranks call the same operations in
 * the same order; each resolves when all have called it.
 */
export interface Group {
  /** This one, from 0. */
  readonly rank: number;
  /** A power of two. */
  readonly size: number;
  /** The numbers of all ranks, in their order: of equal length everywhere. */
  gather<T extends RankNumbers>(own: T): Promise<T>;
  /**
   * Each number added over ranks as a binary tree, ((0 + 1) + (2 + 3)) + …, in the numbers' own precision: the same bits on
   * every rank, and those of one process that has all leaves.
   */
  treeSum<T extends RankNumbers>(own: T): Promise<T>;
  /** Resolves on all ranks to what rank 0 has. */
  broadcast<T extends RankNumbers>(numbers: T): Promise<T>;
  /** Resolves when all ranks have come here. */
  barrier(): Promise<void>;
  /** Ends the others' waiting with this error: what this rank met is no concern of theirs alone. */
  abort(error: Error): void;
  close(): Promise<void>;
}
