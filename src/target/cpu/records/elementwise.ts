/** Elementwise records (kernels/elementwise, kernels/dropout). */
export const elementwise = {
  /** y = or += dropout(x); x may be a gradient with its correction. Seed and first image are scalars of the run. */
  dropout: {
    chunks: 'u32',
    x: 'GradOutput',
    size: 'Size',
    dropout: 'Dropout',
    y: 'View',
    accumulate: 'u32',
    statistics: 'address',
  },
  /** y = or += prologue(x). */
  elementwise: {
    chunks: 'u32',
    x: 'View',
    size: 'Size',
    prologue: 'Prologue',
    y: 'View',
    accumulate: 'u32',
    statistics: 'address',
  },
  elementwiseGradInput: {
    chunks: 'u32',
    gradOutput: 'GradOutput',
    x: 'View',
    size: 'Size',
    prologue: 'Prologue',
    gradInput: 'GradInput',
  },
} as const;
