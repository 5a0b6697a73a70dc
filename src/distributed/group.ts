/** Arrays exchanged between ranks. */
export type RankNumbers = Float32Array | Float64Array;

/**
 * Ranks (processes) that train one network together, each with a share of every batch. All ranks must call the
 * same operations in the same order; a call resolves when all ranks have called it.
 */
export interface Group {
  /** Index of this rank, from 0. */
  readonly rank: number;
  /** Number of ranks, a power of two. */
  readonly size: number;
  /** Resolves to the concatenated arrays of all ranks, in order. All must have the same length. */
  gather<T extends RankNumbers>(own: T): Promise<T>;
  /**
   * Resolves to the elementwise sum over ranks as a binary tree, ((0 + 1) + (2 + 3)) + …, in the precision of the
   * arrays. Bit-identical on all ranks, and to a single process with all leaves.
   */
  treeSum<T extends RankNumbers>(own: T): Promise<T>;
  /** Resolves on all ranks to the array of rank 0. */
  broadcast<T extends RankNumbers>(numbers: T): Promise<T>;
  /** Resolves when all ranks have called it. */
  barrier(): Promise<void>;
  /** Rejects the pending and later calls of all other ranks with this error. */
  abort(error: Error): void;
  close(): Promise<void>;
}
