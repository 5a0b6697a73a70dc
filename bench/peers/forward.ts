import type {
  BatchNormModule,
  Conv2dModule,
  LinearModule,
  Module,
  PoolModule,
} from '../../src/model/module.ts';
import { assertNever } from '../../src/tensor/assert-never.ts';
import type { Shape } from '../../src/tensor/shape.ts';

/** One of a network's parameters or running statistics: PyTorch's name and layout. */
export type NamedTensor = readonly [name: string, numbers: Float32Array, shape: Shape];

/** What a peer is to compute. */
export interface PeerTask {
  readonly root: Module;
  readonly state: readonly NamedTensor[];
  readonly threads: number;
  /** Dense N, H, W, C. */
  readonly images: Float32Array;
  readonly imagesShape: Shape;
}

export interface TrainingTask extends PeerTask {
  readonly labels: Int32Array;
  readonly classes: number;
  readonly learningRate: number;
}

/** The layers of a network as a peer computes them on tensors `T` of its own; `name` is where a layer's state is. */
export interface Layers<T> {
  conv2d(x: T, name: string, module: Conv2dModule): T;
  batchNorm(x: T, name: string, module: BatchNormModule): T;
  linear(x: T, name: string, module: LinearModule): T;
  relu(x: T): T;
  /** Padded ones follow a ReLU in every network of the benchmarks: zeros are as good as −∞ there. */
  maxPool(x: T, module: PoolModule): T;
  avgPool(x: T, module: PoolModule): T;
  /** To [N, C]. */
  globalAvgPool(x: T): T;
  concat(a: T, b: T): T;
  add(a: T, b: T): T;
}

/** The forward pass of a network without dropout, layer by layer, as its author would write it with the peer's ops. */
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
    case 'flatten': // The global pool's answer is flat.
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
