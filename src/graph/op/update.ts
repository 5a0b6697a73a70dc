import type { OpBase, ValueId } from './value.ts';

/** outputs: [newMean, newVar]: `(1 − momentum)·running + momentum·batch`, with the unbiased batch variance. */
export interface UpdateRunningStatistics extends OpBase {
  readonly kind: 'updateRunningStatistics';
  readonly mean: ValueId;
  readonly variance: ValueId;
  readonly runningMean: ValueId;
  readonly runningVar: ValueId;
  readonly momentum: number;
  /** N·H·W, the number of elements in each mean. */
  readonly count: number;
}

/**
 * outputs: [scale, norm], both [1]: the factor `min(1, maxNorm/(norm + 1e-6))` for all gradients, which limits their
 * total norm to `maxNorm`, and that norm, as PyTorch's `clip_grad_norm_`.
 */
export interface ClipNorm extends OpBase {
  readonly kind: 'clipNorm';
  readonly operands: readonly ValueId[];
  readonly maxNorm: number;
}

/** The operands of a parameter update. */
export interface Optimized {
  readonly parameter: ValueId;
  readonly gradient: ValueId;
  /** Optimiser state per parameter, of the parameter's shape; zeros before the first step. */
  readonly memory: readonly ValueId[];
  readonly weightDecay: number;
}

interface OptimizerOp extends OpBase {
  readonly tensors: readonly Optimized[];
  /** Factor for every gradient: the `scale` of a `clipNorm`. */
  readonly scale?: ValueId;
}

/**
 * PyTorch's SGD for all parameters at once; the learning rate is a scalar of the run. outputs, for each tensor: the
 * new parameter, then, with momentum, the new velocity:
 * `d = gradient + weightDecay·parameter; velocity = momentum·velocity + d; parameter −= learningRate·step`, where the
 * step is d without momentum, velocity with momentum, `d + momentum·velocity` with Nesterov momentum.
 */
export interface Sgd extends OptimizerOp {
  readonly kind: 'sgd';
  readonly momentum: number;
  readonly nesterov: boolean;
}

/**
 * PyTorch's AdamW (Loshchilov and Hutter 2019) for all parameters at once; learning rate and step are scalars of the
 * run. outputs, for each tensor: the new parameter, then the new moments [m, v], the moving averages of the gradient
 * and of its square.
 */
export interface AdamW extends OptimizerOp {
  readonly kind: 'adamw';
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
}

/**
 * outputs: the new moving average for each pair, `d·average + (1 − d)·value`, `d = min(decay, (1 + step)/(10 +
 * step))`: the decay is smaller in early steps, so that the initial values lose weight quickly (as in TensorFlow's
 * ExponentialMovingAverage). The step is a scalar of the run.
 */
export interface MovingAverage extends OpBase {
  readonly kind: 'movingAverage';
  readonly pairs: readonly { readonly average: ValueId; readonly value: ValueId }[];
  readonly decay: number;
}
