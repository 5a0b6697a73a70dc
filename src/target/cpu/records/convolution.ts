/** A stem's convolution, forward and backward; `out` is the size of its map, of which a few rows exist at a time. */
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

/** Weights [O, C, …], times `scale` (if any), and what is made of them for a micro-kernel; `transposed`: for the gradient. */
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
  /** weight [O, C, kH, kW] → panels for the micro-kernel; `elementBytes` of the maps they will be multiplied with. */
  packWeights: { ...packing, kernelHeight: 'u32', kernelWidth: 'u32', elementBytes: 'u32' },
  /** y = dropout(relu?(conv(prologue(x)) + bias)). More chunks than images: they are cut into rows too (base/context.h). */
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
    /** More than one: small maps, whose tiles' rows are images (kernels/conv/convolve_images.h). */
    stripImages: 'u32',
    stripRows: 'u32',
  },
  /** y = relu?(W·prologue(x) + bias), pixel by pixel, of all images: a 1×1 convolution, a linear layer. */
  pointwise: {
    /** The parts that the pixels are cut into × outputChunks. */
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
   * y = dropout(relu?(conv(prologue(x)) + bias)) of a 3×3 kernel, stride 1, padding 1: F(4×4, 3×3), so many tiles at a
   * time. More chunks than images: they are cut into rows of tiles too.
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
  /** Of such a convolution the gradient of its input, in the same way. */
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
    /** As above. */
    leaves: 'u32',
    stripImages: 'u32',
    stripRows: 'u32',
  },
  /**
   * partials[image chunk][kH·kW·C + 1][roundUp(O, 16)]; the last row is the bias's. A partial is the sum of a subtree: of
   * one leaf, or of leaves / imageChunks, whose sums wait for one another in scratch.
   */
  conv2dGradWeight: {
    /** imageChunks × the parts that the channels are cut into. */
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
    /** More than one only where a strip is whole images. */
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
    /** Whether finiteness is tested: of sums that other ranks' are added to, it is tested afterwards. */
    isComplete: 'u32',
  },
  /** Only the winners of a max pool's windows: m is y where sign(γ)·y (or y) is greatest; `statistics` of all of y. */
  conv2dMaxPool: {
    chunks: 'u32',
    ...stemConvolution,
    relu: 'u32',
    statistics: 'address',
    gamma: 'Vector',
    m: 'View',
  },
  /** As conv2dGradWeight; the gradient at the map is gradM at its winners + slope·y + intercept, y convolved anew. */
  conv2dMaxPoolGradWeight: {
    chunks: 'u32',
    ...stemConvolution,
    partials: 'address',
    gradM: 'View',
    slope: 'address',
    intercept: 'address',
  },
} as const;
