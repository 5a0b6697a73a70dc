import {
  avgPool,
  type Block,
  batchNorm,
  conv2d,
  denseBlock,
  flatten,
  globalAvgPool,
  linear,
  type Model,
  type Module,
  maxPool,
  relu,
  sequential,
} from './module.ts';

/** Hyperparameters of a plain DenseNet as in d2l's chapter 7.7 (no bottleneck, a bias in every convolution). */
export interface DenseNetOptions {
  readonly name?: string;
  readonly channels?: number;
  readonly classes?: number;
  /** Channels of the stem. */
  readonly stem?: number;
  readonly growthRate?: number;
  /** Layers of each dense block. */
  readonly blocks?: readonly number[];
  /** The pooling of transitions, which halves the map. */
  readonly pool?: 'avg' | 'max';
  readonly eps?: number;
  readonly momentum?: number;
}

/**
 * 7×7 convolution, BN, ReLU, 3×3 max pool, both with stride 2: the first layers of d2l's networks for larger images.
 */
export function stem(channels: number, norm: Module = batchNorm()): Module {
  const conv = conv2d(channels, 7, { stride: 2, padding: 3 });
  return sequential([conv, norm, relu(), maxPool(3, { stride: 2, padding: 1 })], { kind: 'stem' });
}

/** BN, ReLU, 3×3 convolution: one layer of a dense block. */
export function denseLayer(growthRate: number, norm: Module = batchNorm()): Module {
  return sequential([norm, relu(), conv2d(growthRate, 3, { padding: 1 })]);
}

/** BN, ReLU, 1×1 convolution, 2×2 pooling: reduces the channels and halves the map. */
export function transition(
  channels: number,
  { pool = 'avg', norm = batchNorm(), block = { kind: 'transition' } }: TransitionOptions = {},
): Module {
  const halve = pool === 'avg' ? avgPool(2) : maxPool(2);
  return sequential([norm, relu(), conv2d(channels, 1), halve], block);
}

/** Of a transition: its pool (default: average), its batch norm, and its name in tables. */
export interface TransitionOptions {
  readonly pool?: 'avg' | 'max';
  readonly norm?: Module;
  readonly block?: Block;
}

/** By default the notes' network: 4 blocks of 4 layers, growth rate 32, 64 stem channels, 758,226 parameters. */
export function densenet(options: DenseNetOptions = {}): Model {
  const { name = 'notes', channels = 1, classes = 10, stem: stemChannels = 64, growthRate = 32 } = options;
  const { blocks = [4, 4, 4, 4], pool = 'avg', eps = 1e-5, momentum = 0.1 } = options;
  const norm = batchNorm({ eps, momentum });
  const modules: Module[] = [stem(stemChannels, norm)];
  let features = stemChannels;
  blocks.forEach((layers, i) => {
    const layer = denseLayer(growthRate, norm);
    modules.push(denseBlock(Array(layers).fill(layer), { kind: 'denseBlock', index: i + 1 }));
    features += layers * growthRate;
    if (i === blocks.length - 1) return;
    features = Math.floor(features / 2);
    modules.push(transition(features, { pool, norm, block: { kind: 'transition', index: i + 1 } }));
  });
  modules.push(norm, relu(), globalAvgPool(), flatten(), linear(classes));
  return { name, channels, classes, root: sequential(modules) };
}
