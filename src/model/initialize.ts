import { assertNever } from '../tensor/assert-never.ts';
import { streamOf, uniform } from '../tensor/random.ts';

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

/** One tensor's first numbers: a function of the seed and its name alone. */
export function initialNumbers(
  seed: number,
  name: string,
  length: number,
  initializer: Initializer,
): Float32Array {
  switch (initializer.kind) {
    case 'constant':
      return new Float32Array(length).fill(initializer.value);
    case 'uniform': {
      const stream = streamOf(`init.${name}`);
      const { bound } = initializer;
      return Float32Array.from({ length }, (_, i) => (2 * uniform(seed, stream, i) - 1) * bound);
    }
    default:
      return assertNever(initializer);
  }
}
