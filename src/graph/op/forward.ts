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
  /** That share the batch, of which these images are one's part. Absent: one. */
  readonly ranks?: number;
}

export interface CrossEntropyFields extends OpBase {
  readonly logits: ValueId;
  readonly labels: ValueId;
  readonly smoothing: number;
  /** [N]: what each image's loss is multiplied by; absent: 1. The mean is still over images. */
  readonly imageWeights?: ValueId;
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
