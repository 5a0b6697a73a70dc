import type { Pair, Shape } from '../../tensor/shape.ts';
import type { Layer } from '../layer.ts';

/** Identifies a value of one graph. Each value is written once, by one op, or is an input or state. */
export type ValueId = number & { readonly brand: 'ValueId' };

/**
 * The role of a value in the graph:
 * - `input`: written by the caller before each run (images, labels, a starting gradient);
 * - `parameter`, `buffer`: state that persists between runs, under PyTorch's names (weights; running statistics);
 * - `result`: written by an op.
 */
export type ValueRole = 'input' | 'parameter' | 'buffer' | 'result';

export interface Value {
  readonly id: ValueId;
  readonly name: string;
  readonly shape: Shape;
  readonly role: ValueRole;
}

/** The batch norm that a consumer applies: `γ·(x − mean)/√(variance + eps) + β`, vectors over channels. */
export interface BatchNormalization {
  readonly mean: ValueId;
  readonly variance: ValueId;
  readonly gamma: ValueId;
  readonly beta: ValueId;
  readonly eps: number;
}

/** Applied to an op's input `x` while it is read: batch norm, then ReLU; either may be absent. */
export interface Prologue {
  readonly batchNorm?: BatchNormalization;
  readonly relu: boolean;
}

/**
 * The gradient at an op's output. With `correction`, the gradient that reaches the output `x` through its own batch
 * statistics still has to be added: `value + p·x + q`, per channel, `p = 2·gradVariance/m`, `q = gradMean/m −
 * p·mean`, m = N·H·W. One affine map for all batch norms that read the feature.
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
 * Dropout mask of a step: element i of N·C·H·W (in this order) is 0 with probability `rate`, otherwise divided by 1 −
 * rate. It depends on random number i of `stream` under the step's seed, so no mask is stored.
 */
export interface DropoutMask {
  /** In [0, 1). */
  readonly rate: number;
  readonly stream: number;
}

/**
 * The phase of a step in which an op runs: `forward` computes results, `backward` their gradients, `update` replaces
 * state (clipping included). Set when the op is created.
 */
export type Phase = 'forward' | 'backward' | 'update';

export interface OpBase {
  /** The layer of the model this op belongs to. */
  readonly layer: Layer;
  readonly phase: Phase;
  /** A forward op that the backward pass recomputes. Its phase is `backward`. */
  readonly isRecomputed?: true;
  readonly outputs: readonly ValueId[];
  /** Parallel to `outputs`: a value to add to that output. Each such value has no other reader. */
  readonly accumulate?: readonly (ValueId | undefined)[];
}

export interface WithInput extends OpBase {
  readonly x: ValueId;
}

export interface WithPrologue extends WithInput {
  readonly prologue?: Prologue;
}

/**
 * Applied to an op's output before it is stored: a batch norm with running statistics, then ReLU (added by a
 * rewrite).
 */
export interface WithEpilogue {
  readonly epilogue?: Prologue;
}
