import {
  avgPool,
  type Block,
  batchNorm,
  conv2d,
  dropout,
  flatten,
  globalAvgPool,
  linear,
  type Model,
  type Module,
  maxPool,
  type NamedModule,
  namedSequential,
  relu,
} from './module.ts';

/** A DenseNet of the paper (Huang et al. 2017, table 1), with torchvision's names of layers and parameters. */
export interface TorchvisionDenseNetOptions {
  readonly name?: string;
  readonly channels?: number;
  readonly classes?: number;
  /** Layers of each dense block. */
  readonly blocks: readonly number[];
  readonly growthRate?: number;
  /** `imagenet`: 7×7 convolution, BN, ReLU, max pool; `cifar`: 3×3 convolution only, with stride 1. */
  readonly stem?: 'imagenet' | 'cifar';
  readonly stemChannels?: number;
  /**
   * Channels between the 1×1 and the 3×3 convolution of a layer, in units of the growth rate; 0: no 1×1 convolution.
   */
  readonly bottleneckWidth?: number;
  /** Fraction of channels that a transition keeps: the paper's θ. */
  readonly compression?: number;
  /** Dropout rate after every convolution except the first, as in the paper; default 0: none. */
  readonly dropout?: number;
}

/**
 * torchvision's `DenseNet` and, with the `cifar` stem, the paper's networks for small images. Convolutions have no
 * bias; the last batch norm is `features.norm5` for any number of blocks.
 */
export function torchvisionDensenet(options: TorchvisionDenseNetOptions): Model {
  const { name = 'densenet', channels = 3, classes = 1000, blocks, growthRate = 32 } = options;
  const {
    stem = 'imagenet',
    stemChannels = 64,
    bottleneckWidth = 4,
    compression = 0.5,
    dropout: rate = 0,
  } = options;
  const children: NamedModule[] = stem === 'imagenet' ? imagenetStem(stemChannels) : cifarStem(stemChannels);
  let features = stemChannels;
  blocks.forEach((layers, i) => {
    const block: Module = {
      kind: 'denseBlock',
      block: { kind: 'denseBlock', index: i + 1 },
      layers: Array.from({ length: layers }, (_, k) => [
        `denselayer${k + 1}`,
        denseLayer(growthRate, bottleneckWidth, rate),
      ]),
    };
    children.push([`denseblock${i + 1}`, block]);
    features += layers * growthRate;
    if (i === blocks.length - 1) return;
    features = Math.floor(features * compression);
    children.push([`transition${i + 1}`, transition(features, rate, { kind: 'transition', index: i + 1 })]);
  });
  children.push(['norm5', batchNorm()]);
  const head: NamedModule[] = [
    ['', relu()],
    ['', globalAvgPool()],
    ['', flatten()],
    ['classifier', linear(classes)],
  ];
  const named = children.map(([child, module]): NamedModule => [`features.${child}`, module]);
  return {
    name,
    channels,
    classes,
    initialization: 'kaimingNormal',
    root: namedSequential([...named, ...head]),
  };
}

function imagenetStem(channels: number): NamedModule[] {
  return [
    ['conv0', conv2d(channels, 7, { stride: 2, padding: 3, bias: false })],
    ['norm0', batchNorm()],
    ['relu0', relu()],
    ['pool0', maxPool(3, { stride: 2, padding: 1 })],
  ];
}

function cifarStem(channels: number): NamedModule[] {
  return [['conv0', conv2d(channels, 3, { padding: 1, bias: false })]];
}

/** BN, ReLU, 1×1 convolution (if there is a bottleneck), BN, ReLU, 3×3 convolution. */
function denseLayer(growthRate: number, bottleneckWidth: number, rate: number): Module {
  const last = conv2d(growthRate, 3, { padding: 1, bias: false });
  if (bottleneckWidth === 0) return namedSequential(preActivated(1, last, rate));
  const wide = conv2d(bottleneckWidth * growthRate, 1, { bias: false });
  return namedSequential([...preActivated(1, wide, rate), ...preActivated(2, last, rate)]);
}

function preActivated(number: number, conv: Module, rate: number): NamedModule[] {
  return [
    [`norm${number}`, batchNorm()],
    [`relu${number}`, relu()],
    [`conv${number}`, conv],
    [`drop${number}`, dropout(rate)],
  ];
}

function transition(channels: number, rate: number, block: Block): Module {
  const conv = conv2d(channels, 1, { bias: false });
  return namedSequential(
    [
      ['norm', batchNorm()],
      ['relu', relu()],
      ['conv', conv],
      ['drop', dropout(rate)],
      ['pool', avgPool(2)],
    ],
    block,
  );
}
