import type {
  BatchNormModule,
  Conv2dModule,
  LinearModule,
  Module,
  PoolModule,
} from '../../src/model/module.ts';
import { assertNever } from '../../src/tensor/assert-never.ts';
import type { Shape } from '../../src/tensor/shape.ts';

/** A parameter or running statistic, with PyTorch's name and layout. */
export type NamedTensor = readonly [name: string, numbers: Float32Array, shape: Shape];

/** The task of a peer. */
export interface PeerTask {
  readonly root: Module;
  readonly state: readonly NamedTensor[];
  readonly threads: number;
  /** [N, H, W, C], dense. */
  readonly images: Float32Array;
  readonly imagesShape: Shape;
}

export interface TrainingTask extends PeerTask {
  readonly labels: Int32Array;
  readonly classes: number;
  readonly learningRate: number;
}

/** The implementations of layers with a peer's tensors `T`; `name` is the prefix of a layer's state. */
export interface Layers<T> {
  conv2d(x: T, name: string, module: Conv2dModule): T;
  batchNorm(x: T, name: string, module: BatchNormModule): T;
  linear(x: T, name: string, module: LinearModule): T;
  relu(x: T): T;
  /** May pad with zeros instead of −∞: padded pools follow a ReLU in all networks of the benchmarks. */
  maxPool(x: T, module: PoolModule): T;
  avgPool(x: T, module: PoolModule): T;
  /** Returns [N, C]. */
  globalAvgPool(x: T): T;
  concat(a: T, b: T): T;
  add(a: T, b: T): T;
}

/** The forward pass of a network without dropout, layer by layer, as idiomatic code for the peer. */
export function forward<T>(module: Module, x: T, layers: Layers<T>, path: readonly string[] = []): T {
  const name = path.filter((part) => part !== '').join('.');
  const child = ([part, inner]: readonly [string, Module], value: T) =>
    forward(inner, value, layers, [...path, part]);
  switch (module.kind) {
    case 'conv2d':
      return layers.conv2d(x, name, module);
    case 'batchNorm':
      return layers.batchNorm(x, name, module);
    case 'linear':
      return layers.linear(x, name, module);
    case 'relu':
      return layers.relu(x);
    case 'maxPool':
    case 'avgPool':
      return layers[module.kind](x, module);
    case 'globalAvgPool':
      return layers.globalAvgPool(x);
    case 'flatten': // The output of the global pool is flat.
    case 'identity':
    case 'dropout':
      return x;
    case 'sequential':
      return module.children.reduce((value, each) => child(each, value), x);
    case 'denseBlock':
      return module.layers.reduce((features, each) => layers.concat(features, child(each, features)), x);
    case 'sum':
      return module.branches.map((each) => child(each, x)).reduce((a, b) => layers.add(a, b));
    default:
      return assertNever(module);
  }
}
