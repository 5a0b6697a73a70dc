import type { KernelSpec } from './groups.ts';

/** Records of the optimizer and of averaged weights. */
export const update = {
  /** partials[partial + k] = Σx² over the k-th share of a tensor's `count` elements: a workgroup for each share. */
  sumSquares: {
    sources: ['merge', 'sum_squares'],
    /** `total` and `first` count workgroups. */
    fields: { total: 'u32', partials: 'Vector', each: 'u32' },
    entry: { at: 'Vector', first: 'u32', partial: 'u32', count: 'u32' },
  },
  clipScale: {
    sources: ['merge', 'clip_scale'],
    fields: { partials: 'Vector', partialCount: 'u32', maxNorm: 'f32', clip: 'Vector', norm: 'Vector' },
  },
  sgd: {
    sources: ['sgd'],
    fields: { total: 'u32', clip: 'Vector', momentum: 'f32', nesterov: 'flag' },
    entry: {
      parameter: 'Vector',
      gradient: 'Vector',
      velocity: 'Vector',
      first: 'u32',
      weightDecay: 'f32',
    },
  },
  adamw: {
    sources: ['adamw'],
    fields: { total: 'u32', clip: 'Vector', rest1: 'f32', rest2: 'f32', eps: 'f32' },
    entry: {
      parameter: 'Vector',
      gradient: 'Vector',
      moment1: 'Vector',
      moment2: 'Vector',
      first: 'u32',
      weightDecay: 'f32',
    },
  },
  movingAverage: {
    sources: ['moving_average'],
    fields: { total: 'u32', rest: 'f32' },
    entry: { average: 'Vector', value: 'Vector', first: 'u32' },
  },
} as const satisfies Readonly<Record<string, KernelSpec>>;
