import type { BufferId } from '../../plan/buffers.ts';
import type { LayerRecord } from '../../plan/lowering.ts';
import type { Plan } from '../../plan/plan.ts';

/**
 * The commands a program is made of: the one source of op codes and record layouts. `tools/generate-header.ts`
 * writes the C++ header from it. A record is its op code, its length in words, then its fields in this order,
 * one 32-bit word each; a field that names a group stands for the group's fields, and `Group[]`, which comes last,
 * for their number and so many groups.
 */

/** Offsets and strides count numbers; pixels of a view lie `stride` apart, images without a gap. */
export const groups = {
  /** Where a vector starts inside a buffer. */
  Vector: { address: 'address', offset: 'u32' },
  /**
   * Channels [offset, offset + C) of every pixel of a buffer of [N, H, W, stride]; `elementBytes` 4: float32,
   * 2: bfloat16. All feature maps of a record store alike; `flatten` alone goes from maps to features.
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
  /** A parameter with its gradient, and what the optimiser remembers of it: velocity, or the means m and v. */
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
  /** gradient = or += scale·dz; with `sums`, chunk k adds Σdz and Σdz·(x − mean) to sums[k][2][C]. */
  GradInput: { gradient: 'View', accumulate: 'u32', mean: 'Vector', sums: 'address' },
} as const;

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

export const records = {
  /** weight [O, C, kH, kW] → panels for the micro-kernel; `elementBytes` of the maps they will be multiplied with. */
  packWeights: { ...packing, kernelHeight: 'u32', kernelWidth: 'u32', elementBytes: 'u32' },
  /** scale = γ/√(variance + eps), shift = β − scale·(mean − bias), of which the bias may be absent. */
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
    stripImages: 'u32',
    stripRows: 'u32',
  },
  /** partials[image chunk][kH·kW·C + 1][roundUp(O, 16)]; the last row is the bias's. */
  conv2dGradWeight: {
    /** imageChunks × the parts that the channels are cut into. */
    chunks: 'u32',
    imageChunks: 'u32',
    gradOutput: 'GradOutput',
    out: 'Size',
    window: 'Window',
    x: 'View',
    in: 'Size',
    prologue: 'Prologue',
    partials: 'address',
    /** More than one only where a strip is whole images. */
    stripImages: 'u32',
    /** 1: small maps, whose sums run over images (kernels/conv/convolve_images.h). */
    ofImages: 'u32',
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
  },
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
  /** Without `index` (a window of one position) nobody asks which position won. */
  maxPool: {
    chunks: 'u32',
    x: 'View',
    in: 'Size',
    prologue: 'Prologue',
    window: 'Window',
    y: 'View',
    out: 'Size',
    index: 'address',
    statistics: 'address',
  },
  maxPoolGradInput: {
    chunks: 'u32',
    gradOutput: 'GradOutput',
    out: 'Size',
    index: 'address',
    window: 'Window',
    x: 'View',
    in: 'Size',
    prologue: 'Prologue',
    gradInput: 'GradInput',
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
  avgPool: {
    chunks: 'u32',
    x: 'View',
    in: 'Size',
    prologue: 'Prologue',
    window: 'Window',
    y: 'View',
    out: 'Size',
    statistics: 'address',
  },
  avgPoolGradInput: {
    chunks: 'u32',
    gradOutput: 'GradOutput',
    out: 'Size',
    window: 'Window',
    x: 'View',
    in: 'Size',
    prologue: 'Prologue',
    gradInput: 'GradInput',
  },
  /** Statistics of a feature whose producer could not gather them: partials[chunk] = mean[C], M2[C]. */
  statistics: { chunks: 'u32', x: 'View', size: 'Size', partials: 'address' },
  /** Merges the chunks' means and M2 in order (Chan et al. 1979) into mean and biased variance. */
  finalizeStatistics: {
    partials: 'address',
    partialCount: 'u32',
    size: 'Size',
    mean: 'Vector',
    variance: 'Vector',
  },
  /** Sums of a batch norm's backward → gradients of γ, β, mean and variance; each = or += (bits of `accumulate`). */
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
  /** [N, H, W, C] → [N, C·H·W]. */
  flatten: { x: 'View', size: 'Size', y: 'View' },
  flattenGradInput: { gradOutput: 'GradOutput', gradient: 'View', size: 'Size', accumulate: 'u32' },
  crossEntropy: {
    logits: 'View',
    labels: 'address',
    size: 'Size',
    /** Images that the mean is over: these, or those of the batch that these are a part of. */
    meanOver: 'u32',
    smoothing: 'f32',
    loss: 'address',
    correct: 'address',
  },
  crossEntropyGrad: {
    logits: 'View',
    labels: 'address',
    size: 'Size',
    meanOver: 'u32',
    smoothing: 'f32',
    gradLogits: 'View',
    accumulate: 'u32',
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
  /** partials[chunk] = Σx² over its share of all tensors' numbers. */
  sumSquares: { chunks: 'u32', partials: 'address', tensors: 'Numbers[]' },
  /** norm = √Σpartials, scale = min(1, maxNorm/(norm + 1e-6)). */
  clipScale: {
    partials: 'address',
    partialCount: 'u32',
    maxNorm: 'f32',
    scale: 'address',
    norm: 'address',
  },
  /** Learning rate and step are scalars of the run; gradients are multiplied by `scale`, where there is one. */
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
    /** 1 − β: a float32 is near enough to that, not to a β just below 1. */
    rest1: 'f32',
    rest2: 'f32',
    eps: 'f32',
    tensors: 'Optimized[]',
  },
  /** `rest` = 1 − decay. */
  movingAverage: { chunks: 'u32', rest: 'f32', tensors: 'Averaged[]' },
} as const;

export type RecordKind = keyof typeof records;
export type GroupName = keyof typeof groups;
type FieldType = 'address' | 'u32' | 'f32' | GroupName | `${GroupName}[]`;
type FieldValue<F> = F extends 'address'
  ? BufferId | undefined
  : F extends GroupName
    ? Fields<(typeof groups)[F]>
    : F extends `${infer G extends GroupName}[]`
      ? readonly Fields<(typeof groups)[G]>[]
      : number;
type Fields<Spec> = { readonly [Name in keyof Spec]: FieldValue<Spec[Name]> };

/** One command with its fields by name. */
export type KernelRecord = {
  [Kind in RecordKind]: { readonly kind: Kind } & Fields<(typeof records)[Kind]>;
}[RecordKind];

export type { BufferId, Size, Vector, View } from '../../plan/buffers.ts';
export type WindowFields = Fields<(typeof groups)['Window']>;
export type PrologueFields = Fields<(typeof groups)['Prologue']>;
export type GradOutputFields = Fields<(typeof groups)['GradOutput']>;
export type DropoutFields = Fields<(typeof groups)['Dropout']>;
export type GradInputFields = Fields<(typeof groups)['GradInput']>;

/** Kinds in the order of their op codes, from 0. */
export const recordKinds = Object.keys(records) as readonly RecordKind[];

export type LeafType = 'address' | 'u32' | 'f32';

function isList(type: string): type is `${GroupName}[]` {
  return type.endsWith('[]');
}

/** Visits a record's words in order. */
export function visitFields(
  record: KernelRecord,
  visit: (type: LeafType, value: number | undefined) => void,
): void {
  const walk = (spec: Readonly<Record<string, FieldType>>, value: object): void => {
    for (const [name, type] of Object.entries(spec)) {
      const field = (value as Readonly<Record<string, unknown>>)[name];
      if (type === 'address' || type === 'u32' || type === 'f32') visit(type, field as number | undefined);
      else if (isList(type)) {
        const list = field as readonly object[];
        visit('u32', list.length);
        for (const each of list) walk(groups[type.slice(0, -2) as GroupName], each);
      } else walk(groups[type], field as object);
    }
  };
  walk(records[record.kind], record);
}

/** The records of a plan that was made for this target. */
export function kernelRecords(records: Plan['records']): readonly LayerRecord<KernelRecord>[] {
  return records as readonly LayerRecord<KernelRecord>[];
}
