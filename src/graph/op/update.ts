import type { OpBase, ValueId } from './value.ts';

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
