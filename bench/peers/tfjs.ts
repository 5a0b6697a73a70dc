import { createRequire } from 'node:module';
import { dirname, sep } from 'node:path';
import type { Pair } from '../../src/tensor/shape.ts';
import { forward, type Layers, type NamedTensor, type PeerTask, type TrainingTask } from './forward.ts';

/**
 * A network on TensorFlow.js with its WASM backend (single-threaded in Node) or its plain JavaScript backend
 * (`cpu`).
 */

// The used part of its types, because it is not a dependency of the project.
interface Tensor {
  readonly shape: readonly number[];
  data(): Promise<Float32Array>;
  dispose(): void;
  transpose(order: readonly number[]): Tensor;
}

interface Tfjs {
  setBackend(name: string): Promise<boolean>;
  ready(): Promise<void>;
  tidy<T>(compute: () => T): T;
  tensor(numbers: Float32Array, shape: readonly number[]): Tensor;
  tensor1d(numbers: Int32Array, dtype: 'int32'): Tensor;
  variable(initial: Tensor, trainable: boolean): Tensor;
  oneHot(labels: Tensor, classes: number): Tensor;
  conv2d(x: Tensor, weight: Tensor, stride: Pair, padding: number): Tensor;
  batchNorm(x: Tensor, mean: Tensor, variance: Tensor, beta: Tensor, gamma: Tensor, eps: number): Tensor;
  moments(x: Tensor, axes: readonly number[]): { readonly mean: Tensor; readonly variance: Tensor };
  maxPool(x: Tensor, kernel: Pair, stride: Pair, padding: number): Tensor;
  avgPool(x: Tensor, kernel: Pair, stride: Pair, padding: number): Tensor;
  mean(x: Tensor, axes: readonly number[]): Tensor;
  matMul(a: Tensor, b: Tensor): Tensor;
  add(a: Tensor, b: Tensor): Tensor;
  relu(x: Tensor): Tensor;
  concat(tensors: readonly Tensor[], axis: number): Tensor;
  readonly losses: { softmaxCrossEntropy(target: Tensor, logits: Tensor): Tensor };
  readonly train: { sgd(learningRate: number): Optimizer };
}

interface Optimizer {
  minimize(loss: () => Tensor, returnCost: true): Tensor;
}

/** @returns a function that computes the logits. @param backend `wasm` or `cpu`. */
export async function tfjsInference(folder: string, backend: string, task: PeerTask) {
  const tf = await open(folder, backend);
  const layers = layersOf(tf, variables(tf, task.state), 'evaluate');
  return async () => {
    const logits = tf.tidy(() => forward(task.root, tf.tensor(task.images, task.imagesShape), layers));
    const numbers = await logits.data();
    logits.dispose();
    return numbers;
  };
}

/** @returns a function that runs one SGD step and returns the loss; running statistics are not updated. */
export async function tfjsTraining(folder: string, backend: string, task: TrainingTask) {
  const tf = await open(folder, backend);
  const layers = layersOf(tf, variables(tf, task.state), 'train');
  const optimizer = tf.train.sgd(task.learningRate);
  return async () => {
    const loss = tf.tidy(() => {
      const images = tf.tensor(task.images, task.imagesShape);
      const target = tf.oneHot(tf.tensor1d(task.labels, 'int32'), task.classes);
      return optimizer.minimize(
        () => tf.losses.softmaxCrossEntropy(target, forward(task.root, images, layers)),
        true,
      );
    });
    const [number] = await loss.data();
    loss.dispose();
    return number!;
  };
}

async function open(folder: string, backend: string): Promise<Tfjs> {
  const require = createRequire(`${folder}/`);
  const tf = require('@tensorflow/tfjs') as Tfjs;
  if (backend === 'wasm') {
    const name = '@tensorflow/tfjs-backend-wasm';
    const { setWasmPaths } = require(name) as { setWasmPaths(folder: string): void };
    setWasmPaths(`${dirname(require.resolve(name))}${sep}`);
  }
  if (!(await tf.setBackend(backend))) throw new Error(`tfjs has no backend ${backend} here`);
  await tf.ready();
  return tf;
}

/** Variables with convolution weights as [kH, kW, I, O] and linear weights as [I, O]. */
function variables(tf: Tfjs, state: readonly NamedTensor[]): ReadonlyMap<string, Tensor> {
  return new Map(
    state.map(([name, numbers, shape]) => {
      const order = { 4: [2, 3, 1, 0], 2: [1, 0] }[shape.length];
      const tensor = tf.tensor(numbers, shape);
      return [name, tf.variable(order ? tensor.transpose(order) : tensor, !name.includes('running_'))];
    }),
  );
}

function layersOf(tf: Tfjs, state: ReadonlyMap<string, Tensor>, mode: 'train' | 'evaluate'): Layers<Tensor> {
  const of = (name: string, part: string) => state.get(`${name}.${part}`)!;
  const plusBias = (y: Tensor, name: string, bias: boolean) => (bias ? tf.add(y, of(name, 'bias')) : y);
  return {
    conv2d: (x, name, { stride, padding, bias }) =>
      plusBias(tf.conv2d(x, of(name, 'weight'), stride, padding[0]), name, bias),
    batchNorm(x, name, { eps }) {
      const { mean, variance } =
        mode === 'train'
          ? tf.moments(x, [0, 1, 2])
          : { mean: of(name, 'running_mean'), variance: of(name, 'running_var') };
      return tf.batchNorm(x, mean, variance, of(name, 'bias'), of(name, 'weight'), eps);
    },
    linear: (x, name, { bias }) => plusBias(tf.matMul(x, of(name, 'weight')), name, bias),
    relu: (x) => tf.relu(x),
    maxPool: (x, { kernel, stride, padding }) => tf.maxPool(x, kernel, stride, padding[0]),
    avgPool: (x, { kernel, stride, padding }) => tf.avgPool(x, kernel, stride, padding[0]),
    globalAvgPool: (x) => tf.mean(x, [1, 2]),
    concat: (a, b) => tf.concat([a, b], 3),
    add: (a, b) => tf.add(a, b),
  };
}
