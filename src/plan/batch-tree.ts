import { requireWhole } from '../tensor/argument.ts';

/**
 * The order of all sums over the images of a batch: a binary tree over `leaves` slices of the batch, whose boundaries
 * do not depend on the number of machines. A rank that owns adjacent leaves sums their subtree locally; the ranks of
 * a group sum the rest of the tree together (`src/distributed`).
 */
export interface BatchTree {
  /**
   * A power of two; a batch with fewer images has the largest power of two up to its number of images. Results depend
   * on it in their last bits.
   */
  readonly leaves: number;
  /**
   * Ranks that share the batch: a program is the share of one of them, with 1/ranks of the images. Results do not
   * depend on it.
   */
  readonly ranks: number;
}

export const DEFAULT_LEAVES = 16;
/** Limit of `leaves`: kernels store one pending sum per level of the tree. */
export const MAX_LEAVES = 64;

/** A single machine. */
export const ALONE: BatchTree = { leaves: DEFAULT_LEAVES, ranks: 1 };

/** Leaves of a whole batch of this many images. */
function leavesOfBatch(images: number, leaves: number): number {
  return 2 ** Math.floor(Math.log2(Math.min(leaves, images)));
}

/** Leaves of one rank with this many images. */
export function leavesOf(images: number, { leaves, ranks }: BatchTree): number {
  return leavesOfBatch(images * ranks, leaves) / ranks;
}

/** The total over all ranks. */
export function ofAllRanks(count: number, { ranks }: BatchTree): number {
  return count * ranks;
}

/**
 * The number of ranks that a batch is split over: all ranks of the group, if each gets the same number of images and
 * leaves; otherwise one, which means that every rank computes the whole batch, with the same result.
 */
export function ranksFor(batch: number, size: number, leaves = DEFAULT_LEAVES): number {
  return canShare(batch, { leaves, ranks: size }) ? size : 1;
}

/** @throws ArgumentError for an invalid batch, RangeError when it cannot be split equally over the ranks. */
export function requireShares(batch: number, tree: BatchTree): void {
  const { leaves, ranks } = tree;
  requireWhole('the batch', batch);
  if (!isPowerOfTwo(leaves) || leaves > MAX_LEAVES)
    throw new RangeError(`${leaves} leaves: expected a power of two up to ${MAX_LEAVES}`);
  if (canShare(batch, tree)) return;
  throw new RangeError(
    `a batch of ${batch} images has ${leavesOfBatch(batch, leaves)} leaves, which ${ranks} ranks cannot share equally`,
  );
}

function canShare(batch: number, { leaves, ranks }: BatchTree): boolean {
  return batch % ranks === 0 && leavesOfBatch(batch, leaves) % ranks === 0;
}

function isPowerOfTwo(n: number): boolean {
  return Number.isInteger(n) && n > 0 && Number.isInteger(Math.log2(n));
}
