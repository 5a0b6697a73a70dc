import type { Pair, Shape } from '../../tensor/shape.ts';
import type { Layer } from '../layer.ts';

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

export interface OpBase {
  /** The layer of the model this op belongs to. */
  readonly layer: Layer;
  readonly phase: Phase;
  /** A forward op that the backward pass runs again. Its phase is `backward`. */
  readonly isRecomputed?: true;
  readonly outputs: readonly ValueId[];
  /** Parallel to `outputs`: a value to add to that output. Each such value is used by nothing else. */
  readonly accumulate?: readonly (ValueId | undefined)[];
}

export interface WithInput extends OpBase {
  readonly x: ValueId;
}

export interface WithPrologue extends WithInput {
  readonly prologue?: Prologue;
}

/** Applied to an op's output before it is stored: a batch norm on running statistics, then ReLU (a pass adds it). */
export interface WithEpilogue {
  readonly epilogue?: Prologue;
}
