import { requireWhole } from '../tensor/argument.ts';

/**
 * How everything that is summed over the images of a batch is summed: as a binary tree over `leaves` slices of it, whose
 * ends no number of machines changes. Whoever owns some leaves side by side makes their subtree alone; the rest of the
 * tree is what the ranks of a group do together (`src/distributed`).
 */
export interface BatchTree {
  /** A power of two; a batch of fewer images has the largest power of two of them. Bits depend on it. */
  readonly leaves: number;
  /** That share the batch: a program is the share of one of them, with 1/ranks of the images. No bit depends on it. */
  readonly ranks: number;
}

export const DEFAULT_LEAVES = 16;
/** Kernels keep the sums of a tree that wait for their right neighbour in so many places. */
export const MAX_LEAVES = 64;

/** One machine. */
export const ALONE: BatchTree = { leaves: DEFAULT_LEAVES, ranks: 1 };

/** Leaves of a whole batch of so many images. */
function leavesOfBatch(images: number, leaves: number): number {
  return 2 ** Math.floor(Math.log2(Math.min(leaves, images)));
}

/** Leaves that a rank owns, which has so many images. */
export function leavesOf(images: number, { leaves, ranks }: BatchTree): number {
  return leavesOfBatch(images * ranks, leaves) / ranks;
}

/** Of all ranks together. */
export function ofAllRanks(count: number, { ranks }: BatchTree): number {
  return count * ranks;
}

/**
 * Over how many ranks of a group a batch is spread: all, where every one gets as many images and leaves as the others,
 * else one: each does the whole then, which is the same.
 */
export function ranksFor(batch: number, size: number, leaves = DEFAULT_LEAVES): number {
  return canShare(batch, { leaves, ranks: size }) ? size : 1;
}

/** @throws ArgumentError where it is no batch, RangeError when one of so many images cannot be spread so. */
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
