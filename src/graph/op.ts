import type {
  AvgPoolGradInput,
  Conv2dGradInput,
  Conv2dGradWeight,
  Conv2dMaxPoolGradWeight,
  CrossEntropyGrad,
  DropoutGradInput,
  ElementwiseGradInput,
  FlattenGradInput,
  LinearGradInput,
  LinearGradWeight,
  MaxPoolGradInput,
  Slice,
  StatisticsGrad,
} from './op/backward.ts';
import type {
  Add,
  AvgPool,
  BatchNorm,
  Concat,
  Conv2d,
  Conv2dMaxPool,
  CrossEntropy,
  Dropout,
  Flatten,
  Linear,
  MaxPool,
  Relu,
  Statistics,
} from './op/forward.ts';
import type { AdamW, ClipNorm, MovingAverage, Sgd, UpdateRunningStatistics } from './op/update.ts';
import type { BatchNormalization, Correction, Prologue, Value, ValueId } from './op/value.ts';

export type * from './op/backward.ts';
export type * from './op/forward.ts';
export type * from './op/update.ts';
export type * from './op/value.ts';

/** All ops. A switch over `kind` ends in `assertNever`. */
export type Op =
  | Conv2d
  | Linear
  | BatchNorm
  | Relu
  | Dropout
  | MaxPool
  | Conv2dMaxPool
  | AvgPool
  | Concat
  | Add
  | Flatten
  | Statistics
  | CrossEntropy
  | Conv2dGradInput
  | Conv2dGradWeight
  | Conv2dMaxPoolGradWeight
  | LinearGradInput
  | LinearGradWeight
  | ElementwiseGradInput
  | DropoutGradInput
  | MaxPoolGradInput
  | AvgPoolGradInput
  | Slice
  | FlattenGradInput
  | StatisticsGrad
  | CrossEntropyGrad
  | UpdateRunningStatistics
  | ClipNorm
  | Sgd
  | AdamW
  | MovingAverage;

/** An op without its outputs: the argument of a builder. */
export type OpSpec = Op extends infer Each ? (Each extends Op ? Omit<Each, 'outputs'> : never) : never;

/** Ops in topological order, and the values by name. Immutable. */
export interface Graph {
  readonly values: readonly Value[];
  readonly ops: readonly Op[];
  /** `images` [N, C, H, W], `labels` [N], `seed` (the starting gradient), where the graph has them. */
  readonly inputs: ReadonlyMap<string, ValueId>;
  /** Parameters and running statistics under PyTorch's names, in the order of the model. */
  readonly state: ReadonlyMap<string, ValueId>;
  /** `logits`, `loss`, `correct`, `grad.NAME`, or outputs that a test requests. */
  readonly outputs: ReadonlyMap<string, ValueId>;
  /** State that the run replaces: from the old value to the new. Applied only if all values are finite. */
  readonly updates: ReadonlyMap<ValueId, ValueId>;
}

/**
 * True for a training step, including a part of a step that does not yet update the state, and for any other update
 * of state.
 */
export function isTraining({ ops }: Graph): boolean {
  return ops.some(({ phase }) => phase !== 'forward');
}

/**
 * Forward ops that can apply a prologue to their input. The only such list: a new op kind does not compile until it
 * is listed here.
 */
const TAKES_PROLOGUE = {
  conv2d: true,
  linear: true,
  maxPool: true,
  avgPool: true,
  batchNorm: false,
  relu: false,
  dropout: false,
  conv2dMaxPool: false,
  concat: false,
  add: false,
  flatten: false,
  statistics: false,
  crossEntropy: false,
  conv2dGradInput: false,
  conv2dGradWeight: false,
  conv2dMaxPoolGradWeight: false,
  linearGradInput: false,
  linearGradWeight: false,
  elementwiseGradInput: false,
  dropoutGradInput: false,
  maxPoolGradInput: false,
  avgPoolGradInput: false,
  slice: false,
  flattenGradInput: false,
  statisticsGrad: false,
  crossEntropyGrad: false,
  updateRunningStatistics: false,
  clipNorm: false,
  sgd: false,
  adamw: false,
  movingAverage: false,
} as const satisfies Readonly<Record<Op['kind'], boolean>>;

type TakesPrologue = typeof TAKES_PROLOGUE;
type PrologueKind = {
  [Kind in keyof TakesPrologue]: TakesPrologue[Kind] extends true ? Kind : never;
}[keyof TakesPrologue];
type PrologueTaker = Extract<Op, { readonly kind: PrologueKind }>;

export function takesPrologue(op: Op): op is PrologueTaker {
  return TAKES_PROLOGUE[op.kind];
}

/** A batch norm or ReLU as a prologue, so that `batchNorm` and `relu` share all rules and kernels. */
export function elementwisePrologue(op: BatchNorm | Relu): Prologue {
  if (op.kind === 'batchNorm') return { batchNorm: op.batchNorm, relu: false };
  return { ...op.prologue, relu: true };
}

/** The same op with each input replaced; outputs stay. The only list of the values that each field of an op reads. */
export function mapInputs<T extends Op | OpSpec>(op: T, replace: (id: ValueId) => ValueId): T {
  const batchNorm = (bn: BatchNormalization): BatchNormalization => ({
    ...bn,
    mean: replace(bn.mean),
    variance: replace(bn.variance),
    gamma: replace(bn.gamma),
    beta: replace(bn.beta),
  });
  const correction = (c: Correction): Correction => ({
    x: replace(c.x),
    mean: replace(c.mean),
    gradMean: replace(c.gradMean),
    gradVariance: replace(c.gradVariance),
  });
  const mapped: Record<string, unknown> = { ...op };
  for (const field in mapped) {
    const id = mapped[field];
    if (typeof id === 'number' && field in VALUE_FIELDS) mapped[field] = replace(id as ValueId);
  }
  if ('operands' in op) mapped.operands = op.operands.map(replace);
  if ('batchNorm' in op) mapped.batchNorm = batchNorm(op.batchNorm);
  if ('prologue' in op && op.prologue?.batchNorm) {
    mapped.prologue = { ...op.prologue, batchNorm: batchNorm(op.prologue.batchNorm) };
  }
  if ('epilogue' in op && op.epilogue?.batchNorm) {
    mapped.epilogue = { ...op.epilogue, batchNorm: batchNorm(op.epilogue.batchNorm) };
  }
  if ('gradOutput' in op) {
    const { value, correction: pending } = op.gradOutput;
    mapped.gradOutput = {
      value: replace(value),
      ...(pending && { correction: correction(pending) }),
    };
  }
  if ('tensors' in op) {
    mapped.tensors = op.tensors.map((tensor) => ({
      ...tensor,
      parameter: replace(tensor.parameter),
      gradient: replace(tensor.gradient),
      memory: tensor.memory.map(replace),
    }));
  }
  if ('pairs' in op) {
    mapped.pairs = op.pairs.map(({ average, value }) => ({
      average: replace(average),
      value: replace(value),
    }));
  }
  if ('correction' in op) mapped.correction = correction(op.correction);
  if (op.accumulate) mapped.accumulate = op.accumulate.map((id) => (id === undefined ? id : replace(id)));
  return mapped as unknown as T;
}

/** The fields of an op that hold one input value. */
type ValueField = Op extends infer Each
  ? Each extends Op
    ? { [Key in keyof Each]-?: Exclude<Each[Key], undefined> extends ValueId ? Key : never }[keyof Each]
    : never
  : never;

const VALUE_FIELDS = {
  x: true,
  y: true,
  a: true,
  b: true,
  logits: true,
  labels: true,
  imageWeights: true,
  weight: true,
  bias: true,
  gamma: true,
  index: true,
  mean: true,
  variance: true,
  runningMean: true,
  runningVar: true,
  scale: true,
} as const satisfies Readonly<Record<ValueField, true>>;

/** All input values of an op. */
export function opInputs(op: Op | OpSpec): ValueId[] {
  const ids: ValueId[] = [];
  mapInputs(op, (id) => {
    ids.push(id);
    return id;
  });
  return ids;
}
