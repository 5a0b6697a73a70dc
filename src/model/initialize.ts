import { assertNever } from '../tensor/assert-never.ts';
import { normal, streamOf, uniform } from '../tensor/random.ts';

/** Initial values of a tensor. */
export type Initializer =
  | { readonly kind: 'constant'; readonly value: number }
  /** Uniform in [−bound, bound). */
  | { readonly kind: 'uniform'; readonly bound: number }
  /** Normal with mean 0. */
  | { readonly kind: 'normal'; readonly deviation: number };

/**
 * Weight initialisation of a whole network; batch norms always start with γ = 1 and β = 0.
 * - `xavierUniform`: d2l's. Convolutions and linear layers by Glorot and Bengio 2010, PyTorch's default for biases.
 * - `kaimingNormal`: torchvision's DenseNet. Convolutions by He et al. 2015 (fan-in), PyTorch's default for the
 *   weights of linear layers, biases 0.
 * - `kaimingNormalFanOut`: torchvision's ResNet. Convolutions by He et al. 2015 (fan-out), PyTorch's default for
 *   linear layers.
 */
export const INITIALIZATIONS = ['xavierUniform', 'kaimingNormal', 'kaimingNormalFanOut'] as const;
export type Initialization = (typeof INITIALIZATIONS)[number];

/** The layers that have weights. */
type Weighted = 'conv2d' | 'linear';

/**
 * The initialiser of a layer's weights. @param fanIn inputs of one output. @param fanOut outputs that read one input.
 */
export function initialWeight(
  scheme: Initialization,
  layer: Weighted,
  fanIn: number,
  fanOut: number,
): Initializer {
  switch (scheme) {
    case 'xavierUniform':
      return { kind: 'uniform', bound: Math.sqrt(6 / (fanIn + fanOut)) };
    case 'kaimingNormal':
    case 'kaimingNormalFanOut': {
      const fan = scheme === 'kaimingNormal' ? fanIn : fanOut;
      return layer === 'conv2d'
        ? { kind: 'normal', deviation: Math.sqrt(2 / fan) }
        : { kind: 'uniform', bound: 1 / Math.sqrt(fanIn) };
    }
    default:
      return assertNever(scheme);
  }
}

/** The initialiser of a layer's bias. PyTorch's default is uniform with bound 1 / √fanIn. */
export function initialBias(scheme: Initialization, fanIn: number): Initializer {
  switch (scheme) {
    case 'xavierUniform':
    case 'kaimingNormalFanOut':
      return { kind: 'uniform', bound: 1 / Math.sqrt(fanIn) };
    case 'kaimingNormal':
      return { kind: 'constant', value: 0 };
    default:
      return assertNever(scheme);
  }
}

/** Initial values of one tensor: they depend only on the seed and the tensor's name. */
export function initialNumbers(
  seed: number,
  name: string,
  length: number,
  initializer: Initializer,
): Float32Array {
  const stream = streamOf(`init.${name}`);
  switch (initializer.kind) {
    case 'constant':
      return new Float32Array(length).fill(initializer.value);
    case 'uniform': {
      const { bound } = initializer;
      return new Float32Array(length).map((_, i) => (2 * uniform(seed, stream, i) - 1) * bound);
    }
    case 'normal': {
      const { deviation } = initializer;
      return new Float32Array(length).map((_, i) => normal(seed, stream, i) * deviation);
    }
    default:
      return assertNever(initializer);
  }
}
