/** Records of batch statistics and of the vectors over channels derived from them (kernels/batch_norm). */
export const batchNorm = {
  /** scale = γ/√(variance + eps), shift = β − scale·(mean − bias); the bias may be absent. */
  coefficients: {
    mean: 'Vector',
    variance: 'Vector',
    gamma: 'Vector',
    beta: 'Vector',
    bias: 'Vector',
    scale: 'address',
    shift: 'address',
    channels: 'u32',
    eps: 'f32',
  },
  /** Statistics of a feature whose producer does not compute them: partials[chunk] = mean[C], M2[C]. */
  statistics: { chunks: 'u32', x: 'View', size: 'Size', partials: 'address' },
  /** Merges the chunks' means and M2 in order (Chan et al. 1979) into mean and biased variance. */
  finalizeStatistics: {
    partials: 'address',
    partialCount: 'u32',
    size: 'Size',
    mean: 'Vector',
    variance: 'Vector',
  },
  /**
   * Sums of a batch norm's backward → gradients of γ, β, mean and variance; each is = or += (bits of `accumulate`).
   */
  finalizeGradSums: {
    sums: 'address',
    partialCount: 'u32',
    channels: 'u32',
    variance: 'Vector',
    gamma: 'Vector',
    eps: 'f32',
    gradGamma: 'Vector',
    gradBeta: 'Vector',
    gradMean: 'Vector',
    gradVariance: 'Vector',
    accumulate: 'u32',
  },
  /** slope = 2·gradVariance/m, intercept = gradMean/m − slope·mean, m = N·H·W. */
  finalizeCorrection: {
    mean: 'Vector',
    gradMean: 'Vector',
    gradVariance: 'Vector',
    slope: 'address',
    intercept: 'address',
    size: 'Size',
  },
  updateRunningStatistics: {
    mean: 'Vector',
    variance: 'Vector',
    runningMean: 'Vector',
    runningVar: 'Vector',
    channels: 'u32',
    momentum: 'f32',
    /** m/(m − 1): makes the variance unbiased. */
    unbias: 'f32',
  },
} as const;
