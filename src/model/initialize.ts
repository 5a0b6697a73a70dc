import { assertNever } from '../tensor/assert-never.ts';

/** How a tensor of a model starts. */
export type Initializer =
  | { readonly kind: 'constant'; readonly value: number }
  /** Uniform in [−bound, bound). */
  | { readonly kind: 'uniform'; readonly bound: number };

/** Glorot and Bengio 2010: bound √(6 / (fanIn + fanOut)). d2l initialises convolutions and linear layers so. */
export function xavierUniform(fanIn: number, fanOut: number): Initializer {
  return { kind: 'uniform', bound: Math.sqrt(6 / (fanIn + fanOut)) };
}

/** PyTorch's default for biases: bound 1 / √fanIn. */
export function uniformByFanIn(fanIn: number): Initializer {
  return { kind: 'uniform', bound: 1 / Math.sqrt(fanIn) };
}
