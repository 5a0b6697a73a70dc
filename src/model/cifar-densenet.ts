import type { Model } from './module.ts';
import { torchvisionDensenet } from './torchvision-densenet.ts';

/** A DenseNet for 32×32 images as in the paper (Huang et al. 2017, section 3): three blocks of equal length. */
export interface CifarDenseNetOptions {
  readonly name?: string;
  readonly channels?: number;
  readonly classes?: number;
  /** Convolutions (and the linear layer) on the longest path: the paper's L. */
  readonly depth: number;
  readonly growthRate: number;
  /** In units of the growth rate; 0: layers without a 1×1 convolution. 4 in a DenseNet-B. */
  readonly bottleneckWidth?: number;
  /** The paper's θ; 0.5 in a DenseNet-C. */
  readonly compression?: number;
  /**
   * Channels of the first convolution: `paper` is 16, or 2 growth rates for a DenseNet-BC; `code` is always 2 growth
   * rates.
   */
  readonly stem?: 'paper' | 'code';
  /** Dropout rate; the paper's is 0.2 without data augmentation, otherwise 0. */
  readonly dropout?: number;
}

/** @throws RangeError when the depth does not divide into three blocks: see `layersPerBlock`. */
export function cifarDensenet(options: CifarDenseNetOptions): Model {
  const { depth, growthRate, bottleneckWidth = 0, compression = 1, stem = 'paper', ...rest } = options;
  const layers = layersPerBlock(depth, bottleneckWidth > 0);
  if (layers === undefined) {
    throw new RangeError(
      `depth ${depth} does not give three equal blocks: depth − 4 must be a multiple of 3, or of 6 with bottlenecks`,
    );
  }
  const isCompressed = bottleneckWidth > 0 && compression < 1;
  return torchvisionDensenet({
    channels: 3,
    classes: 10,
    ...rest,
    blocks: [layers, layers, layers],
    growthRate,
    stem: 'cifar',
    stemChannels: stem === 'code' || isCompressed ? 2 * growthRate : 16,
    bottleneckWidth,
    compression,
  });
}

/** (L − 4)/3, or half of it if a layer has two convolutions; undefined if that is not a whole number above 0. */
export function layersPerBlock(depth: number, hasBottlenecks: boolean): number | undefined {
  const layers = (depth - 4) / (hasBottlenecks ? 6 : 3);
  return Number.isInteger(layers) && layers > 0 ? layers : undefined;
}
