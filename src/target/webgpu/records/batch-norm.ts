import { type KernelSpec, PARTIALS } from './groups.ts';

/** Records of batch statistics and what is derived from them. */
export const batchNorm = {
  statistics: {
    sources: ['tile', 'gather', 'statistics'],
    fields: {
      x: 'Map',
      ...PARTIALS,
      pixels: 'u32',
      channels: 'u32',
      tiles: 'u32',
      panels: 'u32',
    },
  },
  /**
   * Merges partials into mean and biased variance, then computes the coefficients of a batch norm that reads them:
   * both, or one of them. Channels [first, first + channels) of the batch norm have the partials.
   */
  finalizeStatistics: {
    sources: ['merge', 'finalize_statistics'],
    fields: {
      ...PARTIALS,
      partialCount: 'u32',
      /** Pixels of a slice of the map, and its tiles: the last tile of each slice has fewer pixels. */
      slicePixels: 'u32',
      sliceTiles: 'u32',
      pixels: 'u32',
      mean: 'Vector',
      variance: 'Vector',
      channels: 'u32',
      /** Fields of the batch norm; all from here on are absent without one. */
      allMean: 'Vector',
      allVariance: 'Vector',
      gamma: 'Vector',
      beta: 'Vector',
      bias: 'Vector',
      scale: 'Vector',
      shift: 'Vector',
      allChannels: 'u32',
      first: 'u32',
      eps: 'f32',
    },
  },
  /**
   * Sums of a batch norm's backward → gradients of γ, β, mean and variance; each is = or += (bits of `accumulates`).
   * Then the correction of channels [first, first + count): slope = 2·gradVariance/pixels, intercept =
   * gradMean/pixels − slope·mean.
   */
  finalizeGradSums: {
    sources: ['merge', 'finalize_grad_sums'],
    fields: {
      sums: 'Vector',
      sumStride: 'u32',
      partialCount: 'u32',
      channels: 'u32',
      variance: 'Vector',
      gamma: 'Vector',
      eps: 'f32',
      gradGamma: 'Vector',
      gradBeta: 'Vector',
      gradMean: 'Vector',
      gradVariance: 'Vector',
      accumulates: 'u32',
      mean: 'Vector',
      slope: 'Vector',
      intercept: 'Vector',
      first: 'u32',
      count: 'u32',
      pixels: 'f32',
    },
  },
  /** Only the correction, if it does not follow the sums of one batch norm. */
  finalizeCorrection: {
    sources: ['finalize_correction'],
    fields: {
      mean: 'Vector',
      gradMean: 'Vector',
      gradVariance: 'Vector',
      slope: 'Vector',
      intercept: 'Vector',
      channels: 'u32',
      pixels: 'f32',
    },
  },
  updateRunningStatistics: {
    sources: ['update_running_statistics'],
    fields: { total: 'u32' },
    entry: {
      mean: 'Vector',
      variance: 'Vector',
      runningMean: 'Vector',
      runningVar: 'Vector',
      first: 'u32',
      momentum: 'f32',
      unbias: 'f32',
    },
  },
} as const satisfies Readonly<Record<string, KernelSpec>>;
