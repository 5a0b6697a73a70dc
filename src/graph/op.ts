import type { Pair, Shape } from '../tensor/shape.ts';
import type { Layer } from './layer.ts';

/** Names a value of one graph. Every value is written once, by one op, or comes from outside. */
export type ValueId = number & { readonly brand: 'ValueId' };

/**
 * What a value is to the graph:
 * - `input`: written by the caller before each run (images, labels, a gradient to start from);
 * - `parameter`, `buffer`: state that outlives a run, under PyTorch's names (weights; running statistics);
 * - `result`: written by an op.
 */
export type ValueRole = 'input' | 'parameter' | 'buffer' | 'result';

export interface Value {
  readonly id: ValueId;
  readonly name: string;
  readonly shape: Shape;
  readonly role: ValueRole;
}

/** One batch norm as its consumer applies it: `γ·(x − mean)/√(variance + eps) + β`, vectors over channels. */
export interface BatchNormalization {
  readonly mean: ValueId;
  readonly variance: ValueId;
  readonly gamma: ValueId;
  readonly beta: ValueId;
  readonly eps: number;
}

/** Applied to an op's input `x` as it is read: batch norm, then ReLU; either may be absent. */
export interface Prologue {
  readonly batchNorm?: BatchNormalization;
  readonly relu: boolean;
}

/**
 * The gradient at an op's output. With `correction`, the gradient that reaches the output `x` through its own
 * batch statistics is still to be added: `value + p·x + q`, per channel, `p = 2·gradVariance/m`,
 * `q = gradMean/m − p·mean`, m = N·H·W. One affine map for all batch norms that read the feature.
 */
export interface GradOutput {
  readonly value: ValueId;
  readonly correction?: Correction;
}

export interface Correction {
  readonly x: ValueId;
  readonly mean: ValueId;
  readonly gradMean: ValueId;
  readonly gradVariance: ValueId;
}

/** A sliding window over [H, W]. */
export interface Window {
  readonly kernel: Pair;
  readonly stride: Pair;
  readonly padding: Pair;
}

/**
 * What a step leaves out: element i of N·C·H·W (in this order) is 0 with probability `rate`, else divided by
 * 1 − rate. Random number i of `stream`, under the seed of the step, decides: nothing is stored.
 */
export interface DropoutMask {
  /** In [0, 1). */
  readonly rate: number;
  readonly stream: number;
}

/**
 * When a step runs an op: `forward` computes results, `backward` gradients of them, `update` replaces state (clipping
 * included). Set where the op is made.
 */
export type Phase = 'forward' | 'backward' | 'update';

interface OpBase {
  /** The layer of the model this op belongs to. */
  readonly layer: Layer;
  readonly phase: Phase;
  /** A forward op that the backward pass runs again. Its phase is `backward`. */
  readonly isRecomputed?: true;
  readonly outputs: readonly ValueId[];
  /** Parallel to `outputs`: a value to add to that output. Each such value is used by nothing else. */
  readonly accumulate?: readonly (ValueId | undefined)[];
}

interface WithInput extends OpBase {
  readonly x: ValueId;
}

interface WithPrologue extends WithInput {
  readonly prologue?: Prologue;
}

/** Applied to an op's output before it is stored: a batch norm on running statistics, then ReLU (a pass adds it). */
interface WithEpilogue {
  readonly epilogue?: Prologue;
}

/** outputs: [y]; weight [O, C, kH, kW], bias [O]; `dropout` of the sum. */
export interface Conv2d extends WithPrologue, WithEpilogue, Window {
  readonly kind: 'conv2d';
  readonly weight: ValueId;
  readonly bias?: ValueId;
  readonly dropout?: DropoutMask;
}

/** outputs: [y]; x [N, F], weight [O, F], bias [O]. */
export interface Linear extends WithPrologue {
  readonly kind: 'linear';
  readonly weight: ValueId;
  readonly bias?: ValueId;
}

/** outputs: [y]. With batch statistics `mean` and `variance` come from a `statistics` op, else from buffers. */
export interface BatchNorm extends WithInput {
  readonly kind: 'batchNorm';
  readonly batchNorm: BatchNormalization;
}

/** outputs: [y]; the prologue, then ReLU. NaN stays NaN. */
export interface Relu extends WithPrologue {
  readonly kind: 'relu';
}

/** outputs: [y]. */
export interface Dropout extends WithInput {
  readonly kind: 'dropout';
  readonly dropout: DropoutMask;
}

/** outputs: [y, index]; index counts positions inside the window, row by row; the first greatest wins. */
export interface MaxPool extends WithPrologue, Window {
  readonly kind: 'maxPool';
}

/**
 * A convolution whose map nothing reads but its statistics and a max pool: outputs [y, m, index]. y is never
 * stored; it stands for the map in `statistics` and `Correction`. m is y where sign(γ)·y is greatest in a window of
 * `pool`, so that relu(a·m + b) is the max pool of relu(a·y + b) whichever sign γ gives a; index as in `MaxPool`.
 * With an epilogue, which y has passed, there is no `gamma`, and the greatest wins.
 */
export interface Conv2dMaxPool extends WithPrologue, WithEpilogue, Window {
  readonly kind: 'conv2dMaxPool';
  readonly weight: ValueId;
  readonly bias?: ValueId;
  readonly gamma?: ValueId;
  readonly pool: Window;
}

/** outputs: [y]; padding counts as zeros, as PyTorch's default does. Global pooling is a window of [H, W]. */
export interface AvgPool extends WithPrologue, Window {
  readonly kind: 'avgPool';
}

/** outputs: [y]; joined along channels, or along the only axis of vectors. */
export interface Concat extends OpBase {
  readonly kind: 'concat';
  readonly operands: readonly ValueId[];
}

/** outputs: [a + b]. */
export interface Add extends OpBase {
  readonly kind: 'add';
  readonly a: ValueId;
  readonly b: ValueId;
}

/** outputs: [y] of shape [N, C·H·W], in the order C, H, W. */
export interface Flatten extends WithInput {
  readonly kind: 'flatten';
}

/** outputs: [mean, variance] over N, H, W; the variance is the biased one (divided by N·H·W). */
export interface Statistics extends WithInput {
  readonly kind: 'statistics';
}

interface CrossEntropyFields extends OpBase {
  readonly logits: ValueId;
  readonly labels: ValueId;
  readonly smoothing: number;
  /** Images of the batch that these are a part of. The loss is then their share of its mean; shares add up to it. */
  readonly partOf?: number;
}

/**
 * outputs: [loss, correct]: the mean over the batch, and how many rows have their greatest logit at the label.
 * Smoothed labels (Szegedy et al. 2016): the truth is `(1 − smoothing)·onehot + smoothing/classes`.
 */
export interface CrossEntropy extends CrossEntropyFields {
  readonly kind: 'crossEntropy';
}

/** outputs: [gradX] or, with a batch norm in the prologue, [gradX, gradGamma, gradBeta, gradMean, gradVariance]. */
interface GradInput extends WithPrologue {
  readonly gradOutput: GradOutput;
}

export interface Conv2dGradInput extends GradInput, Window {
  readonly kind: 'conv2dGradInput';
  readonly weight: ValueId;
}

/** outputs: [gradWeight] or [gradWeight, gradBias]. */
export interface Conv2dGradWeight extends WithPrologue, Window {
  readonly kind: 'conv2dGradWeight';
  readonly gradOutput: GradOutput;
  readonly weight: ValueId;
}

/**
 * outputs: [gradWeight] or [gradWeight, gradBias] of `Conv2dMaxPool`. The gradient at y, which is never stored
 * either: `gradOutput.value`, that of m, at each window's winner, and the correction of y, which is computed again.
 */
export interface Conv2dMaxPoolGradWeight extends WithPrologue, Window {
  readonly kind: 'conv2dMaxPoolGradWeight';
  readonly gradOutput: GradOutput;
  readonly weight: ValueId;
  readonly bias?: ValueId;
  readonly y: ValueId;
  readonly index: ValueId;
  readonly pool: Window;
}

export interface LinearGradInput extends GradInput {
  readonly kind: 'linearGradInput';
  readonly weight: ValueId;
}

/** outputs: [gradWeight] or [gradWeight, gradBias]. */
export interface LinearGradWeight extends WithPrologue {
  readonly kind: 'linearGradWeight';
  readonly gradOutput: GradOutput;
  readonly weight: ValueId;
}

/** Backward of `batchNorm`, `relu` and (with no prologue) of a copy or of one operand of `add`. */
export interface ElementwiseGradInput extends GradInput {
  readonly kind: 'elementwiseGradInput';
}

/** outputs: [gradX], of the shape of the gradient: the same elements are left out. */
export interface DropoutGradInput extends OpBase {
  readonly kind: 'dropoutGradInput';
  readonly gradOutput: GradOutput;
  readonly dropout: DropoutMask;
}

export interface MaxPoolGradInput extends GradInput, Window {
  readonly kind: 'maxPoolGradInput';
  readonly index: ValueId;
}

export interface AvgPoolGradInput extends GradInput, Window {
  readonly kind: 'avgPoolGradInput';
}

/** outputs: [y]: channels [offset, offset + count) of x. A view: later accumulation into y may overwrite x there. */
export interface Slice extends WithInput {
  readonly kind: 'slice';
  readonly offset: number;
  readonly count: number;
}

/** outputs: [gradX] of x's shape. */
export interface FlattenGradInput extends WithInput {
  readonly kind: 'flattenGradInput';
  readonly gradOutput: GradOutput;
}

/** outputs: [gradX]: p·x + q of `Correction`, where no reader of the gradient can apply it itself. */
export interface StatisticsGrad extends OpBase {
  readonly kind: 'statisticsGrad';
  readonly correction: Correction;
}

/** outputs: [gradLogits] of the loss. */
export interface CrossEntropyGrad extends CrossEntropyFields {
  readonly kind: 'crossEntropyGrad';
}

/** outputs: [newMean, newVar]: `(1 − momentum)·running + momentum·batch`, with the unbiased batch variance. */
export interface UpdateRunningStatistics extends OpBase {
  readonly kind: 'updateRunningStatistics';
  readonly mean: ValueId;
  readonly variance: ValueId;
  readonly runningMean: ValueId;
  readonly runningVar: ValueId;
  readonly momentum: number;
  /** N·H·W, the values behind each mean. */
  readonly count: number;
}

/**
 * outputs: [scale, norm], both [1]: the norm of all gradients together, and what they are to be multiplied by so that
 * it is at most `maxNorm`: `min(1, maxNorm/(norm + 1e-6))`, as PyTorch's `clip_grad_norm_`.
 */
export interface ClipNorm extends OpBase {
  readonly kind: 'clipNorm';
  readonly operands: readonly ValueId[];
  readonly maxNorm: number;
}

/** A parameter as an optimiser sees it. */
export interface Optimized {
  readonly parameter: ValueId;
  readonly gradient: ValueId;
  /** What the optimiser remembers of it from step to step, of the parameter's shape; zeros before the first. */
  readonly memory: readonly ValueId[];
  readonly weightDecay: number;
}

interface OptimizerOp extends OpBase {
  readonly tensors: readonly Optimized[];
  /** Every gradient is multiplied by this first: the `scale` of a `clipNorm`. */
  readonly scale?: ValueId;
}

/**
 * PyTorch's SGD for all parameters at once; the learning rate is a scalar of the run. outputs: of each tensor its new
 * parameter, then its new memory, [velocity] where there is momentum:
 * `d = gradient + weightDecay·parameter; velocity = momentum·velocity + d; parameter −= learningRate·step`, the step
 * being d without momentum, velocity with it, `d + momentum·velocity` with Nesterov's.
 */
export interface Sgd extends OptimizerOp {
  readonly kind: 'sgd';
  readonly momentum: number;
  readonly nesterov: boolean;
}

/**
 * PyTorch's AdamW (Loshchilov and Hutter 2019) for all parameters at once; learning rate and step are scalars of the
 * run. outputs: of each tensor its new parameter, then its new memory [m, v], the means of gradient and of its square.
 */
export interface AdamW extends OptimizerOp {
  readonly kind: 'adamw';
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
}

/**
 * outputs: a new average of each pair, `d·average + (1 − d)·value`, `d = min(decay, (1 + step)/(10 + step))`: young
 * averages forget their first numbers soon (as TensorFlow's ExponentialMovingAverage). The step is a scalar of the run.
 */
export interface MovingAverage extends OpBase {
  readonly kind: 'movingAverage';
  readonly pairs: readonly { readonly average: ValueId; readonly value: ValueId }[];
  readonly decay: number;
}

/** Every op there is. A switch over `kind` ends in `assertNever`. */
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

/** An op before it has outputs: what a builder is given. */
export type OpSpec = Op extends infer Each ? (Each extends Op ? Omit<Each, 'outputs'> : never) : never;

/** Ops in an order that computes every value before it is read, and the values by name. Immutable. */
export interface Graph {
  readonly values: readonly Value[];
  readonly ops: readonly Op[];
  /** `images` [N, C, H, W], `labels` [N], `seed` (a gradient to start from), where the graph has them. */
  readonly inputs: ReadonlyMap<string, ValueId>;
  /** Parameters and running statistics under PyTorch's names, in the order of the model. */
  readonly state: ReadonlyMap<string, ValueId>;
  /** `logits`, `loss`, `correct`, `grad.NAME`, or what a test asks for. */
  readonly outputs: ReadonlyMap<string, ValueId>;
  /** State that the run replaces: from the old value to the new. Applied only when every value was finite. */
  readonly updates: ReadonlyMap<ValueId, ValueId>;
}

/** True for a training step, or a part of one that leaves the change of the state to the last; and for any change of state. */
export function isTraining({ ops }: Graph): boolean {
  return ops.some(({ phase }) => phase !== 'forward');
}

/** What an op of a prologue's own kind applies: lets `batchNorm` and `relu` share every rule and kernel. */
export function elementwisePrologue(op: BatchNorm | Relu): Prologue {
  if (op.kind === 'batchNorm') return { batchNorm: op.batchNorm, relu: false };
  return { ...op.prologue, relu: true };
}

/** The same op with every value it reads replaced; outputs stay. The one list of what each field of an op reads. */
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
  for (const field of VALUE_FIELD_NAMES) {
    const id = mapped[field];
    if (typeof id === 'number') mapped[field] = replace(id as ValueId);
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

/** The fields of an op that are one value it reads. */
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
const VALUE_FIELD_NAMES = Object.keys(VALUE_FIELDS);

/** Every value an op reads. */
export function opInputs(op: Op | OpSpec): ValueId[] {
  const ids: ValueId[] = [];
  mapInputs(op, (id) => {
    ids.push(id);
    return id;
  });
  return ids;
}
