/**
 * A stem's convolution, forward and backward; `out` is the size of its map, of which only a few rows are in memory
 * at a time.
 */
const stemConvolution = {
  x: 'View',
  in: 'Size',
  prologue: 'Prologue',
  window: 'Window',
  packed: 'address',
  bias: 'Vector',
  out: 'Size',
  stripRows: 'u32',
  pool: 'Window',
  pooled: 'Size',
  index: 'address',
} as const;

/**
 * Packs weights [O, C, …], multiplied by `scale` (if present), for the micro-kernel; `transposed`: for the input
 * gradient.
 */
const packing = {
  chunks: 'u32',
  weight: 'Vector',
  scale: 'address',
  packed: 'address',
  outChannels: 'u32',
  inChannels: 'u32',
  transposed: 'u32',
} as const;

/** Records of convolutions and linear layers, and of what is fused with them (kernels/conv). */
export const convolution = {
  /**
   * weight [O, C, kH, kW] → panels for the micro-kernel; `elementBytes` is that of the maps multiplied with them.
   */
  packWeights: { ...packing, kernelHeight: 'u32', kernelWidth: 'u32', elementBytes: 'u32' },
  /**
   * y = dropout(relu?(conv(prologue(x)) + bias)). With more chunks than images, the rows are split too
   * (base/context.h).
   */
  conv2d: {
    chunks: 'u32',
    x: 'View',
    in: 'Size',
    prologue: 'Prologue',
    window: 'Window',
    packed: 'address',
    bias: 'Vector',
    relu: 'u32',
    dropout: 'Dropout',
    y: 'View',
    out: 'Size',
    statistics: 'address',
    /** Partials of the statistics; a chunk of small maps has several. */
    leaves: 'u32',
    /** More than one: small maps, with images as the rows of a tile (kernels/conv/convolve_images.h). */
    stripImages: 'u32',
    stripRows: 'u32',
  },
  /** y = relu?(W·prologue(x) + bias) for each pixel of all images: a 1×1 convolution, a linear layer. */
  pointwise: {
    /** Chunks of pixels × outputChunks. */
    chunks: 'u32',
    outputChunks: 'u32',
    x: 'View',
    prologue: 'Prologue',
    packed: 'address',
    bias: 'Vector',
    relu: 'u32',
    y: 'View',
    pixels: 'u32',
    inChannels: 'u32',
    outChannels: 'u32',
    stripPixels: 'u32',
  },
  /** weight [O, C, 3, 3] → [36] panels of the transformed filters. */
  winogradWeights: packing,
  /**
   * y = dropout(relu?(conv(prologue(x)) + bias)) of a 3×3 kernel, stride 1, padding 1: F(4×4, 3×3), a strip of
   * tiles at a time. With more chunks than images, the rows of tiles are split too.
   */
  winograd: {
    chunks: 'u32',
    x: 'View',
    in: 'Size',
    prologue: 'Prologue',
    packed: 'address',
    bias: 'Vector',
    relu: 'u32',
    dropout: 'Dropout',
    y: 'View',
    outChannels: 'u32',
    statistics: 'address',
    stripTiles: 'u32',
  },
  /** The input gradient of such a convolution, also by Winograd. */
  winogradGradInput: {
    chunks: 'u32',
    gradOutput: 'GradOutput',
    outChannels: 'u32',
    packed: 'address',
    x: 'View',
    in: 'Size',
    prologue: 'Prologue',
    gradInput: 'GradInput',
    stripTiles: 'u32',
  },
  conv2dGradInput: {
    chunks: 'u32',
    gradOutput: 'GradOutput',
    out: 'Size',
    window: 'Window',
    packed: 'address',
    x: 'View',
    in: 'Size',
    prologue: 'Prologue',
    gradInput: 'GradInput',
    /** `leaves` and `stripImages`: as in conv2d. */
    leaves: 'u32',
    stripImages: 'u32',
    stripRows: 'u32',
  },
  /**
   * partials[image chunk][kH·kW·C + 1][roundUp(O, 16)]; the last row is the bias gradient. A partial is the sum of
   * a subtree: of one leaf, or of leaves / imageChunks leaves, with pending sums in scratch.
   */
  conv2dGradWeight: {
    /** imageChunks × chunks of channels. */
    chunks: 'u32',
    imageChunks: 'u32',
    leaves: 'u32',
    gradOutput: 'GradOutput',
    out: 'Size',
    window: 'Window',
    x: 'View',
    in: 'Size',
    prologue: 'Prologue',
    partials: 'address',
    /** More than one only if a strip is whole images. */
    stripImages: 'u32',
    algorithm: 'GradWeightAlgorithm',
    stripRows: 'u32',
  },
  reduceGradWeight: {
    chunks: 'u32',
    partials: 'address',
    partialCount: 'u32',
    outChannels: 'u32',
    inChannels: 'u32',
    kernelHeight: 'u32',
    kernelWidth: 'u32',
    gradWeight: 'Vector',
    gradBias: 'Vector',
    accumulate: 'u32',
    /** Whether the result is tested for NaN and infinity; sums that are added over ranks are tested after that. */
    isComplete: 'u32',
  },
  /**
   * Stores only the selected value of each max-pool window: m is the y with the largest sign(γ)·y (or y);
   * `statistics` are those of all of y.
   */
  conv2dMaxPool: {
    chunks: 'u32',
    ...stemConvolution,
    relu: 'u32',
    statistics: 'address',
    gamma: 'Vector',
    m: 'View',
  },
  /**
   * As conv2dGradWeight; the gradient of y is slope·y + intercept, plus gradM at the selected positions; y is
   * recomputed.
   */
  conv2dMaxPoolGradWeight: {
    chunks: 'u32',
    ...stemConvolution,
    partials: 'address',
    gradM: 'View',
    slope: 'address',
    intercept: 'address',
  },
} as const;
