import type { Block } from '../graph/layer.ts';
import type { Pair } from '../tensor/shape.ts';
import type { Initialization } from './initialize.ts';

/**
 * Structure of a network: a tree of descriptions without tensors. Names along the path from the root, joined by dots,
 * are the names PyTorch gives the same parameters (`1.net.0.2.weight`); an empty name adds nothing.
 */
export type Module =
  | Conv2dModule
  | BatchNormModule
  | PoolModule
  | SequentialModule
  | DenseBlockModule
  | SumModule
  | LinearModule
  | DropoutModule
  | { readonly kind: 'relu' }
  | { readonly kind: 'globalAvgPool' }
  | { readonly kind: 'flatten' }
  | { readonly kind: 'identity' };

/** A 2-d convolution; kernel, stride and padding in pixels, [height, width]. */
export interface Conv2dModule {
  readonly kind: 'conv2d';
  readonly outChannels: number;
  readonly kernel: Pair;
  readonly stride: Pair;
  readonly padding: Pair;
  readonly bias: boolean;
}

/** Batch norm over the channels; `momentum` is the share of the newest batch in the running statistics. */
export interface BatchNormModule {
  readonly kind: 'batchNorm';
  readonly eps: number;
  readonly momentum: number;
}

/** Dropout; `rate` is the probability that an element becomes 0 in training. */
export interface DropoutModule {
  readonly kind: 'dropout';
  readonly rate: number;
}

/** Max or average pooling; kernel, stride and padding in pixels, [height, width]. */
export interface PoolModule {
  readonly kind: 'maxPool' | 'avgPool';
  readonly kernel: Pair;
  readonly stride: Pair;
  readonly padding: Pair;
}

/** A fully connected layer: [N, in] → [N, outFeatures]. */
export interface LinearModule {
  readonly kind: 'linear';
  readonly outFeatures: number;
  readonly bias: boolean;
}

export type { Block };

/** A module with its name in the path of its parameters. */
export type NamedModule = readonly [name: string, module: Module];

/** A sequence of modules. `block` names the sequence in messages and tables: `transition 3`. */
export interface SequentialModule {
  readonly kind: 'sequential';
  readonly block?: Block;
  readonly children: readonly NamedModule[];
}

/** Dense connection: each layer reads the concatenation of the input and of all earlier layers' outputs. */
export interface DenseBlockModule {
  readonly kind: 'denseBlock';
  readonly block?: Block;
  /** Class name in summaries; default: `DenseBlock`. */
  readonly className?: string;
  readonly layers: readonly NamedModule[];
}

/** Residual connection: the sum of branches that read the same input. */
export interface SumModule {
  readonly kind: 'sum';
  readonly block?: Block;
  readonly branches: readonly NamedModule[];
}

/** A network: its module, input channels and number of classes. */
export interface Model {
  readonly name: string;
  readonly channels: number;
  readonly classes: number;
  /** Weight initialisation; default: `xavierUniform`, as in d2l. */
  readonly initialization?: Initialization;
  readonly root: SequentialModule;
}

const both = (size: number | Pair): Pair => (typeof size === 'number' ? [size, size] : size);

/** Of a convolution or a pool, in pixels; one number is both height and width. */
export interface WindowOptions {
  readonly stride?: number | Pair;
  readonly padding?: number | Pair;
}

/** Convolution with PyTorch's defaults: stride 1, no padding, a bias. */
export function conv2d(
  outChannels: number,
  kernel: number | Pair,
  options: WindowOptions & { readonly bias?: boolean } = {},
): Module {
  const { stride = 1, padding = 0, bias = true } = options;
  return {
    kind: 'conv2d',
    outChannels,
    kernel: both(kernel),
    stride: both(stride),
    padding: both(padding),
    bias,
  };
}

/** Batch norm with PyTorch's defaults. */
export function batchNorm(options: { readonly eps?: number; readonly momentum?: number } = {}): Module {
  const { eps = 1e-5, momentum = 0.1 } = options;
  return { kind: 'batchNorm', eps, momentum };
}

/** `max(x, 0)`. */
export function relu(): Module {
  return { kind: 'relu' };
}

/**
 * Zeroes each element with probability `rate`, in training only; the others are divided by 1 − rate.
 * @throws RangeError unless 0 ≤ rate < 1.
 */
export function dropout(rate: number): Module {
  if (!(rate >= 0 && rate < 1)) throw new RangeError(`dropout of rate ${rate}: expected 0 ≤ rate < 1`);
  return { kind: 'dropout', rate };
}

/** Its input: a branch of `sum` without layers. */
export function identity(): Module {
  return { kind: 'identity' };
}

/** Max pooling. The stride defaults to the window, as in PyTorch. */
export function maxPool(kernel: number | Pair, options: WindowOptions = {}): Module {
  return pool('maxPool', kernel, options);
}

/** Average pooling. The stride defaults to the window, as in PyTorch; padding counts as zeros. */
export function avgPool(kernel: number | Pair, options: WindowOptions = {}): Module {
  return pool('avgPool', kernel, options);
}

function pool(kind: PoolModule['kind'], kernel: number | Pair, options: WindowOptions): Module {
  const { stride = kernel, padding = 0 } = options;
  return { kind, kernel: both(kernel), stride: both(stride), padding: both(padding) };
}

/** The mean of each feature map: [N, C, H, W] → [N, C, 1, 1]. */
export function globalAvgPool(): Module {
  return { kind: 'globalAvgPool' };
}

/** [N, C, 1, 1] → [N, C]. */
export function flatten(): Module {
  return { kind: 'flatten' };
}

/** Fully connected, with a bias unless `bias` is false: [N, in] → [N, outFeatures]. */
export function linear(outFeatures: number, options: { readonly bias?: boolean } = {}): Module {
  return { kind: 'linear', outFeatures, bias: options.bias ?? true };
}

/** Children numbered from 0, as in PyTorch's `nn.Sequential`. */
export function sequential(children: readonly Module[], block?: Block): SequentialModule {
  return {
    kind: 'sequential',
    ...(block && { block }),
    children: children.map((child, i) => [`${i}`, child]),
  };
}

/** Children with their own names. */
export function namedSequential(children: readonly NamedModule[], block?: Block): SequentialModule {
  return { kind: 'sequential', ...(block && { block }), children };
}

/** Layers named `net.0`, `net.1`, … as in the notes' `DenseBlock`. */
export function denseBlock(layers: readonly Module[], block?: Block): DenseBlockModule {
  return {
    kind: 'denseBlock',
    ...(block && { block }),
    layers: layers.map((layer, i) => [`net.${i}`, layer]),
  };
}

/** The sum of branches that read the same input and give the same shape, as in ResNets. */
export function sum(branches: readonly NamedModule[], block?: Block): SumModule {
  return { kind: 'sum', ...(block && { block }), branches };
}
