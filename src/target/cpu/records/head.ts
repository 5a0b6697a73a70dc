/** Records of a network's head: flattened features, and the loss (kernels/head). */
export const head = {
  /** [N, H, W, C] → [N, C·H·W]. */
  flatten: { x: 'View', size: 'Size', y: 'View' },
  flattenGradInput: { gradOutput: 'GradOutput', gradient: 'View', size: 'Size', accumulate: 'u32' },
  /** partials[leaf] = [Σ losses, number of correct predictions] over its images. */
  crossEntropy: {
    logits: 'View',
    labels: 'address',
    /** [images], or absent: all are 1. */
    imageWeights: 'address',
    size: 'Size',
    smoothing: 'f32',
    leaves: 'u32',
    partials: 'address',
  },
  /** Adds the partials of the leaves in order. */
  finalizeLoss: {
    partials: 'address',
    leaves: 'u32',
    /**
     * Number of images that the mean is over: the images of the program, or the whole batch of which they are a part.
     */
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
