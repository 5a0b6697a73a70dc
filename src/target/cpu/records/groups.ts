/** Offsets and strides count elements; pixels of a view are `stride` apart, images are contiguous. */
export const groups = {
  /** A vector in a buffer. */
  Vector: { address: 'address', offset: 'u32' },
  /**
   * Channels [offset, offset + C) of every pixel of a buffer of [N, H, W, stride]; `elementBytes` 4: float32, 2:
   * bfloat16. All feature maps of a record have the same element type; only `flatten` converts from maps to features.
   */
  View: { address: 'address', offset: 'u32', stride: 'u32', elementBytes: 'u32' },
  Size: { images: 'u32', height: 'u32', width: 'u32', channels: 'u32' },
  Window: {
    kernelHeight: 'u32',
    kernelWidth: 'u32',
    strideHeight: 'u32',
    strideWidth: 'u32',
    paddingHeight: 'u32',
    paddingWidth: 'u32',
  },
  /** relu?(scale·x + shift); without `scale`, x itself. */
  Prologue: { scale: 'address', shift: 'address', relu: 'u32' },
  /** gradient + slope·x + intercept; without `slope`, the gradient itself. */
  GradOutput: { gradient: 'View', x: 'View', slope: 'address', intercept: 'address' },
  /** An element is dropped where its random bits are below `threshold` (0: never); the others are scaled. */
  Dropout: { threshold: 'u32', stream: 'u32', scale: 'f32' },
  /** A parameter with its gradient and its optimiser state: velocity, or the moments m and v. */
  Optimized: {
    parameter: 'Vector',
    gradient: 'Vector',
    memory1: 'Vector',
    memory2: 'Vector',
    count: 'u32',
    weightDecay: 'f32',
  },
  Averaged: { average: 'Vector', value: 'Vector', count: 'u32' },
  Numbers: { at: 'Vector', count: 'u32' },
  /** `count` of the sums, from `first` on: one gradient. */
  Summed: { first: 'u32', to: 'Vector', count: 'u32', accumulate: 'u32' },
  /** gradient = or += scale·dz; with `sums`, chunk k adds Σdz and Σdz·(x − mean) to sums[k][2][C]. */
  GradInput: { gradient: 'View', accumulate: 'u32', mean: 'Vector', sums: 'address' },
} as const;
