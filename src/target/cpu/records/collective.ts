/**
 * Records that the ranks of a group execute together, and the use of their sums. Kernels skip `gather` and `treeSum`:
 * the session executes them (src/engine/cpu/session.ts). Absent with one rank.
 */
export const collective = {
  /** to[rank][floats] = `from` of every rank. */
  gather: { from: 'address', to: 'address', floats: 'u32' },
  /** Each element = its sum over ranks, as a binary tree. */
  treeSum: { sums: 'address', floats: 'u32' },
  /** Gradients = or += their sums over ranks; tests the sums for NaN and infinity. */
  storeGradients: { chunks: 'u32', sums: 'address', tensors: 'Summed[]' },
} as const;
