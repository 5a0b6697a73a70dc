/** Records of a network's end: its features as rows, and the loss (kernels/head). */
export const head = {
  /** [N, H, W, C] → [N, C·H·W]. */
  flatten: { x: 'View', size: 'Size', y: 'View' },
  flattenGradInput: { gradOutput: 'GradOutput', gradient: 'View', size: 'Size', accumulate: 'u32' },
  /** partials[leaf] = [Σ of the losses, of those that are right] of its images. */
  crossEntropy: {
    logits: 'View',
    labels: 'address',
    /** [images], or nowhere: all are 1. */
    imageWeights: 'address',
    size: 'Size',
    smoothing: 'f32',
    leaves: 'u32',
    partials: 'address',
  },
  /** Adds the leaves in order. */
  finalizeLoss: {
    partials: 'address',
    leaves: 'u32',
    /** Images that the mean is over: these, or those of the batch that these are a part of. */
    meanOver: 'u32',
    loss: 'address',
    correct: 'address',
  },
  crossEntropyGrad: {
    logits: 'View',
    labels: 'address',
    imageWeights: 'address',
    size: 'Size',
    meanOver: 'u32',
    smoothing: 'f32',
    gradLogits: 'View',
    accumulate: 'u32',
  },
} as const;
