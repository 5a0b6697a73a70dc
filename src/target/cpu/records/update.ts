/** Records of the optimiser and of averaged weights (kernels/update). */
export const update = {
  /** partials[chunk] = Σx² over its share of the elements of all tensors. */
  sumSquares: { chunks: 'u32', partials: 'address', tensors: 'Numbers[]' },
  /** norm = √Σpartials, scale = min(1, maxNorm/(norm + 1e-6)). */
  clipScale: {
    partials: 'address',
    partialCount: 'u32',
    maxNorm: 'f32',
    scale: 'address',
    norm: 'address',
  },
  /** Learning rate and step are scalars of the run; gradients are multiplied by `scale`, if present. */
  sgd: {
    chunks: 'u32',
    scale: 'address',
    momentum: 'f32',
    nesterov: 'u32',
    tensors: 'Optimized[]',
  },
  adamw: {
    chunks: 'u32',
    scale: 'address',
    /** 1 − β: for β just below 1, float32 represents this more precisely than β itself. */
    rest1: 'f32',
    rest2: 'f32',
    eps: 'f32',
    tensors: 'Optimized[]',
  },
  /** `rest` = 1 − decay. */
  movingAverage: { chunks: 'u32', rest: 'f32', tensors: 'Averaged[]' },
} as const;
