/**
 * Records that the ranks of a group do together, and what is made of their sums. Kernels skip `gather` and `treeSum`:
 * the session does them (src/engine/cpu/session.ts). Absent where there is one rank.
 */
export const collective = {
  /** to[rank][floats] = `from` of every rank. */
  gather: { from: 'address', to: 'address', floats: 'u32' },
  /** Each of so many numbers = its sum over ranks, as a binary tree. */
  treeSum: { sums: 'address', floats: 'u32' },
  /** Gradients = or += their sums over ranks; finiteness is tested here. */
  storeGradients: { chunks: 'u32', sums: 'address', tensors: 'Summed[]' },
} as const;
