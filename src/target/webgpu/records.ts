import type { BufferId, Vector, View } from '../../plan/buffers.ts';
import type { LayerRecord } from '../../plan/record.ts';

export type { BufferId, Size, Vector, View } from '../../plan/buffers.ts';

/**
 * Type of a record's field:
 * - `Map`: channels of every pixel of a feature map; two words, the first element and the pixel stride;
 * - `Vector`: float32 numbers; `Index`: 32-bit words with four bytes each, one per channel; one word, the first
 * element;
 * - `u32`, `f32`: one word;
 * - `flag`: no word; a constant of the shader, so that a kernel without the feature does not pay for it.
 *
 * A map, vector or index may be absent: the constant `HAS_field` says so.
 */
export type FieldType = 'Map' | 'Vector' | 'Index' | 'u32' | 'f32' | 'flag';
export type Fields = Readonly<Record<string, FieldType>>;

/** A kernel: its WGSL files in kernels/webgpu, its fields, and the fields of each entry of its list. */
interface KernelSpec {
  readonly sources: readonly string[];
  readonly fields: Fields;
  readonly entry?: Fields;
}

const WINDOW = {
  kernelWidth: 'u32',
  strideHeight: 'u32',
  strideWidth: 'u32',
  paddingHeight: 'u32',
  paddingWidth: 'u32',
} as const;
/** relu?(scale·x + shift); without `scale`, x itself. */
const PROLOGUE = { scale: 'Vector', shift: 'Vector', relu: 'flag' } as const;
/** gradient + slope·feature + intercept; without `slope`, the gradient itself. */
const GRAD_OUTPUT = { gradOutput: 'Map', feature: 'Map', slope: 'Vector', intercept: 'Vector' } as const;
/**
 * gradient = or += scale·dz; with `sums`, tile k writes Σdz and Σdz·(x − mean) to sums[k][2][sumStride].
 */
const GRAD_INPUT = {
  x: 'Map',
  ...PROLOGUE,
  mean: 'Vector',
  gradient: 'Map',
  accumulate: 'flag',
  sums: 'Vector',
  sumStride: 'u32',
} as const;
const DROPOUT = { dropout: 'flag', threshold: 'u32', stream: 'u32', keptScale: 'f32' } as const;
/** Statistics of the output: partials[tile][2][partialStride] = mean, M2 of its pixels. */
const PARTIALS = { partials: 'Vector', partialStride: 'u32' } as const;
/** A product over `blocks` blocks of TILE_DEPTH terms; `perTap` terms belong to each tap of the window. */
const PRODUCT = {
  tiles: 'u32',
  panels: 'u32',
  blocks: 'u32',
  perTap: 'u32',
  taps: 'u32',
} as const;

/** All records: the only source of their layout. */
export const kernels = {
  packWeights: {
    sources: ['pack_weights'],
    fields: { total: 'u32' },
    entry: {
      weight: 'Vector',
      scale: 'Vector',
      packed: 'Vector',
      first: 'u32',
      outChannels: 'u32',
      inChannels: 'u32',
      taps: 'u32',
      perTap: 'u32',
      depth: 'u32',
      transposed: 'u32',
    },
  },
  conv2d: {
    sources: ['random', 'product', 'conv2d'],
    fields: {
      x: 'Map',
      ...PROLOGUE,
      ...PRODUCT,
      packed: 'Vector',
      bias: 'Vector',
      outRelu: 'flag',
      ...DROPOUT,
      y: 'Map',
      ...PARTIALS,
      ...WINDOW,
      height: 'u32',
      width: 'u32',
      inChannels: 'u32',
      outWidth: 'u32',
      outPixels: 'u32',
      pixels: 'u32',
      outChannels: 'u32',
    },
  },
  conv2dGradInput: {
    sources: ['product', 'grad_input', 'conv2d_grad_input'],
    fields: {
      ...GRAD_OUTPUT,
      ...PRODUCT,
      packed: 'Vector',
      ...GRAD_INPUT,
      ...WINDOW,
      strided: 'flag',
      width: 'u32',
      inPixels: 'u32',
      pixels: 'u32',
      inChannels: 'u32',
      outHeight: 'u32',
      outWidth: 'u32',
      outChannels: 'u32',
    },
  },
  conv2dGradWeight: {
    sources: ['product', 'conv2d_grad_weight'],
    fields: {
      x: 'Map',
      ...PROLOGUE,
      ...GRAD_OUTPUT,
      ...PRODUCT,
      hasBias: 'flag',
      /** [split][rows][partialStride]; the row behind taps·perTap is the bias gradient. */
      partials: 'Vector',
      partialStride: 'u32',
      rows: 'u32',
      splits: 'u32',
      splitPixels: 'u32',
      ...WINDOW,
      height: 'u32',
      width: 'u32',
      inChannels: 'u32',
      outWidth: 'u32',
      outPixels: 'u32',
      pixels: 'u32',
      outChannels: 'u32',
    },
  },
  reduceGradWeight: {
    sources: ['reduce_grad_weight'],
    fields: { total: 'u32' },
    entry: {
      partials: 'Vector',
      gradWeight: 'Vector',
      gradBias: 'Vector',
      first: 'u32',
      splits: 'u32',
      rows: 'u32',
      partialStride: 'u32',
      outChannels: 'u32',
      inChannels: 'u32',
      taps: 'u32',
      perTap: 'u32',
      /** Bit 0: gradWeight +=; bit 1: gradBias +=. */
      accumulate: 'u32',
    },
  },
  /** y = or += prologue(x). */
  elementwise: {
    sources: ['tile', 'gather', 'elementwise'],
    fields: {
      x: 'Map',
      ...PROLOGUE,
      y: 'Map',
      ...PARTIALS,
      accumulate: 'flag',
      pixels: 'u32',
      channels: 'u32',
      tiles: 'u32',
      panels: 'u32',
    },
  },
  /** y = or += dropout(x), where x may be a gradient with its correction. */
  dropout: {
    sources: ['random', 'tile', 'gather', 'dropout'],
    fields: {
      ...GRAD_OUTPUT,
      ...DROPOUT,
      y: 'Map',
      ...PARTIALS,
      accumulate: 'flag',
      imagePixels: 'u32',
      pixels: 'u32',
      channels: 'u32',
      tiles: 'u32',
      panels: 'u32',
    },
  },
  pool: {
    sources: ['tile', 'gather', 'pool'],
    fields: {
      x: 'Map',
      ...PROLOGUE,
      max: 'flag',
      /** Selects the largest sign(gamma)·x instead of the largest x. */
      gamma: 'Vector',
      y: 'Map',
      ...PARTIALS,
      index: 'Index',
      indexStride: 'u32',
      kernelHeight: 'u32',
      ...WINDOW,
      height: 'u32',
      width: 'u32',
      outWidth: 'u32',
      outPixels: 'u32',
      pixels: 'u32',
      channels: 'u32',
      tiles: 'u32',
      panels: 'u32',
    },
  },
  /** Input gradient of a pooling or (neither flag) of an elementwise op. */
  mapGradInput: {
    sources: ['tile', 'grad_input', 'map_grad_input'],
    fields: {
      ...GRAD_OUTPUT,
      ...GRAD_INPUT,
      max: 'flag',
      average: 'flag',
      /** Adds ownSlope·x + ownIntercept to the gradient: the correction of x itself. */
      ownSlope: 'Vector',
      ownIntercept: 'Vector',
      index: 'Index',
      indexStride: 'u32',
      kernelHeight: 'u32',
      ...WINDOW,
      width: 'u32',
      inPixels: 'u32',
      outHeight: 'u32',
      outWidth: 'u32',
      pixels: 'u32',
      channels: 'u32',
      tiles: 'u32',
      panels: 'u32',
    },
  },
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
  /** [N, H, W, C] → [N, C·H·W]. */
  flatten: {
    sources: ['flatten'],
    fields: { x: 'Map', y: 'Map', imagePixels: 'u32', channels: 'u32', total: 'u32' },
  },
  flattenGradInput: {
    sources: ['flatten_grad_input'],
    fields: {
      ...GRAD_OUTPUT,
      gradient: 'Map',
      accumulate: 'flag',
      imagePixels: 'u32',
      channels: 'u32',
      total: 'u32',
    },
  },
  crossEntropy: {
    sources: ['softmax', 'merge', 'cross_entropy'],
    fields: {
      logits: 'Map',
      labels: 'Vector',
      imageWeights: 'Vector',
      images: 'u32',
      classes: 'u32',
      smoothing: 'f32',
      meanOver: 'f32',
      loss: 'Vector',
      correct: 'Vector',
    },
  },
  crossEntropyGrad: {
    sources: ['softmax', 'cross_entropy_grad'],
    fields: {
      logits: 'Map',
      labels: 'Vector',
      imageWeights: 'Vector',
      images: 'u32',
      classes: 'u32',
      smoothing: 'f32',
      meanOver: 'f32',
      gradLogits: 'Map',
      accumulate: 'flag',
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
  /** partials[workgroup] = Σx² over its share of the elements of all tensors. */
  sumSquares: {
    sources: ['merge', 'sum_squares'],
    fields: { total: 'u32', partials: 'Vector', each: 'u32' },
    entry: { at: 'Vector', first: 'u32' },
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

export type RecordKind = keyof typeof kernels;
export const recordKinds = Object.keys(kernels) as readonly RecordKind[];

type FieldValue<T> = T extends 'Map'
  ? View
  : T extends 'Vector' | 'Index'
    ? Vector
    : T extends 'flag'
      ? boolean
      : number;
type Values<F> = { readonly [Name in keyof F]: FieldValue<F[Name]> };
type EntryOf<K extends RecordKind> = (typeof kernels)[K] extends { readonly entry: infer E } ? E : never;
export type Entry<K extends RecordKind> = Values<EntryOf<K>>;
export type RecordOf<K extends RecordKind> = { readonly kind: K } & Values<(typeof kernels)[K]['fields']> &
  ((typeof kernels)[K] extends { readonly entry: unknown }
    ? { readonly entries: readonly Entry<K>[] }
    : unknown);
/** A record with its fields by name. */
export type GpuRecord = { [K in RecordKind]: RecordOf<K> }[RecordKind];

/** The records of a plan that was made for this target. */
export function gpuRecords(records: readonly LayerRecord[]): readonly LayerRecord<GpuRecord>[] {
  return records as readonly LayerRecord<GpuRecord>[];
}

/** A place in a buffer: the value of a `Map`, `Vector` or `Index` field. */
export type Place = View | Vector;

export function isPlace(type: FieldType): type is 'Map' | 'Vector' | 'Index' {
  return type === 'Map' || type === 'Vector' || type === 'Index';
}

export function specOf(kind: RecordKind): KernelSpec {
  return kernels[kind];
}

/** Entries of a record's list; empty for kernels without one. */
export function entriesOf(record: GpuRecord): readonly Readonly<Record<string, unknown>>[] {
  return 'entries' in record ? (record.entries as readonly Readonly<Record<string, unknown>>[]) : [];
}

/** Visits every place of a record and of its list's entries. */
export function visitPlaces(record: GpuRecord, visit: (name: string, place: Place) => void): void {
  const { fields, entry = {} } = specOf(record.kind);
  const walk = (spec: Fields, values: Readonly<Record<string, unknown>>) => {
    for (const [name, type] of Object.entries(spec)) if (isPlace(type)) visit(name, values[name] as Place);
  };
  walk(fields, record as unknown as Readonly<Record<string, unknown>>);
  for (const each of entriesOf(record)) walk(entry, each);
}

/** The buffers that a record reads or writes. */
export function buffersOf(record: GpuRecord): readonly BufferId[] {
  const buffers: BufferId[] = [];
  visitPlaces(record, (_, { address }) => {
    if (address !== undefined) buffers.push(address);
  });
  return buffers;
}
