import type {
  BatchNormalization,
  DropoutMask,
  OpBase,
  ValueId,
  Window,
  WithEpilogue,
  WithInput,
  WithPrologue,
} from './value.ts';

/** outputs: [y]; weight [O, C, kH, kW], bias [O]; `dropout` is applied after the bias. */
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

/** outputs: [y]. Batch statistics: `mean` and `variance` come from a `statistics` op; otherwise from buffers. */
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

/** outputs: [y, index]; index is the position in the window in row-major order; the first maximum wins. */
export interface MaxPool extends WithPrologue, Window {
  readonly kind: 'maxPool';
}

/**
 * A convolution whose output is read only by its statistics and a max pool: outputs [y, m, index]. y is never stored;
 * it stands for the map in `statistics` and `Correction`. m is y where sign(γ)·y is greatest in a window of `pool`,
 * so that relu(a·m + b) is the max pool of relu(a·y + b) for either sign of a, which is that of γ; index as in
 * `MaxPool`. With an epilogue, which is applied to y, there is no `gamma`, and m is the maximum.
 */
export interface Conv2dMaxPool extends WithPrologue, WithEpilogue, Window {
  readonly kind: 'conv2dMaxPool';
  readonly weight: ValueId;
  readonly bias?: ValueId;
  readonly gamma?: ValueId;
  readonly pool: Window;
}

/** outputs: [y]; padding counts as zeros, as in PyTorch's default. Global pooling is a window of [H, W]. */
export interface AvgPool extends WithPrologue, Window {
  readonly kind: 'avgPool';
}

/** outputs: [y]; concatenated along channels, or along the only axis of vectors. */
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

/** outputs: [mean, variance] over N, H, W; the variance is biased (divided by N·H·W). */
export interface Statistics extends WithInput {
  readonly kind: 'statistics';
  /** Ranks that share the batch; these images are the share of one rank. Absent: one rank. */
  readonly ranks?: number;
}

export interface CrossEntropyFields extends OpBase {
  readonly logits: ValueId;
  readonly labels: ValueId;
  readonly smoothing: number;
  /** [N]: factor for the loss of each image; absent: 1. The mean is still over images. */
  readonly imageWeights?: ValueId;
  /**
   * Size of the whole batch, if these images are a part of it. The loss is then their share of its mean; the shares
   * add up to the mean.
   */
  readonly partOf?: number;
}

/**
 * outputs: [loss, correct]: the mean over the batch, and the number of rows whose largest logit is at the label.
 * Label smoothing (Szegedy et al. 2016): the target is `(1 − smoothing)·onehot + smoothing/classes`.
 */
export interface CrossEntropy extends CrossEntropyFields {
  readonly kind: 'crossEntropy';
}
