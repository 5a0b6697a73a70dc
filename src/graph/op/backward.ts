import type { CrossEntropyFields } from './forward.ts';
import type {
  Correction,
  DropoutMask,
  GradOutput,
  OpBase,
  ValueId,
  Window,
  WithInput,
  WithPrologue,
} from './value.ts';

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
 * either, is `gradOutput.value` (the gradient of m) at each window's maximum, plus the correction at y, which is
 * recomputed.
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

/** outputs: [gradX], with the shape of the gradient; uses the same mask as the forward pass. */
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
